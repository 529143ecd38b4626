"""To which names the service answers: a website must not read it by giving its own name this machine's address."""

import asyncio
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.http.security.access import OPEN
from api.http.security.hosts import KnownHosts, is_loopback
from api.main import create_app

LOCAL = ["localhost", "localhost:8000", "LocalHost.", "a.b.localhost:1", "127.0.0.1:8000", "[::1]", "[::1]:8000"]
ADDRESSES = ["192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80", "[::ffff:192.0.2.1]"]
FOREIGN = ["evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example"]
FOREIGN += [
    "",
    ":8000",
    "localhost:8000:9",
    "localhost:x",
    "[::1",
    "[localhost]",
    "[]",
    "::1",
    "localhost evil.example",
]
FOREIGN += ["localhost/evil.example", "evil.example@localhost", "caf\xe9.example", "a" * 10_000, "127.1", "0x7f000001"]


class To(TestClient):
    """Clients of a connection to some address of the service."""

    def __init__(self, app, server: str, root_path: str = "") -> None:
        async def through(scope, receive, send):
            if scope["type"] == "http":
                scope |= {"server": (server, 8000), "root_path": root_path}
            await app(scope, receive, send)

        super().__init__(through, raise_server_exceptions=False)

    def status(self, host: str, path: str = "/model") -> int:
        return self.get(path, headers={b"Host": host.encode("latin-1")}).status_code


@pytest.fixture
def app(settings):
    def made(*allowed: str):
        return create_app(replace(settings, allowed_hosts=allowed or None))

    return made


@pytest.fixture
def started(app):
    """An app that is ready to answer, by what it allows."""
    clients: list[TestClient] = []

    def start(*allowed: str):
        clients.append(TestClient(app(*allowed)))
        clients[-1].__enter__()
        return clients[-1].app

    yield start
    for client in clients:
        client.__exit__()


@pytest.mark.parametrize("server", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_unless_told_otherwise_this_machine_is_asked_by_its_own_name_or_by_an_address(started, server):
    client = To(started(), server)

    assert {host: client.status(host) for host in LOCAL + ADDRESSES} == dict.fromkeys(LOCAL + ADDRESSES, 200)
    assert {host: client.status(host) for host in FOREIGN} == dict.fromkeys(FOREIGN, 400)


@pytest.mark.parametrize("server", ["192.0.2.1", "2001:db8::1", "/run/api.sock"])
def test_unless_told_otherwise_other_addresses_are_asked_by_any_name(started, server):
    client = To(started(), server)

    assert {client.status(host) for host in LOCAL + ADDRESSES + FOREIGN} == {200}


@pytest.mark.parametrize("server", ["127.0.0.1", "192.0.2.1"])
def test_once_hosts_are_named_no_others_are_answered_at_any_address(started, server):
    client = To(started("api", "api.team.svc", "*.example.org"), server)
    named = ["api", "API:8000", "api.team.svc.", "a.example.org", "a.b.EXAMPLE.org:443"]
    others = [*FOREIGN, "api.team", "team.svc", "example.org", "badexample.org", "x.api", "*.example.org.evil.example"]

    assert {host: client.status(host) for host in named + LOCAL + ADDRESSES} == dict.fromkeys(
        named + LOCAL + ADDRESSES, 200
    )
    assert {host: client.status(host) for host in others} == dict.fromkeys(others, 400)


def test_a_star_allows_any_host_but_not_several(started):
    client = To(started("*"), "127.0.0.1")

    assert {client.status(host) for host in FOREIGN} == {200}
    assert client.get("/model", headers=[("Host", "a"), ("Host", "b")]).status_code == 400


def test_a_refusal_names_the_host_and_the_setting_and_nothing_is_read_or_logged(started, settings):
    client = To(started(), "127.0.0.1")

    for path in ("/predict", "/nowhere", "/docs", "/openapi.json", "/metrics"):
        answer = client.post(path, json={"text": "amazing"}, headers={"Host": "evil.example:8000"})
        assert answer.status_code == 400
        assert answer.json() == {
            "detail": "Host is 'evil.example:8000', which is no name of this service; ALLOWED_HOSTS can allow it."
        }
    assert (settings.log_dir / "prediction_logs.json").read_bytes() == b""


def test_probes_name_what_they_like(started):
    app = started("api")

    assert {To(app, "127.0.0.1").status("10-0-0-1.probe", path) for path in OPEN} == {200}
    assert {To(app, "127.0.0.1", "/under").status("probe", f"/under{path}") for path in OPEN} == {200}


HOST, EVIL = (b"host", b"localhost"), (b"host", b"evil.example")


@pytest.mark.parametrize(
    ("version", "headers", "status"),
    [
        ("1.1", [], 400),
        ("1.0", [], 204),
        ("1.1", [HOST], 204),
        ("1.1", [HOST, HOST], 400),
        ("1.0", [HOST, EVIL], 400),
        ("1.0", [EVIL], 400),
    ],
)
def test_a_request_has_one_host_and_only_old_clients_may_have_none(version, headers, status):
    sent = []

    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive():
        raise AssertionError("it was read")

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/predict", "http_version": version, "headers": headers}
    asyncio.run(KnownHosts(answer, None)(scope | {"server": ("127.0.0.1", 8000)}, receive, send))

    assert sent[0]["status"] == status


def test_paths_of_sockets_are_no_loopback_address():
    assert not is_loopback("/run/localhost")

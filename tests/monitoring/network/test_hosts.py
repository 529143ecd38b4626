"""Under which names the page and the watch answer."""

import asyncio

import pytest
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from monitoring.network.hosts import Hosts
from monitoring.settings import Settings, SettingsError

LOOPBACKS = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.1.1")
UNSET = Settings()
LISTED = Settings(allowed_hosts="monitor.example.org *.team.example", public_url="https://public.example.org/path")


def status(
    host: str | None, settings: Settings = UNSET, server: str = "127.0.0.1", origin: str = "", kind: str = "http"
) -> int:
    """Of the answer to somebody who came to the address `server` and asked for `host`; 200 if it is passed on."""
    statuses: list[int] = []
    named = {"host": host, "origin": origin or None}
    headers = [(name.encode(), value.encode()) for name, value in named.items() if value is not None]
    scope = {"type": kind, "path": "/path", "headers": headers, "server": (server, 8501)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        statuses.append(200)

    async def receive() -> Message:
        raise AssertionError("nothing of a refused request is read")

    async def send(message) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    asyncio.run(Hosts(app, settings, exempt={"/health"})(scope, receive, send))
    return statuses[0]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8501",
        "a.b.localhost",
        "localhost.",
        "127.0.0.1:1",
        "10.0.0.7",
        "[::1]:8501",
        "[fe80::1]",
    ],
)
@pytest.mark.parametrize("settings", [UNSET, LISTED])
def test_local_names_and_addresses_are_always_allowed(host, settings):
    assert status(host, settings) == 200
    assert status(host, settings, server="10.0.0.7") == 200


@pytest.mark.parametrize("server", LOOPBACKS)
def test_another_name_is_not_where_only_this_machine_reaches(server):
    assert status("monitor.example.org", server=server) == 400
    assert status("monitor.example.org", server="10.0.0.7") == 200
    assert status("monitor.example.org", server="fd00::7") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "127.0.0.1.evil.example",
        "",
        "localhost:80@evil.example",
        "evil.example/localhost",
        "[::1].evil.example",
        "[evil]",
        "a b",
        "::1",
        "localhost:x",
        "localhost\\evil.example",
    ],
)
def test_nothing_that_only_looks_like_one_is(host):
    assert status(host) == 400
    assert status(host, LISTED, server="10.0.0.7") == 400


@pytest.mark.parametrize(
    "host",
    [
        "monitor.example.org",
        "Monitor.Example.Org:80",
        "a.team.example",
        "a.b.team.example",
        "public.example.org",
    ],
)
def test_what_is_listed_is_allowed_wherever_it_comes_to(host):
    for server in (*LOOPBACKS, "10.0.0.7"):
        assert status(host, LISTED, server=server) == 200


@pytest.mark.parametrize("host", ["example.org", "a.monitor.example.org", "team.example", "xteam.example"])
def test_where_some_are_listed_no_other_is_allowed(host):
    assert status(host, LISTED, server="10.0.0.7") == 400


def test_a_star_allows_any_and_the_public_address_alone_forbids_none():
    assert status("anything.example", Settings(allowed_hosts="*")) == 200
    public = Settings(public_url="https://public.example.org")
    assert status("public.example.org", public) == 200
    assert status("anything.example", public) == 400
    assert status("anything.example", public, server="10.0.0.7") == 200


def test_who_names_no_host_is_no_browser():
    assert status(None) == 200


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://localhost:3000", "http://127.0.0.1"])
def test_a_websocket_is_opened_by_a_page_of_the_same_host_or_of_this_machine(origin):
    assert status("localhost:8501", origin=origin, kind="websocket") == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://203.0.113.5:8501",
        "null",
        "file://",
        "http://localhost.evil.example",
        "http://monitor.example.org:81",
    ],
)
def test_and_by_no_other(origin):
    assert status("localhost:8501", origin=origin, kind="websocket") == 400
    assert status("monitor.example.org", LISTED, origin=origin, kind="websocket") == 400
    assert status("localhost:8501", origin=origin) == 200


def test_the_refusal_names_the_host_and_the_setting():
    app = Hosts(Response("answered"), UNSET)
    answer = TestClient(app, base_url="http://127.0.0.1").get("/", headers={"Host": "e" * 5_000})

    name = "e" * 100
    assert answer.text == f"The host '{name}' is not allowed; add it to ALLOWED_HOSTS if it is this service's."


def test_hosts_are_listed_with_commas_or_spaces_between_them():
    given = Settings.from_env({"ALLOWED_HOSTS": " Monitor.Example.org, *.team.example,dashboard 10.0.0.7 [fd00::7]  "})

    assert given.allowed_hosts == "monitor.example.org *.team.example dashboard 10.0.0.7 [fd00::7]"
    assert Settings.from_env({"ALLOWED_HOSTS": "*"}).allowed_hosts == "*"


@pytest.mark.parametrize(
    "value",
    [
        "https://monitor.example.org",
        "monitor.example.org:443",
        "a/b",
        "*a",
        "a.*.b",
        "ä.example",
        "a..b",
    ],
)
def test_a_host_that_is_none_is_named_in_a_sentence(value):
    with pytest.raises(SettingsError, match=r"ALLOWED_HOSTS has '.*'; name hosts such as"):
        Settings.from_env({"ALLOWED_HOSTS": value})

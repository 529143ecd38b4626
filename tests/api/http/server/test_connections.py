"""How the limits come to a server, and what a connection reads; what clients get is in tests/reliability."""

import asyncio
import logging
import resource
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.http.server.connections import GRACE_SECONDS, LimitedProtocol, Limits, allow_files, limited_connections


async def no_app(scope: Any, receive: Any, send: Any) -> None: ...


def protocol_of(factory: Any) -> asyncio.Protocol:
    """What a server that is started with this factory makes for each connection."""

    async def started() -> asyncio.Protocol:
        loop = asyncio.get_running_loop()
        with limited_connections(loop, Limits(10, 1, 75)):
            server = await loop.create_server(factory, "127.0.0.1", 0)
        server.close()
        return server._protocol_factory()  # type: ignore[attr-defined]  # asyncio shows it to nobody

    return asyncio.run(started())


def test_uvicorns_connections_are_limited_ones():
    config = uvicorn.Config(no_app, lifespan="off", log_config=None)
    config.load()

    assert type(protocol_of(lambda: HttpToolsProtocol(config, ServerState(), {}))) is LimitedProtocol


def test_a_server_of_another_kind_is_left_alone_and_the_log_says_that_it_has_no_limits(caplog):
    assert type(protocol_of(asyncio.Protocol)) is asyncio.Protocol

    assert "Protocol keeps no limits on connections; use uvicorn with httptools" in caplog.text


@pytest.fixture
def few_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_process_may_open_as_many_files_as_it_needs(few_files):
    allow_files(600)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600

    allow_files(50)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 600


def test_a_system_that_does_not_allow_so_many_files_is_warned_of(few_files, caplog):
    allow_files(few_files + 1)

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few_files
    assert f"the system allows {few_files} open files; MAX_CONNECTIONS may need {few_files + 1}" in caplog.text


LIMITS = Limits(2, 30, 75)


class Wire(asyncio.Transport):
    """Keeps what a connection writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Sent(NamedTuple):
    method: str
    path: str
    body: bytes


class Application:
    """Notes the requests that reach it, and answers each with its number."""

    def __init__(self) -> None:
        self.requests: list[Sent] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        self.requests.append(Sent(scope["method"], scope["path"], body))
        answer = b"%d" % len(self.requests)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": answer[-1:]})


def connect(config: uvicorn.Config, state: ServerState, limits: Limits = LIMITS) -> tuple[LimitedProtocol, Wire]:
    connection, wire = LimitedProtocol(HttpToolsProtocol(config, state, {}), limits), Wire()
    connection.connection_made(wire)
    return connection, wire


def in_a_loop(scenario: Callable[[uvicorn.Config], Awaitable[None]], app: Any) -> None:
    async def run() -> None:
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        await asyncio.wait_for(scenario(config), 10)

    asyncio.run(run())


async def turns() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


OFFERS = [
    b"",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    b"connection: upgrade\r\nupgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n",
    b"Upgrade: TLS/1.2, h2c\r\nConnection: keep-alive, UPGRADE\r\n",
]
INNER = b"POST /inner HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
REQUESTS = st.builds(
    lambda sent, offer, chunked: (sent, offer, chunked),
    st.builds(
        Sent,
        st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS"]),
        st.sampled_from(["/a", "/b"]),
        st.binary(max_size=20) | st.just(INNER),
    ),
    st.sampled_from(OFFERS),
    st.booleans(),
)


def written(sent: Sent, offer: bytes, chunked: bool) -> bytes:
    """The request as a client sends it, with an offer to go on with another protocol."""
    first = f"{sent.method} {sent.path} HTTP/1.1\r\nHost: localhost\r\n".encode()
    length = b"%x\r\n%s\r\n" % (len(sent.body), sent.body) if sent.body else b""
    if chunked:
        return first + offer + b"Transfer-Encoding: chunked\r\n\r\n" + length + b"0\r\n\r\n"
    return first + b"Content-Length: %d\r\n" % len(sent.body) + offer + b"\r\n" + sent.body


@given(st.lists(REQUESTS, min_size=1, max_size=4), st.lists(st.integers(0, 600), max_size=6))
def test_requests_are_read_as_they_were_sent_whatever_they_offer_and_however_they_are_cut(requests, cuts):
    data, app = b"".join(written(*request) for request in requests), Application()
    bounds = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})

    async def send(config: uvicorn.Config) -> None:
        connection, wire = connect(config, ServerState())
        for start, end in pairwise(bounds):
            connection.data_received(data[start:end])
            await turns()
        assert not wire.closed

    in_a_loop(send, app)

    assert app.requests == [sent for sent, _, _ in requests]


def test_an_offer_costs_no_answer_and_no_byte_of_what_follows():
    app = Application()

    async def send(config: uvicorn.Config) -> None:
        connection, wire = connect(config, ServerState())
        connection.data_received(written(Sent("POST", "/a", INNER), OFFERS[1], False) + INNER)
        await turns()
        assert wire.written.count(b"HTTP/1.1 200 OK") == 2

    in_a_loop(send, app)

    assert [sent.path for sent in app.requests] == ["/a", "/inner"]


@pytest.mark.parametrize("target", [b"/inner", b"example.org:443"])
def test_a_proxy_is_refused_and_what_follows_is_not_read(target):
    app = Application()

    async def send(config: uvicorn.Config) -> None:
        connection, wire = connect(config, ServerState())
        connection.data_received(b"CONNECT " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" + INNER)
        assert wire.closed
        assert wire.written.startswith((b"HTTP/1.1 405", b"HTTP/1.1 400"))
        connection.connection_lost(None)
        await turns()

    in_a_loop(send, app)

    assert app.requests == []


def test_a_request_whose_client_has_gone_is_not_gone_on_with(caplog):
    stages: list[str] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        stages.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stages.append("cancelled")
            raise

    async def send(config: uvicorn.Config) -> None:
        connection, wire = connect(config, state := ServerState())
        connection.data_received(INNER + INNER)  # uvicorn knows of the second one only that its client has gone
        await turns()
        wire.close()
        connection.connection_lost(None)
        await turns()
        assert not state.tasks

    in_a_loop(send, slow)

    assert stages == ["begun", "cancelled"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("begun", [False, True])
def test_a_request_that_the_service_has_no_time_for_any_more_gets_a_503_unless_its_answer_has_begun(begun, caplog):
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if begun:
            await send(head)
        await asyncio.Event().wait()

    async def send(config: uvicorn.Config) -> None:
        connection, wire = connect(config, state := ServerState())
        connection.data_received(INNER)
        await turns()
        (task,) = state.tasks
        task.cancel()
        await turns()
        assert wire.written.startswith(b"HTTP/1.1 200 " if begun else b"HTTP/1.1 503 ")
        assert wire.written.count(b"HTTP/1.1") == 1
        stopped = b'{"detail": "The service is being stopped; send the request again."}'
        assert wire.written.endswith(b"\r\n\r\n" if begun else stopped)
        assert wire.closed

    in_a_loop(send, slow)

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_idle_connection_is_kept_for_longer_than_proxies_keep_it():
    async def send(config: uvicorn.Config) -> None:
        connection, _ = connect(config, ServerState())
        connection.data_received(INNER)
        await turns()
        timer = connection.timeout_keep_alive_task
        assert timer
        assert timer.when() - asyncio.get_running_loop().time() == pytest.approx(75, abs=5)

    in_a_loop(send, Application())


def test_the_connection_that_has_been_idle_for_longest_makes_room_for_a_new_one():
    async def send(config: uvicorn.Config) -> None:
        state = ServerState()
        (first, wire), (second, other) = connect(config, state), connect(config, state)
        for connection in (second, first):
            connection.data_received(INNER)
            await turns()
        _, third = connect(config, state)
        assert (wire.closed, other.closed, third.closed) == (False, True, False)
        _, fourth = connect(config, state)
        assert (wire.closed, fourth.closed) == (True, False)
        _, fifth = connect(config, state)
        assert (third.closed, fourth.closed, fifth.closed) == (False, False, True)
        assert b"503" in fifth.written

    in_a_loop(send, Application())


def test_the_time_that_a_client_takes_is_added_up():
    async def send(config: uvicorn.Config) -> None:
        connection, wire = connect(config, ServerState(), LIMITS._replace(patience=10))
        connection.data_received(INNER[:-1])
        for now in range(9):
            connection.look(now)
        connection.flow.read_paused = True  # now it is for the service to read on
        connection.look(20)
        connection.flow.read_paused = False
        connection.look(20.5)
        assert not wire.closed
        connection.look(23)
        assert b"408" in wire.written

    in_a_loop(send, Application())


@pytest.mark.parametrize(("given", "expected"), [(None, GRACE_SECONDS), (20, 20)])
def test_requests_get_a_few_seconds_to_end_when_the_service_is_told_to_stop(given, expected):
    config = uvicorn.Config(no_app, lifespan="off", log_config=None, timeout_graceful_shutdown=given)
    config.load()
    protocol_of(lambda: HttpToolsProtocol(config, ServerState(), {}))

    assert config.timeout_graceful_shutdown == expected

"""What a connection may cost: limits for clients that are slow, greedy or hostile, at whatever command line.

uvicorn limits neither the size of a head, nor the time that a client takes, nor how many requests it sends ahead. It
goes on with a request whose client has gone, and loses the body of one that offers another protocol. What is read of a
body is limited where it is read (json_route.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 32 * 1024  # also of what comes between the parts of a body, and after it
MAX_PIPELINED = 100  # requests that a client sends ahead on one connection; each is held until its turn
STEP_BYTES = 16 * 1024  # read before the limits are looked at again
SWEEP_SECONDS = 1.0
FILES = 100  # that the process has open besides its connections
FRAMING = b"connection", b"content-length", b"transfer-encoding"
GRACE_SECONDS = 3  # for requests that are being answered when the service is told to stop

logger = logging.getLogger("uvicorn.api")


class Limits(NamedTuple):
    """`connections` that are open at once; seconds of `patience` with a client that is to do something, and of
    `keep_alive` with one whose connection is idle after an answer."""

    connections: int
    patience: float
    keep_alive: float


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's connection, which is closed when it costs too much. Nothing is done for a request but to count."""

    def __init__(self, uvicorn: HttpToolsProtocol, limits: Limits) -> None:
        super().__init__(uvicorn.config, uvicorn.server_state, uvicorn.app_state, uvicorn.loop)
        self.ws_protocol_class = None  # it would take the connection over, and the service has no WebSockets
        self.timeout_keep_alive = limits.keep_alive  # type: ignore[assignment]  # any number of seconds will do
        self.app, self._app = self._answer, self.app
        self._limits = limits
        self._task: asyncio.Task[Any] | None = None
        self._answered: RequestResponseCycle  # that of the task
        self._between = 0  # bytes that came since a head was complete, or some of a body came
        self._awaited: tuple[object, str] | None = None
        self._looked_at = self._waited = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        most = self._limits.connections
        if len(self.connections) > most and not self._close_an_idle_one():
            detail = f"Too many connections are open (MAX_CONNECTIONS allows {most}); try again later."
            self._refuse(503, detail, b"retry-after: 1\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._task:
            self._answered.disconnected = True  # uvicorn says so to the last request that was sent ahead only
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if len(data) > STEP_BYTES:
            for start in range(0, len(data), STEP_BYTES):
                if not self.transport.is_closing():
                    self.data_received(data[start : start + STEP_BYTES])
            return
        cycle = self.cycle
        self._between += len(data)
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except HttpParserError:
            self._refuse(400, "This is not a valid HTTP request; check its first line, its headers and its length.")
            return
        if self.cycle is not cycle:
            self._between = 0
            if len(self.pipeline) > MAX_PIPELINED:
                self.pipeline.clear()
                self.transport.close()  # an answer would be taken for that of the request whose turn it is
        elif self._between > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"The request's head is larger than {MAX_HEAD_BYTES} bytes; send fewer headers.")

    def _parse(self, data: bytes) -> None:
        """Raises HttpParserError."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as offer:
                if self.scope["method"] == "CONNECT":
                    self._refuse(405, "This is no proxy; CONNECT is not answered.")
                    return
                data = data[offer.args[0] :]
                self._decline_upgrade()

    def _decline_upgrade(self) -> None:
        """Have the body read of a request that offers another protocol, as HTTP/2 or WebSockets.

        The parser takes all that follows for the other protocol, and then for the next request. Another one is told
        the request's framing, and goes on from there: for it nothing was offered.
        """
        begun = False

        def later(callback: Any) -> Any:
            return lambda *said: callback(*said) if begun else None

        names = "on_message_begin", "on_url", "on_header", "on_headers_complete"
        callbacks = {name: later(getattr(self, name)) for name in names}
        self.parser = HttpRequestParser(
            SimpleNamespace(**callbacks, on_body=self.on_body, on_message_complete=self.on_message_complete)
        )
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does with its own
        framing = [name + b": " + value + b"\r\n" for name, value in self.headers if name in FRAMING]
        self.cycle.more_body = True
        self.parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *framing, b"\r\n"]))
        begun = True

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request as long as its client is there, and the service is not stopped."""
        self._task = asyncio.current_task()
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if self._answered.response_started:
                self.transport.close()
            elif not self._answered.disconnected:
                self._refuse(503, "The service is being stopped; send the request again.", b"retry-after: 1\r\n")
            self._answered.disconnected = True
        finally:
            self._task = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._between = 0
        super().on_body(body)

    def look(self, now: float) -> None:
        """Close the connection if its client has kept it waiting for the same thing for too long, all in all."""
        if awaited := self._owed():
            if awaited != self._awaited:
                self._awaited, self._waited = awaited, 0.0
            else:
                self._waited += now - self._looked_at
            if self._waited >= self._limits.patience:
                self._give_up(awaited[1], self._limits.patience)
        self._looked_at = now

    def _owed(self) -> tuple[object, str] | None:
        """What the client has yet to do, and for which request, or None if it is for the service to do something."""
        cycle = self.cycle
        if self.transport.is_closing() or self.flow.write_paused:
            return cycle, "to take its answer"
        if self.flow.read_paused:
            return None
        if cycle is None or (cycle.response_complete and self.timeout_keep_alive_task is None):
            return cycle, "the head"
        return (cycle, "the body") if cycle.more_body and not cycle.response_complete else None

    def _give_up(self, awaited: str, patience: float) -> None:
        if awaited == "to take its answer":
            self.transport.abort()  # closing would wait for the client
        elif awaited == "the body" or self._between:
            self._refuse(408, f"The request was not complete within {patience:g} seconds; send {awaited} faster.")
        else:
            self.transport.close()

    def _close_an_idle_one(self) -> bool:
        """Make room for this connection: whether there is one whose client has been idle since its last answer."""
        idle = [
            (other.timeout_keep_alive_task.when(), other)
            for other in self.connections
            if isinstance(other, LimitedProtocol) and other.timeout_keep_alive_task
        ]
        if idle:
            _, longest = min(idle, key=lambda each: each[0])
            longest._unset_keepalive_if_required()
            longest.transport.close()
        return bool(idle)

    def _refuse(self, status: int, detail: str, headers: bytes = b"") -> None:
        """Answer in the parser's or the application's place, and close the connection."""
        body = json.dumps({"detail": detail}).encode()
        for name, value in self.server_state.default_headers:
            headers += name + b": " + value + b"\r\n"
        headers += b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + headers + body)
        self.transport.close()


@contextmanager
def limited_connections(loop: asyncio.AbstractEventLoop, limits: Limits) -> Iterator[None]:
    """Let uvicorn's servers that are started in this loop keep the limits, which it cannot be told in another way."""
    create_server: Any = loop.create_server
    connections: set[Any] = set()
    sweep: asyncio.TimerHandle | None = None

    async def create_limited_server(factory: Any, *args: Any, **options: Any) -> asyncio.Server:
        nonlocal connections
        uvicorn = factory()
        # The app itself knows which proxies to believe (FORWARDED_ALLOW_IPS); uvicorn believes every local client.
        if (config := getattr(uvicorn, "config", None)) and isinstance(config.loaded_app, ProxyHeadersMiddleware):
            config.loaded_app = config.loaded_app.app
        if type(uvicorn) is HttpToolsProtocol:
            connections, config = uvicorn.connections, uvicorn.config
            config.timeout_graceful_shutdown = config.timeout_graceful_shutdown or GRACE_SECONDS
            allow_files(limits.connections + FILES)
            factory = partial(LimitedProtocol, uvicorn, limits)
        else:
            logger.warning("%s keeps no limits on connections; use uvicorn with httptools", type(uvicorn).__name__)
        return await create_server(factory, *args, **options)  # type: ignore[no-any-return]  # of overloads, so Any

    def look() -> None:
        nonlocal sweep
        now = loop.time()
        for connection in list(connections):
            connection.look(now)
        sweep = loop.call_later(SWEEP_SECONDS, look)

    # uvicorn leaves no other place (listening.py), and calls it with fewer arguments than the declared overloads take.
    loop.create_server = create_limited_server  # type: ignore[method-assign, assignment]
    look()
    yield
    if sweep:
        sweep.cancel()


def allow_files(number: int) -> None:
    """Let the process have so many files open, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < number:
            logger.warning("the system allows %d open files; MAX_CONNECTIONS may need %d", allowed, number)

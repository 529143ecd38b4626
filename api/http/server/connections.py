"""Limits on connections, against slow, greedy and hostile clients, whichever command starts uvicorn.

uvicorn does not limit the size of headers, the time a client takes, or pipelining. It continues a request whose client
has disconnected, and loses the body of a request that offers a protocol upgrade. Body sizes are limited in
json_route.py.
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

MAX_HEAD_BYTES = 32 * 1024  # of headers; also of bytes between the chunks of a body, and after it
MAX_PIPELINED = 100  # pipelined requests on one connection; each is held until its turn
STEP_BYTES = 16 * 1024  # read between two checks of the limits
SWEEP_SECONDS = 1.0
FILES = 100  # open files of the process besides its connections
FRAMING = b"connection", b"content-length", b"transfer-encoding"
GRACE_SECONDS = 3  # for requests in progress when the service is stopped

logger = logging.getLogger("uvicorn.api")


class Limits(NamedTuple):
    """The number of open `connections`; seconds of `patience` with a slow client; seconds of `keep_alive` when idle."""

    connections: int
    patience: float
    keep_alive: float


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's connection, closed when it exceeds a limit. A request costs only some counting."""

    def __init__(self, uvicorn: HttpToolsProtocol, limits: Limits) -> None:
        super().__init__(uvicorn.config, uvicorn.server_state, uvicorn.app_state, uvicorn.loop)
        self.ws_protocol_class = None  # uvicorn would hand the connection to it, and the service has no WebSockets
        self.timeout_keep_alive = limits.keep_alive  # type: ignore[assignment]  # uvicorn declares int, any number works
        self.app, self._app = self._answer, self.app
        self._limits = limits
        self._task: asyncio.Task[Any] | None = None
        self._answered: RequestResponseCycle  # the cycle that the task answers
        self._between = 0  # bytes since the last complete headers or part of a body
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
            self._answered.disconnected = True  # uvicorn tells only the last pipelined request
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
                self.transport.close()  # the client would take a refusal for the response to the current request
        elif self._between > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"The request's headers are larger than {MAX_HEAD_BYTES} bytes; send fewer headers.")

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
        """Ignore the offer of another protocol, such as HTTP/2 or WebSockets, and read the request's body.

        After the offer, the parser would read the body as the other protocol. So a new parser takes over: it gets the
        request's framing headers, without the offer, and continues with the body.
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
        """Answer a request, unless its client disconnects or the service is stopped."""
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
        """Close the connection if its client has owed the same thing for too long in total."""
        if awaited := self._owed():
            if awaited != self._awaited:
                self._awaited, self._waited = awaited, 0.0
            else:
                self._waited += now - self._looked_at
            if self._waited >= self._limits.patience:
                self._give_up(awaited[1], self._limits.patience)
        self._looked_at = now

    def _owed(self) -> tuple[object, str] | None:
        """The request, and what its client still has to send or take; None if it is the service's turn."""
        cycle = self.cycle
        if self.transport.is_closing() or self.flow.write_paused:
            return cycle, "to take its answer"
        if self.flow.read_paused:
            return None
        if cycle is None or (cycle.response_complete and self.timeout_keep_alive_task is None):
            return cycle, "the headers"
        return (cycle, "the body") if cycle.more_body and not cycle.response_complete else None

    def _give_up(self, awaited: str, patience: float) -> None:
        if awaited == "to take its answer":
            self.transport.abort()  # close() would wait for the client
        elif awaited == "the body" or self._between:
            self._refuse(408, f"The request was not complete within {patience:g} seconds; send {awaited} faster.")
        else:
            self.transport.close()

    def _close_an_idle_one(self) -> bool:
        """Close the connection that has been idle longest. Returns whether there was one."""
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
        """Send an error in place of the application, and close the connection."""
        body = json.dumps({"detail": detail}).encode()
        for name, value in self.server_state.default_headers:
            headers += name + b": " + value + b"\r\n"
        headers += b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + headers + body)
        self.transport.close()


@contextmanager
def limited_connections(loop: asyncio.AbstractEventLoop, limits: Limits) -> Iterator[None]:
    """Enforce the limits in all uvicorn servers that start in this loop."""
    create_server: Any = loop.create_server
    connections: set[Any] = set()
    sweep: asyncio.TimerHandle | None = None

    async def create_limited_server(factory: Any, *args: Any, **options: Any) -> asyncio.Server:
        nonlocal connections
        uvicorn = factory()
        # The app itself decides which proxies to trust (FORWARDED_ALLOW_IPS); uvicorn trusts every local client.
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

    # uvicorn has no hook for this (see listening.py). It passes fewer arguments than the declared overloads.
    loop.create_server = create_limited_server  # type: ignore[method-assign, assignment]
    look()
    yield
    if sweep:
        sweep.cancel()


def allow_files(number: int) -> None:
    """Raise the limit on open files to `number`, or to the highest that the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < number:
            logger.warning("the system allows %d open files; MAX_CONNECTIONS may need %d", allowed, number)

"""What a connection may cost: limits for clients that are slow, greedy or hostile, at whatever command line.

uvicorn limits neither the size of a head, nor the time that a client takes, nor how many requests it sends ahead. What
is read of a body is limited where it is read (json_route.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024  # also of what comes between the parts of a body, and after it
MAX_PIPELINED = 100  # requests that a client sends ahead on one connection; each is held until its turn
STEP_BYTES = 16 * 1024  # read before the limits are looked at again
SWEEP_SECONDS = 1.0
FILES = 100  # that the process has open besides its connections

logger = logging.getLogger("uvicorn.api")


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's connection, which is closed when it costs too much. Nothing is done for a request but to count."""

    def __init__(self, uvicorn: HttpToolsProtocol, max_connections: int) -> None:
        super().__init__(uvicorn.config, uvicorn.server_state, uvicorn.app_state, uvicorn.loop)
        self.ws_protocol_class = None  # it would take the connection over, and the service has no WebSockets
        self._max_connections = max_connections
        self._between = 0  # bytes that came since a head was complete, or some of a body came
        self._awaited: tuple[object, str] | None = None
        self._since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            limit = f"MAX_CONNECTIONS allows {self._max_connections}"
            self._refuse(503, f"Too many connections are open ({limit}); try again later.", b"retry-after: 1\r\n")

    def data_received(self, data: bytes) -> None:
        if len(data) > STEP_BYTES:
            for start in range(0, len(data), STEP_BYTES):
                if not self.transport.is_closing():
                    self.data_received(data[start : start + STEP_BYTES])
            return
        cycle = self.cycle
        self._between += len(data)
        super().data_received(data)
        if self.cycle is not cycle:
            self._between = 0
            if len(self.pipeline) > MAX_PIPELINED:
                self.pipeline.clear()
                self.transport.close()  # an answer would be taken for that of the request whose turn it is
        elif self._between > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"The request's head is larger than {MAX_HEAD_BYTES} bytes; send fewer headers.")

    def on_body(self, body: bytes) -> None:
        self._between = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "This is not a valid HTTP request; check its first line, its headers and its length.")

    def look(self, now: float, patience: float) -> None:
        """Close the connection if its client has kept it waiting for the same thing for `patience` seconds."""
        awaited = self._owed()
        if awaited != self._awaited:
            self._awaited, self._since = awaited, now
        elif awaited and now - self._since >= patience:
            self._give_up(awaited[1], patience)

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

    def _refuse(self, status: int, detail: str, headers: bytes = b"") -> None:
        """Answer in the parser's or the application's place, and close the connection."""
        body = json.dumps({"detail": detail}).encode()
        for name, value in self.server_state.default_headers:
            headers += name + b": " + value + b"\r\n"
        headers += b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + headers + body)
        self.transport.close()


@contextmanager
def limited_connections(loop: asyncio.AbstractEventLoop, most: int, patience: float) -> Iterator[None]:
    """Let uvicorn's servers that are started in this loop keep the limits, which it cannot be told in another way."""
    create_server: Any = loop.create_server
    connections: set[Any] = set()
    sweep: asyncio.TimerHandle | None = None

    async def create_limited_server(factory: Any, *args: Any, **options: Any) -> asyncio.Server:
        nonlocal connections
        uvicorn = factory()
        if type(uvicorn) is HttpToolsProtocol:
            connections = uvicorn.connections
            allow_files(most + FILES)
            factory = partial(LimitedProtocol, uvicorn, most)
        else:
            logger.warning("%s keeps no limits on connections; use uvicorn with httptools", type(uvicorn).__name__)
        return await create_server(factory, *args, **options)  # type: ignore[no-any-return]  # of overloads, so Any

    def look() -> None:
        nonlocal sweep
        now = loop.time()
        for connection in list(connections):
            connection.look(now, patience)
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

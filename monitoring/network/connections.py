"""Closes slow and surplus connections: uvicorn has no timeout for request headers or for clients that stop reading."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import uvicorn

MOST_CONNECTIONS = 1000  # without websockets
LOOKS_EVERY = 0.5  # seconds


class Connections:
    """The connections of a server, except websockets. Each look returns those to close: the ones without progress for
    `seconds`, and if there are more than `most`, the ones that have been without progress the longest."""

    def __init__(self, seconds: float, most: int = MOST_CONNECTIONS) -> None:
        self._seconds, self._most = seconds, most
        self._since: dict[Any, tuple[object, float]] = {}

    def look(self, protocols: Iterable[Any], now: float) -> list[Any]:
        """`protocols` are uvicorn's, one for each connection; `now` is in seconds."""
        since = {}
        for protocol in protocols:
            if hasattr(protocol, "cycle"):  # websockets have none; they are checked by pings
                state, before = _state(protocol), self._since.get(protocol)
                since[protocol] = before if before and before[0] == state else (state, now)
        self._since = since
        longest_first = sorted(since, key=lambda protocol: since[protocol][1])
        surplus = max(0, len(since) - self._most)
        over = [protocol for protocol in longest_first[surplus:] if now - since[protocol][1] > self._seconds]
        return longest_first[:surplus] + over


def _state(protocol: Any) -> object:
    """Changes when a request starts or ends, and when the client reads some of the response."""
    cycle = protocol.cycle
    return cycle, cycle is None or cycle.response_complete, protocol.transport.get_write_buffer_size()


async def tend(server: uvicorn.Server) -> None:
    """Close connections without progress, as long as the server runs."""
    # uvicorn closes idle connections itself; the extra time keeps this loop from closing them first.
    connections, now = Connections(server.config.timeout_keep_alive + LOOKS_EVERY), asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        for protocol in connections.look(list(server.server_state.connections), now()):
            protocol.transport.abort()


class TendedServer(uvicorn.Server):
    """A server that closes such connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tending = asyncio.create_task(tend(self))

"""What connections may cost: uvicorn waits for ever for a head, and for a client that takes no more of its answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import uvicorn

MOST_CONNECTIONS = 1000  # beside websockets
LOOKS_EVERY = 0.5  # seconds


class Connections:
    """The connections of a server but websockets. Each look returns those to end: on which nothing has gone on for
    `seconds`, and of more than `most` those on which nothing has gone on for longest."""

    def __init__(self, seconds: float, most: int = MOST_CONNECTIONS) -> None:
        self._seconds, self._most = seconds, most
        self._since: dict[Any, tuple[object, float]] = {}

    def look(self, protocols: Iterable[Any], now: float) -> list[Any]:
        """`protocols` are uvicorn's, one for each connection; `now` is in seconds."""
        since = {}
        for protocol in protocols:
            if hasattr(protocol, "cycle"):  # which websockets have not: they have to answer pings
                state, before = _state(protocol), self._since.get(protocol)
                since[protocol] = before if before and before[0] == state else (state, now)
        self._since = since
        longest_first = sorted(since, key=lambda protocol: since[protocol][1])
        surplus = max(0, len(since) - self._most)
        over = [protocol for protocol in longest_first[surplus:] if now - since[protocol][1] > self._seconds]
        return longest_first[:surplus] + over


def _state(protocol: Any) -> object:
    """What changes when a request begins or is answered, and when the client takes some of its answer."""
    cycle = protocol.cycle
    return cycle, cycle is None or cycle.response_complete, protocol.transport.get_write_buffer_size()


async def tend(server: uvicorn.Server) -> None:
    """End what takes longer than connections may be idle, as long as the server runs."""
    # uvicorn ends those itself that are idle after an answer; no other should be ended just before it.
    connections, now = Connections(server.config.timeout_keep_alive + LOOKS_EVERY), asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        for protocol in connections.look(list(server.server_state.connections), now()):
            protocol.transport.abort()


class TendedServer(uvicorn.Server):
    """One that ends such connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tending = asyncio.create_task(tend(self))

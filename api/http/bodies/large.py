"""Memory for large request bodies: one bounded pool, which slow clients cannot hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.turns import Busy

HAS_SECONDS = 0.25  # to arrive, while other bodies wait for memory
WAIT_SECONDS = 5.0


class LargeBodies:
    """Lends `most` bytes of memory to the bodies that are being received or answered. For one event loop.

    While memory is free, a client may take as long as its connection allows. While bodies wait for memory, the oldest
    one that has been arriving for `has_seconds` or longer is refused to make room. The newest body is served first, so
    that clients with many connections cannot block the queue.

    `decoding` is held while a body is decoded, which takes up to 0.1 s. Other requests run before the next one.
    """

    def __init__(self, most: int, has_seconds: float = HAS_SECONDS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._has_seconds, self._wait_seconds = has_seconds, wait_seconds
        self.decoding = asyncio.Lock()
        self._free = most
        self._arriving: dict[asyncio.Timeout, tuple[float, int]] = {}  # start time and bytes; the oldest first
        self._refused = 0  # bytes of refused bodies that have not returned their memory yet
        self._waiting: dict[asyncio.Future[None], int] = {}  # bytes; the newest last
        self._next_look: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def lend(self, size: int) -> AsyncIterator[None]:
        """Borrow `size` bytes, at most `most`. Raises Busy if they are not free within `wait_seconds`."""
        if size <= self._free:
            self._free -= size
        else:
            await self._turn(size)
        try:
            yield
        finally:
            self._give_back(size)

    @asynccontextmanager
    async def arriving(self, size: int) -> AsyncIterator[None]:
        """Receive a body that borrowed `size` bytes. Raises Busy if others need them before it is complete."""
        try:
            async with asyncio.timeout(None) as patience:
                self._arriving[patience] = (asyncio.get_running_loop().time(), size)
                try:
                    yield
                finally:
                    if not self._arriving.pop(patience, None):
                        self._refused -= size
        except TimeoutError:
            raise Busy(
                "The body came too slowly while other large ones waited for its memory; send it again later."
            ) from None

    async def _turn(self, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = size
        self._make_room()
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if not self._waiting.pop(turn, 0):  # it got its memory at the same moment
                self._give_back(size)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise Busy(
                f"No memory was free for this large body within {self._wait_seconds:g} s; send it again later."
            ) from None

    def _give_back(self, size: int) -> None:
        self._free += size
        while self._waiting:
            turn, size = next(reversed(self._waiting.items()))
            if size > self._free:
                self._make_room()
                return
            del self._waiting[turn]
            self._free -= size
            turn.set_result(None)

    def _make_room(self) -> None:
        """Refuse bodies that took too long until the newest waiting one fits; look again when the next one has."""
        if self._next_look:
            self._next_look.cancel()
            self._next_look = None
        loop, wanted = asyncio.get_running_loop(), next(reversed(self._waiting.values()), 0)
        for patience, (since, size) in list(self._arriving.items()):
            if wanted <= self._free + self._refused:
                return
            if since + self._has_seconds > loop.time():
                self._next_look = loop.call_at(since + self._has_seconds, self._make_room)
                return
            del self._arriving[patience]
            self._refused += size
            patience.reschedule(loop.time())

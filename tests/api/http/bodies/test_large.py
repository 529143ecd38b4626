import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from api.http.bodies.large import LargeBodies
from api.turns import Busy


class Client:
    """Sends a body of `size` bytes once it has `memory`, and is answered when it has `sent` it."""

    def __init__(self, large: LargeBodies, size: int) -> None:
        self.memory, self.sent, self.answer = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._send(large, size))

    async def _send(self, large: LargeBodies, size: int) -> None:
        async with large.lend(size):
            self.memory.set()
            async with large.arriving(size):
                await self.sent.wait()
            await self.answer.wait()

    async def is_done(self) -> bool:
        self.sent.set()
        self.answer.set()
        with suppress(Busy, asyncio.CancelledError):
            await self.task
            return True
        return False


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        await asyncio.wait_for(scenario(), 10)

    asyncio.run(in_time())


def test_as_long_as_there_is_memory_nobody_is_hurried():
    async def scenario() -> None:
        large = LargeBodies(30, has_seconds=0)
        clients = [Client(large, 10) for _ in range(3)]
        await turns()

        assert all(client.memory.is_set() for client in clients)
        assert [await client.is_done() for client in clients] == [True, True, True]

    run(scenario)


def test_who_waits_gets_the_memory_of_the_body_that_has_been_arriving_for_longest():
    async def scenario() -> None:
        large = LargeBodies(30, has_seconds=0)
        slow = [Client(large, 10) for _ in range(3)]
        await turns()
        honest = Client(large, 15)
        await turns()

        assert honest.memory.is_set()
        with pytest.raises(Busy, match="came too slowly while other large ones waited"):
            await slow[0].task
        assert [await client.is_done() for client in (slow[1], slow[2], honest)] == [False, True, True]

    run(scenario)


def test_a_body_has_some_time_to_arrive():
    async def scenario() -> None:
        large = LargeBodies(10, has_seconds=0.01)
        slow, loop = Client(large, 10), asyncio.get_running_loop()
        await turns()
        began, honest = loop.time(), Client(large, 10)
        await turns()
        assert not honest.memory.is_set() or loop.time() - began > 0.005

        await honest.memory.wait()
        assert not await slow.is_done()

    run(scenario)


def test_a_body_that_is_being_answered_is_not_refused():
    async def scenario() -> None:
        large = LargeBodies(10, has_seconds=0)
        answered = Client(large, 10)
        answered.sent.set()
        await turns()
        honest = Client(large, 10)
        await turns()

        assert not honest.memory.is_set()
        assert await answered.is_done()
        assert await honest.is_done()

    run(scenario)


def test_the_newest_that_waits_is_served_first():
    async def scenario() -> None:
        large = LargeBodies(10, has_seconds=0)
        answered = Client(large, 10)
        answered.sent.set()
        await turns()
        waiting = []
        for _ in range(3):
            waiting.append(Client(large, 10))
            await turns()
        waiting[2].sent.set()
        answered.answer.set()
        await turns()

        assert [client.memory.is_set() for client in waiting] == [False, False, True]

    run(scenario)


def test_nobody_waits_for_ever():
    async def scenario() -> None:
        large = LargeBodies(10, wait_seconds=0.01)
        answered = Client(large, 10)
        answered.sent.set()
        await turns()

        with pytest.raises(Busy, match=r"No memory was free for this large body within 0.01 s; send it again later."):
            await Client(large, 1).task

        assert await answered.is_done()
        assert await Client(large, 10).is_done()

    run(scenario)


@pytest.mark.parametrize("at", ["waiting", "its turn", "arriving", "being answered"])
def test_the_memory_of_a_client_that_goes_away_is_lent_again(at):
    async def scenario() -> None:
        large = LargeBodies(10)
        before = Client(large, 10)
        before.sent.set()
        await turns()
        gone = Client(large, 10)
        await turns()
        if at == "its turn":
            before.answer.set()
            await asyncio.wait([before.task])
        elif at != "waiting":
            assert await before.is_done()
            await turns()
            assert gone.memory.is_set()
        if at == "being answered":
            gone.sent.set()
            await turns()
        gone.task.cancel()
        await turns()

        assert gone.task.cancelled()
        await before.is_done()
        assert await Client(large, 10).is_done()

    run(scenario)


def test_however_many_are_refused_all_memory_comes_back():
    async def scenario() -> None:
        large = LargeBodies(100, has_seconds=0)
        clients = [Client(large, 1 + 37 * number % 100) for number in range(200)]
        await turns()
        await asyncio.gather(*(client.is_done() for client in clients))

        assert await Client(large, 100).is_done()

    run(scenario)

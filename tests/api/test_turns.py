import asyncio
from collections.abc import Iterator

import pytest

from api.turns import OTHERS_TURNS, in_turns


def test_everything_is_made_in_order():
    assert asyncio.run(in_turns(map(str, range(5)))) == ["0", "1", "2", "3", "4"]
    assert asyncio.run(in_turns([])) == []


def slow(made: list[int]) -> Iterator[int]:
    for number in range(10):
        for _ in range(200_000):  # far longer than a turn
            pass
        made.append(number)
        yield number


def test_others_have_their_turns_between_pieces_that_take_long():
    async def scenario():
        made: list[int] = []
        seen = []
        work = asyncio.ensure_future(in_turns(slow(made)))
        while not work.done():
            seen.append(len(made))
            await asyncio.sleep(0)
        return seen

    seen = asyncio.run(scenario())

    assert all(seen.count(number) >= OTHERS_TURNS for number in range(1, 10))


def test_an_error_ends_it():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_turns(1 // number for number in (1, 0)))

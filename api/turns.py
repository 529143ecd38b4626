"""Long work on the event loop in turns, between which everybody else has some.

A thread would help less: it holds the interpreter's lock for as long as a call into C takes, and the event loop waits
for that lock every time it has waited for anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import perf_counter
from typing import TypeVar

TURN_SECONDS = 0.0002
OTHERS_TURNS = 3  # for one of its own, so that short requests, which need four each, keep most of the time
Piece = TypeVar("Piece")


class Busy(Exception):
    """More waits for a turn than can have one soon; the text is a sentence that says of what."""


async def in_turns(work: Iterable[Piece]) -> list[Piece]:
    """What the iterable gives, each piece made when its turn comes; raises what making one raises."""
    pieces, end = [], perf_counter() + TURN_SECONDS
    for piece in work:
        pieces.append(piece)
        if perf_counter() > end:
            await others()
            end = perf_counter() + TURN_SECONDS
    return pieces


async def others() -> None:
    """Let everybody else have some turns."""
    for _ in range(OTHERS_TURNS):
        await asyncio.sleep(0)

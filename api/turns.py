"""Splits long work on the event loop into short turns, so that other requests run in between.

A thread would help less: a call into C holds the interpreter lock until it returns, and the event loop needs that lock
after every wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import perf_counter
from typing import TypeVar

TURN_SECONDS = 0.0002
OTHERS_TURNS = 3  # yields after each turn: a short request needs four, so short requests get most of the time
Piece = TypeVar("Piece")


class Busy(Exception):
    """The queue for a resource is full; the text is a sentence that names the resource."""


async def in_turns(work: Iterable[Piece]) -> list[Piece]:
    """The pieces of the iterable, each made in a turn. Raises what making a piece raises."""
    pieces, end = [], perf_counter() + TURN_SECONDS
    for piece in work:
        pieces.append(piece)
        if perf_counter() > end:
            await others()
            end = perf_counter() + TURN_SECONDS
    return pieces


async def others() -> None:
    """Let other tasks of the event loop run."""
    for _ in range(OTHERS_TURNS):
        await asyncio.sleep(0)

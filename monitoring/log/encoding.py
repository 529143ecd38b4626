"""Values of log lines as numbers: names, times, hashes and word counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log.format import (
    utc,
    word_count,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


NO_ID = np.uint64(0)


MOST_WORDS = 65_535  # more are counted as so many


Array = npt.NDArray[Any]


class Names(dict[str | None, int]):
    """Labels and versions by number: 0 is none, and so many names are told apart; all others share the last one."""

    MOST = 65_535
    OTHERS = "(another of too many names)"

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts: list[str | None] = [None, *texts]
        super().__init__({text: number for number, text in enumerate(self.texts)})

    def numbers(self, texts: Iterable[str]) -> list[int]:
        """Of those texts that are known."""
        return [self[text] for text in texts if text in self]

    def __missing__(self, text: str) -> int:
        if len(self.texts) >= self.MOST:
            text = self.OTHERS
        if text not in self:
            self[text] = len(self.texts)
            self.texts.append(text)
        return self[text]


def microseconds(timestamp: str | datetime) -> int:
    """Since 1970. Raises ValueError or OverflowError for what is no moment."""
    since = (utc(timestamp) if isinstance(timestamp, str) else timestamp) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def hashes(texts: Array) -> Array:
    """64 bits of each text, (n,), the same in every process (SipHash, Aumasson and Bernstein 2012)."""
    return pd.util.hash_array(texts, categorize=False)


def keys(ids: Sequence[str | None]) -> Array:
    """64 bits of each prediction_id, (n,); NO_ID for none."""
    found = hashes(_objects("" if name is None else name for name in ids))
    found[found == NO_ID] = 1
    found[[name is None for name in ids]] = NO_ID
    return found


def word_counts(texts: Array) -> Array:
    """How many words each text has, as `word_count` says. Texts of ASCII are counted together, as bytes: a word starts
    where a blank is followed by something else."""
    counts = np.zeros(len(texts), dtype=np.int64)
    plain = np.array([text.isascii() for text in texts], dtype=np.bool_)
    counts[~plain] = [word_count(text) for text in texts[~plain]]
    padded = [f" {text}{PADDING[len(text) % 64]}" for text in texts[plain]]  # each has a multiple of 64 bytes
    blank = np.frombuffer("".join([*padded, " "]).encode("ascii").translate(BLANK), dtype=np.uint8)
    words = np.bitwise_count(np.packbits(blank[:-1] > blank[1:]).view(np.uint64))
    if padded:
        starts = np.cumsum([0, *(len(text) // 64 for text in padded[:-1])])
        counts[plain] = np.add.reduceat(words, starts, dtype=np.int64)
    return counts


BLANK = bytes(chr(byte).isspace() and byte < 128 for byte in range(256))


PADDING = [" " * (63 - length) for length in range(64)]  # for texts of this length, less multiples of 64


def _objects(texts: Iterable[str]) -> Array:
    found = list(texts)
    array = np.empty(len(found), dtype=object)
    array[:] = found
    return array

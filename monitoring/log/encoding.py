"""Encodes values of log lines as numbers: names, times, hashes and word counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log.format import utc, word_count

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_ID = np.uint64(0)
MOST_WORDS = 65_535  # a longer text counts as one of this length
BLANK = bytes(chr(byte).isspace() and byte < 128 for byte in range(256))
PADDING = [" " * (63 - length) for length in range(64)]  # by the length of the text modulo 64
Array = npt.NDArray[Any]


class Names(dict[str | None, int]):
    """The numbers of labels and versions. 0 stands for none. From MOST names on, all new names share the number of
    OTHERS."""

    MOST = 65_535
    OTHERS = "(another of too many names)"

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts: list[str | None] = [None, *texts]
        super().__init__({text: number for number, text in enumerate(self.texts)})

    def numbers(self, texts: Iterable[str]) -> list[int]:
        """The numbers of the known ones among `texts`."""
        return [self[text] for text in texts if text in self]

    def __missing__(self, text: str) -> int:
        if len(self.texts) >= self.MOST:
            text = self.OTHERS
        if text not in self:
            self[text] = len(self.texts)
            self.texts.append(text)
        return self[text]


def microseconds(timestamp: str | datetime) -> int:
    """Microseconds since 1970. Raises ValueError or OverflowError if `timestamp` is not a time."""
    since = (utc(timestamp) if isinstance(timestamp, str) else timestamp) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def hashes(texts: Array) -> Array:
    """A 64-bit hash of each text, (n,), the same in every process (SipHash, Aumasson and Bernstein 2012)."""
    return pd.util.hash_array(texts, categorize=False)


def keys(ids: Sequence[str | None]) -> Array:
    """A 64-bit hash of each prediction_id, (n,); NO_ID for none."""
    found = hashes(_objects("" if name is None else name for name in ids))
    found[found == NO_ID] = 1
    found[[name is None for name in ids]] = NO_ID
    return found


def word_counts(texts: Array) -> Array:
    """The number of words of each text, (n,), as `word_count` counts. ASCII texts are counted together, as bytes: a
    word starts where a blank is followed by another character."""
    counts = np.zeros(len(texts), dtype=np.int64)
    plain = np.array([text.isascii() for text in texts], dtype=np.bool_)
    counts[~plain] = [word_count(text) for text in texts[~plain]]
    padded = [f" {text}{PADDING[len(text) % 64]}" for text in texts[plain]]  # to a multiple of 64 bytes
    blank = np.frombuffer("".join([*padded, " "]).encode("ascii").translate(BLANK), dtype=np.uint8)
    words = np.bitwise_count(np.packbits(blank[:-1] > blank[1:]).view(np.uint64))
    if padded:
        starts = np.cumsum([0, *(len(text) // 64 for text in padded[:-1])])
        counts[plain] = np.add.reduceat(words, starts, dtype=np.int64)
    return counts


def _objects(texts: Iterable[str]) -> Array:
    found = list(texts)
    array = np.empty(len(found), dtype=object)
    array[:] = found
    return array

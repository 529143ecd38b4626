"""An index from 64-bit keys to small records that holds tens of millions of entries in memory and can grow.

Entries are in runs sorted by key. New entries make a new run; a run is merged with the next one when it has become as
long. So there are few runs, and each entry is moved few times (log-structured merge, O'Neil et al. 1996).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class SortedRuns:
    """Keys (n,) of uint64, each with a record. A key may have several."""

    def __init__(self, record: npt.DTypeLike) -> None:
        self._kind = np.dtype(record)
        self.runs: list[tuple[Array, Array]] = []

    def add(self, keys: Array, records: Array) -> Array:
        """Add entries. Returns for each (n,) whether its key had an entry already, also among these."""
        if not len(keys):
            return np.empty(0, dtype=np.bool_)
        had = self.has(keys)
        order = np.argsort(keys, kind="stable")
        run = keys[order], records[order].astype(self._kind)
        had[order[1:][run[0][1:] == run[0][:-1]]] = True
        while self.runs and len(self.runs[-1][0]) < 2 * len(run[0]):
            run = _merged(self.runs.pop(), run)
        self.runs.append(run)
        return had

    def all(self) -> tuple[Array, Array]:
        """All keys and records; of equal keys the oldest first."""
        runs = [(np.empty(0, dtype=np.uint64), np.empty(0, dtype=self._kind)), *self.runs]
        return np.concatenate([keys for keys, _ in runs]), np.concatenate([records for _, records in runs])

    def first(self, keys: Array, none: int) -> Array:
        """The oldest record of each key (n,), an integer, or `none`."""
        found = np.full(len(keys), none, dtype=np.int64)
        places, records = self.find(keys)
        found[places[::-1]] = records[::-1]
        return found

    def find(self, keys: Array) -> tuple[Array, Array]:
        """All entries of these keys: index among `keys`, and record; of equal keys the oldest first."""
        places, records = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=self._kind)]
        for run_keys, run_records in self.runs:
            low = np.searchsorted(run_keys, keys, side="left")
            counts = np.searchsorted(run_keys, keys, side="right") - low
            places.append(np.repeat(np.arange(len(keys)), counts))
            records.append(run_records[np.repeat(low, counts) + _within(counts)])
        return np.concatenate(places), np.concatenate(records)

    def has(self, keys: Array) -> Array:
        """For each key (n,), whether it has an entry."""
        found = np.zeros(len(keys), dtype=np.bool_)
        found[self.find(keys)[0]] = True
        return found


def _merged(older: tuple[Array, Array], newer: tuple[Array, Array]) -> tuple[Array, Array]:
    """One run from two; of equal keys the older first."""
    places = np.searchsorted(older[0], newer[0], side="right") + np.arange(len(newer[0]))
    is_newer = np.zeros(len(older[0]) + len(newer[0]), dtype=np.bool_)
    is_newer[places] = True
    merged = []
    for old, new in zip(older, newer, strict=True):
        column = np.empty(len(is_newer), dtype=old.dtype)
        column[is_newer], column[~is_newer] = new, old
        merged.append(column)
    return merged[0], merged[1]


def _within(counts: Array) -> Array:
    """0, 1, …, count - 1 for each count of `counts`, concatenated."""
    ends: Array = np.cumsum(counts)
    places: Array = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return places

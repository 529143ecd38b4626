"""What memory keeps of the log: requests as columns, labels from feedback, and the tally of all requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from monitoring.log.encoding import NO_ID, Names
from monitoring.log.lines import Labels
from monitoring.store.columns import EMPTY, NEVER, Columns, Table
from monitoring.store.labels import LabelsByKey
from monitoring.store.sorted_runs import SortedRuns
from monitoring.store.tally import step_for, tally, total

REPEATS_IN_FIGURES = 50_000  # pairs of text and version remembered: a pair among them is a repeat
Array = npt.NDArray[Any]


class Sightings:
    """The latest time of each recent text, at least REPEATS_IN_FIGURES distinct ones.

    The monitor has a memory of its own for the repeats in evidence (REPEATS_IN_EVIDENCE).
    """

    def __init__(self) -> None:
        self.newer: dict[int, int] = {}
        self.older: dict[int, int] = {}

    def all(self) -> dict[str, Array]:
        """Texts and times as arrays by name."""
        return {
            f"{age}_{what}": np.array(list(values), dtype=kind)
            for age, seen in (("older", self.older), ("newer", self.newer))
            for what, values, kind in (("texts", seen, np.uint64), ("times", seen.values(), np.int64))
        }

    def recall(self, arrays: Mapping[str, Array]) -> None:
        """Replace what is remembered by the arrays that `all` gave."""
        self.older, self.newer = (
            dict(zip(arrays[f"{age}_texts"].tolist(), arrays[f"{age}_times"].tolist(), strict=True))
            for age in ("older", "newer")
        )

    def see(self, texts: list[int], times: list[int]) -> Array:
        """The latest earlier time of each text, (n,), or NEVER. Then remembers these."""
        previous = []
        for text, time in zip(texts, times, strict=True):
            before = self.newer.get(text)
            if before is None:
                before = self.older.get(text, NEVER)
            previous.append(before)
            self.newer[text] = max(time, before)  # the clock may have jumped back
            if len(self.newer) > REPEATS_IN_FIGURES:
                self.older, self.newer = self.newer, {}
        return np.array(previous, dtype=np.int64)


class Store:
    """All requests of a log. New rows are appended to `table`, then passed to `index`, then to `label` with the new
    labels."""

    def __init__(self) -> None:
        self.table, self.names = Table(), Names()
        self.rows_of = SortedRuns("u4")  # by the key of their prediction_id
        self.labels = LabelsByKey()
        self.unmatched = 0  # labels without a request
        self.whole = tally(EMPTY, step_for(0))
        self.sightings = Sightings()

    @classmethod
    def of(cls, names: Sequence[str], blocks: Sequence[Columns], arrays: Mapping[str, Array], unmatched: int) -> Store:
        """The store with these names, rows and arrays, as a checkpoint has them. Raises KeyError or ValueError."""
        store = cls()
        store.names, store.unmatched = Names(names), unmatched
        for block in blocks:
            store.table.append_block(block)
        store.sightings.recall(arrays)
        store.labels.add_all(arrays["label_keys"], arrays["labels"])
        rows = np.arange(store.table.rows)
        keys = store.table.take(rows, "key").key
        store.rows_of.add(keys[keys != NO_ID], rows[keys != NO_ID])
        store._count(store.table.part(0), EMPTY, EMPTY)
        return store

    def arrays(self) -> dict[str, Array]:
        """What is remembered beside the rows, as arrays by name."""
        keys, labels = self.labels.all()
        return {"label_keys": keys, "labels": labels, **self.sightings.all()}

    def index(self, first: int) -> Array:
        """Index the rows from `first` on by text and prediction_id. Returns the rows whose id an earlier row has."""
        for new in self.table.part(first):  # not given out yet, so they may still change
            new.previous[:] = self.sightings.see((new.text ^ new.version).tolist(), new.time.tolist())
        rows = np.arange(first, self.table.rows)
        keys = self.table.take(rows, "key").key
        rows, keys = rows[keys != NO_ID], keys[keys != NO_ID]
        known = self.rows_of.add(keys, rows)
        self.unmatched -= int(self.labels.have(keys[~known]).sum())
        repeated: Array = rows[known]
        return repeated

    def label(self, first: int, labels: Labels) -> None:
        """Join new labels with all requests and earlier labels with the rows from `first` on, and update the tally."""
        is_first = self.labels.add(labels)
        self.unmatched += int((~self.rows_of.has(labels.key[is_first])).sum())
        new = np.arange(first, self.table.rows)
        places, true = self.labels.latest(self.table.take(new, "key").key)
        self.table.label(new[places], true)
        before, after = self._relabel(first, labels)
        self._count(self.table.part(first), before, after)

    def _relabel(self, first: int, labels: Labels) -> tuple[Columns, Columns]:
        """Give rows before `first` their new labels. Returns the changed rows, before and after."""
        keys = np.unique(labels.key)
        places, rows = self.rows_of.find(keys)
        places, rows = places[rows < first], rows[rows < first]
        before, true = self.table.take(rows), self.labels.latest(keys)[1][places]
        changed = before.true != true
        self.table.label(rows[changed], true[changed])
        before = before.part(changed)
        return before, before._replace(true=true[changed])

    def _count(self, new: list[Columns], before: Columns, after: Columns) -> None:
        """Update the tally: by the new rows, or from all rows when the log has outgrown the time steps."""
        times = np.concatenate([self.whole.spans.amounts.ravel(), *(_ends(columns.time) for columns in new)])
        step = step_for(int(np.ptp(times)) if len(times) else 0)
        if step == self.whole.step:
            parts = [tally(columns, step) for columns in (*new, after, before)]
            self.whole = total([self.whole, *parts], [1] * len(parts) + [-1])
        else:
            self.whole = total([tally(columns, step) for columns in self.table.part(0)])


def _ends(times: Array) -> Array:
    return np.array([times.min(), times.max()])

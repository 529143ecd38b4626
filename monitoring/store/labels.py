"""The labels that came later, by the prediction they are for: the latest one counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from monitoring.log.lines import Labels
from monitoring.store.sorted_runs import SortedRuns

Array = npt.NDArray[Any]
RECORD = np.dtype([("time", "i8"), ("true", "u2")])


class LabelsByKey:
    """All labels of feedback files, by the key of their prediction_id."""

    def __init__(self) -> None:
        self._runs = SortedRuns(RECORD)

    def all(self) -> tuple[Array, Array]:
        """The keys and records of all labels, in an order that `add_all` can take."""
        return self._runs.all()

    def add_all(self, keys: Array, records: Array) -> None:
        self._runs.add(keys, records)

    def have(self, keys: Array) -> Array:
        """For each key whether there is a label."""
        return self._runs.has(keys)

    def add(self, labels: Labels) -> Array:
        """Which of them are the first for their key, (n,)."""
        records = np.empty(len(labels.time), dtype=RECORD)
        records["time"], records["true"] = labels.time, labels.true
        return ~self._runs.add(labels.key, records)

    def latest(self, keys: Array) -> tuple[Array, Array]:
        """Of those keys (n,) that have labels: their places, and the label that counts; of two at the same moment that
        is the one that was written last."""
        places, records = self._runs.find(keys)
        order = np.lexsort((records["time"], places))
        places, true = places[order], records["true"][order]
        last = np.append(places[1:] != places[:-1], True)[: len(places)]
        return places[last], true[last]

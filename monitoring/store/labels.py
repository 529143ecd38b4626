"""The labels from feedback by prediction_id; the latest one counts."""

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
        """The keys and records of all labels, as `add_all` takes them."""
        return self._runs.all()

    def add_all(self, keys: Array, records: Array) -> None:
        """Add the labels that `all` gave."""
        self._runs.add(keys, records)

    def have(self, keys: Array) -> Array:
        """For each key (n,), whether it has a label."""
        return self._runs.has(keys)

    def add(self, labels: Labels) -> Array:
        """Add labels. Returns for each (n,) whether it is the first of its key."""
        records = np.empty(len(labels.time), dtype=RECORD)
        records["time"], records["true"] = labels.time, labels.true
        return ~self._runs.add(labels.key, records)

    def latest(self, keys: Array) -> tuple[Array, Array]:
        """The indices of those keys (n,) that have a label, and the label that counts. Of two labels with the same time
        it is the one written last."""
        places, records = self._runs.find(keys)
        order = np.lexsort((records["time"], places))
        places, true = places[order], records["true"][order]
        last = np.append(places[1:] != places[:-1], True)[: len(places)]
        return places[last], true[last]

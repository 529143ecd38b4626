"""New lines of the log as events in order of time: requests, and labels from feedback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.log.encoding import Names
from monitoring.log.files.tailed_file import TailedFile
from monitoring.log.lines import NO_LABELS, Labels
from monitoring.store.columns import Table
from monitoring.store.sorted_runs import SortedRuns

EVENTS_AT_ONCE = 65_536
Array = npt.NDArray[Any]


class Events(NamedTuple):
    """Requests and labels in order of time, arrays (n,). `number` is a request's row or a label's index; `time` is in
    seconds since 1970. `is_new` is false for lines that were taken in before a restart."""

    is_label: Array
    number: Array
    time: Array
    is_new: Array

    def part(self, places: Array) -> Events:
        """The events at these indices, or of this mask."""
        return Events(*(column[places] for column in self))


class Arrivals(NamedTuple):
    """What one refresh found: the rows of `table` from `first` on, file by file with their numbers, and labels.
    `rows_of` maps keys of prediction_ids to rows; `repeated` are the new rows whose id an earlier row has. After
    `restarted` the whole log is read again."""

    table: Table
    names: Names
    first: int
    predictions: Sequence[tuple[TailedFile, int]]
    feedback: Sequence[tuple[TailedFile, Labels]]
    rows_of: SortedRuns
    repeated: Array
    restarted: bool

    @property
    def files(self) -> list[TailedFile]:
        """All files, predictions first."""
        return [file for file, _ in (*self.predictions, *self.feedback)]

    def labels(self) -> Labels:
        """The labels of all files."""
        parts = [labels for _, labels in self.feedback]
        return Labels(*(np.concatenate(columns) for columns in zip(NO_LABELS, *parts, strict=True)))

    def events(self, taken_in: Mapping[str, int]) -> Iterator[Events]:
        """All events in batches of EVENTS_AT_ONCE. `taken_in` gives the offset by file name up to which lines were
        taken in before. Lines of one file stay in their order even if its clock jumped back."""
        labels, rows = self.labels(), self.table.rows - self.first
        known = [np.full(len(of.time), taken_in.get(file.name, 0)) for file, of in self.feedback]
        label_is_new = labels.end > np.concatenate([np.empty(0, dtype=np.int64), *known])
        known_of_file = np.array([taken_in.get(file.name, 0) for file, _ in self.predictions], dtype=np.int64)
        order = self._order()
        for start in range(0, len(order), EVENTS_AT_ONCE):
            number = order[start : start + EVENTS_AT_ONCE]
            is_label = number >= rows
            label, row = number[is_label] - rows, number[~is_label] + self.first
            columns = self.table.take(row, "time", "file", "start")
            found = Events(is_label, np.empty(len(number), np.int64), np.empty(len(number)), np.empty(len(number), "?"))
            found.number[is_label], found.number[~is_label] = label, row
            found.time[is_label], found.time[~is_label] = labels.time[label] / 1e6, columns.time / 1e6
            found.is_new[is_label] = label_is_new[label]
            found.is_new[~is_label] = columns.start >= known_of_file[columns.file]
            yield found

    def _order(self) -> Array:
        """The new rows, and after them the labels, as indices in order of time."""
        times, row = [np.empty(0, dtype=np.int64)], self.first
        for _, n in self.predictions:
            times.append(np.maximum.accumulate(self.table.take(np.arange(row, row + n), "time").time))
            row += n
        times += [np.maximum.accumulate(of.time) for _, of in self.feedback]
        return np.argsort(np.concatenate(times), kind="stable")

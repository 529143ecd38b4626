"""The whole log as one table: a refresh takes in what was appended, and the labels that came later."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from monitoring.log_format import Feedback, Prediction
from monitoring.log_tail import Arrivals, LogTail
from monitoring.monitor import Counts, Monitor
from monitoring.signals import Status

OPTIONAL_TEXTS = ("true_sentiment", "prediction_id", "model_version")


@dataclass(frozen=True)
class Snapshot:
    """The log at one moment. `predictions` has Prediction's fields as columns, in order of time; a label that came
    later stands in `true_sentiment`. Feedback for predictions that are not in the log is counted, not used. `signals`
    are those that are watched for ever, over the whole log, and `counts` what they were fed with."""

    predictions: pd.DataFrame
    files: int
    unreadable_lines: int
    unmatched_feedback: int
    signals: Mapping[str, Status]
    counts: Counts

    def since(self, start: datetime | None) -> pd.DataFrame:
        """The predictions from `start` on; all of them for None."""
        if start is None:
            return self.predictions
        return self.predictions[self.predictions["timestamp"] >= start]

    def latest(self, request: Prediction) -> Prediction:
        """The request as the log has it now, with the label that came later; as given if it is no longer there."""
        table = self.predictions
        same = table[(table["timestamp"] == request.timestamp) & (table["request_text"] == request.request_text)]
        return next((row for row in rows(same) if is_same(row, request)), request)


def rows(predictions: pd.DataFrame) -> list[Prediction]:
    """The table's rows as the log's lines."""
    return [_line(row) for row in predictions[list(Prediction._fields)].itertuples(index=False, name=None)]


def _line(row: tuple[Any, ...]) -> Prediction:
    """A missing text is NaN in a table and None in a line."""
    fields = zip(Prediction._fields, row, strict=True)
    return Prediction._make(None if name in OPTIONAL_TEXTS and pd.isna(value) else value for name, value in fields)


def is_same(one: Prediction, other: Prediction) -> bool:
    """Whether both are the same request; old lines have no id, and an id may occur twice."""
    return one[:2] == other[:2] and one.prediction_id == other.prediction_id


class LogReader:
    """All log files of a folder as a table, and the monitor fed with what they gain. Threads may share it."""

    def __init__(self, directory: Path, monitor: Monitor) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._tail, self._monitor = LogTail(directory), monitor
        self._start_over()

    def refresh(self) -> Snapshot:
        """The log as it is now. Raises OSError when there is one that cannot be read."""
        with self._lock:
            try:
                arrived = self._tail.read_new()
                self._monitor.update(arrived)
            except OSError:
                self._tail.start_over()  # what was read before it failed is read again, not lost
                raise
            if arrived.restarted:
                self._start_over()
            self._take(arrived)
            if self._changed(arrived):
                self._snapshot = self._assemble()
            return self._snapshot

    def _start_over(self) -> None:
        self._table = table([])
        self._labels: dict[str, Feedback] = {}
        self._snapshot = Snapshot(self._table, 0, 0, 0, self._monitor.statuses(), Counts())

    def _changed(self, arrived: Arrivals) -> bool:
        gained = any(batch.rows for batch in arrived.batches)
        seen = self._snapshot.files, self._snapshot.unreadable_lines
        return gained or arrived.restarted or seen != (self._tail.files, self._tail.unreadable_lines)

    def _take(self, arrived: Arrivals) -> None:
        predictions = [row for batch in arrived.predictions for row in batch.rows]
        if predictions:
            self._table = pd.concat([self._table, table(predictions)], ignore_index=True)
            if not self._table["timestamp"].is_monotonic_increasing:
                self._table = self._table.sort_values("timestamp", kind="stable", ignore_index=True)
        for label in (row for batch in arrived.feedback for row in batch.rows):
            earlier = self._labels.get(label.prediction_id)
            if earlier is None or earlier.timestamp <= label.timestamp:
                self._labels[label.prediction_id] = label

    def _assemble(self) -> Snapshot:
        labels = {prediction_id: label.true_sentiment for prediction_id, label in self._labels.items()}
        later = self._table["prediction_id"].map(labels)
        matched = later.notna()
        return Snapshot(
            self._table.assign(true_sentiment=later.where(matched, self._table["true_sentiment"]).astype("str")),
            files=self._tail.files,
            unreadable_lines=self._tail.unreadable_lines,
            unmatched_feedback=len(labels) - self._table["prediction_id"][matched].nunique(),
            signals=self._monitor.statuses(),
            counts=replace(self._monitor.counts),
        )


def table(rows: Sequence[Prediction]) -> pd.DataFrame:
    """The log's lines as rows of a table, as they stand."""
    return pd.DataFrame(rows, columns=list(Prediction._fields)).astype(
        {
            "timestamp": "datetime64[us, UTC]",
            "request_text": "object",  # texts may hold anything a Python string can
            "words": "int64",
            "predicted_sentiment": "str",
            "true_sentiment": "str",
            "prediction_id": "str",
            "confidence": "float64",
            "model_version": "str",
            "known_share": "float64",
            "audit": "bool",
        }
    )

"""Tails the log: each refresh reads only what was appended since the last one. Format: see api/prediction_log.py."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import pandas as pd

PREDICTION_FILES, FEEDBACK_FILES = "prediction_logs*.json", "feedback_logs*.json"
BLOCK_BYTES = 8 * 1024**2
SEEN_BYTES = 1024


class Prediction(NamedTuple):
    """A line of prediction_logs*.json; fields not named here are ignored."""

    timestamp: datetime  # in UTC
    request_text: str
    words: int
    predicted_sentiment: str
    true_sentiment: str | None
    prediction_id: str | None
    confidence: float  # NaN where the line has none
    model_version: str | None


class Feedback(NamedTuple):
    """A line of feedback_logs*.json."""

    timestamp: datetime
    prediction_id: str
    true_sentiment: str


@dataclass(frozen=True)
class Snapshot:
    """The log at one moment. `predictions` has Prediction's fields as columns, in order of time; a label that came
    later stands in `true_sentiment`. Feedback for predictions that are not in the log is counted, not used."""

    predictions: pd.DataFrame
    files: int
    unreadable_lines: int
    unmatched_feedback: int

    def since(self, start: datetime | None) -> pd.DataFrame:
        """The predictions from `start` on; all of them for None."""
        if start is None:
            return self.predictions
        return self.predictions[self.predictions["timestamp"] >= start]


class LogReader:
    """All log files of a folder, however many processes write them. Threads may share it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._start_over()

    def refresh(self) -> Snapshot:
        """The log as it is now. Raises OSError when there is one that cannot be read."""
        with self._lock:
            try:
                changed = self._read_new()
            except Replaced:
                self._start_over()
                changed = self._read_new()
            except OSError:
                self._start_over()  # what was read before it failed is read again, not lost
                raise
            if changed:
                self._snapshot = self._assemble()
            return self._snapshot

    def _start_over(self) -> None:
        self._prediction_files: dict[Path, TailedFile[Prediction]] = {}
        self._feedback_files: dict[Path, TailedFile[Feedback]] = {}
        self._table = _table([])
        self._labels: dict[str, Feedback] = {}
        self._snapshot = Snapshot(self._table, 0, 0, 0)

    def _read_new(self) -> bool:
        """Take in what was appended; True if anything changed. Raises Replaced when a file is not what it was."""
        known = len(self._prediction_files)
        predictions = _tail(self._prediction_files, self.directory, PREDICTION_FILES, parse_prediction)
        feedback = _tail(self._feedback_files, self.directory, FEEDBACK_FILES, parse_feedback)
        if predictions:
            self._table = pd.concat([self._table, _table(predictions)], ignore_index=True)
            if not self._table["timestamp"].is_monotonic_increasing:
                self._table = self._table.sort_values("timestamp", kind="stable", ignore_index=True)
        for label in feedback:
            earlier = self._labels.get(label.prediction_id)
            if earlier is None or earlier.timestamp <= label.timestamp:
                self._labels[label.prediction_id] = label
        unreadable = self._unreadable_lines() != self._snapshot.unreadable_lines
        return bool(predictions or feedback or unreadable or len(self._prediction_files) != known)

    def _assemble(self) -> Snapshot:
        labels = {prediction_id: label.true_sentiment for prediction_id, label in self._labels.items()}
        later = self._table["prediction_id"].map(labels)
        matched = later.notna()
        return Snapshot(
            self._table.assign(true_sentiment=later.where(matched, self._table["true_sentiment"]).astype("str")),
            files=len(self._prediction_files),
            unreadable_lines=self._unreadable_lines(),
            unmatched_feedback=len(labels) - self._table["prediction_id"][matched].nunique(),
        )

    def _unreadable_lines(self) -> int:
        predictions = sum(file.unreadable_lines for file in self._prediction_files.values())
        return predictions + sum(file.unreadable_lines for file in self._feedback_files.values())


class Replaced(OSError):
    """A file is gone, shorter than before, or another one under the same name."""


Row = TypeVar("Row", Prediction, Feedback)


class TailedFile(Generic[Row]):
    """One file, read up to its last newline; what follows that is still being written."""

    def __init__(self, path: Path, parse: Callable[[dict[str, Any]], Row]) -> None:
        self.unreadable_lines = 0
        self._path, self._offset = path, 0
        self._seen = b""  # the end of the last line read: a file made anew often gets the number of the deleted one
        self._parse: Callable[[dict[str, Any]], Row] = parse
        stat = path.stat()
        self._identity = stat.st_dev, stat.st_ino

    def read_new(self) -> Iterator[Row]:
        """The rows appended since the last call. Raises Replaced."""
        try:
            stat = self._path.stat()
        except FileNotFoundError as error:
            raise Replaced from error
        if self._identity != (stat.st_dev, stat.st_ino) or stat.st_size < self._offset:
            raise Replaced
        if stat.st_size > self._offset:
            for line in self._new_lines():
                yield from self._row(line)

    def _new_lines(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(self._offset - len(self._seen))
            if file.read(len(self._seen)) != self._seen:
                raise Replaced
            rest = b""
            while block := file.read(BLOCK_BYTES):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._offset += len(line) + 1
                    self._seen = line[-SEEN_BYTES:] + b"\n"
                    yield line

    def _row(self, line: bytes) -> Iterator[Row]:
        if not line.strip():
            return
        try:
            yield self._parse(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            self.unreadable_lines += 1


def _tail(
    files: dict[Path, TailedFile[Row]], directory: Path, pattern: str, parse: Callable[[dict[str, Any]], Row]
) -> list[Row]:
    """The new rows of all files that match; `files` gains those that appeared."""
    for path in sorted(directory.glob(pattern)):
        if path not in files:
            files[path] = TailedFile(path, parse)
    return [row for file in files.values() for row in file.read_new()]


def parse_prediction(record: dict[str, Any]) -> Prediction:
    """Raises KeyError, TypeError or ValueError for what is not a prediction of the log."""
    text = _text(record["request_text"])
    return Prediction(
        timestamp=_time(record["timestamp"]),
        request_text=text,
        words=word_count(text),
        predicted_sentiment=_text(record["predicted_sentiment"]),
        true_sentiment=_optional(record.get("true_sentiment")),
        prediction_id=_optional(record.get("prediction_id")),
        confidence=_probability(record.get("confidence")),
        model_version=_optional(record.get("model_version")),
    )


def parse_feedback(record: dict[str, Any]) -> Feedback:
    """Raises KeyError, TypeError or ValueError for what is not a label of the log."""
    return Feedback(_time(record["timestamp"]), _text(record["prediction_id"]), _text(record["true_sentiment"]))


def word_count(text: str) -> int:
    """The length of a text in words, as the reference profile counts it."""
    return len(text.split())


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    value.encode()  # raises ValueError for lone surrogates, which JSON can escape but no table or page can show
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _probability(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else math.nan


def _table(rows: list[Prediction]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(Prediction._fields))
    return table.astype(
        {
            "timestamp": "datetime64[us, UTC]",
            "request_text": "object",  # texts may hold anything a Python string can
            "words": "int64",
            "predicted_sentiment": "str",
            "true_sentiment": "str",
            "prediction_id": "str",
            "confidence": "float64",
            "model_version": "str",
        }
    )

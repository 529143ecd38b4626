"""The log's files as one stream of arrivals: what all processes that write it have appended since the last look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple

from monitoring.log_format import Feedback, Prediction, parse_feedback, parse_prediction
from monitoring.tailed_file import Replaced, Row, TailedFile

PREDICTION_FILES, FEEDBACK_FILES = "prediction_logs*.json", "feedback_logs*.json"


class Batch(NamedTuple, Generic[Row]):
    """What a file gained: `rows`, in its order, and the offset at which each of them ends."""

    file: TailedFile[Row]
    ends: list[int]
    rows: list[Row]


class Arrivals(NamedTuple):
    """What the log gained. After `restarted` it is read from the start again: a file has gone or is another one."""

    predictions: list[Batch[Prediction]]
    feedback: list[Batch[Feedback]]
    restarted: bool

    @property
    def batches(self) -> list[Batch[Any]]:
        """All of them, predictions first."""
        return [*self.predictions, *self.feedback]


class LogTail:
    """All log files of a folder, however many processes write them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.start_over()

    def start_over(self) -> None:
        """Read everything again at the next look."""
        self._predictions: dict[Path, TailedFile[Prediction]] = {}
        self._feedback: dict[Path, TailedFile[Feedback]] = {}
        self._restarted = True

    @property
    def files(self) -> int:
        """How many files hold predictions."""
        return len(self._predictions)

    @property
    def unreadable_lines(self) -> int:
        predictions = sum(file.unreadable_lines for file in self._predictions.values())
        return predictions + sum(file.unreadable_lines for file in self._feedback.values())

    def read_new(self) -> Arrivals:
        """What was appended since the last call. Raises OSError when there is a log that cannot be read; all of it is
        then read again at the next call."""
        try:
            return self._read()
        except Replaced:
            self.start_over()
            return self._read()

    def _read(self) -> Arrivals:
        try:
            # Feedback first: a label that is there was written after its prediction, which is then there, too.
            feedback = _tail(self._feedback, sorted(self.directory.glob(FEEDBACK_FILES)), parse_feedback)
            predictions = _tail(self._predictions, sorted(self.directory.glob(PREDICTION_FILES)), parse_prediction)
        except OSError:
            self.start_over()
            raise
        restarted, self._restarted = self._restarted, False
        return Arrivals(predictions, feedback, restarted)


def _tail(
    files: dict[Path, TailedFile[Row]], paths: list[Path], parse: Callable[[dict[str, Any]], Row]
) -> list[Batch[Row]]:
    """The new rows of all files; `files` gains those that appeared."""
    for path in paths:
        if path not in files:
            files[path] = TailedFile(path, parse)
    return [_batch(file) for file in files.values()]


def _batch(file: TailedFile[Row]) -> Batch[Row]:
    arrived = list(file.read_new())
    return Batch(file, [end for end, _ in arrived], [row for _, row in arrived])

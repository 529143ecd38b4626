"""The log's files, as they come, grow, are renamed and go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from monitoring.tailed_file import Position, Replaced, TailedFile, identity

PREDICTION_FILES, FEEDBACK_FILES = "prediction_logs*.json", "feedback_logs*.json"


class ReadFile(NamedTuple):
    """How far a file of the log was read, and how many lines of it could not be."""

    position: Position
    unreadable_lines: int


class LogTail:
    """All log files of a folder, however many processes write them; a renamed file is still the same one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.start_over()

    def start_over(self) -> None:
        """Read everything again at the next look."""
        self.predictions: list[TailedFile] = []
        self.feedback: list[TailedFile] = []

    def go_on_from(self, predictions: Sequence[ReadFile], feedback: Sequence[ReadFile]) -> None:
        """Take files as read so far, whatever they are called now. Raises Replaced if one is no longer there as it was,
        or OSError; then nothing is."""
        found = [
            [_read_before(file, number, paths) for number, file in enumerate(files)]
            for files, paths in ((predictions, self._paths(PREDICTION_FILES)), (feedback, self._paths(FEEDBACK_FILES)))
        ]
        self.predictions, self.feedback = found

    def _paths(self, pattern: str) -> list[Path]:
        return sorted(self.directory.glob(pattern))

    @property
    def files(self) -> list[TailedFile]:
        """All of them, predictions first."""
        return [*self.predictions, *self.feedback]

    @property
    def progress(self) -> float:
        """Which share of all bytes has been read."""
        files = self.files
        size = sum(file.size for file in files)
        return min(sum(file.reached for file in files) / size, 1.0) if size else 0.0

    @property
    def unreadable_lines(self) -> int:
        return sum(file.unreadable_lines for file in self.files)

    def find_feedback(self) -> list[TailedFile]:
        """The files that are there now. Raises Replaced if one of those that were there has gone, or OSError."""
        return _found(self.feedback, self._paths(FEEDBACK_FILES))

    def find_predictions(self) -> list[TailedFile]:
        """As find_feedback."""
        return _found(self.predictions, self._paths(PREDICTION_FILES))


def _found(files: list[TailedFile], paths: list[Path]) -> list[TailedFile]:
    """`files`, which gains those that appeared, and learns the new names of those that were renamed."""
    there = {identity(path): path for path in paths}
    for file in files:
        if file.identity not in there:
            raise Replaced
        file.path = there.pop(file.identity)
    for path in there.values():
        files.append(TailedFile(path, len(files)))
    return files


def _read_before(read: ReadFile, number: int, paths: list[Path]) -> TailedFile:
    for path in paths:
        if read.position.holds(path):
            file = TailedFile(path, number)
            file.go_on_from(*read)
            return file
    raise Replaced

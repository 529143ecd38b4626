"""Verifies the log in a folder: whole lines, unique ids, missing predictions, and the ends of its files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from api.prediction_log.files.locks import AT_ONCE, SHARED, lock
from api.prediction_log.files.segments import is_copy, needing_segments, unpacked, use_each

MOST_NAMED = 20  # problems; further ones are only counted
NEEDED = {
    "prediction_logs": ("timestamp", "request_text", "predicted_sentiment", "true_sentiment"),
    "feedback_logs": ("timestamp", "prediction_id", "true_sentiment"),
}


@dataclass
class File:
    """The content of one file: the times of its `first` and `last` line, and the longest `gap` between two lines."""

    path: Path
    lines: int = 0
    erased: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gap: timedelta = timedelta(0)
    being_written: bool = False

    def __str__(self) -> str:
        times = f", {self.first} to {self.last}, longest gap {self.gap}" if self.first else ""
        erased = f", {self.erased} blank or erased" if self.erased else ""
        end = ", and one that is being written" if self.being_written else ""
        return f"{self.path.name}: {self.lines} lines{erased}{end}{times}"


@dataclass
class Verification:
    """The content of a folder, and its `problems` in sentences.

    `missing` are acknowledged ids without a line; `unchecked` are files that could not be read completely.
    """

    files: list[File] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    predictions: int = 0
    labels: int = 0
    unreadable: int = 0
    unfinished: int = 0
    repeated: int = 0
    unmatched: int = 0

    @property
    def is_sound(self) -> bool:
        return not (self.unchecked or self.unreadable or self.unfinished or self.repeated or self.missing)

    def lines(self) -> Iterator[str]:
        """The report for the operator."""
        yield from map(str, self.files)
        yield from self.unchecked
        yield from self.problems
        yield f"{self.predictions} predictions, {self.labels} labels ({self.unmatched} of no prediction that is there)"
        yield (
            f"{self.unreadable} lines cannot be read, {self.unfinished} files end in half a line, "
            f"{self.repeated} ids are there again, {len(self.missing)} acknowledged ids are missing"
        )

    def say(self, problem: str) -> None:
        if len(self.problems) < MOST_NAMED:
            self.problems.append(problem)


def verify(directory: Path, acknowledged: Collection[str] = ()) -> Verification:
    """Read the whole log, even while it is written. All `acknowledged` ids must be in it.

    Raises OSError if the folder cannot be read.
    """
    found, seen, labelled = Verification(), set[str](), set[str]()

    def check(path: Path, opened: BinaryIO) -> None:
        if is_copy(path):
            return
        file = File(path)
        found.files.append(file)
        for number, record in _records(file, opened, found):
            if path.name.startswith("feedback_logs"):
                found.labels += 1
                labelled.add(record["prediction_id"])
                continue
            found.predictions += 1
            prediction_id = record.get("prediction_id")
            if prediction_id in seen:
                found.repeated += 1
                found.say(f"{path.name} line {number}: the id {prediction_id} is there a second time")
            elif prediction_id is not None:
                seen.add(prediction_id)

    with needing_segments(directory):
        failed = use_each(directory, check)
    lines = {file.path: file.lines for file in found.files}
    found.unchecked = [
        f"{path.name} cannot be read{f' behind its first {lines[path]} lines' if lines.get(path) else ''}: {reason}"
        for path, reason in failed.items()
    ]
    found.missing, found.unmatched = sorted(set(acknowledged) - seen), len(labelled - seen)
    for prediction_id in found.missing:
        found.say(f"{prediction_id} was acknowledged, and is not in the log")
    return found


def _records(file: File, opened: BinaryIO, found: Verification) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line numbers and records of a file; notes everything else in `file` and `found`."""
    needed = NEEDED["feedback_logs" if file.path.name.startswith("feedback_logs") else "prediction_logs"]
    for number, line in enumerate(unpacked(file.path, opened), 1):
        if not line.strip() and line.endswith(b"\n"):
            file.erased += 1
            continue
        try:
            record = _parsed(line, needed)
        except ValueError as why:
            if not line.endswith(b"\n"):
                _note_rest(line, file, opened, found)
                return  # the next append continues this line
            found.unreadable += 1
            found.say(f"{file.path.name} line {number} ({len(line)} bytes): {why}")
            continue
        _note_time(file, record["timestamp"])
        yield number, record
        if not line.endswith(b"\n"):  # the service adds it when it opens the file
            return


def _note_rest(rest: bytes, file: File, opened: BinaryIO, found: Verification) -> None:
    file.being_written = not lock(opened.fileno(), SHARED | AT_ONCE, file.path)
    if not file.being_written:
        found.unfinished += 1
        found.say(
            f"{file.path.name} ends in {len(rest)} bytes of an unfinished line; it was never acknowledged, and "
            "the service cuts it off when it opens the file"
        )


def _parsed(line: bytes, needed: tuple[str, ...]) -> dict[str, Any]:
    """Raises ValueError with a clause that names the problem."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        zeros = f", among them {line.count(0)} zero bytes, as a power cut may leave" if 0 in line else ""
        raise ValueError(f"it is not JSON{zeros}") from error
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    if absent := [name for name in needed if name not in record]:
        raise ValueError(f"it has no {absent[0]}")
    try:
        record["timestamp"] = datetime.fromisoformat(record["timestamp"])
    except (ValueError, TypeError) as error:
        raise ValueError(f"its timestamp {record['timestamp']!r} is no time") from error
    return record


def _note_time(file: File, time: datetime) -> None:
    file.lines += 1
    if file.last and file.last.tzinfo == time.tzinfo:
        file.gap = max(file.gap, time - file.last)
    file.first, file.last = file.first or time, time

"""Erases lines of the log by the ids of their predictions, also while the service runs.

A line is overwritten with blanks of its own length, which readers skip: all else stays where it is, so that no reader
has to start over. Everything but the id goes first, so that after a crash in between a second run finds the rest. A
compressed segment is written anew, with the same blanks.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from api.retention import write_packed
from api.segments import changing_segments, log_files, open_log

ID = re.compile(rb'"prediction_id":\s*"([^"\\]*)"')
UNPACKED = ".unpacked"


class Line(NamedTuple):
    """Where a line stands in its file, in bytes, without its newline, and in it the field with its id."""

    start: int
    key_start: int
    key_end: int
    end: int


def erase(directory: Path, ids: Collection[str]) -> dict[Path, int]:
    """Erase all lines with these ids, predictions and labels; how many of each file. Raises OSError."""
    wanted = {prediction_id.encode() for prediction_id in ids}
    with changing_segments(directory, wait=True), ExitStack() as stack:
        for left in directory.glob(f"*{UNPACKED}"):  # by a crash
            left.unlink()
        erased = {path: _erase(path, file, wanted) for path, file in _opened(directory, stack).items()}
    return {path: number for path, number in erased.items() if number}


def _opened(directory: Path, stack: ExitStack) -> dict[Path, BinaryIO]:
    """All files, whatever they are called by the time they are open: one of them may just be closed."""
    while True:
        files, opened = log_files(directory), dict[Path, BinaryIO]()
        try:
            for path in files:
                opened[path] = stack.enter_context(path.open("r+b"))
        except FileNotFoundError:
            continue
        if log_files(directory) == files:
            return opened


def _erase(path: Path, file: BinaryIO, wanted: Collection[bytes]) -> int:
    if path.suffix == ".gz":
        return _erase_packed(path, wanted)
    before, lines = os.fstat(file.fileno()), list(_lines(file, wanted))
    for line in lines:
        _blank(file, line.start, line.key_start)
        _blank(file, line.key_end, line.end)
    os.fsync(file.fileno())
    for line in lines:
        _blank(file, line.key_start, line.key_end)
    os.fsync(file.fileno())
    if lines:
        os.utime(file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))  # else it would seem younger than it is
    return len(lines)


def _erase_packed(path: Path, wanted: Collection[bytes]) -> int:
    unpacked, before = path.with_name(f".{path.name}{UNPACKED}"), path.stat()
    try:
        with open_log(path) as source, unpacked.open("w+b") as file:
            shutil.copyfileobj(source, file, 1024**2)
            file.flush()
            number = _erase(unpacked, file, wanted)
        if number:
            os.utime(unpacked, ns=(before.st_atime_ns, before.st_mtime_ns))
            write_packed(unpacked, path)
    finally:
        unpacked.unlink()
    return number


def _lines(file: BinaryIO, wanted: Collection[bytes]) -> Iterator[Line]:
    """Whole lines only: what follows the last newline is still being written."""
    start = 0
    file.seek(0)
    for line in file:
        key = ID.search(line)
        if key and key[1] in wanted and line.endswith(b"\n"):
            yield Line(start, start + key.start(), start + key.end(), start + len(line) - 1)
        start += len(line)


def _blank(file: BinaryIO, start: int, end: int) -> None:
    os.pwrite(file.fileno(), b" " * (end - start), start)

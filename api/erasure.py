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
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from api.retention import write_packed
from api.segments import erasing, log_files, open_log

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
    wanted, erased, seen = {prediction_id.encode() for prediction_id in ids}, dict[Path, int](), set[int]()
    with erasing(directory):
        for left in directory.glob(f"*{UNPACKED}"):  # by a crash
            left.unlink()
        for _ in range(2):  # of what has just been closed while it was looked for, the new name stays
            for path in log_files(directory):
                with suppress(FileNotFoundError), path.open("r+b") as file:
                    if (inode := os.fstat(file.fileno()).st_ino) not in seen:
                        seen.add(inode)
                        erased[path] = erased.get(path, 0) + _erase(path, file, wanted)
    return {path: number for path, number in erased.items() if number}


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

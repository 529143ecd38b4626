"""Erases lines of the log by prediction id, even while the service runs.

A line is overwritten with blanks of the same length, which readers skip. All offsets stay the same, so no reader has to
start over. The id is overwritten last, so that a second run finds the line after a crash. A compressed segment is
rewritten with the same blanks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from errno import EXDEV
from pathlib import Path
from typing import BinaryIO, NamedTuple

from api.prediction_log.files.segments import erasing, packed, remove_left_overs, sync_folder, unpacked, use_each

ID = re.compile(rb'"prediction_id":\s*"([^"\\]*)"')


class NotErased(Exception):
    """Some files could not be processed: `failed` has the reasons, `erased` the line counts of all others."""

    def __init__(self, failed: dict[Path, str], erased: dict[Path, int]) -> None:
        super().__init__("; ".join(f"{path.name}: {reason}" for path, reason in failed.items()))
        self.failed, self.erased = failed, erased


class Line(NamedTuple):
    """Byte offsets of a line, without its newline, and of its id field."""

    start: int
    key_start: int
    key_end: int
    end: int


def erase(directory: Path, ids: Collection[str]) -> dict[Path, int]:
    """Erase all predictions and labels with these ids. Returns the number of lines for each file.

    Raises OSError if the folder cannot be read, and NotErased if a file cannot be processed.
    """
    wanted, erased = {prediction_id.encode() for prediction_id in ids}, dict[Path, int]()

    def erase_from(path: Path, file: BinaryIO) -> None:
        number = (_erase_packed if path.suffix == ".gz" else _erase)(path, file, wanted)
        if number:
            erased[path] = erased.get(path, 0) + number

    with erasing(directory):
        failed = remove_left_overs(directory) | use_each(directory, erase_from, "r+b")
    if failed:
        raise NotErased(failed, erased)
    return erased


def _erase(path: Path, file: BinaryIO, wanted: Collection[bytes]) -> int:
    before, lines = os.fstat(file.fileno()), list(_lines(file, wanted))
    if not lines:
        return 0
    for line in lines:
        _blank(file, line.start, line.key_start)
        _blank(file, line.key_end, line.end)
    os.fsync(file.fileno())
    for line in lines:
        _blank(file, line.key_start, line.key_end)
    os.fsync(file.fileno())
    os.utime(
        file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns)
    )  # else retention would take it for newer than it is
    return len(lines)


def _erase_packed(path: Path, file: BinaryIO, wanted: Collection[bytes]) -> int:
    """Reads the whole file before it writes, so that a damaged file stays as it is. Raises OSError, or DAMAGED."""
    number = sum(1 for _ in _lines(unpacked(path, file), wanted))
    if number and path.is_symlink():  # replacing it would only replace the link
        raise OSError(EXDEV, f"it is a link to {path.readlink()}, which must be erased from where it is", str(path))
    if number:
        with packed(lambda sink: sink.writelines(_blanked(unpacked(path, file), wanted)), path, path.stat()) as new:
            new.replace(path)
            sync_folder(path.parent)
    return number


def _blanked(lines: Iterable[bytes], wanted: Collection[bytes]) -> Iterator[bytes]:
    for line in lines:
        is_wanted = line.endswith(b"\n") and _is_wanted(line, wanted)
        yield b" " * (len(line) - 1) + b"\n" if is_wanted else line


def _lines(lines: Iterable[bytes], wanted: Collection[bytes]) -> Iterator[Line]:
    start = 0
    for line in lines:
        if not line.endswith(b"\n"):
            return  # it is still being written
        if key := _is_wanted(line, wanted):
            yield Line(start, start + key.start(), start + key.end(), start + len(line) - 1)
        start += len(line)


def _is_wanted(line: bytes, wanted: Collection[bytes]) -> re.Match[bytes] | None:
    """The id field of a line, if the id is wanted."""
    key = ID.search(line)
    return key if key and key[1] in wanted else None


def _blank(file: BinaryIO, start: int, end: int) -> None:
    os.pwrite(file.fileno(), b" " * (end - start), start)

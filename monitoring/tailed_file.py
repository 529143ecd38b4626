"""Follows one file of the log: each look reads only what was appended since the last one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

BLOCK_BYTES = 8 * 1024**2
SEEN_BYTES = 1024
Row = TypeVar("Row")


class Replaced(OSError):
    """A file is gone, shorter than before, or another one under the same name."""


class Position(NamedTuple):
    """How far a file was read, to be remembered over a restart: up to `offset`, in bytes, before which `seen` bytes had
    this SHA-256. A file made anew often gets the inode of the deleted one, so the inode alone says little."""

    inode: int
    offset: int
    seen: int
    digest: str

    def holds(self, path: Path) -> bool:
        """Whether the file at `path` is still the one that was read. Raises OSError if it cannot be read."""
        try:
            with path.open("rb") as file:
                if path.stat().st_ino != self.inode:
                    return False
                file.seek(self.offset - self.seen)
                return sha256(file.read(self.seen)).hexdigest() == self.digest
        except FileNotFoundError:
            return False


class TailedFile(Generic[Row]):
    """One file, read up to its last newline; what follows that is still being written."""

    def __init__(self, path: Path, parse: Callable[[dict[str, Any]], Row]) -> None:
        self.path = path
        self.unreadable_lines = 0
        self._offset = 0
        self._seen = b""  # the end of the last line read
        self._parse: Callable[[dict[str, Any]], Row] = parse
        stat = path.stat()
        self._identity = stat.st_dev, stat.st_ino

    @property
    def position(self) -> Position:
        return Position(self._identity[1], self._offset, len(self._seen), sha256(self._seen).hexdigest())

    def read_new(self) -> Iterator[tuple[int, Row]]:
        """The rows appended since the last call, each with the offset of its end. Raises Replaced."""
        try:
            stat = self.path.stat()
        except FileNotFoundError as error:
            raise Replaced from error
        if self._identity != (stat.st_dev, stat.st_ino) or stat.st_size < self._offset:
            raise Replaced
        if stat.st_size > self._offset:
            for line in self._new_lines():
                yield from self._row(line)

    def _new_lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
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

    def _row(self, line: bytes) -> Iterator[tuple[int, Row]]:
        if not line.strip():
            return
        try:
            yield self._offset, self._parse(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            self.unreadable_lines += 1

"""Follows one file of the log: each look reads only what was appended since the last one."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 2 * 1024**2  # of which all copies that are made of it fit into a processor's cache
SEEN_BYTES = 1024


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


class Block(NamedTuple):
    """Whole lines that stand together from `start` on, in bytes, each without its newline."""

    start: int
    lines: list[bytes]


class TailedFile:
    """One file, read up to its last newline; what follows that is still being written. `number` names it in a log; it
    was read up to `reached`, of `size` bytes when it was last looked at."""

    def __init__(self, path: Path, number: int) -> None:
        self.path, self.number = path, number
        self.unreadable_lines = 0
        self.identity = identity(path)
        self._accepted = self.reached = 0
        self.size = path.stat().st_size
        self._accepted_seen = self._reached_seen = b""  # the end of the last line

    @property
    def position(self) -> Position:
        seen = self._accepted_seen
        return Position(self.identity[1], self._accepted, len(seen), sha256(seen).hexdigest())

    def go_on_from(self, position: Position, unreadable_lines: int) -> None:
        """Take what is before `position`, which must hold, as accepted. Raises OSError."""
        self.unreadable_lines = unreadable_lines
        with self.path.open("rb") as file:
            file.seek(position.offset - position.seen)
            self._accepted_seen = file.read(position.seen)
        self._accepted = position.offset

    def read_new(self) -> Iterator[Block]:
        """The lines that were appended since `accept` was last called. Raises Replaced, or OSError."""
        self.reached, self._reached_seen = self._accepted, self._accepted_seen
        try:
            stat = self.path.stat()
        except FileNotFoundError as error:
            raise Replaced from error
        if self.identity != (stat.st_dev, stat.st_ino) or stat.st_size < self._accepted:
            raise Replaced
        self.size = stat.st_size
        if stat.st_size > self._accepted:
            yield from self._new_blocks()

    def accept(self, unreadable_lines: int) -> None:
        """All that was read is used, or counted as unreadable: it is not read again."""
        self._accepted, self._accepted_seen = self.reached, self._reached_seen
        self.unreadable_lines += unreadable_lines

    def _new_blocks(self) -> Iterator[Block]:
        with self.path.open("rb") as file:
            file.seek(self._accepted - len(self._accepted_seen))
            if file.read(len(self._accepted_seen)) != self._accepted_seen:
                raise Replaced
            rest = b""
            while read := file.read(BLOCK_BYTES):
                *lines, rest = (rest + read).split(b"\n")
                if lines:
                    block = Block(self.reached, lines)
                    self.reached += sum(map(len, lines)) + len(lines)
                    self._reached_seen = lines[-1][-SEEN_BYTES:] + b"\n"
                    yield block


def identity(path: Path) -> tuple[int, int]:
    """What stays the same when a file is renamed: its device and inode. Raises OSError."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino

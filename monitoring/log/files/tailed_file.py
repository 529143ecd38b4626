"""Follows one file of the log: each look reads only what was appended since the last one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from monitoring.log.files.folder import is_closed, is_same, length, open_log, paths, plain_name

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
        """Whether the file at `path` is still the one that was read, or a compressed copy of it. Raises OSError if it
        cannot be read."""
        try:
            if path.suffix != ".gz":
                if path.stat().st_ino != self.inode:
                    return False
                if not self.seen:  # it was empty, and need not be one that can be opened
                    return True
            with open_log(path) as file:
                file.seek(self.offset - self.seen)
                seen = file.read(self.seen)
        except FileNotFoundError:
            return False
        is_erased = len(seen) == self.seen > 0 and not seen.strip()
        return is_erased or sha256(seen).hexdigest() == self.digest


class Block(NamedTuple):
    """Whole lines that stand together from `start` on, in bytes, each without its newline."""

    start: int
    lines: list[bytes]


class TailedFile:
    """One file, read up to its last newline; what follows that is still being written. `number` names it in a log; it
    was read up to `reached`, of `size` bytes when it was last looked at. One that is `gone` had been closed and was
    deleted: what it held stays counted."""

    def __init__(self, path: Path, number: int, gone: bool = False) -> None:
        """Raises OSError, unless it is gone."""
        self.path, self.number, self.gone = path, number, gone
        self.unreadable_lines = 0
        self.identity = (0, 0) if gone else identity(path)
        self._accepted = self.reached = 0
        self.size = 0 if gone else length(path, path.stat().st_size, 0)
        self._accepted_seen = self._reached_seen = b""  # the end of the last line

    @property
    def position(self) -> Position:
        seen = self._accepted_seen
        return Position(self.identity[1], self._accepted, len(seen), sha256(seen).hexdigest())

    @property
    def name(self) -> str:
        """What it is called, compressed or not."""
        return plain_name(self.path)

    @property
    def is_closed(self) -> bool:
        return is_closed(self.path.name)

    @property
    def is_read(self) -> bool:
        """Whether all was accepted that it held when it was last looked at."""
        return self.gone or self._accepted >= self.size

    def go_on_from(self, position: Position, unreadable_lines: int) -> None:
        """Take what is before `position`, which must hold, as accepted. Raises OSError."""
        self.unreadable_lines = unreadable_lines
        if position.seen:
            with open_log(self.path) as file:
                file.seek(position.offset - position.seen)
                self._accepted_seen = file.read(position.seen)
        self._accepted = position.offset

    def read_new(self) -> Iterator[Block]:
        """The lines that were appended since `accept` was last called. Raises Replaced, or OSError."""
        self.reached, self._reached_seen = self._accepted, self._accepted_seen
        while not self.gone:
            try:
                yield from self._read()
                return
            except (FileNotFoundError, Replaced) as error:
                path = self._packed() if self.is_closed else self._closed()
                if path is None and (isinstance(error, Replaced) or not self.is_closed):
                    raise Replaced from error
                self.path, self.gone = path or self.path, path is None

    def _read(self) -> Iterator[Block]:
        stat = self.path.stat()
        size = length(self.path, stat.st_size, self._accepted)
        is_it = self.is_closed or self.identity == (stat.st_dev, stat.st_ino)  # a closed one keeps its name
        if not is_it or size < self._accepted:
            raise Replaced
        self.size = size
        if size > self._accepted:
            yield from self._new_blocks()

    def _closed(self) -> Path | None:
        """Where a file is that has just been closed."""
        for path in paths(self.path.parent, self.path.name.partition(".")[0]):
            with suppress(FileNotFoundError):
                if is_closed(path.name) and identity(path) == self.identity:
                    return path
        return None

    def _packed(self) -> Path | None:
        """Where a closed file is that has just been compressed; if it is not there either, it was deleted."""
        packed = self.path.with_name(f"{self.name}.gz")
        return packed if packed != self.path and packed.exists() else None

    def accept(self, unreadable_lines: int) -> None:
        """All that was read is used, or counted as unreadable: it is not read again."""
        self._accepted, self._accepted_seen = self.reached, self._reached_seen
        self.unreadable_lines += unreadable_lines

    def _new_blocks(self) -> Iterator[Block]:
        with open_log(self.path) as file:
            file.seek(self._accepted - len(self._accepted_seen))
            if not is_same(file.read(len(self._accepted_seen)), self._accepted_seen):
                raise Replaced
            rest: list[bytes] = []  # the parts of a line that has not ended, put together only once
            while read := file.read(BLOCK_BYTES):
                whole, newline, begun = read.rpartition(b"\n")
                if newline:
                    lines = b"".join([*rest, whole]).split(b"\n")
                    rest.clear()
                    block = Block(self.reached, lines)
                    self.reached += sum(map(len, lines)) + len(lines)
                    self._reached_seen = lines[-1][-SEEN_BYTES:] + b"\n"
                    yield block
                rest.append(begun)


def identity(path: Path) -> tuple[int, int]:
    """What stays the same when a file is renamed: its device and inode. Raises OSError."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino

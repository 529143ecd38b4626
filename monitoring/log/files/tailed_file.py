"""Follows one file of the log. Each refresh reads only what was appended since the last one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from monitoring.log.files.folder import is_closed, is_same, length, open_log, paths, plain_name

BLOCK_BYTES = 2 * 1024**2  # small enough for all copies of a block to fit into the processor's cache
SEEN_BYTES = 1024


class Replaced(OSError):
    """A file is gone, shorter than before, or another file has its name."""


class Position(NamedTuple):
    """How far a file was read: up to `offset` in bytes. The `seen` bytes before it have the SHA-256 `digest`. The
    digest is needed because a new file often gets the inode of a deleted one."""

    inode: int
    offset: int
    seen: int
    digest: str

    def holds(self, path: Path) -> bool:
        """Whether the file at `path` is the one that was read, or a compressed copy of it. Raises OSError if it cannot
        be read."""
        try:
            if path.suffix != ".gz":
                if path.stat().st_ino != self.inode:
                    return False
                if not self.seen:  # it was empty, and may not be readable
                    return True
            with open_log(path) as file:
                file.seek(self.offset - self.seen)
                seen = file.read(self.seen)
        except FileNotFoundError:
            return False
        is_erased = len(seen) == self.seen > 0 and not seen.strip()
        return is_erased or sha256(seen).hexdigest() == self.digest


class Block(NamedTuple):
    """Consecutive whole lines without their newlines; the first is at offset `start` in bytes."""

    start: int
    lines: list[bytes]


class TailedFile:
    """One file, read up to its last newline; an incomplete line is still being written. `number` identifies the file
    within a log. `reached` is the offset read so far, `size` the length in bytes at the last refresh. A file that is
    `gone` was rotated and deleted; its lines stay counted."""

    def __init__(self, path: Path, number: int, gone: bool = False) -> None:
        """Raises OSError, unless the file is gone."""
        self.path, self.number, self.gone = path, number, gone
        self.unreadable_lines = 0
        self.identity = (0, 0) if gone else identity(path)
        self._accepted = self.reached = 0
        self.size = 0 if gone else length(path, path.stat().st_size, 0)
        self._accepted_seen = self._reached_seen = b""  # the last bytes before the offset

    @property
    def position(self) -> Position:
        """The position up to which lines were accepted."""
        seen = self._accepted_seen
        return Position(self.identity[1], self._accepted, len(seen), sha256(seen).hexdigest())

    @property
    def name(self) -> str:
        """The file's name; without `.gz` if it is rotated."""
        return plain_name(self.path)

    @property
    def is_closed(self) -> bool:
        """Whether the file is rotated."""
        return is_closed(self.path.name)

    @property
    def is_read(self) -> bool:
        """Whether all lines that the file had at the last refresh were accepted."""
        return self.gone or self._accepted >= self.size

    def resume_from(self, position: Position, unreadable_lines: int) -> None:
        """Take the lines before `position` as accepted; the position must hold. Raises OSError."""
        self.unreadable_lines = unreadable_lines
        if position.seen:
            with open_log(self.path) as file:
                file.seek(position.offset - position.seen)
                self._accepted_seen = file.read(position.seen)
        self._accepted = position.offset

    def read_new(self) -> Iterator[Block]:
        """The lines that were appended since the last `accept`. Raises Replaced or OSError."""
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
        is_it = self.is_closed or self.identity == (stat.st_dev, stat.st_ino)  # a rotated file keeps its name
        if not is_it or size < self._accepted:
            raise Replaced
        self.size = size
        if size > self._accepted:
            yield from self._new_blocks()

    def _closed(self) -> Path | None:
        """The path of a file that was just rotated, or None."""
        for path in paths(self.path.parent, self.path.name.partition(".")[0]):
            with suppress(FileNotFoundError):
                if is_closed(path.name) and identity(path) == self.identity:
                    return path
        return None

    def _packed(self) -> Path | None:
        """The path of a rotated file that was just compressed; None if it was deleted."""
        packed = self.path.with_name(f"{self.name}.gz")
        return packed if packed != self.path and packed.exists() else None

    def accept(self, unreadable_lines: int) -> None:
        """Take all lines read so far as used or unreadable, so that they are not read again."""
        self._accepted, self._accepted_seen = self.reached, self._reached_seen
        self.unreadable_lines += unreadable_lines

    def _new_blocks(self) -> Iterator[Block]:
        with open_log(self.path) as file:
            file.seek(self._accepted - len(self._accepted_seen))
            if not is_same(file.read(len(self._accepted_seen)), self._accepted_seen):
                raise Replaced
            rest: list[bytes] = []  # parts of an incomplete line, joined once when it ends
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
    """The device and inode of a file, which a rename keeps. Raises OSError."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino

"""The files of a log folder: by their names, their contents, and what keeps closed ones from being deleted.

The API closes a file that is full by giving it a name with a time in it; from then on it holds the same lines for ever,
perhaps compressed, but for those that are erased, which become blanks. It deletes closed ones when it is told to.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from weakref import finalize

STEMS = PREDICTIONS, FEEDBACK = "prediction_logs", "feedback_logs"
FILES = "*.json", "*.json.gz"
CLOSED = re.compile(r"-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}\.json(\.gz)?$")
BLANK = ord(" ")
DAMAGED = EOFError, zlib.error  # what reading a compressed file raises that is not all there
SIZES = 2**32  # of what is compressed, only the rest is in the file


def is_closed(name: str) -> bool:
    """Whether a file that is called so is closed."""
    return CLOSED.search(name) is not None


def plain_name(path: Path) -> str:
    """What a file is called, compressed or not, if it is closed; else its name: a compressed copy is another file."""
    return path.name.removesuffix(".gz") if is_closed(path.name) else path.name


def paths(directory: Path, stem: str) -> list[Path]:
    """The files of a log, `<stem>*.json`, closed ones first and the oldest of them first; each once, also while a
    compressed copy takes its place."""
    found = {path.name: path for kind in FILES for path in directory.glob(f"{stem}{kind}")}
    return [path for name, path in sorted(found.items()) if plain_name(path) == name or plain_name(path) not in found]


@contextmanager
def open_log(path: Path) -> Iterator[BufferedIOBase]:
    """The lines of a file, compressed or not. Raises OSError, also for what is not all there."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except DAMAGED as error:
        raise OSError(errno.EIO, "Its compressed lines are damaged", str(path)) from error


def length(path: Path, size: int, known: int) -> int:
    """How many bytes the lines of a file take, which has `size` bytes on disk. Of a compressed file it is known only
    but for a multiple of SIZES; so it is at least `known`. Raises OSError."""
    if path.suffix != ".gz":
        return size
    with path.open("rb") as file:
        file.seek(max(size - 4, 0))
        rest = int.from_bytes(file.read(4), "little")
    return rest + SIZES * max(0, -(-(known - rest) // SIZES))


def is_same(now: bytes, before: bytes) -> bool:
    """Whether bytes of a file are what they were, but for what has been erased meanwhile."""
    return now == before or (len(now) == len(before) and all(a in (b, BLANK) for a, b in zip(now, before, strict=True)))


class Hold:
    """What keeps the API from deleting and replacing closed files, as long as it is taken: a shared lock of a file."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "retention.lock"
        self._let_go: Callable[[], object] | None = None

    def take(self, wait: bool = False) -> None:
        """Until `release`, if that is possible: not without such a file, nor, unless it may wait for that, while
        something is being deleted or compressed."""
        if self._let_go:
            return
        with suppress(OSError):
            file = self._path.open("rb")
            try:
                fcntl.flock(file, fcntl.LOCK_SH | (0 if wait else fcntl.LOCK_NB))
            except OSError:
                file.close()
                raise
            self._let_go = finalize(self, file.close)  # at the latest

    def release(self) -> None:
        if self._let_go:
            self._let_go()
        self._let_go = None

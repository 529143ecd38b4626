"""The files of a log folder: names, contents, and the lock that keeps rotated files from being deleted.

The API rotates a full file by giving it a name with a time. The lines of a rotated file stay the same, but erased lines
become blanks and the file may be compressed. The API deletes rotated files as its retention settings say.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import logging
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from weakref import finalize

from monitoring.log.locks import SHARED, lock

STEMS = PREDICTIONS, FEEDBACK = "prediction_logs", "feedback_logs"
FILES = "*.json", "*.json.gz"
CLOSED = re.compile(r"-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}\.json(\.gz)?$")
BLANK = ord(" ")
DAMAGED = EOFError, zlib.error  # raised when compressed data is truncated or damaged
SIZES = 2**32  # gzip stores the length modulo this number
logger = logging.getLogger("dashboard")


def is_closed(name: str) -> bool:
    """Whether a file with this name is rotated."""
    return CLOSED.search(name) is not None


def plain_name(path: Path) -> str:
    """The name of a rotated file without `.gz`; the name of any other file as it is, since its compressed copy is
    another file."""
    return path.name.removesuffix(".gz") if is_closed(path.name) else path.name


def paths(directory: Path, stem: str) -> list[Path]:
    """The files `<stem>*.json` of a log, rotated files first, oldest first. A file that is being compressed is listed
    once. Raises OSError if the folder cannot be read."""
    try:
        names = [path.name for path in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = {name: directory / name for kind in FILES for name in fnmatch.filter(names, stem + kind)}
    return [path for name, path in sorted(found.items()) if plain_name(path) == name or plain_name(path) not in found]


@contextmanager
def open_log(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file of the log, compressed or not. Raises OSError, also for damaged compressed data."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except DAMAGED as error:
        raise OSError(errno.EIO, "Its compressed lines are damaged", str(path)) from error


def length(path: Path, size: int, known: int) -> int:
    """The uncompressed length in bytes of a file with `size` bytes on disk. A gzip file stores it modulo SIZES, so the
    smallest length of at least `known` bytes is taken. Raises OSError."""
    if path.suffix != ".gz":
        return size
    with path.open("rb") as file:
        file.seek(max(size - 4, 0))
        rest = int.from_bytes(file.read(4), "little")
    return rest + SIZES * max(0, -(-(known - rest) // SIZES))


def is_same(now: bytes, before: bytes) -> bool:
    """Whether bytes of a file are unchanged, apart from erased ones, which are blanks now."""
    return now == before or (len(now) == len(before) and all(a in (b, BLANK) for a, b in zip(now, before, strict=True)))


class Hold:
    """While taken, keeps the API from deleting and replacing rotated files. It locks the folder, which always exists,
    and a file in it, because NFS keeps the lock of a folder to one machine."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._file = directory, directory / "retention.lock"
        self._held: dict[Path, int] = {}
        self._failed = False
        finalize(self, _close_all, self._held)  # even if nobody releases it

    def take(self) -> None:
        """Take the locks until `release`; waits for a deletion to end, which takes moments. If the folder or the file
        is missing, no API has deleted anything yet; the next `take` tries again."""
        with suppress(OSError):  # some file systems lock no folders
            self._hold(self._directory)
        try:
            self._hold(self._file)
        except FileNotFoundError:
            pass
        except OSError as error:
            if not self._failed:
                logger.warning(
                    "rotated segments may be deleted before they are counted: %s: %s", error.strerror, self._file
                )
            self._failed = True

    def release(self) -> None:
        """Give the locks back."""
        _close_all(self._held)

    def _hold(self, path: Path) -> None:
        """Lock the file that is at `path` now; it may have been replaced since the last lock. Raises OSError."""
        if path in self._held and os.path.samestat(os.fstat(self._held[path]), path.stat()):
            return
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            lock(fd, SHARED, path)
        except OSError:
            os.close(fd)
            raise
        before, self._held[path] = self._held.get(path), fd
        if before is not None:
            os.close(before)


def _close_all(held: dict[Path, int]) -> None:
    while held:
        os.close(held.popitem()[1])

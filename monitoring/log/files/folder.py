"""The files of a log folder: by their names, their contents, and what keeps closed ones from being deleted.

The API closes a file that is full by giving it a name with a time in it; from then on it holds the same lines for ever,
perhaps compressed, but for those that are erased, which become blanks. It deletes closed ones when it is told to.
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
DAMAGED = EOFError, zlib.error  # what reading a compressed file raises that is not all there
SIZES = 2**32  # of what is compressed, only the rest is in the file
logger = logging.getLogger("dashboard")


def is_closed(name: str) -> bool:
    """Whether a file that is called so is closed."""
    return CLOSED.search(name) is not None


def plain_name(path: Path) -> str:
    """What a file is called, compressed or not, if it is closed; else its name: a compressed copy is another file."""
    return path.name.removesuffix(".gz") if is_closed(path.name) else path.name


def paths(directory: Path, stem: str) -> list[Path]:
    """The files of a log, `<stem>*.json`, closed ones first and the oldest of them first; each once, also while a
    compressed copy takes its place. Raises OSError if the folder cannot be read."""
    try:
        names = [path.name for path in directory.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = {name: directory / name for kind in FILES for name in fnmatch.filter(names, stem + kind)}
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
    """What keeps the API from deleting and replacing closed files, as long as it is taken: a shared lock of the folder,
    which is always there, and of a file in it, since NFS keeps the lock of a folder to one machine."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._file = directory, directory / "retention.lock"
        self._held: dict[Path, int] = {}
        self._failed = False
        finalize(self, _close_all, self._held)  # at the latest

    def take(self) -> None:
        """Until `release`. Waits for the end of a deletion, which takes a moment. Where the folder or the file is not
        there no API has deleted anything yet; it is looked for again each time."""
        with suppress(OSError):  # some file systems lock no folders
            self._hold(self._directory)
        try:
            self._hold(self._file)
        except FileNotFoundError:
            pass
        except OSError as error:
            if not self._failed:
                logger.warning(
                    "closed files may be deleted before they are counted: %s: %s", error.strerror, self._file
                )
            self._failed = True

    def release(self) -> None:
        _close_all(self._held)

    def _hold(self, path: Path) -> None:
        """Lock what is there now, which may be another one than what is locked. Raises OSError."""
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

"""One file of the log, owned by one process: claimed by a lock, opened at the end of its last whole line."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from contextlib import suppress
from datetime import datetime
from math import inf
from pathlib import Path
from typing import NamedTuple

from api.segments import closed_name, sync_folder

MAX_FILES = 1000
PROBE = b" " * 65536
FIRST_TIME = re.compile(rb'\{"timestamp": "([^"]{19,32})"')


class Limit(NamedTuple):
    """When a file is closed and a new one started: once it is larger, or its first line older."""

    bytes: int = 256_000_000
    seconds: float = inf


BY_SIZE = Limit()


class ShortWrite(OSError):
    """Only the first `kept` bytes, all of them whole lines, are in the file."""

    def __init__(self, kept: int, cause: OSError, path: Path) -> None:
        super().__init__(cause.errno, cause.strerror, str(path))
        self.kept = kept


class OwnedFile:
    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        stat = os.fstat(fd)
        self._identity, self._size = _identity(stat), stat.st_size
        self._began = _time_of_first_line(fd) or stat.st_mtime

    @classmethod
    def claim(cls, directory: Path, stem: str) -> OwnedFile:
        """The first of `<stem>.json`, `<stem>.1.json`, … that no other process owns. Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        check_folder(directory)
        names = [f"{stem}.json", *(f"{stem}.{number}.json" for number in range(1, MAX_FILES))]
        for name in names:
            file = cls.claim_path(directory / name)
            if file:
                return file
        raise OSError(None, f"all {MAX_FILES} log files are in use", str(directory / names[0]))

    @classmethod
    def claim_path(cls, path: Path) -> OwnedFile | None:
        """The file at `path`, made if there is none, or None if another process owns it. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file = cls(path, fd)
            if file.is_current():
                file._close_torn_line()
                if not file._size:
                    sync_folder(path.parent)
                return file
        except BlockingIOError:
            pass  # another process owns it
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def is_full(self, limit: Limit) -> bool:
        """Whether it should be closed, by its size or its age; never while it is empty."""
        return self._size >= limit.bytes or (self._size > 0 and time.time() - self._began >= limit.seconds)

    def is_current(self) -> bool:
        """False once the file was moved, replaced or deleted under its path."""
        try:
            return _identity(self.path.stat()) == self._identity
        except FileNotFoundError:
            return False

    def write(self, lines: bytes) -> None:
        """Append whole lines. On failure cut back to the last whole line and raise ShortWrite.

        Only the unfinished rest is cut: a reader stops at the last newline, so it never saw that.
        """
        start, written, view = os.fstat(self._fd).st_size, 0, memoryview(lines)
        if not start:
            self._began = time.time()
        try:
            while written < len(lines):
                written += os.write(self._fd, view[written:])
        except OSError as error:
            kept = lines.rfind(b"\n", 0, written) + 1
            with suppress(OSError):  # else the torn line is closed when the file is claimed again
                os.ftruncate(self._fd, start + kept)
            raise ShortWrite(kept, error, self.path) from error
        self._size = start + written

    def probe(self) -> None:
        """Raise OSError unless there is room to write; leaves nothing behind, and no line a reader could see."""
        start = os.fstat(self._fd).st_size
        self.write(PROBE)
        os.ftruncate(self._fd, start)
        self._size = start

    def sync(self) -> None:
        """Force what was written to disk."""
        os.fsync(self._fd)

    def handle(self) -> int:
        """A second descriptor that its taker closes: syncing it does not keep this file from being closed."""
        return os.dup(self._fd)

    def retire(self) -> Path:
        """Make it a closed segment, and give it free. Raises OSError, and is then still to be closed."""
        closed = self.path.with_name(closed_name(self.path.name.partition(".")[0]))
        self.path.rename(closed)
        self.path = closed
        sync_folder(closed.parent)
        self.close()
        return closed

    def close(self) -> None:
        """Give the file free for another process."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)  # closing alone would not, while another handle is open
        os.close(self._fd)

    def _close_torn_line(self) -> None:
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")


def check_folder(directory: Path) -> None:
    """Raise OSError if no file can be made there, whether or not one that is open can still be written."""
    if not os.access(directory, os.W_OK | os.X_OK):
        reason = errno.EROFS if os.statvfs(directory).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(reason, os.strerror(reason), str(directory))


def _time_of_first_line(fd: int) -> float | None:
    """In seconds since 1970; None if there is no line, or none of the log."""
    found = FIRST_TIME.match(os.pread(fd, 64, 0))
    try:
        return datetime.fromisoformat(found[1].decode()).timestamp() if found else None
    except ValueError:
        return None


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino

"""One file of the log. One process owns it by a lock, and repairs its last line when it claims it."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import time
from contextlib import suppress
from datetime import datetime
from functools import cache
from math import inf
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from api.prediction_log.files.locks import AT_ONCE, EXCLUSIVE, NO_LOCKS, lock, unlock
from api.prediction_log.files.segments import closed_name

MAX_FILES = 1000
PROBE = b" " * 65536
BLOCK = 65536
FIRST_TIME = re.compile(rb'\{"timestamp": "([^"]{19,32})"')
logger = logging.getLogger("uvicorn.api.log")


class Limit(NamedTuple):
    """When a file is rotated: at this size, or at this age of its first line."""

    bytes: int = 256_000_000
    seconds: float = inf


BY_SIZE = Limit()


class ShortWrite(OSError):
    """Only the first `kept` bytes, which are whole lines, are in the file."""

    def __init__(self, kept: int, cause: OSError, path: Path) -> None:
        super().__init__(cause.errno, cause.strerror, str(path))
        self.kept = kept


class OwnedFile:
    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._stat = os.fstat(fd)
        self._size = self._stat.st_size
        self._began = _time_of_first_line(fd) or self._stat.st_mtime

    @classmethod
    def claim(cls, directory: Path, stem: str) -> OwnedFile:
        """The first of `<stem>.json`, `<stem>.1.json`, … that no other process owns and that can be opened.

        A new file survives a power cut only after its folder was synced. Raises OSError.
        """
        directory.mkdir(parents=True, exist_ok=True)
        check_folder(directory)
        names = [f"{stem}.json", *(f"{stem}.{number}.json" for number in range(1, MAX_FILES))]
        for path in (directory / name for name in names):
            was_there = path.is_symlink() or path.exists()
            try:
                file = cls.claim_path(path)
            except OSError as error:
                if not was_there or error.errno in NO_LOCKS:  # then the next one would fail, too
                    raise
                _say_passed_over(path, error.strerror)
                continue
            if file:
                return file
        raise OSError(None, f"all {MAX_FILES} log files are in use", str(directory / names[0]))

    @classmethod
    def claim_path(cls, path: Path) -> OwnedFile | None:
        """The file at `path`, created if needed; None if another process owns it. Raises OSError."""
        fd, file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), None
        try:
            if not S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "It is no regular file", str(path))
            if lock(fd, EXCLUSIVE | AT_ONCE, path) and _is_at(path, os.fstat(fd)):
                _end_with_a_whole_line(path, fd)
                file = cls(path, fd)
        finally:
            if file is None:
                os.close(fd)
        return file

    def is_full(self, limit: Limit) -> bool:
        """Whether it should be rotated; never while it is empty."""
        return self._size >= limit.bytes or (self._size > 0 and time.time() - self._began >= limit.seconds)

    def is_current(self) -> bool:
        """False once the file at this path was moved, replaced or deleted."""
        return _is_at(self.path, self._stat)

    def write(self, lines: bytes) -> None:
        """Append whole lines. On failure, truncate to the last whole line and raise ShortWrite.

        Only the unfinished rest is truncated. Readers stop at the last newline, so they never saw it.
        """
        start, written, view = os.fstat(self._fd).st_size, 0, memoryview(lines)
        if not start:
            self._began = time.time()
        try:
            while written < len(lines):
                written += os.write(self._fd, view[written:])
        except OSError as error:
            kept = lines.rfind(b"\n", 0, written) + 1
            with suppress(OSError):  # else the next claim of the file truncates it
                os.ftruncate(self._fd, start + kept)
            raise ShortWrite(kept, error, self.path) from error
        self._size = start + written

    def probe(self) -> None:
        """Raise OSError if there is no room to write. Leaves nothing behind, and no line that a reader could see."""
        start = os.fstat(self._fd).st_size
        self.write(PROBE)
        os.ftruncate(self._fd, start)
        self._size = start

    def sync(self) -> None:
        """Force all written lines to disk."""
        os.fsync(self._fd)

    def handle(self) -> int:
        """A duplicate descriptor, to sync the file even after it was closed here. The caller closes it."""
        return os.dup(self._fd)

    def retire(self) -> Path:
        """Rename the file to a rotated segment, and close it. Returns the new path.

        The new name survives a power cut only after the folder was synced. On OSError the file is still open.
        """
        closed = self.path.with_name(closed_name(self.path.name.partition(".")[0]))
        self.path.rename(closed)
        self.path = closed
        self.close()
        return closed

    def close(self) -> None:
        """Release the file for another process."""
        unlock(self._fd)  # close() alone would not release it while another handle is open
        os.close(self._fd)


def check_folder(directory: Path) -> None:
    """Raise OSError if no file can be created there, even if an open one can still be written."""
    if not os.access(directory, os.W_OK | os.X_OK):
        reason = errno.EROFS if os.statvfs(directory).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(reason, os.strerror(reason), str(directory))


def _time_of_first_line(fd: int) -> float | None:
    """Seconds since 1970; None if the file does not begin with a line of the log."""
    found = FIRST_TIME.match(os.pread(fd, 64, 0))
    try:
        return datetime.fromisoformat(found[1].decode()).timestamp() if found else None
    except ValueError:
        return None


def _is_at(path: Path, stat: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), stat)
    except OSError:  # there is no file, or a loop of links
        return False


def _end_with_a_whole_line(path: Path, fd: int) -> None:
    """Repair an unfinished last line: truncate it, or add the newline if only that is missing.

    A kill or a power cut may leave it. It was never acknowledged, and readers stop at the last newline.
    """
    size = os.fstat(fd).st_size
    end = _end_of_lines(fd, size)
    if end == size:
        return
    if _is_record(fd, end, size):
        os.write(fd, b"\n")
        logger.warning("%s: the last line lacked its newline, and has it now", path)
    else:
        os.ftruncate(fd, end)
        logger.warning("%s: the last line was unfinished and never acknowledged; cut off", path)


def _end_of_lines(fd: int, size: int) -> int:
    """The offset after the last newline."""
    while size:
        start = max(0, size - BLOCK)
        if (place := os.pread(fd, size - start, start).rfind(b"\n")) >= 0:
            return start + place + 1
        size = start
    return 0


def _is_record(fd: int, start: int, end: int) -> bool:
    """Whether these bytes are a JSON object. Zeros, which a power cut may leave, are not parsed."""
    if os.pread(fd, 1, start) != b"{" or os.pread(fd, 1, end - 1) != b"}":
        return False
    try:
        return isinstance(json.loads(os.pread(fd, end - start, start)), dict)
    except (ValueError, RecursionError):
        return False


@cache
def _say_passed_over(path: Path, reason: str) -> None:
    """Only once for each file: it is claimed again and again."""
    logger.warning(
        "%s cannot be opened and is passed over: %s; give it to the user of this service, or move it away", path, reason
    )

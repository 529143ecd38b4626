"""One file of the log, owned by one process: claimed by a lock, opened at the end of its last whole line."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

MAX_FILES = 1000
PROBE = b" " * 65536


class ShortWrite(OSError):
    """Only the first `kept` bytes, all of them whole lines, are in the file."""

    def __init__(self, kept: int, cause: OSError, path: Path) -> None:
        super().__init__(cause.errno, cause.strerror, str(path))
        self.kept = kept


class OwnedFile:
    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._identity = _identity(os.fstat(fd))

    @classmethod
    def claim(cls, directory: Path, stem: str) -> OwnedFile:
        """The first of `<stem>.json`, `<stem>.1.json`, … that no other process owns. Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        names = [f"{stem}.json", *(f"{stem}.{number}.json" for number in range(1, MAX_FILES))]
        for name in names:
            file = cls._claim_path(directory / name)
            if file:
                return file
        raise OSError(None, f"all {MAX_FILES} log files are in use", str(directory / names[0]))

    @classmethod
    def _claim_path(cls, path: Path) -> OwnedFile | None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file = cls(path, fd)
            if file.is_current():
                file._close_torn_line()
                return file
        except BlockingIOError:
            pass  # another process owns it
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
        return None

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
        try:
            while written < len(lines):
                written += os.write(self._fd, view[written:])
        except OSError as error:
            kept = lines.rfind(b"\n", 0, written) + 1
            with suppress(OSError):  # else the torn line is closed when the file is claimed again
                os.ftruncate(self._fd, start + kept)
            raise ShortWrite(kept, error, self.path) from error

    def probe(self) -> None:
        """Raise OSError unless there is room to write; leaves nothing behind, and no line a reader could see."""
        start = os.fstat(self._fd).st_size
        self.write(PROBE)
        os.ftruncate(self._fd, start)

    def sync(self) -> None:
        """Force what was written to disk."""
        os.fsync(self._fd)

    def handle(self) -> int:
        """A second descriptor that its taker closes: syncing it does not keep this file from being closed."""
        return os.dup(self._fd)

    def close(self) -> None:
        """Give the file free for another process."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)  # closing alone would not, while another handle is open
        os.close(self._fd)

    def _close_torn_line(self) -> None:
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            os.write(self._fd, b"\n")


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino

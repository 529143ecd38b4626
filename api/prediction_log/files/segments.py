"""The files of a log folder: their names, how to visit each once, and the locks for changing rotated segments.

All files named `prediction_logs*.json` or `feedback_logs*.json`, perhaps with `.gz`, are the log, whoever made them. A
rotated segment is `prediction_logs-20261126T142233.123456Z-1f3a.json`: the time of the rotation and a random part. A
compressed segment ends in `.gz`. Its content never changes, except that lines can be erased.

A segment is deleted or replaced only while no reader holds a shared lock on the folder or on a lock file in it. The
folder always exists, whoever starts first. But NFS keeps locks of folders on one machine, and shares those of files.
"""

from __future__ import annotations

import gzip
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import Any, BinaryIO

from api.prediction_log.files.locks import AT_ONCE, EXCLUSIVE, SHARED, locked

STEMS = ("prediction_logs", "feedback_logs")
ENDINGS = (".json", ".json.gz")
LEFT_OVER = (".new", ".unpacked")  # temporary files that a killed program may leave; names of all versions
CLOSED = re.compile(r"-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}\.json(\.gz)?$")
HELD, CHANGED = "retention.lock", "erasure.lock"  # locked by readers; by whoever compresses, deletes or erases
DAMAGED = EOFError, zlib.error, gzip.BadGzipFile
PAUSE = 0.02


def closed_name(stem: str) -> str:
    """A name that no other process can choose at the same moment."""
    return f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{token_hex(2)}.json"


def is_closed(path: Path) -> bool:
    return CLOSED.search(path.name) is not None


def log_files(directory: Path, *stems: str) -> list[Path]:
    """The files with these stems, or with any; the oldest rotated segments first. Raises OSError."""
    named = [path for path in directory.iterdir() if path.name.startswith(stems or STEMS)]
    found = [path for path in named if path.name.endswith(ENDINGS)]
    return sorted(found, key=lambda path: (not is_closed(path), path.name))


def is_copy(path: Path) -> bool:
    """Whether it is a compressed segment whose uncompressed file still exists."""
    return is_closed(path) and path.suffix == ".gz" and path.with_suffix("").exists()


def open_log(path: Path) -> BufferedIOBase:
    """The lines of a file, compressed or not."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def unpacked(path: Path, file: BinaryIO) -> BinaryIO | gzip.GzipFile:
    """The lines of an open file, compressed or not, from its start."""
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file


def use_each(directory: Path, use: Callable[[Path, BinaryIO], None], mode: str = "rb") -> dict[Path, str]:
    """Open each file of the log once and `use` it. Returns for each file that failed a clause with the reason.

    Files may be rotated meanwhile, which renames them, but must not be compressed: the caller holds `needing_segments`.
    `mode` is for uncompressed files; compressed ones are never written in place. Raises OSError if the folder cannot be
    read.
    """
    seen, failed = set[Any](), dict[Path, str]()
    for path in (
        path for _ in range(2) for path in log_files(directory)
    ):  # the second pass finds files that were renamed
        try:
            if not S_ISREG(path.stat().st_mode):  # opening a pipe could wait for ever
                failed[path] = "it is no regular file"
                continue
            file = path.open("rb" if path.suffix == ".gz" else mode)
        except FileNotFoundError:
            if path.is_symlink():
                failed[path] = "it is a link to a file that is not there"
            continue
        except OSError as error:
            failed[path] = _reason(error)
            continue
        with file:
            stat = os.fstat(file.fileno())
            # Rewriting a compressed file replaces it, so a second link to it still has the old content.
            one = path if path.suffix == ".gz" and mode != "rb" else (stat.st_dev, stat.st_ino)
            if one in seen:
                continue
            seen.add(one)
            try:
                use(path, file)  # type: ignore[arg-type]  # `mode` is a binary one
            except (OSError, *DAMAGED) as error:
                failed[path] = _reason(error)
    return failed


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "its compressed lines are damaged: they end too early"
    if isinstance(error, DAMAGED):
        return f"its compressed lines are damaged: {error}"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def remove_left_overs(directory: Path) -> dict[Path, str]:
    """Remove the temporary files of killed programs. Returns for each file that failed a clause with the reason.

    The caller holds `changing_alone`. Raises OSError.
    """
    failed = {}
    for path in left_overs(directory):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failed[path] = _reason(error)
    return failed


def left_overs(directory: Path) -> list[Path]:
    beginnings = tuple(f".{stem}" for stem in STEMS)
    return [p for p in directory.iterdir() if p.name.startswith(beginnings) and p.name.endswith(LEFT_OVER)]


@contextmanager
def packed(lines: Callable[[BinaryIO], object], path: Path, like: os.stat_result) -> Iterator[Path]:
    """A synced, compressed file of what `lines` writes, with the times, mode and owner of `like`. Raises OSError.

    The caller renames it to `path`; otherwise it is removed.
    """
    new = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        with new.open("xb") as file:
            with gzip.GzipFile("", "wb", 6, file) as sink:
                lines(sink)  # type: ignore[arg-type]  # GzipFile is a file for writing
            file.flush()
            with suppress(PermissionError):  # only root may give files to others
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), like.st_mode & 0o777)
            os.utime(file.fileno(), ns=(like.st_atime_ns, like.st_mtime_ns))
            os.fsync(file.fileno())
        yield new
    finally:
        new.unlink(missing_ok=True)


def sync_folder(directory: Path) -> None:
    """Make renamed and new files survive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def changing_alone(directory: Path, wait: bool = False) -> Iterator[bool]:
    """Gives whether this process may compress, delete or erase; only one does at a time."""
    with locked(directory / CHANGED, EXCLUSIVE if wait else EXCLUSIVE | AT_ONCE) as alone:
        yield alone


@contextmanager
def changing_segments(directory: Path, patience: float = 0.0) -> Iterator[bool]:
    """Gives whether rotated segments may be deleted or replaced now. Waits up to `patience` seconds for readers.

    Hold it only for a moment, because new readers wait for it. Creates the lock file.
    """
    how, deadline = EXCLUSIVE | AT_ONCE, time.monotonic() + patience
    while True:
        with locked(directory, how) as folder, locked(directory / HELD, how) as file:
            if (folder and file) or time.monotonic() >= deadline:
                yield folder and file
                return
        time.sleep(PAUSE)


@contextmanager
def needing_segments(directory: Path) -> Iterator[None]:
    """Keep rotated segments from being deleted or replaced, except by erasure. Raises OSError."""
    with ExitStack() as stack:
        stack.enter_context(locked(directory, SHARED))
        with suppress(FileNotFoundError):  # no service has opened the folder yet
            stack.enter_context(locked(directory / HELD, SHARED))
        yield


@contextmanager
def erasing(directory: Path) -> Iterator[None]:
    """Keep others from deleting, compressing or erasing; does not wait for readers.

    It takes the readers' lock, too: an older version that runs beside this one respects only that.
    """
    with changing_alone(directory, wait=True), needing_segments(directory):
        yield


def make_lock(directory: Path) -> float:
    """Create the readers' lock file if needed. Returns its age in seconds. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(directory / HELD, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644))
    return max(0.0, datetime.now(UTC).timestamp() - (directory / HELD).stat().st_mtime)

"""Retention: deletes the oldest rotated segments, so that the log does not fill the disk, and compresses others.

It deletes only whole segments, and none while a reader holds them; readers do until they have counted all rotated
segments. Segments that were rotated within the last GRACE_SECONDS stay, so that a restarting reader finds them. A
failure with one file is logged, and the others are processed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, NamedTuple

from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.segments import (
    changing_alone,
    changing_segments,
    is_closed,
    left_overs,
    log_files,
    open_log,
    packed,
    remove_left_overs,
    sync_folder,
)

GRACE_SECONDS = 600.0
A_DAY = 86_400.0
PATIENCE = 1.0  # seconds; a reader that only looks for new lines takes less
logger = logging.getLogger("uvicorn.api.log")


class Keep(NamedTuple):
    """How much of the log stays: segments of the last `days`, and at most `bytes` in total; 0 means no limit.

    `compress` says whether rotated segments are compressed.
    """

    days: float = 0
    bytes: int = 0
    compress: bool = False
    grace_seconds: float = GRACE_SECONDS

    @property
    def everything(self) -> bool:
        return not (self.days or self.bytes or self.compress)


KEEP_ALL = Keep()


class Stopped(Exception):
    """The service is stopping; the next one continues the work."""


class Segment(NamedTuple):
    """A file of the log: its size in bytes, and the time of its last write in seconds since 1970."""

    path: Path
    size: int
    written: float


def outdated(files: Sequence[Segment], keep: Keep, now: float) -> list[Segment]:
    """The files to delete, the oldest first."""
    closed = [file for file in files if is_closed(file.path) and file.written <= now - keep.grace_seconds]
    closed.sort(key=lambda file: file.written)
    too_old = [file for file in closed if keep.days and file.written < now - keep.days * A_DAY]
    size = sum(file.size for file in files) - sum(file.size for file in too_old)
    for file in closed[len(too_old) :]:
        if not keep.bytes or size <= keep.bytes:
            break
        too_old.append(file)
        size -= file.size
    return too_old


def tend(directory: Path, keep: Keep, stopping: Callable[[], bool] = lambda: False) -> list[Path]:
    """Delete and compress segments that are due, and remove temporary files. Returns the deleted files.

    It ends soon after `stopping` returns true. Raises OSError.
    """
    if keep.everything and not left_overs(directory):
        return []
    with changing_alone(directory) as alone:
        if not alone:
            return []
        for path, reason in remove_left_overs(directory).items():
            logger.warning("%s cannot be deleted: %s", path, reason)
        if keep.everything:
            return []
        _close_what_nobody_writes(directory)
        gone = _delete_outdated(directory, keep)  # first: compressing needs room
        if keep.compress:
            with suppress(Stopped):
                _compress_segments(directory, keep.grace_seconds, stopping)
    return gone


def _delete_outdated(directory: Path, keep: Keep) -> list[Path]:
    gone, due = [], outdated(_segments(directory), keep, time.time())
    if not due:
        return []
    with changing_segments(directory, PATIENCE) as allowed:
        if not allowed:
            logger.debug("a reader has not counted all rotated segments yet; they stay")
        for path in [file.path for file in due if allowed]:
            with _saying(path, "deleted"):
                path.unlink(missing_ok=True)
                gone.append(path)
                logger.info("%s was deleted, because of LOG_KEEP_DAYS or LOG_KEEP_GB", path)
    return gone


def _segments(directory: Path) -> list[Segment]:
    found = []
    for path in log_files(directory):
        with _saying(path, "looked at"):
            stat = path.stat()
            found.append(Segment(path, stat.st_size, stat.st_mtime))
    return found


def _close_what_nobody_writes(directory: Path) -> None:
    """Rotate files of ended processes, which would otherwise stay for ever."""
    for path in log_files(directory):
        if is_closed(path) or path.suffix == ".gz":
            continue
        with _saying(path, "closed"):
            left = path.stat()
            if not left.st_size or time.time() - left.st_mtime < A_DAY:
                continue
            if file := OwnedFile.claim_path(path):
                logger.info("%s was left by an ended process; it is now %s", path, file.retire().name)
                sync_folder(directory)


def _compress_segments(directory: Path, grace_seconds: float, stopping: Callable[[], bool]) -> None:
    """A compressed copy that already exists was left by a crash, and is replaced."""
    for path in log_files(directory):
        if not is_closed(path) or path.suffix == ".gz":
            continue
        with _saying(path, "compressed"):
            stat = path.stat()
            if stat.st_mtime > time.time() - grace_seconds or not S_ISREG(stat.st_mode):
                continue
            with changing_segments(directory, PATIENCE) as allowed:
                if not allowed:
                    return
            compressed = path.with_name(f"{path.name}.gz")
            with (
                open_log(path) as lines,
                packed(partial(_copy, lines, stopping), compressed, stat) as new,
                changing_segments(directory, PATIENCE) as allowed,
            ):
                if not allowed:
                    return
                new.replace(compressed)
                sync_folder(directory)
                path.unlink()


def _copy(lines: BufferedIOBase, stopping: Callable[[], bool], sink: BinaryIO) -> None:
    while part := lines.read(1024**2):
        if stopping():
            raise Stopped
        sink.write(part)


@contextmanager
def _saying(path: Path, what: str) -> Iterator[None]:
    """Log an error with one file, and go on with the others."""
    try:
        yield
    except FileNotFoundError:
        pass  # it was renamed or deleted meanwhile
    except OSError as error:
        logger.warning("%s cannot be %s: %s", path, what, error.strerror)

"""The files of a log folder: which there are, how each of them is used once, and who may change closed ones.

All files called `prediction_logs*.json` or `feedback_logs*.json`, perhaps with `.gz`, are the log, whoever made them. A
closed segment is `prediction_logs-20261126T142233.123456Z-1f3a.json`, with the time at which it was closed and some
chance; a compressed one has `.gz` after that. What it holds never changes, but that lines can be erased.

A closed segment is deleted or replaced only while nobody holds the folder, and a file in it, with a shared lock. The
folder is always there, whoever starts first; but NFS keeps its lock to one machine, and shares that of the file.
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
LEFT_OVER = (".new", ".unpacked")  # what a program that was killed may leave; the names of all versions
CLOSED = re.compile(r"-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}\.json(\.gz)?$")
HELD, CHANGED = "retention.lock", "erasure.lock"  # by readers; by who compresses, deletes or erases
DAMAGED = EOFError, zlib.error, gzip.BadGzipFile
PAUSE = 0.02


def closed_name(stem: str) -> str:
    """A name that no other process can choose in the same moment."""
    return f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{token_hex(2)}.json"


def is_closed(path: Path) -> bool:
    return CLOSED.search(path.name) is not None


def log_files(directory: Path, *stems: str) -> list[Path]:
    """The files of these kinds (of all without any), the oldest closed segments first. Raises OSError."""
    named = [path for path in directory.iterdir() if path.name.startswith(stems or STEMS)]
    found = [path for path in named if path.name.endswith(ENDINGS)]
    return sorted(found, key=lambda path: (not is_closed(path), path.name))


def is_copy(path: Path) -> bool:
    """Whether it is a compressed segment whose lines are still there uncompressed, too."""
    return is_closed(path) and path.suffix == ".gz" and path.with_suffix("").exists()


def open_log(path: Path) -> BufferedIOBase:
    """The lines of a file, compressed or not."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def unpacked(path: Path, file: BinaryIO) -> BinaryIO | gzip.GzipFile:
    """The lines of a file that is open, compressed or not, from its start."""
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file


def use_each(directory: Path, use: Callable[[Path, BinaryIO], None], mode: str = "rb") -> dict[Path, str]:
    """Open each file of the log once, whatever it is called by then, and `use` it; why some could not be, in a clause.

    Files may be closed meanwhile, which gives them another name, but not be compressed: the caller must hold
    `needing_segments`. `mode` is how files are opened, but compressed ones, which nobody writes in place. Raises
    OSError if the folder cannot be read.
    """
    seen, failed = set[Any](), dict[Path, str]()
    for path in (path for _ in range(2) for path in log_files(directory)):  # what has another name then is found by it
        try:
            if not S_ISREG(path.stat().st_mode):  # to open a pipe would be to wait for ever
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
            # Who writes a compressed file anew makes it another one: a second name of it is still the old one.
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
    """Remove what was left by programs that were killed while they wrote a compressed file, if nobody writes one; why
    that failed for some, in a clause. For who holds `changing_alone`. Raises OSError."""
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
    """A compressed file that is on disk, to be renamed to `path`, of what `lines` writes; its times, mode and owner are
    those of `like`. If it is not renamed it does not stay. Raises OSError."""
    new = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        with new.open("xb") as file:
            with gzip.GzipFile("", "wb", 6, file) as sink:
                lines(sink)  # type: ignore[arg-type]  # a file to whoever writes to it
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
    """Have new names of files outlive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def changing_alone(directory: Path, wait: bool = False) -> Iterator[bool]:
    """Whether this process may compress, delete or erase: one does at a time."""
    with locked(directory / CHANGED, EXCLUSIVE if wait else EXCLUSIVE | AT_ONCE) as alone:
        yield alone


@contextmanager
def changing_segments(directory: Path, patience: float = 0.0) -> Iterator[bool]:
    """Whether closed segments may be deleted or replaced meanwhile: not while somebody needs them, for whose end it
    waits so many seconds. For a moment only: a reader that begins to need them waits. Makes the file that is locked."""
    how, deadline = EXCLUSIVE | AT_ONCE, time.monotonic() + patience
    while True:
        with locked(directory, how) as folder, locked(directory / HELD, how) as file:
            if (folder and file) or time.monotonic() >= deadline:
                yield folder and file
                return
        time.sleep(PAUSE)


@contextmanager
def needing_segments(directory: Path) -> Iterator[None]:
    """Closed segments are neither deleted nor replaced meanwhile, but by who erases. Raises OSError."""
    with ExitStack() as stack:
        stack.enter_context(locked(directory, SHARED))
        with suppress(FileNotFoundError):  # of a folder that no service has opened yet
            stack.enter_context(locked(directory / HELD, SHARED))
        yield


@contextmanager
def erasing(directory: Path) -> Iterator[None]:
    """Nothing is deleted or compressed meanwhile, and nobody else erases; readers are not waited for. An older service,
    which may run beside this one, looks at the readers' lock alone."""
    with changing_alone(directory, wait=True), needing_segments(directory):
        yield


def make_lock(directory: Path) -> float:
    """Make the file that readers lock, if it is not there; how many seconds ago it was made. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(directory / HELD, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644))
    return max(0.0, datetime.now(UTC).timestamp() - (directory / HELD).stat().st_mtime)

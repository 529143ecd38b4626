"""The files of a log folder by their names: those that are written, and closed segments, to which nothing is added.

A closed segment is `prediction_logs-20261126T142233.123456Z-1f3a.json`, with the time at which it was closed and some
chance; a compressed one has `.gz` after that. What it holds never changes, but that lines can be erased.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path
from secrets import token_hex

STEMS = ("prediction_logs", "feedback_logs")
CLOSED = re.compile(r"-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}\.json(\.gz)?$")
LOCK, ERASING = "retention.lock", "erasure.lock"


def closed_name(stem: str) -> str:
    """A name that no other process can choose in the same moment."""
    return f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{token_hex(2)}.json"


def is_closed(path: Path) -> bool:
    return CLOSED.search(path.name) is not None


def log_files(directory: Path, *stems: str) -> list[Path]:
    """The files of these kinds (of all without any), closed segments first, the oldest of them first."""
    found = {
        path
        for stem in stems or STEMS
        for pattern in (f"{stem}.json", f"{stem}[-.]*.json", f"{stem}.json.gz", f"{stem}[-.]*.json.gz")
        for path in directory.glob(pattern)
    }
    return sorted(found, key=lambda path: (not is_closed(path), path.name))


def open_log(path: Path) -> BufferedIOBase:
    """The lines of a file, compressed or not."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def sync_folder(directory: Path) -> None:
    """Have new names of files outlive a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def changing_segments(directory: Path) -> Iterator[bool]:
    """Whether segments may be deleted or replaced meanwhile: not while a reader still needs them, who then holds a
    shared lock of LOCK, and by one process at a time."""
    with (directory / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            allowed = True
        except BlockingIOError:
            allowed = False
        yield allowed


@contextmanager
def erasing(directory: Path) -> Iterator[None]:
    """Nothing is deleted or compressed meanwhile, and nobody else erases; readers are not waited for."""
    with (directory / LOCK).open("ab") as lock, (directory / ERASING).open("ab") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield

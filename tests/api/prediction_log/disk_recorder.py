"""What a program asks of the disk, in its order, and whether that would outlive a power cut."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import threading
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest

BY_CHANCE = re.compile(r"-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}|(?<=\.gz)\.[0-9a-f]{8}")
OF_DESCRIPTORS = "write", "pwrite", "ftruncate", "fsync"
OF_NAMES = "rename", "replace", "unlink", "remove"


class Event(NamedTuple):
    """`what` was done with the file or folder `name`, without what is chance in it, by a thread."""

    what: str
    name: str
    thread: int


class Lock(NamedTuple):
    name: str
    how: int
    is_folder: bool
    mode: int  # of the descriptor: O_RDONLY, O_WRONLY or O_RDWR


class DiskRecorder:
    """Records the calls of `os` that write, sync, rename and delete, and those of `flock`, and makes them; or has them
    fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.locks: list[Lock] = []
        self._unsynced: dict[tuple[int, int], str] = {}
        self._expected: list[tuple[str, str, Callable[[], object]]] = []
        self._open = os.open
        monkeypatch.setattr(os, "open", self._opened)
        for name in OF_DESCRIPTORS:
            monkeypatch.setattr(os, name, self._on_descriptor(name, getattr(os, name)))
        for name in OF_NAMES:
            monkeypatch.setattr(os, name, self._on_name(name, getattr(os, name)))
        monkeypatch.setattr(fcntl, "flock", self._lock(fcntl.flock))

    @property
    def done(self) -> list[str]:
        return [f"{event.what} {event.name}" for event in self.events]

    @property
    def unsynced(self) -> set[str]:
        """The files that were written, and the folders in which names changed, since they were last synced."""
        return set(self._unsynced.values())

    def before(self, what: str, name: str, act: Callable[[], object]) -> None:
        """From now on `act` is called before `what` is done with files whose names match."""
        self._expected.append((what, name, act))

    def fail(self, what: str, name: str, number: int) -> None:
        """From now on `what` fails with this error for files whose names match."""

        def fail() -> None:
            raise OSError(number, os.strerror(number), name)

        self.before(what, name, fail)

    def _act(self, what: str, name: str) -> None:
        for expected, pattern, act in self._expected:
            if what == expected and fnmatch(name, pattern):
                act()

    def _note(self, what: str, name: str) -> None:
        self._act(what, name)
        self.events.append(Event(what, BY_CHANCE.sub("", name), threading.get_ident()))

    def _changed(self, folder: Path) -> None:
        found = folder.stat()
        self._unsynced[found.st_dev, found.st_ino] = folder.name

    def _opened(self, path: Any, flags: int, *rest: Any, **options: Any) -> int:
        is_new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        if is_new:
            self._note("create", Path(path).name)
        fd = self._open(path, flags, *rest, **options)
        if is_new:
            self._changed(Path(path).parent)
        return fd

    def _on_descriptor(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(fd: int, *rest: Any) -> Any:
            name, found = Path(f"/proc/self/fd/{fd}").readlink().name, os.fstat(fd)
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                return call(fd, *rest)
            self._note(what, name)
            if what == "fsync":
                self._unsynced.pop((found.st_dev, found.st_ino), None)
            else:
                self._unsynced[found.st_dev, found.st_ino] = name
            return call(fd, *rest)

        return recorded

    def _on_name(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(path: Any, *rest: Any, **options: Any) -> Any:
            if os.path.lexists(path):
                self._note({"remove": "unlink", "replace": "rename"}.get(what, what), Path(path).name)
                self._changed(Path(path).parent)
            return call(path, *rest, **options)

        return recorded

    def _lock(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(file: Any, how: int) -> Any:
            fd = file if isinstance(file, int) else file.fileno()
            name = Path(f"/proc/self/fd/{fd}").readlink().name
            mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
            self.locks.append(Lock(name, how, stat.S_ISDIR(os.fstat(fd).st_mode), mode))
            self._act("flock", name)
            return call(fd, how)

        return recorded

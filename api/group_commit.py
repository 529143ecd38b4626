"""Many callers append, one thread writes for all of them: one write, and one sync, for everything that waits.

A caller's lines are in the file when its future is done; how soon they are also forced to disk is `Sync`, in
Redis' terms: before the future is done (always), at most a second later (everysec), when the kernel likes (no).
A file that cannot be written says why in `problem`, refuses what is appended, and is tried again every second.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Literal, NamedTuple

from api.owned_file import OwnedFile, ShortWrite

Sync = Literal["always", "everysec", "no"]
SYNC_SECONDS = 1.0
RETRY_SECONDS = 1.0

logger = logging.getLogger("uvicorn.api.log")


class LogUnavailable(Exception):
    """The log cannot be written; the text is the reason."""


class _Entry(NamedTuple):
    lines: bytes
    done: Future[None]


class GroupCommit:
    def __init__(self, claim: Callable[[], OwnedFile], sync: Sync) -> None:
        self.problem: str | None = None
        self._claim, self._sync = claim, sync
        self._entries: list[_Entry] = []
        self._wake = threading.Condition()
        self._closing = threading.Event()
        self._file: OwnedFile | None = None
        self._unsynced = False
        self._file_lock = threading.Lock()  # around every use of the two above, and every change of `problem`
        try:
            self._file = claim()
        except OSError as error:
            self._give_up(error)
        self._threads = [threading.Thread(target=self._write_for_all, daemon=True)]
        if sync == "everysec":
            self._threads.append(threading.Thread(target=self._sync_every_second, daemon=True))
        for thread in self._threads:
            thread.start()

    def append(self, lines: bytes) -> Future[None]:
        """Queue whole lines; the future is done when they are written, or fails with LogUnavailable."""
        entry = _Entry(lines, Future())
        entry.done.set_running_or_notify_cancel()  # a caller that stops waiting does not stop the write
        with self._wake:
            if self._closing.is_set():
                entry.done.set_exception(LogUnavailable("the service is shutting down"))
            else:
                self._entries.append(entry)
                self._wake.notify()
        return entry.done

    def close(self) -> None:
        """Write what waits, force it to disk, and give the file free for another process."""
        with self._wake:
            self._closing.set()
            self._wake.notify()
        for thread in self._threads:
            thread.join()
        if self._file:
            with suppress(OSError):
                self._file.sync()
            self._file.close()

    def _write_for_all(self) -> None:
        while not (self._closing.is_set() and not self._entries):
            with self._wake:
                if not self._entries and not self._closing.is_set():
                    self._wake.wait(RETRY_SECONDS if self.problem else None)
                entries, self._entries = self._entries, []
            if entries:
                self._commit(entries)
            elif self.problem:
                self._write(b"")

    def _commit(self, entries: list[_Entry]) -> None:
        acknowledged = self._write(b"".join(entry.lines for entry in entries))
        for entry in entries:
            acknowledged -= len(entry.lines)
            if acknowledged >= 0:
                entry.done.set_result(None)
            else:
                entry.done.set_exception(LogUnavailable(self.problem))

    def _write(self, lines: bytes) -> int:
        """How many bytes of `lines` may be acknowledged: all, or fewer and `problem` says why."""
        with self._file_lock:
            try:
                file = self._usable_file()
                file.write(lines)
                if self._sync == "always":
                    file.sync()
                self._unsynced = True
                return len(lines)
            except ShortWrite as error:
                self._give_up(error)
                return 0 if self._sync == "always" else error.kept
            except OSError as error:
                self._give_up(error)
                return 0

    def _usable_file(self) -> OwnedFile:
        if self._file and self._file.is_current():
            return self._file
        if self._file:
            logger.warning("%s was moved or deleted; a new file is started", self._file.path)
            with suppress(OSError):
                self._file.sync()
            self._file.close()
        self._file = None
        file = self._claim()
        if self.problem:
            try:
                file.probe()
            except OSError:
                file.close()
                raise
            logger.warning("the log can be written again: %s", file.path)
        self._file, self.problem = file, None
        return file

    def _give_up(self, error: OSError) -> None:
        path = error.filename or (self._file and self._file.path)
        problem = f"{error.strerror}: {path}" if path else str(error.strerror)
        if not self.problem:
            logger.error("the log cannot be written: %s; trying again every %g s", problem, RETRY_SECONDS)
        self.problem = problem
        if self._file:
            self._file.close()
        self._file = None
        with self._wake:
            self._wake.notify()

    def _sync_every_second(self) -> None:
        while not self._closing.wait(SYNC_SECONDS):
            with self._file_lock:
                if not self._file or not self._unsynced:
                    continue
                self._unsynced = False
                handle = self._file.handle()
            try:
                os.fsync(handle)  # outside the lock: writers do not wait for the disk
            except OSError as error:
                with self._file_lock:
                    self._give_up(error)
            finally:
                os.close(handle)

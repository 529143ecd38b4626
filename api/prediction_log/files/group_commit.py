"""Group commit: one write, and one sync, for the lines of all waiting callers.

A caller's lines are in the file when its future is done. `Sync` says when they are forced to disk, in Redis' terms:
before the future is done (always), at most a second later (everysec), or when the kernel decides (no).
If the file cannot be written, `problem` has the reason, appends are refused, and it is retried every second.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from api.prediction_log.contract import LogUnavailable
from api.prediction_log.files.owned_file import BY_SIZE, Limit, OwnedFile, ShortWrite, check_folder
from api.settings import Sync

SYNC_SECONDS = 0.5  # plus the time a sync takes: at most the last second is at risk
CHECK_SECONDS = 1.0
T = TypeVar("T")

logger = logging.getLogger("uvicorn.api.log")


class _Entry(NamedTuple):
    lines: bytes
    done: asyncio.Future[None]


class GroupCommit:
    """For one event loop. The loop writes; a thread syncs files and folders, and with `always` it writes, too.

    A write to the page cache is faster than waking a thread; a sync is not.
    """

    def __init__(self, claim: Callable[[], OwnedFile], sync: Sync, limit: Limit = BY_SIZE) -> None:
        self.problem: str | None = None
        self._claim, self._sync, self._limit = claim, sync, limit
        self._waiting: list[_Entry] = []
        self._committing: asyncio.Task[None] | None = None
        self._upkeep: list[asyncio.Task[None]] = []
        self._closed = False
        self._file: OwnedFile | None = None
        self._unsynced = False  # whether the file was written after its last sync
        self._to_sync = deque[
            int
        ]()  # duplicate descriptors of written files, and descriptors of folders with new names
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="log")

    async def open(self) -> None:
        """Claim the file. A failure is a `problem`, not an exception."""
        loop = asyncio.get_running_loop()
        await self._do(self._write, b"")
        self._upkeep.append(loop.create_task(self._check_every_second()))
        if self._sync != "always":
            self._upkeep.append(loop.create_task(self._sync_regularly()))

    def append(self, lines: bytes) -> asyncio.Future[None]:
        """Queue whole lines. The future is done when they are written, or fails with LogUnavailable.

        Cancelling the future does not stop the write.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._closed:
            done.set_exception(LogUnavailable("the service is shutting down"))
            return done
        self._waiting.append(_Entry(lines, done))
        if self._committing is None or self._committing.done():
            # The task starts after all tasks that are ready now, so it finds everything that they append.
            self._committing = loop.create_task(self._commit_all())
        return done

    async def close(self) -> None:
        """Write all pending lines, force them to disk, and release the file for another process."""
        self._closed = True
        for task in self._upkeep:
            task.cancel()
        if self._committing:
            await self._committing
        await asyncio.get_running_loop().run_in_executor(self._writer, self._sync_and_close)
        self._writer.shutdown()

    async def _do(self, use_file: Callable[..., T], *args: Any) -> T:
        """Every use of the file goes through here: always in the same thread, so never two at once."""
        if self._sync == "always":
            return await asyncio.get_running_loop().run_in_executor(self._writer, use_file, *args)
        return use_file(*args)

    async def _commit_all(self) -> None:
        while self._waiting:
            entries, self._waiting = self._waiting, []
            lines = b"".join(entry.lines for entry in entries)
            try:
                acknowledged = await self._do(self._write, lines)
            except Exception as error:  # a bug: no caller may wait for ever
                _settle(entries, 0, error)
            else:
                _settle(entries, acknowledged, LogUnavailable(self.problem))

    def _write(self, lines: bytes) -> int:
        """The number of bytes of `lines` that may be acknowledged; if not all, `problem` has the reason."""
        try:
            file = self._usable_file()
            self._unsynced = True
            file.write(lines)
            if self._sync == "always":
                file.sync()
                self._unsynced = False
                self._sync_handles()
            return len(lines)
        except ShortWrite as error:
            self._give_up(error)
            return 0 if self._sync == "always" else error.kept
        except OSError as error:
            self._give_up(error)
            return 0

    def _usable_file(self) -> OwnedFile:
        if self._file and not self._file.is_current():
            logger.warning("%s was moved or deleted; a new file is started", self._file.path)
            self._let_go()
        elif self._file and self._file.is_full(self._limit):
            self._close_segment(self._file)
        if self._file:
            return self._file
        file = self._claim()
        if self.problem:
            try:
                file.probe()
            except OSError:
                file.close()
                raise
            logger.warning("the log can be written again: %s", file.path)
        self._file, self.problem = file, None
        self._to_sync.append(os.open(file.path.parent, os.O_RDONLY))  # the file may be new
        return file

    def _close_segment(self, file: OwnedFile) -> None:
        if self._unsynced:
            self._to_sync.append(file.handle())
        logger.info("%s is full; it is now %s", file.path, file.retire().name)
        self._file, self._unsynced = None, False
        self._to_sync.append(os.open(file.path.parent, os.O_RDONLY))

    def _check(self) -> None:
        """Detect a folder that disappeared, even if nothing is written, and rotate a file that is too old."""
        try:
            check_folder(self._usable_file().path.parent)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        path = error.filename or (self._file and self._file.path)
        problem = f"{error.strerror}: {path}" if path else str(error.strerror)
        if not self.problem:
            logger.error("the log cannot be written: %s; trying again every %g s", problem, CHECK_SECONDS)
        self.problem = problem
        self._let_go()

    def _let_go(self) -> None:
        """Close the file; unsynced lines stay queued for a sync."""
        if self._file:
            if self._unsynced:
                with suppress(OSError):  # if no descriptor is left, the kernel syncs it later
                    self._to_sync.append(self._file.handle())
            self._file.close()
        self._file, self._unsynced = None, False

    async def _check_every_second(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._do(self._check)

    async def _sync_regularly(self) -> None:
        """Sync rotated files and new names in every mode; with `everysec` the current file, too."""
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            if self._file and self._unsynced and self._sync == "everysec":
                with suppress(OSError):  # if no descriptor is left, retry next time
                    self._to_sync.append(self._file.handle())
                    self._unsynced = False
            try:
                await asyncio.get_running_loop().run_in_executor(self._writer, self._sync_handles)
            except OSError as error:
                self._give_up(error)

    def _sync_handles(self) -> None:
        while self._to_sync:
            handle = self._to_sync.popleft()
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _sync_and_close(self) -> None:
        """Sync everything that can be synced, despite failures."""
        self._let_go()
        while self._to_sync:
            try:
                self._sync_handles()
            except OSError as error:
                logger.error("the end of the log may not be on disk: %s", error.strerror)


def _settle(entries: list[_Entry], acknowledged: int, error: Exception) -> None:
    """Entries within the first `acknowledged` bytes are done; the others fail with `error`."""
    for entry in entries:
        acknowledged -= len(entry.lines)
        if entry.done.done():  # its caller stopped waiting
            continue
        if acknowledged >= 0:
            entry.done.set_result(None)
        else:
            entry.done.set_exception(error)

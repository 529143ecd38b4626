"""Many callers append, one writes for all of them: one write, and one sync, for everything that waits.

A caller's lines are in the file when its future is done; how soon they are also forced to disk is `Sync`, in
Redis' terms: before the future is done (always), at most a second later (everysec), when the kernel likes (no).
A file that cannot be written says why in `problem`, refuses what is appended, and is tried again every second.
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

SYNC_SECONDS = 0.5  # so that with the time that a sync takes no more than the last second is at risk
CHECK_SECONDS = 1.0
T = TypeVar("T")

logger = logging.getLogger("uvicorn.api.log")


class _Entry(NamedTuple):
    lines: bytes
    done: asyncio.Future[None]


class GroupCommit:
    """For one event loop, which writes by itself; a thread of its own syncs files and folders, and if every write is to
    be synced, it also writes.

    A write to the kernel's memory is over before a thread would have been woken, a sync is not.
    """

    def __init__(self, claim: Callable[[], OwnedFile], sync: Sync, limit: Limit = BY_SIZE) -> None:
        self.problem: str | None = None
        self._claim, self._sync, self._limit = claim, sync, limit
        self._waiting: list[_Entry] = []
        self._committing: asyncio.Task[None] | None = None
        self._upkeep: list[asyncio.Task[None]] = []
        self._closed = False
        self._file: OwnedFile | None = None
        self._unsynced = False  # whether the file was written since it was last synced
        self._to_sync = deque[int]()  # second descriptors of files that were written, and of folders with new names
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="log")

    async def open(self) -> None:
        """Claim the file; a file that cannot be claimed is a `problem`, not an error."""
        loop = asyncio.get_running_loop()
        await self._do(self._write, b"")
        self._upkeep.append(loop.create_task(self._check_every_second()))
        if self._sync != "always":
            self._upkeep.append(loop.create_task(self._sync_regularly()))

    def append(self, lines: bytes) -> asyncio.Future[None]:
        """Queue whole lines; the future is done when they are written, or fails with LogUnavailable.

        A caller that stops waiting does not stop the write.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._closed:
            done.set_exception(LogUnavailable("the service is shutting down"))
            return done
        self._waiting.append(_Entry(lines, done))
        if self._committing is None or self._committing.done():
            # A task starts when everybody whose turn it is now has had it, so that it finds what they all append.
            self._committing = loop.create_task(self._commit_all())
        return done

    async def close(self) -> None:
        """Write what waits, force it to disk, and give the file free for another process."""
        self._closed = True
        for task in self._upkeep:
            task.cancel()
        if self._committing:
            await self._committing
        await asyncio.get_running_loop().run_in_executor(self._writer, self._sync_and_close)
        self._writer.shutdown()

    async def _do(self, use_file: Callable[..., T], *args: Any) -> T:
        """All that uses the file goes through here: in always the same thread, and so never two at once."""
        if self._sync == "always":
            return await asyncio.get_running_loop().run_in_executor(self._writer, use_file, *args)
        return use_file(*args)

    async def _commit_all(self) -> None:
        while self._waiting:
            entries, self._waiting = self._waiting, []
            lines = b"".join(entry.lines for entry in entries)
            try:
                acknowledged = await self._do(self._write, lines)
            except Exception as error:  # a mistake of ours: nobody may wait for ever
                _settle(entries, 0, error)
            else:
                _settle(entries, acknowledged, LogUnavailable(self.problem))

    def _write(self, lines: bytes) -> int:
        """How many bytes of `lines` may be acknowledged: all, or fewer and `problem` says why."""
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
        self._to_sync.append(os.open(file.path.parent, os.O_RDONLY))  # it may be new
        return file

    def _close_segment(self, file: OwnedFile) -> None:
        if self._unsynced:
            self._to_sync.append(file.handle())
        logger.info("%s is full; it is now %s", file.path, file.retire().name)
        self._file, self._unsynced = None, False
        self._to_sync.append(os.open(file.path.parent, os.O_RDONLY))

    def _check(self) -> None:
        """Notice a folder that was taken away, also when nothing is written, and files that have become too old."""
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
        """Close the file; what of it is not on disk yet is still to be synced."""
        if self._file:
            if self._unsynced:
                with suppress(OSError):  # if no descriptor is left, the kernel syncs it in its time
                    self._to_sync.append(self._file.handle())
            self._file.close()
        self._file, self._unsynced = None, False

    async def _check_every_second(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._do(self._check)

    async def _sync_regularly(self) -> None:
        """What is closed, and new names, also if the kernel may choose when it writes what is written."""
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            if self._file and self._unsynced and self._sync == "everysec":
                with suppress(OSError):  # if no descriptor is left, the next time
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
        """To the end, whatever fails."""
        self._let_go()
        while self._to_sync:
            try:
                self._sync_handles()
            except OSError as error:
                logger.error("the end of the log may not be on disk: %s", error.strerror)


def _settle(entries: list[_Entry], acknowledged: int, error: Exception) -> None:
    """Entries that are whole within the first `acknowledged` bytes are done, the others fail with `error`."""
    for entry in entries:
        acknowledged -= len(entry.lines)
        if entry.done.done():  # its caller stopped waiting
            continue
        if acknowledged >= 0:
            entry.done.set_result(None)
        else:
            entry.done.set_exception(error)

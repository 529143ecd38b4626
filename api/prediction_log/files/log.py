"""The log as files: one file for predictions and one for labels, per process."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from pathlib import Path

from api.prediction_log.files.group_commit import GroupCommit
from api.prediction_log.files.owned_file import BY_SIZE, Limit, OwnedFile
from api.prediction_log.files.retention import A_DAY, KEEP_ALL, Keep, tend
from api.prediction_log.files.segments import make_lock
from api.prediction_log.records import FeedbackRecord, PredictionRecord, line
from api.settings import Settings, Sync
from api.turns import in_turns

TEND_SECONDS = 60.0
logger = logging.getLogger("uvicorn.api.log")


class PredictionLog:
    """Both files. An awaited append is in its file when it returns; else it raises LogUnavailable.

    `limit` says when a file is rotated, `keep` which rotated segments stay.
    """

    def __init__(self, directory: Path, sync: Sync, limit: Limit = BY_SIZE, keep: Keep = KEEP_ALL) -> None:
        self._directory, self._keep = directory, keep
        self._predictions = GroupCommit(lambda: OwnedFile.claim(directory, "prediction_logs"), sync, limit)
        self._feedback = GroupCommit(lambda: OwnedFile.claim(directory, "feedback_logs"), sync, limit)
        self._tending: asyncio.Task[None] | None = None
        self._ending = threading.Event()

    @classmethod
    def of(cls, settings: Settings) -> PredictionLog:
        # Retention deletes whole files, so to keep N days no file may span more than one.
        limit = Limit(int(settings.log_segment_mb * 1e6), A_DAY if settings.log_keep_days else inf)
        keep = Keep(settings.log_keep_days, int(settings.log_keep_gb * 1e9), settings.log_compress == "on")
        return cls(settings.log_dir, settings.log_sync, limit, keep)

    async def open(self) -> None:
        """Claim both files. A failure is in `problem`, and is retried every second."""
        await self._predictions.open()
        await self._feedback.open()
        self._tending = asyncio.get_running_loop().create_task(self._tend_every_minute())

    @property
    def problem(self) -> str | None:
        """The reason why the log cannot be written now, or None."""
        return self._predictions.problem or self._feedback.problem

    async def append_predictions(self, records: Sequence[PredictionRecord]) -> None:
        lines = await in_turns(map(line, records))
        await self._predictions.append(b"".join(lines))

    async def append_feedback(self, record: FeedbackRecord) -> None:
        await self._feedback.append(line(record))

    async def close(self) -> None:
        """Write and sync all pending lines; later appends are refused."""
        self._ending.set()
        if self._tending:
            self._tending.cancel()
        await self._predictions.close()
        await self._feedback.close()

    async def _tend_every_minute(self) -> None:
        """The first run waits until readers, who look twice a minute, can have found a new lock file.

        Readers on this machine lock the folder itself, and need no such time.
        """
        with suppress(OSError):
            await asyncio.sleep(TEND_SECONDS - min(make_lock(self._directory), TEND_SECONDS))
        while True:
            try:
                await asyncio.to_thread(tend, self._directory, self._keep, self._ending.is_set)
            except OSError as error:
                if not self.problem:  # which has more detail
                    logger.warning("old parts of the log cannot be deleted: %s: %s", error.strerror, error.filename)
            await asyncio.sleep(TEND_SECONDS)

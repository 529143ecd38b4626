"""The log: what the service remembers, and the owner of its format. Readers are not known here.

JSON Lines in UTF-8, appended only. `prediction_logs.json` holds one answer a line; its first four fields are a
promise that never changes, more may be added, none is renamed or reused:

    {"timestamp": "2026-11-23T08:20:00.123456+00:00", "request_text": "…", "predicted_sentiment": "positive",
     "true_sentiment": "positive" | null, "prediction_id": "…", "confidence": 0.97, "model_version": "…",
     "known_share": 0.95 | null, "audit": true | false}

`known_share` is the share of the text's tokens that are terms of the model (1 for a text without tokens), or null
for a model without a vocabulary of words. `audit` says that chance alone drew the answer for the audit sample.

A line whose text is left out (`LOG_TEXT=hashed`) has "" for it and three fields more: how many `words`, between blanks,
and `characters` the text has, and `text_hash`, which is the same for the same text and the same key (HMAC-SHA256).

`feedback_logs.json` holds the labels that came later: {"timestamp", "prediction_id", "true_sentiment"}; the
latest one for a prediction wins. A process owns its files (`prediction_logs.json`, else `prediction_logs.1.json`, …);
one that is full becomes a closed segment (`prediction_logs-<time>-<chance>.json`, perhaps with `.gz`).

`python -m api.prediction_log verify` checks a folder, `python -m api.prediction_log erase ID …` erases lines.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.group_commit import GroupCommit, Sync
from api.owned_file import BY_SIZE, Limit, OwnedFile
from api.retention import KEEP_ALL, Keep, tend
from api.segments import make_lock
from api.turns import in_turns

TEND_SECONDS = 60.0
logger = logging.getLogger("uvicorn.api.log")

# str.splitlines, and readers built on it, would break a line at these; JSON itself escapes the rest.
LINE_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each line


@dataclass(frozen=True)
class PredictionRecord:
    timestamp: str
    request_text: str
    predicted_sentiment: str
    true_sentiment: str | None
    prediction_id: str
    confidence: float
    model_version: str
    known_share: float | None
    audit: bool


@dataclass(frozen=True)
class HashedRecord(PredictionRecord):
    words: int
    characters: int
    text_hash: str


@dataclass(frozen=True)
class FeedbackRecord:
    timestamp: str
    prediction_id: str
    true_sentiment: str


class PredictionLog:
    """Both files. What is appended is in its file when the await returns, else LogUnavailable is raised. Files are
    closed at `limit`, and of those that are closed as much stays as `keep` says."""

    def __init__(self, directory: Path, sync: Sync, limit: Limit = BY_SIZE, keep: Keep = KEEP_ALL) -> None:
        self._directory, self._keep = directory, keep
        self._predictions = GroupCommit(lambda: OwnedFile.claim(directory, "prediction_logs"), sync, limit)
        self._feedback = GroupCommit(lambda: OwnedFile.claim(directory, "feedback_logs"), sync, limit)
        self._tending: asyncio.Task[None] | None = None
        self._ending = threading.Event()

    async def open(self) -> None:
        """Claim both files; what prevents it is in `problem`, and is tried again every second."""
        await self._predictions.open()
        await self._feedback.open()
        self._tending = asyncio.get_running_loop().create_task(self._tend_every_minute())

    @property
    def problem(self) -> str | None:
        """Why the log cannot be written at present, or None."""
        return self._predictions.problem or self._feedback.problem

    async def append_predictions(self, records: Sequence[PredictionRecord]) -> None:
        lines = await in_turns(map(line, records))
        await self._predictions.append(b"".join(lines))

    async def append_feedback(self, record: FeedbackRecord) -> None:
        await self._feedback.append(line(record))

    async def close(self) -> None:
        """Write and sync what waits; afterwards every append is refused."""
        self._ending.set()
        if self._tending:
            self._tending.cancel()
        await self._predictions.close()
        await self._feedback.close()

    async def _tend_every_minute(self) -> None:
        """Not before readers, who look twice a minute, have had the time to find a new lock. On one machine they lock
        the folder itself, and need no time."""
        with suppress(OSError):
            await asyncio.sleep(TEND_SECONDS - min(make_lock(self._directory), TEND_SECONDS))
        while True:
            try:
                await asyncio.to_thread(tend, self._directory, self._keep, self._ending.is_set)
            except OSError as error:
                if not self.problem:  # which says more
                    logger.warning("old parts of the log cannot be deleted: %s: %s", error.strerror, error.filename)
            await asyncio.sleep(TEND_SECONDS)


def line(record: PredictionRecord | FeedbackRecord) -> bytes:
    """The record as one line of its file."""
    text = _json(vars(record))
    return (text if text.isascii() else text.translate(LINE_BREAKS)).encode() + b"\n"


def now() -> str:
    """The present time as the log writes it: ISO 8601 in UTC, always with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


if __name__ == "__main__":
    from api.log_command import main  # which needs this module

    sys.exit(main(sys.argv[1:], os.environ))

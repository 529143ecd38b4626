"""Realistic log lines of about 370 bytes, with varied texts, lengths, predictions and times."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from api.prediction_log.records import PredictionRecord, line
from api.settings import Settings
from benchmarks.texts import REVIEW

LINE_BYTES = 370
BLOCK_LINES = 10_000  # after which the lines repeat, so that millions are written in seconds
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def append_lines(log: Path, lines: int) -> None:
    """Append this many lines and sync them, so that writing them is not measured with the service."""
    block = [line(record(number, random.Random(number))) for number in range(min(lines, BLOCK_LINES))]
    with log.open("ab") as file:
        for _ in range(lines // BLOCK_LINES):
            file.writelines(block)
        file.writelines(block[: lines % BLOCK_LINES])
        file.flush()
        os.fsync(file.fileno())


def record(number: int, chance: random.Random) -> PredictionRecord:
    return PredictionRecord(
        timestamp=(FIRST + timedelta(seconds=number, microseconds=1)).isoformat(timespec="microseconds"),
        request_text=" ".join(chance.choices(REVIEW.split(), k=chance.randint(4, 26))),
        predicted_sentiment=chance.choice(["negative", "positive"]),
        true_sentiment=chance.choice([None, None, None, "negative", "positive"]),
        prediction_id=str(UUID(int=chance.getrandbits(128), version=4)),
        confidence=round(chance.uniform(0.5, 1), 6),
        model_version="0123456789ab",
        known_share=round(chance.uniform(0.8, 1), 6),
        audit=chance.random() < Settings.audit_rate,
    )

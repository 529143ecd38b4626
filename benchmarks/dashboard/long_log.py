"""Logs of any length: lines of about 1.3 kB as the API writes them, some with labels that arrive later."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from api.prediction_log.records import FeedbackRecord, PredictionRecord, line
from api.settings import Settings
from benchmarks.texts import REVIEW

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS_APART = 2
WORDS = random.Random(1).choices(REVIEW.split(), k=200_000)
LABELLED, RIGHT, LABELLED_LATER = 0.1, 0.9, 0.02


def append(folder: Path, first: int, lines: int, model_version: str) -> None:
    """Append `lines` requests, numbered from `first`, and the labels of some."""
    with (folder / "prediction_logs.json").open("ab") as log, (folder / "feedback_logs.json").open("ab") as labels:
        for record, label in records(first, lines, model_version):
            log.write(line(record))
            if label:
                labels.write(line(label))
        log.flush()
        os.fsync(log.fileno())


def records(first: int, lines: int, version: str) -> Iterator[tuple[PredictionRecord, FeedbackRecord | None]]:
    chance = random.Random(first)
    for number in range(first, first + lines):
        time = FIRST + timedelta(seconds=SECONDS_APART * number, microseconds=1)
        start, length = chance.randrange(len(WORDS) - 300), chance.randint(60, 290)
        predicted, other = chance.sample(["negative", "positive"], 2)
        true = predicted if chance.random() < RIGHT else other
        record = PredictionRecord(
            timestamp=time.isoformat(timespec="microseconds"),
            request_text=" ".join(WORDS[start : start + length]),
            predicted_sentiment=predicted,
            true_sentiment=true if chance.random() < LABELLED else None,
            prediction_id=str(UUID(int=chance.getrandbits(128), version=4)),
            confidence=round(1 - chance.random() ** 3 / 2, 6),
            model_version=version,
            known_share=round(chance.uniform(0.6, 0.8), 6),
            audit=chance.random() < Settings.audit_rate,
        )
        later = (time + timedelta(minutes=10)).isoformat(timespec="microseconds")
        yield (
            record,
            FeedbackRecord(later, record.prediction_id, true) if chance.random() < LABELLED_LATER else None,
        )

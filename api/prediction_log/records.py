"""The records of the log, and their encoding as lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

# str.splitlines, and readers built on it, break lines at these characters; JSON escapes all others.
LINE_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder for each call


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


def line(record: PredictionRecord | FeedbackRecord) -> bytes:
    """The record as one line of its file."""
    text = _json(vars(record))
    return (text if text.isascii() else text.translate(LINE_BREAKS)).encode() + b"\n"


def now() -> str:
    """The present time as the log writes it: ISO 8601 in UTC, always with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")

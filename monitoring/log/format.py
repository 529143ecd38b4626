"""Parses single lines of the log. The format and its owner: api/prediction_log/__init__.py."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol


class Prediction(NamedTuple):
    """A line of prediction_logs*.json. Other fields of the line are ignored."""

    timestamp: datetime  # in UTC
    request_text: str
    words: int
    predicted_sentiment: str
    true_sentiment: str | None
    prediction_id: str | None
    confidence: float  # NaN where the line has none
    model_version: str | None
    known_share: float  # share of the text's tokens in the model's vocabulary; NaN where the line has none
    audit: bool  # whether it is in the audit sample
    text_hash: str | None = None  # with LOG_TEXT=hashed, where request_text is ""

    @property
    def is_left_out(self) -> bool:
        """Whether the log has a hash in place of the text."""
        return self.text_hash is not None and not self.request_text


class Feedback(NamedTuple):
    """A line of feedback_logs*.json."""

    timestamp: datetime
    prediction_id: str
    true_sentiment: str


def parse_prediction(record: dict[str, Any]) -> Prediction:
    """Raises KeyError, TypeError or ValueError if `record` is not a prediction."""
    text = _text(record["request_text"])
    return Prediction(
        timestamp=utc(record["timestamp"]),
        request_text=text,
        words=word_count(text) or number_of(record.get("words")),
        predicted_sentiment=_text(record["predicted_sentiment"]),
        true_sentiment=_optional(record.get("true_sentiment")),
        prediction_id=_optional(record.get("prediction_id")),
        confidence=_probability(record.get("confidence")),
        model_version=_optional(record.get("model_version")),
        known_share=_probability(record.get("known_share")),
        audit=record.get("audit") is True,
        text_hash=_optional(record.get("text_hash")),
    )


def parse_feedback(record: dict[str, Any]) -> Feedback:
    """Raises KeyError, TypeError or ValueError if `record` is not a label."""
    return Feedback(utc(record["timestamp"]), _text(record["prediction_id"]), _text(record["true_sentiment"]))


class Text(Protocol):
    @property
    def request_text(self) -> str: ...
    @property
    def text_hash(self) -> str | None: ...


def known_by(line: Text) -> str:
    """What identifies the text: the text itself, or its hash if the log has no text."""
    return line.request_text or line.text_hash or ""


def number_of(words: Any) -> int:
    """The word count that the line gives for a text that is left out; 0 if it gives none."""
    return max(words, 0) if isinstance(words, int) and not isinstance(words, bool) else 0


def word_count(text: str) -> int:
    """The number of words of a text, counted as in the reference profile."""
    return len(text.split())


def utc(timestamp: Any) -> datetime:
    """The time in UTC; without an offset it is UTC already. Raises ValueError, TypeError or OverflowError."""
    moment = datetime.fromisoformat(timestamp)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    value.encode()  # raises ValueError for lone surrogates: JSON can escape them, tables and pages cannot show them
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _probability(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else math.nan

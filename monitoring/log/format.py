"""The log's lines as monitoring understands them. The format and its owner: api/prediction_log/__init__.py."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol


class Prediction(NamedTuple):
    """A line of prediction_logs*.json; fields not named here are ignored."""

    timestamp: datetime  # in UTC
    request_text: str
    words: int
    predicted_sentiment: str
    true_sentiment: str | None
    prediction_id: str | None
    confidence: float  # NaN where the line has none
    model_version: str | None
    known_share: float  # the share of its tokens that the model's vocabulary has; NaN where the line does not say
    audit: bool  # drawn for the audit sample
    text_hash: str | None = None  # where the text is left out (LOG_TEXT=hashed), and is "" here

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
    """Raises KeyError, TypeError or ValueError for what is not a prediction of the log."""
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
    """Raises KeyError, TypeError or ValueError for what is not a label of the log."""
    return Feedback(utc(record["timestamp"]), _text(record["prediction_id"]), _text(record["true_sentiment"]))


class Text(Protocol):
    @property
    def request_text(self) -> str: ...
    @property
    def text_hash(self) -> str | None: ...


def known_by(line: Text) -> str:
    """What is the same for the same text: the text, or its hash where that is left out."""
    return line.request_text or line.text_hash or ""


def number_of(words: Any) -> int:
    """Of a text that is left out, as the line says; 0 if it does not."""
    return max(words, 0) if isinstance(words, int) and not isinstance(words, bool) else 0


def word_count(text: str) -> int:
    """The length of a text in words, as the reference profile counts it."""
    return len(text.split())


def utc(timestamp: Any) -> datetime:
    """The moment in UTC; one without an offset is taken for UTC. Raises ValueError, TypeError or OverflowError."""
    moment = datetime.fromisoformat(timestamp)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    value.encode()  # raises ValueError for lone surrogates, which JSON can escape but no table or page can show
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _probability(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else math.nan

"""How much of a text is logged (`LOG_TEXT`): all of it, a redacted text, or only a hash."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace
from secrets import token_bytes

from api.prediction_log.records import HashedRecord, PredictionRecord
from api.prediction_log.redaction import redacted
from api.settings import LogText

HASH_CHARS = 32  # 128 bits: no two texts of a log have the same hash
KEY_BYTES = 32


def keeper(log_text: LogText, key: str) -> Callable[[PredictionRecord], PredictionRecord]:
    """A function from a record to the one that may be written. Without a `key`, hashes have a random key."""
    if log_text == "full":
        return _as_it_is
    if log_text == "redacted":
        return _redacted
    secret = key.encode() or token_bytes(KEY_BYTES)
    return lambda record: _hashed(record, secret)


def _as_it_is(record: PredictionRecord) -> PredictionRecord:
    return record


def _redacted(record: PredictionRecord) -> PredictionRecord:
    return replace(record, request_text=redacted(record.request_text))


def _hashed(record: PredictionRecord, secret: bytes) -> HashedRecord:
    text = record.request_text
    return HashedRecord(
        **vars(record) | {"request_text": ""},
        words=len(text.split()),
        characters=len(text),
        text_hash=hmac.digest(secret, text.encode(), "sha256").hex()[:HASH_CHARS],
    )

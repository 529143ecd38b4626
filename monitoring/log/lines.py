"""Parses blocks of log lines into arrays: the values that stay in memory. Texts stay on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from monitoring.log.encoding import MOST_WORDS, Array, Names, _objects, hashes, keys, microseconds, word_counts
from monitoring.log.format import (
    Feedback,
    Prediction,
    known_by,
    number_of,
    parse_feedback,
    parse_prediction,
)

Row = TypeVar("Row", Prediction, Feedback)


class PredictionLine(msgspec.Struct, gc=False):
    """The fast path. A line that does not fit may still be a prediction; `parse_prediction` decides."""

    timestamp: str
    request_text: str
    predicted_sentiment: str
    true_sentiment: str | None = None
    prediction_id: str | None = None
    confidence: float | None = None
    model_version: str | None = None
    known_share: float | None = None
    audit: bool | None = None
    words: int | None = None
    text_hash: str | None = None


class FeedbackLine(msgspec.Struct, gc=False):
    """The fast path for labels."""

    timestamp: str
    prediction_id: str
    true_sentiment: str


decode_prediction = msgspec.json.Decoder(PredictionLine).decode
decode_feedback = msgspec.json.Decoder(FeedbackLine).decode


class Predictions(NamedTuple):
    """Requests in the order of their lines, as arrays (n,)."""

    time: Array  # int64, microseconds since 1970
    start: Array  # int64, offset of the line in its file, in bytes
    end: Array
    text: Array  # uint64, hash of the text, or of the log's hash of it
    key: Array  # uint64, hash of the prediction_id; NO_ID for none
    words: Array  # uint16
    predicted: Array  # uint16, number in Names; so are true and version
    true: Array
    version: Array
    confidence: Array  # float64, NaN for none; so is known_share
    known_share: Array
    audit: Array  # bool


class Labels(NamedTuple):
    """Labels in the order of their lines, as arrays (n,) with the types of Predictions."""

    time: Array
    end: Array
    key: Array
    true: Array


NO_LABELS = Labels(*(np.empty(0, dtype=kind) for kind in ("i8", "i8", "u8", "u2")))


def read_predictions(lines: Sequence[bytes], start: int, names: Names) -> tuple[Predictions, int]:
    """The predictions in consecutive lines without newlines, the first at offset `start` in bytes; and the number of
    unreadable lines. New labels and versions are added to `names`."""
    rows, times, places, unreadable = _parsed(lines, decode_prediction, parse_prediction)
    texts = _objects(row.request_text for row in rows)
    words = word_counts(texts)
    for place in np.flatnonzero(words == 0):  # a blank text, or one that the log leaves out
        texts[place] = known_by(rows[place])
        words[place] = min(number_of(rows[place].words), MOST_WORDS)
    starts, ends = _places_in_file(lines, start)
    return Predictions(
        time=times,
        start=starts[places],
        end=ends[places],
        text=hashes(texts),
        key=keys([row.prediction_id for row in rows]),
        words=np.minimum(words, MOST_WORDS).astype(np.uint16),
        predicted=np.array([names[row.predicted_sentiment] for row in rows], dtype=np.uint16),
        true=np.array([names[row.true_sentiment] for row in rows], dtype=np.uint16),
        version=np.array([names[row.model_version] for row in rows], dtype=np.uint16),
        confidence=_shares([row.confidence for row in rows]),
        known_share=_shares([row.known_share for row in rows]),
        audit=np.array([row.audit is True for row in rows], dtype=np.bool_),
    ), unreadable


def read_labels(lines: Sequence[bytes], start: int, names: Names) -> tuple[Labels, int]:
    """The same for lines of feedback."""
    rows, times, places, unreadable = _parsed(lines, decode_feedback, parse_feedback)
    return Labels(
        time=times,
        end=_places_in_file(lines, start)[1][places],
        key=keys([row.prediction_id for row in rows]),
        true=np.array([names[row.true_sentiment] for row in rows], dtype=np.uint16),
    ), unreadable


def parse_line(line: bytes) -> Prediction:
    """Parse one line as it is on disk. Raises what parse_prediction raises."""
    return parse_prediction(json.loads(line))


def _parsed(
    lines: Sequence[bytes], decode: Callable[[bytes], Any], parse: Callable[[dict[str, Any]], Row]
) -> tuple[list[Any], Array, Array, int]:
    """The rows, their times (n,), their indices among the lines (n,), and the number of unreadable lines."""
    try:
        rows = [decode(line) for line in lines]
        times = [microseconds(row.timestamp) for row in rows]
        return rows, np.array(times, dtype=np.int64), np.arange(len(rows)), 0
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return _parsed_one_by_one(lines, decode, parse)


def _parsed_one_by_one(
    lines: Sequence[bytes], decode: Callable[[bytes], Any], parse: Callable[[dict[str, Any]], Row]
) -> tuple[list[Any], Array, Array, int]:
    """The same when a line is unreadable or does not fit the fast path."""
    rows, times, places, unreadable = [], [], [], 0
    for place, line in enumerate(lines):
        try:
            row, time = _parsed_line(line, decode, parse)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            unreadable += bool(line.strip())
            continue
        rows.append(row)
        times.append(time)
        places.append(place)
    return rows, np.array(times, dtype=np.int64), np.array(places, dtype=np.int64), unreadable


def _parsed_line(
    line: bytes, decode: Callable[[bytes], Any], parse: Callable[[dict[str, Any]], Row]
) -> tuple[Any, int]:
    try:
        row = decode(line)
        return row, microseconds(row.timestamp)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        row = parse(json.loads(line))
        return row, microseconds(row.timestamp)


def _places_in_file(lines: Sequence[bytes], start: int) -> tuple[Array, Array]:
    """The start and end offsets in bytes of consecutive lines, (n,) each."""
    ends = start + np.cumsum([len(line) + 1 for line in lines], dtype=np.int64)
    return np.concatenate([[start], ends[:-1]])[: len(ends)], ends


def _shares(values: list[Any]) -> Array:
    found = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    found[~((found >= 0) & (found <= 1))] = np.nan
    return found

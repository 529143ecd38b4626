"""Lines of the log as arrays: what is kept of each request and each label in memory. Texts stay on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log_format import (
    Feedback,
    Prediction,
    known_by,
    number_of,
    parse_feedback,
    parse_prediction,
    utc,
    word_count,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_ID = np.uint64(0)
MOST_WORDS = 65_535  # more are counted as so many
Row = TypeVar("Row", Prediction, Feedback)
Array = npt.NDArray[Any]


class PredictionLine(msgspec.Struct, gc=False):
    """What is read of a line without looking twice; a line that does not fit may still be a prediction."""

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
    timestamp: str
    prediction_id: str
    true_sentiment: str


decode_prediction = msgspec.json.Decoder(PredictionLine).decode
decode_feedback = msgspec.json.Decoder(FeedbackLine).decode


class Names(dict[str | None, int]):
    """Labels and versions by number: 0 is none, and so many names are told apart; all others share the last one."""

    MOST = 65_535
    OTHERS = "(another of too many names)"

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts: list[str | None] = [None, *texts]
        super().__init__({text: number for number, text in enumerate(self.texts)})

    def numbers(self, texts: Iterable[str]) -> list[int]:
        """Of those texts that are known."""
        return [self[text] for text in texts if text in self]

    def __missing__(self, text: str) -> int:
        if len(self.texts) >= self.MOST:
            text = self.OTHERS
        if text not in self:
            self[text] = len(self.texts)
            self.texts.append(text)
        return self[text]


class Predictions(NamedTuple):
    """Requests, in the order of their lines: arrays (n,)."""

    time: Array  # int64, microseconds since 1970
    start: Array  # int64, where the line starts in its file, in bytes
    end: Array
    text: Array  # uint64, the hash of the text, or of its hash in the log
    key: Array  # uint64, the hash of the prediction_id; NO_ID for none
    words: Array  # uint16
    predicted: Array  # uint16, a number of Names, as the next two
    true: Array
    version: Array
    confidence: Array  # float64, NaN for none, as the next one
    known_share: Array
    audit: Array  # bool


class Labels(NamedTuple):
    """Labels, in the order of their lines: arrays (n,), of the kinds that Predictions has."""

    time: Array
    end: Array
    key: Array
    true: Array


NO_LABELS = Labels(*(np.empty(0, dtype=kind) for kind in ("i8", "i8", "u8", "u2")))


def read_predictions(lines: Sequence[bytes], start: int, names: Names) -> tuple[Predictions, int]:
    """The predictions among lines that stand together from `start` on, each without its newline, and how many could
    not be read."""
    rows, times, places, unreadable = _parsed(lines, decode_prediction, parse_prediction)
    texts = _objects(row.request_text for row in rows)
    words = word_counts(texts)
    for place in np.flatnonzero(words == 0):  # a blank text, or one that is left out
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
    """As read_predictions, for lines of feedback."""
    rows, times, places, unreadable = _parsed(lines, decode_feedback, parse_feedback)
    return Labels(
        time=times,
        end=_places_in_file(lines, start)[1][places],
        key=keys([row.prediction_id for row in rows]),
        true=np.array([names[row.true_sentiment] for row in rows], dtype=np.uint16),
    ), unreadable


def parse_line(line: bytes) -> Prediction:
    """One line as it stands on disk. Raises what parse_prediction raises."""
    return parse_prediction(json.loads(line))


def _parsed(
    lines: Sequence[bytes], decode: Callable[[bytes], Any], parse: Callable[[dict[str, Any]], Row]
) -> tuple[list[Any], Array, Array, int]:
    """The rows and their times, at which places among the lines they stand, and how many lines could not be read."""
    try:
        rows = [decode(line) for line in lines]
        times = [microseconds(row.timestamp) for row in rows]
        return rows, np.array(times, dtype=np.int64), np.arange(len(rows)), 0
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return _parsed_one_by_one(lines, decode, parse)


def _parsed_one_by_one(
    lines: Sequence[bytes], decode: Callable[[bytes], Any], parse: Callable[[dict[str, Any]], Row]
) -> tuple[list[Any], Array, Array, int]:
    """The same where some lines cannot be read, or are only unusual."""
    rows, times, places, unreadable = [], [], [], 0
    for place, line in enumerate(lines):
        try:
            row, time = _looked_at_twice(line, decode, parse)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            unreadable += bool(line.strip())
            continue
        rows.append(row)
        times.append(time)
        places.append(place)
    return rows, np.array(times, dtype=np.int64), np.array(places, dtype=np.int64), unreadable


def _looked_at_twice(
    line: bytes, decode: Callable[[bytes], Any], parse: Callable[[dict[str, Any]], Row]
) -> tuple[Any, int]:
    try:
        row = decode(line)
        return row, microseconds(row.timestamp)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        row = parse(json.loads(line))
        return row, microseconds(row.timestamp)


def _places_in_file(lines: Sequence[bytes], start: int) -> tuple[Array, Array]:
    """Where lines start and end that stand together from `start` on."""
    ends = start + np.cumsum([len(line) + 1 for line in lines], dtype=np.int64)
    return np.concatenate([[start], ends[:-1]])[: len(ends)], ends


def microseconds(timestamp: str | datetime) -> int:
    """Since 1970. Raises ValueError or OverflowError for what is no moment."""
    since = (utc(timestamp) if isinstance(timestamp, str) else timestamp) - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def hashes(texts: Array) -> Array:
    """64 bits of each text, (n,), the same in every process (SipHash, Aumasson and Bernstein 2012)."""
    return pd.util.hash_array(texts, categorize=False)


def keys(ids: Sequence[str | None]) -> Array:
    """64 bits of each prediction_id, (n,); NO_ID for none."""
    found = hashes(_objects("" if name is None else name for name in ids))
    found[found == NO_ID] = 1
    found[[name is None for name in ids]] = NO_ID
    return found


def word_counts(texts: Array) -> Array:
    """How many words each text has, as `word_count` says. Texts of ASCII are counted together, as bytes: a word starts
    where a blank is followed by something else."""
    counts = np.zeros(len(texts), dtype=np.int64)
    plain = np.array([text.isascii() for text in texts], dtype=np.bool_)
    counts[~plain] = [word_count(text) for text in texts[~plain]]
    padded = [f" {text}{PADDING[len(text) % 64]}" for text in texts[plain]]  # each has a multiple of 64 bytes
    blank = np.frombuffer("".join([*padded, " "]).encode("ascii").translate(BLANK), dtype=np.uint8)
    words = np.bitwise_count(np.packbits(blank[:-1] > blank[1:]).view(np.uint64))
    if padded:
        starts = np.cumsum([0, *(len(text) // 64 for text in padded[:-1])])
        counts[plain] = np.add.reduceat(words, starts, dtype=np.int64)
    return counts


BLANK = bytes(chr(byte).isspace() and byte < 128 for byte in range(256))
PADDING = [" " * (63 - length) for length in range(64)]  # for texts of this length, less multiples of 64


def _shares(values: list[Any]) -> Array:
    found = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    found[~((found >= 0) & (found <= 1))] = np.nan
    return found


def _objects(texts: Iterable[str]) -> Array:
    found = list(texts)
    array = np.empty(len(found), dtype=object)
    array[:] = found
    return array

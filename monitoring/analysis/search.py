"""Finds requests by their properties and texts, and writes them as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.analysis.selection import Selected
from monitoring.log.encoding import Names, microseconds
from monitoring.log.format import Prediction
from monitoring.store.columns import Columns
from monitoring.store.requests import Request, Requests

Array = npt.NDArray[Any]
Outcome = Literal["right", "wrong", "no label"]
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", "no label")
MOST_TEXTS = 20_000  # searched for words, newest first; texts are read from disk
TEXTS_AT_ONCE = 1_000
MOST_CSV_ROWS = 10_000
FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")  # the start of a formula, also in full width


@dataclass(frozen=True)
class Filters:
    """Filters in addition to the selection; the defaults let everything pass. `text` is searched case-insensitively;
    `until` is exclusive."""

    text: str = ""
    labels: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    confidence: tuple[float, float] = (0.0, 1.0)
    since: datetime | None = None
    until: datetime | None = None

    def mask(self, columns: Columns, names: Names) -> Array:
        """Which requests (n,) pass, apart from `text`."""
        passed = np.ones(len(columns.time), dtype=np.bool_)
        if self.labels:
            passed &= np.isin(columns.predicted, names.numbers(self.labels))
        if self.outcomes:
            passed &= np.isin(outcomes(columns), [OUTCOMES.index(outcome) for outcome in self.outcomes])
        low, high = self.confidence
        if (low, high) != (0, 1):
            passed &= (columns.confidence >= low) & (columns.confidence <= high)
        if self.since:
            passed &= columns.time >= microseconds(self.since)
        if self.until:
            passed &= columns.time < microseconds(self.until)
        return passed


class Found(NamedTuple):
    """The newest `requests` that pass. `matching` is how many pass without the search for words. `searched` is how many
    texts were searched, or None without words. Of the requests that were read, `left_out` have no text in the log."""

    requests: list[Request]
    matching: int
    searched: int | None
    left_out: int


def outcomes(columns: Columns) -> Array:
    """The index among OUTCOMES of each request's outcome, (n,)."""
    return np.where(columns.true == 0, 2, np.where(columns.true == columns.predicted, 0, 1))


def outcome(line: Prediction) -> Outcome:
    """The outcome of one request."""
    if line.true_sentiment is None:
        return "no label"
    return "right" if line.true_sentiment == line.predicted_sentiment else "wrong"


def find(requests: Requests, selected: Selected, filters: Filters, limit: int) -> Found:
    """At most `limit` of the selected requests that pass, newest first."""

    def wanted(columns: Columns) -> Array:
        return selected.mask(columns, requests.names) & filters.mask(columns, requests.names)

    matching = requests.number(wanted)
    if not filters.text:
        newest = requests.read(requests.newest(wanted, limit))
        return Found(newest, matching, None, _left_out(newest))
    rows, found, searched, left_out = requests.newest(wanted, MOST_TEXTS), [], 0, 0
    words = filters.text.casefold()
    for part in _parts(rows):
        read = requests.read(part)
        found += [request for request in read if words in request.line.request_text.casefold()]
        searched, left_out = searched + len(part), left_out + _left_out(read)
        if len(found) >= limit:
            break
    return Found(found[:limit], matching, searched, left_out)


def _left_out(requests: Sequence[Request]) -> int:
    return sum(request.line.is_left_out for request in requests)


def _parts(rows: Array) -> Iterator[Array]:
    for start in range(0, len(rows), TEXTS_AT_ONCE):
        yield rows[start : start + TEXTS_AT_ONCE]


def to_csv(requests: Sequence[Request]) -> str:
    """One line a request, after a header. No cell is a formula to a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["timestamp", *Prediction._fields[1:], "answer_was"])
    for _, line in requests:
        cells = [line.timestamp.isoformat(), *line[1:], outcome(line)]
        writer.writerow([harmless(cell) if isinstance(cell, str) else _known(cell) for cell in cells])
    return file.getvalue()


def _known(value: Any) -> Any:
    """None, an empty cell, for NaN."""
    return value if value == value else None


def harmless(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula (OWASP, "CSV injection")."""
    return f"'{text}" if FORMULA.match(text) else text

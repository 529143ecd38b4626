"""The requests of the log at one moment: searched in memory, read from disk when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log.encoding import EPOCH, Names, hashes, keys, microseconds
from monitoring.log.format import Prediction, known_by
from monitoring.store.columns import BLOCK_ROWS, EMPTY, Columns, take
from monitoring.store.tally import SHARE_STEPS, Tally, share_steps, step_for, tally, total

Array = npt.NDArray[Any]
Mask = Callable[[Columns], Array]
A_DAY = 86_400_000_000  # in microseconds


class Request(NamedTuple):
    """A request as it is in the log, with its latest label, and its row in memory."""

    row: int
    line: Prediction


class Lines(Protocol):
    """Where the lines of requests are stored."""

    def read(self, files: Sequence[int], starts: Sequence[int]) -> list[Prediction | None]:
        """The line at each offset in the file of each number. None for a line that cannot be read."""


@dataclass(frozen=True)
class Requests:
    """Requests in pieces of BLOCK_ROWS rows, in order of arrival. `names` numbers their labels and versions; `lines`
    reads their lines."""

    pieces: tuple[Columns, ...]
    names: Names
    lines: Lines

    @property
    def rows(self) -> int:
        """The number of requests."""
        return sum(len(piece.time) for piece in self.pieces)

    @property
    def latest(self) -> datetime | None:
        """The time of the latest request."""
        if not self.pieces:
            return None
        return moment(max(int(piece.time.max()) for piece in self.pieces))

    def count(self, since: datetime | None, whole: Tally) -> Tally:
        """The tally of the requests from `since` on; `whole` is the tally of all."""
        if since is None:
            return whole
        start = microseconds(since)
        parts = [columns for columns in (piece.part(piece.time >= start) for piece in self.pieces) if len(columns.time)]
        times = [time for columns in parts for time in (int(columns.time.min()), int(columns.time.max()))]
        step = step_for(max(times) - min(times) if times else 0)
        return total([tally(columns, step, start) for columns in parts or [EMPTY]])

    def newest(self, wanted: Mask, limit: int) -> Array:
        """The rows of the newest requests that `wanted` selects, newest first; at the same time, last row first."""
        rows, times = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        for place in self._from_the_newest():
            piece = self.pieces[place]
            if len(rows) == limit and int(piece.time.max()) < times[-1]:
                break
            found = np.flatnonzero(wanted(piece))
            rows = np.concatenate([rows, found + place * BLOCK_ROWS])
            times = np.concatenate([times, piece.time[found]])
            order = np.lexsort((-rows, -times))[:limit]
            rows, times = rows[order], times[order]
        return rows

    def _from_the_newest(self) -> list[int]:
        latest = [int(piece.time.max()) for piece in self.pieces]
        return sorted(range(len(latest)), key=lambda place: -latest[place])

    def number(self, wanted: Mask) -> int:
        """The number of requests that `wanted` selects."""
        return sum(int(np.count_nonzero(wanted(piece))) for piece in self.pieces)

    def of_id(self, prediction_id: str) -> list[Request]:
        """The requests with this prediction_id, in order of time."""
        key = keys([prediction_id])[0]
        found = self.read(self.where(lambda of: of.key == key))
        return [request for request in found if request.line.prediction_id == prediction_id]

    def where(self, wanted: Mask) -> Array:
        """The rows that `wanted` selects, in order of time."""
        return self.columns_where(wanted)[0]

    def columns_where(self, wanted: Mask, *names: str) -> tuple[Array, Columns]:
        """The rows that `wanted` selects, in order of time, with their times and the named columns."""
        within = [np.flatnonzero(wanted(piece)) for piece in self.pieces]
        rows = np.concatenate(
            [np.empty(0, dtype=np.int64), *(found + place * BLOCK_ROWS for place, found in enumerate(within))]
        )
        columns = {
            name: np.concatenate(
                [
                    getattr(EMPTY, name),
                    *(getattr(piece, name)[at] for piece, at in zip(self.pieces, within, strict=True)),
                ]
            )
            for name in ("time", *names)
        }
        order = np.argsort(columns["time"], kind="stable")
        return rows[order], EMPTY._replace(**{name: column[order] for name, column in columns.items()})

    def part(self, rows: Array, *names: str) -> Columns:
        """Rows in this order. Without `names` all columns; otherwise the other columns are empty."""
        return take(self.pieces, rows, *names)

    def confidences_before(self, row: int, wanted: Mask) -> pd.DataFrame:
        """How many of the requests that `wanted` selects, and that are before `row` in order of time, have each
        confidence: columns confidence and n."""
        end = int(self.part(np.array([row]), "time").time[0])

        def earlier(piece: Columns, place: int) -> Array:
            found: Array = (piece.time < end) | ((piece.time == end) & (_rows(piece, place) < row))
            return found

        parts = (
            share_steps(piece.confidence[wanted(piece) & earlier(piece, place)])
            for place, piece in enumerate(self.pieces)
        )
        counts = sum((np.bincount(steps, minlength=SHARE_STEPS + 2) for steps in parts), np.zeros(SHARE_STEPS + 2))
        found = np.flatnonzero(counts[: SHARE_STEPS + 1])
        return pd.DataFrame({"confidence": found / SHARE_STEPS, "n": counts[found].astype(np.int64)})

    def last_day(self) -> tuple[Array, int]:
        """The times of the requests of the log's last day, and how many have a label."""
        start = max((int(piece.time.max()) for piece in self.pieces), default=0) - A_DAY
        parts = [piece.part(piece.time > start) for piece in self.pieces if int(piece.time.max()) > start]
        times = [np.empty(0, dtype=np.int64), *(part.time for part in parts)]
        return np.concatenate(times), int(sum((part.true > 0).sum() for part in parts))

    def read(self, rows: Sequence[int] | Array) -> list[Request]:
        """Read rows from disk, in this order, with their latest labels. Rows that are no longer in the log are left
        out."""
        columns = self.part(np.asarray(rows, dtype=np.int64), "file", "start", "text", "true")
        lines = self.lines.read(columns.file.tolist(), columns.start.tolist())
        texts = np.array([known_by(line) if line else "" for line in lines], dtype=object)
        there = hashes(texts) == columns.text  # otherwise another line has taken its place
        return [
            Request(int(row), line._replace(true_sentiment=self.names.texts[true]))
            for row, line, true, is_it in zip(rows, lines, columns.true.tolist(), there.tolist(), strict=True)
            if line and is_it
        ]


def moment(time: int) -> datetime:
    """The time for microseconds since 1970."""
    return EPOCH + timedelta(microseconds=time)


def _rows(piece: Columns, place: int) -> Array:
    return np.arange(len(piece.time)) + place * BLOCK_ROWS

"""The selected requests as tables for the statistics. Each row stands for a number of requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log.encoding import Names
from monitoring.store.tally import COARSE_STEPS, SHARE_STEPS, Cells, Tally

Array = npt.NDArray[Any]
KEYS = ["model_version", "predicted_sentiment", "true_sentiment"]


@dataclass(frozen=True)
class Tables:
    """All tables have the columns model_version, predicted_sentiment, `n` (requests) and `distinct` (distinct texts
    among them). `answers` also has true_sentiment and confidence, `lengths` has words, `known` has known_share. `steps`
    has time in steps of length `step`, true_sentiment, confidence, and the `words` of all distinct texts. `spans` has
    no counts, but first and last time."""

    answers: pd.DataFrame
    lengths: pd.DataFrame
    known: pd.DataFrame
    steps: pd.DataFrame
    spans: pd.DataFrame
    step: pd.Timedelta

    @property
    def n(self) -> int:
        """The number of requests."""
        return int(self.answers["n"].sum())

    @property
    def distinct(self) -> int:
        """The number of distinct texts; a text counts once for each version."""
        return int(self.answers["distinct"].sum())


def tables_of(tally: Tally, names: Names, labels: Sequence[str] = (), versions: Sequence[str] = ()) -> Tables:
    """The tables of a tally: only predictions with these labels and of these versions; empty means all."""

    def table(cells: Cells, *, of: Sequence[str], place: int) -> pd.DataFrame:
        used = _selected(cells.keys[place], names, versions) & _selected(cells.keys[place + 1], names, labels)
        columns = dict(zip(of, (*cells.keys, *cells.amounts.T), strict=True))
        return pd.DataFrame({name: _column(name, values[used], names) for name, values in columns.items()})

    amounts = ["n", "distinct"]
    steps = table(tally.steps, of=["time", *KEYS, "confidence", *amounts, "words"], place=1)
    return Tables(
        answers=_shared(table(tally.answers, of=[*KEYS, "confidence", *amounts], place=0), "confidence", SHARE_STEPS),
        lengths=table(tally.lengths, of=[*KEYS[:2], "words", *amounts], place=0),
        known=_shared(table(tally.known, of=[*KEYS[:2], "known_share", *amounts], place=0), "known_share", SHARE_STEPS),
        steps=_shared(steps, "confidence", COARSE_STEPS).assign(time=_times(steps["time"].to_numpy() * tally.step)),
        spans=table(tally.spans, of=[*KEYS[:2], "first", "last"], place=0).transform(
            lambda column: _times(column) if column.name in ("first", "last") else column
        ),
        step=pd.Timedelta(microseconds=tally.step),
    )


def _selected(numbers: Array, names: Names, wanted: Sequence[str]) -> Array:
    if not wanted:
        return np.ones(len(numbers), dtype=np.bool_)
    return np.isin(numbers, names.numbers(wanted))


def _column(name: str, values: Array, names: Names) -> Any:
    return named(values, names) if name in KEYS else values


def named(numbers: Array, names: Names) -> pd.Categorical:
    """The labels or versions with these numbers (n,)."""
    return pd.Categorical.from_codes(numbers.astype(np.int64) - 1, categories=pd.Index(names.texts[1:], dtype="str"))


def _shared(table: pd.DataFrame, column: str, steps: int) -> pd.DataFrame:
    """Integer steps as shares from 0 to 1; NaN for larger values."""
    values = table[column].to_numpy()
    return table.assign(**{column: np.where(values > steps, np.nan, values / steps)})


def _times(values: Any) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=np.int64).view("datetime64[us]")).dt.tz_localize("UTC")


def quantiles(values: Array, counts: Array, at: Any) -> Array:
    """The quantiles `at` (q,) of values (m,), each occurring `counts` (m,) times: linearly interpolated, equal to
    NumPy's of the expanded values. NaN without values."""
    at, n = np.asarray(at, dtype=np.float64), int(counts.sum())
    if n == 0:
        return np.full(at.shape, np.nan)
    order = np.argsort(values, kind="stable")
    ends, place = np.cumsum(counts[order]), at * (n - 1)
    low = np.floor(place)
    high = np.minimum(low + 1, n - 1)
    below, above = (values[order[np.searchsorted(ends, rank, side="right")]] for rank in (low, high))
    return np.asarray(below + (above - below) * (place - low), dtype=np.float64)

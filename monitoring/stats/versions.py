"""Compares model versions: the accuracy of each, and whether their difference is significant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import hypot
from typing import Literal

import pandas as pd

from monitoring.stats.quality import Proportion, accuracy, size

Verdict = Literal["higher", "lower", "cannot tell yet"]


@dataclass(frozen=True)
class VersionQuality:
    """The predictions of one version between `first` and `last`, in UTC. `version` is None for predictions that name
    none; `accuracy` is None without labels."""

    version: str | None
    requests: int
    accuracy: Proportion | None
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Difference:
    """A difference of two proportions, -1 to 1, with its 95 % interval."""

    value: float
    low: float
    high: float


def by_version(answers: pd.DataFrame, spans: pd.DataFrame) -> list[VersionQuality]:
    """The versions in order of their first prediction; the tables are those of Tables."""
    found = [
        VersionQuality(name, size(rows), accuracy(rows), times["first"].min(), times["last"].max())
        for (name, rows), (_, times) in zip(_by_version(answers), _by_version(spans), strict=True)
    ]
    return sorted(found, key=lambda version: version.first)


def _by_version(table: pd.DataFrame) -> list[tuple[str | None, pd.DataFrame]]:
    groups = table.groupby("model_version", dropna=False, sort=True, observed=True)
    return [(None if pd.isna(name) else str(name), rows) for name, rows in groups]


def difference(one: Proportion, other: Proportion) -> Difference:
    """one - other, of independent samples. The interval combines both Wilson intervals (Newcombe 1998, method 10)."""
    value = one.value - other.value
    below = hypot(one.value - one.low, other.high - other.value)
    above = hypot(one.high - one.value, other.value - other.low)
    return Difference(value, value - below, value + above)


def verdict(difference: Difference) -> Verdict:
    """Whether the first proportion is significantly higher or lower than the other."""
    if difference.low > 0:
        return "higher"
    return "lower" if difference.high < 0 else "cannot tell yet"

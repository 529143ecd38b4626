"""Accuracy, precision, recall and F1 of labelled predictions, with 95 % intervals.

Predictions come as tables with the columns of Tables.answers; a row stands for `n` predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pandas as pd
from scipy.stats import binomtest

MOST_LABELS = 50  # clients may send any number of different labels


@dataclass(frozen=True)
class Proportion:
    """`value` with its 95 % interval, and the number of labels `n` behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class LabelQuality:
    """One-against-rest figures of a label; None where no label is relevant."""

    label: str
    precision: Proportion | None
    recall: Proportion | None
    f1: Proportion | None


@lru_cache(maxsize=10_000)  # binomtest also computes a p-value: a millisecond for each of a page's many intervals
def proportion(successes: int, n: int) -> Proportion | None:
    """successes / n with its Wilson score interval (Wilson 1927), or None if n is 0."""
    if n == 0:
        return None
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return Proportion(successes / n, float(interval.low), float(interval.high), n)


def labelled(answers: pd.DataFrame) -> pd.DataFrame:
    """The predictions that have a true label."""
    return answers[answers["true_sentiment"].notna()]


def accuracy(answers: pd.DataFrame) -> Proportion | None:
    """The share of labelled predictions that are right."""
    known = labelled(answers)
    return proportion(int(known["n"][known["true_sentiment"] == known["predicted_sentiment"]].sum()), size(known))


def by_label(answers: pd.DataFrame) -> list[LabelQuality]:
    """Precision, recall and F1 of each label that is predicted or true among the labelled predictions; at most of the
    MOST_LABELS most frequent labels."""
    known = labelled(answers)
    sides = [known.groupby(side, observed=True)["n"].sum() for side in ("predicted_sentiment", "true_sentiment")]
    both = pd.concat([side.rename(index=str) for side in sides]).groupby(level=0).sum()
    return [_of_label(known, label) for label in sorted(both.nlargest(MOST_LABELS).index)]


def size(answers: pd.DataFrame) -> int:
    """The number of predictions in a table."""
    return int(answers["n"].sum())


def _of_label(known: pd.DataFrame, label: str) -> LabelQuality:
    predicted, true = known["predicted_sentiment"] == label, known["true_sentiment"] == label
    hits = size(known[predicted & true])
    return LabelQuality(
        label,
        precision=proportion(hits, size(known[predicted])),
        recall=proportion(hits, size(known[true])),
        f1=_f1(hits, size(known[predicted | true])),
    )


def _f1(hits: int, n: int) -> Proportion | None:
    """F1 = 2J / (1 + J) is monotonic in the proportion J = hits / (predicted or true), so J's Wilson interval carries
    over."""
    jaccard = proportion(hits, n)
    if jaccard is None:
        return None
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Proportion(value, low, high, n)

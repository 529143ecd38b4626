"""How good the answers with a known true label are: accuracy, precision, recall, F1, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

RIGHT, WRONG, UNLABELLED = "right", "wrong", "no label"


@dataclass(frozen=True)
class Proportion:
    """`value` with its 95 % interval, and the number of labels `n` behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class LabelQuality:
    """One-against-rest figures of a label; None where no label speaks about it."""

    label: str
    precision: Proportion | None
    recall: Proportion | None
    f1: Proportion | None


def proportion(successes: int, n: int) -> Proportion | None:
    """successes / n with its Wilson score interval (Wilson 1927), or None without observations."""
    if n == 0:
        return None
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return Proportion(successes / n, float(interval.low), float(interval.high), n)


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions whose true label is known."""
    return predictions[predictions["true_sentiment"].notna()]


def outcomes(predictions: pd.DataFrame) -> pd.Series:
    """For each prediction whether it was right or wrong, or that its true label is not known."""
    right = predictions["true_sentiment"] == predictions["predicted_sentiment"]
    return right.map({True: RIGHT, False: WRONG}).where(predictions["true_sentiment"].notna(), UNLABELLED)


def accuracy(predictions: pd.DataFrame) -> Proportion | None:
    """The share of labelled predictions that are right."""
    known = labelled(predictions)
    return proportion(int((known["true_sentiment"] == known["predicted_sentiment"]).sum()), len(known))


def by_label(predictions: pd.DataFrame) -> list[LabelQuality]:
    """Precision, recall and F1 of every label that was predicted or true among the labelled predictions."""
    known = labelled(predictions)
    labels = sorted({*known["predicted_sentiment"].unique(), *known["true_sentiment"].unique()})
    return [_of_label(known, label) for label in labels]


def _of_label(known: pd.DataFrame, label: str) -> LabelQuality:
    predicted, true = known["predicted_sentiment"] == label, known["true_sentiment"] == label
    hits = int((predicted & true).sum())
    return LabelQuality(
        label,
        precision=proportion(hits, int(predicted.sum())),
        recall=proportion(hits, int(true.sum())),
        f1=_f1(hits, int((predicted | true).sum())),
    )


def _f1(hits: int, n: int) -> Proportion | None:
    """F1 = 2J / (1 + J), where J = hits / (predicted or true) is a proportion: its Wilson interval carries over."""
    jaccard = proportion(hits, n)
    if jaccard is None:
        return None
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Proportion(value, low, high, n)

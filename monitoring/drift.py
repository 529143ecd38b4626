"""How far current traffic is from the reference: lengths and predicted labels, as counts in the same bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency

from monitoring.reference import Reference, histogram

Counts = npt.NDArray[np.int64]
GROUPS = 10  # a chi-square test wants bins that are not nearly empty: lengths are tested in tenths of the reference


@dataclass(frozen=True)
class Drift:
    """The distance between two distributions of `n` current and many reference texts.

    `distance` is the total variation, 0 (the same) to 1 (nothing in common): the largest difference in probability
    of any event. `p_value` is that of the chi-square test of homogeneity (Pearson 1900).
    """

    distance: float
    p_value: float
    n: int


def length_drift(current: pd.DataFrame, reference: Reference) -> Drift:
    """Drift of the number of words."""
    counts = histogram(current["words"].to_numpy(), reference.length_edges)
    groups = tenths(reference.length_counts)
    return drift(np.add.reduceat(counts, groups), np.add.reduceat(reference.length_counts, groups))


def label_drift(current: pd.DataFrame, reference: Reference) -> Drift:
    """Drift of the predicted labels, those included that only one side knows."""
    counts = label_counts(current)
    labels = all_labels(counts, reference.label_counts)
    return drift(_in_order(counts, labels), _in_order(reference.label_counts, labels))


def drift(current: Counts, reference: Counts) -> Drift:
    """Drift between two vectors of counts of the same bins; the reference must not be empty."""
    n = int(current.sum())
    if n == 0:
        return Drift(0.0, 1.0, 0)
    distance = float(np.abs(current / n - reference / reference.sum()).sum() / 2)
    used = (current + reference) > 0
    if used.sum() < 2:
        return Drift(distance, 1.0, n)
    test = chi2_contingency(np.array([current[used], reference[used]]), correction=False)
    return Drift(distance, float(test.pvalue), n)


def label_counts(current: pd.DataFrame) -> dict[str, int]:
    return {str(label): int(count) for label, count in current["predicted_sentiment"].value_counts().items()}


def all_labels(*counts: Mapping[str, int]) -> list[str]:
    return sorted({label for labels in counts for label in labels})


def tenths(counts: Counts) -> npt.NDArray[np.intp]:
    """The first bins of neighbouring groups that hold at least a tenth of `counts` each, for np.add.reduceat."""
    starts, held = [0], 0
    for index, count in enumerate(counts[:-1]):
        held += count
        if held * GROUPS >= counts.sum() and counts[index + 1 :].sum() * GROUPS >= counts.sum():
            starts.append(index + 1)
            held = 0
    return np.array(starts)


def _in_order(counts: Mapping[str, int], labels: list[str]) -> Counts:
    return np.array([counts.get(label, 0) for label in labels], dtype=np.int64)

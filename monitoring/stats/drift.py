"""How far current traffic is from the reference: lengths, answers, confidence and vocabulary, counted in the same bins.

They take tables of Counted, and count `distinct` texts, since what says the same thing twice is no evidence. Rows of
another model are not comparable: give them what `of_reference` leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency, norm

from monitoring.stats.reference import Reference, histogram

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
GROUP_SHARE = 0.1  # of the reference: a chi-square test wants bins that are not nearly empty
MIN_TEXTS = 50  # different ones; with fewer nothing is tested, nor called drift
MIN_EXPECTED = 5.0  # texts in each bin for the chi-square distribution to hold (Cochran 1954)
DRAWS, SEED = 9_999, 20261123  # for the others; the same log gives the same figures


@dataclass(frozen=True)
class ShareChange:
    """By how much the share of the label that changed most has changed, current less reference: -1 to 1."""

    label: str
    change: float


@dataclass(frozen=True)
class Drift:
    """The distance between two distributions of `n` current and many reference texts.

    `distance` is the total variation, 0 (the same) to 1 (nothing in common): the largest difference in probability
    of any event. `p_value` is that of the chi-square test of homogeneity (Pearson 1900), 1 for fewer than MIN_TEXTS.
    `shift` says by how many standard deviations of the reference values have become larger, `most_changed` which label
    has become more frequent; each None where it makes no sense, and without current texts.
    """

    distance: float
    p_value: float
    n: int
    shift: float | None = None
    most_changed: ShareChange | None = None


def of_reference(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """The rows that may be compared with the reference: those of its model, and those that do not name theirs."""
    version = table["model_version"]
    return table[version.isna() | (version == reference.model_version)]


def length_drift(lengths: pd.DataFrame, reference: Reference) -> Drift:
    """Drift of the number of words."""
    return value_drift(lengths["words"], lengths["distinct"], reference.length_edges, reference.length_counts)


def confidence_drift(answers: pd.DataFrame, reference: Reference) -> Drift:
    """Drift of the confidence of the answers that have one."""
    have = answers[answers["confidence"].notna()]
    return value_drift(have["confidence"], have["distinct"], reference.confidence_edges, reference.confidence_counts)


def vocabulary_drift(known: pd.DataFrame, reference: Reference) -> Drift | None:
    """Drift of the share of a text's tokens that the model knows; None where either side does not have it."""
    known = known[known["known_share"].notna()]
    if reference.known_edges is None or reference.known_counts is None or known.empty:
        return None
    return value_drift(known["known_share"], known["distinct"], reference.known_edges, reference.known_counts)


def label_drift(answers: pd.DataFrame, reference: Reference) -> Drift:
    """Drift of the predicted labels, those included that only one side knows."""
    counts = label_counts(answers, "distinct")
    labels = all_labels(counts, reference.label_counts)
    ours, theirs = _in_order(counts, labels), _in_order(reference.label_counts, labels)
    found = drift(ours, theirs)
    if found.n == 0:
        return found
    changes = ours / ours.sum() - theirs / theirs.sum()
    most = int(np.argmax(np.abs(changes)))
    return replace(found, most_changed=ShareChange(labels[most], float(changes[most])))


def value_drift(
    values: pd.Series, distinct: pd.Series, edges: npt.NDArray[np.int64] | Floats, reference: Counts
) -> Drift:
    """Drift of values (m,), of which `distinct` (m,) texts have each, from a histogram, tested in groups of its bins
    that hold GROUP_SHARE each."""
    counts = histogram(values.to_numpy(), edges, distinct.to_numpy())
    groups = groups_of(reference, GROUP_SHARE)
    found = drift(np.add.reduceat(counts, groups), np.add.reduceat(reference, groups))
    return replace(found, shift=_shift(counts, reference)) if found.n else found


def drift(current: Counts, reference: Counts) -> Drift:
    """Drift between two vectors of counts of the same bins; the reference must not be empty."""
    n = int(current.sum())
    if n == 0:
        return Drift(0.0, 1.0, 0)
    distance = float(np.abs(current / n - reference / reference.sum()).sum() / 2)
    used = (current + reference) > 0
    if n < MIN_TEXTS or used.sum() < 2:
        return Drift(distance, 1.0, n)
    return Drift(distance, _p_value(np.array([current[used], reference[used]])), n)


def label_counts(answers: pd.DataFrame, of: str = "n") -> dict[str, int]:
    """How many answers, or distinct texts, have each predicted label."""
    counts = answers.groupby("predicted_sentiment", observed=True)[of].sum().sort_values(ascending=False, kind="stable")
    return {str(label): int(count) for label, count in counts.items() if count}


def all_labels(*counts: Mapping[str, int]) -> list[str]:
    return sorted({label for labels in counts for label in labels})


def groups_of(counts: Counts, share: float) -> npt.NDArray[np.intp]:
    """The first bins of neighbouring groups that hold at least this share of `counts` each, for np.add.reduceat."""
    starts, held, least = [0], 0, share * int(counts.sum())
    left = int(counts.sum())
    for index, count in enumerate(counts[:-1].tolist()):
        held, left = held + count, left - count
        if held >= least and left >= least:
            starts.append(index + 1)
            held = 0
    return np.array(starts)


def shares_of(counts: Counts) -> Floats:
    """Half a count more for each bin: none is impossible, however empty the reference has it."""
    more = counts.astype(np.float64) + 0.5
    return np.asarray(more / more.sum(), dtype=np.float64)


def normal_scores(shares: Floats) -> Floats:
    """Of bins of rising values with these shares, (B,), all positive: the mean of a standard normal within each."""
    ends = np.concatenate([[0.0], np.cumsum(shares)])
    ends[-1] = 1.0
    return np.asarray(-np.diff(norm.pdf(norm.ppf(ends))) / shares, dtype=np.float64)


def _in_order(counts: Mapping[str, int], labels: list[str]) -> Counts:
    return np.array([counts.get(label, 0) for label in labels], dtype=np.int64)


def _p_value(table: Counts) -> float:
    """Of the chi-square test, (2, bins); rare bins do not follow its distribution, so that it is drawn for them."""
    test = chi2_contingency(table, correction=False)
    expected = np.asarray(test.expected_freq)
    if expected.min() >= MIN_EXPECTED:
        return float(test.pvalue)
    rng = np.random.default_rng(SEED)
    drawn = rng.multivariate_hypergeometric(table.sum(axis=0), int(table[0].sum()), size=DRAWS)
    statistics = ((drawn - expected[0]) ** 2 * (1 / expected[0] + 1 / expected[1])).sum(axis=1)
    return float((1 + (statistics >= test.statistic * (1 - 1e-9)).sum()) / (1 + DRAWS))


def _shift(current: Counts, reference: Counts) -> float:
    """The mean of the current values after the transformation that makes the reference standard normal."""
    scores = normal_scores(shares_of(reference))
    return float(np.average(scores, weights=current) - np.average(scores, weights=reference))

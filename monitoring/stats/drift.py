"""Data drift and target drift: distances of lengths, labels, confidence and vocabulary from the reference.

The functions take tables of Tables and count `distinct` texts, because repeats are no evidence. Rows of another model
are not comparable: pass what `of_reference` leaves.
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
GROUP_SHARE = 0.1  # of the reference; the chi-square test needs bins that are not nearly empty
MIN_TEXTS = 50  # distinct; with fewer nothing is tested
MIN_EXPECTED = 5.0  # texts in each bin, for the chi-square approximation to hold (Cochran 1954)
DRAWS, SEED = 9_999, 20261123  # of the simulation; fixed, so that the same log gives the same figures


@dataclass(frozen=True)
class ShareChange:
    """The label whose share has changed most, and the change: current minus reference share, -1 to 1."""

    label: str
    change: float


@dataclass(frozen=True)
class Drift:
    """The distance of the distributions of `n` current texts and of the reference texts.

    `distance` is the total variation, 0 (equal) to 1 (disjoint): the largest difference in probability of any event.
    `p_value` is that of the chi-square test of homogeneity (Pearson 1900); it is 1 for fewer than MIN_TEXTS. `shift` is
    the increase of the values in standard deviations of the reference. `most_changed` is for labels. Each is None where
    it does not apply and without current texts.
    """

    distance: float
    p_value: float
    n: int
    shift: float | None = None
    most_changed: ShareChange | None = None


def of_reference(table: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """The rows that are comparable with the reference: those of its model, and those that name no model."""
    version = table["model_version"]
    return table[version.isna() | (version == reference.model_version)]


def length_drift(lengths: pd.DataFrame, reference: Reference) -> Drift:
    """Data drift of the number of words."""
    return value_drift(lengths["words"], lengths["distinct"], reference.length_edges, reference.length_counts)


def confidence_drift(answers: pd.DataFrame, reference: Reference) -> Drift:
    """Drift of the confidence, of predictions that have one."""
    have = answers[answers["confidence"].notna()]
    return value_drift(have["confidence"], have["distinct"], reference.confidence_edges, reference.confidence_counts)


def vocabulary_drift(known: pd.DataFrame, reference: Reference) -> Drift | None:
    """Data drift of the known share, the share of a text's tokens in the model's vocabulary. None if either side lacks
    it."""
    known = known[known["known_share"].notna()]
    if reference.known_edges is None or reference.known_counts is None or known.empty:
        return None
    return value_drift(known["known_share"], known["distinct"], reference.known_edges, reference.known_counts)


def label_drift(answers: pd.DataFrame, reference: Reference) -> Drift:
    """Target drift: drift of the predicted labels, including labels that only one side has."""
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
    """Drift of values (m,), each of `distinct` (m,) texts, from a histogram. The test uses groups of bins that hold
    GROUP_SHARE of the reference each."""
    counts = histogram(values.to_numpy(), edges, distinct.to_numpy())
    groups = groups_of(reference, GROUP_SHARE)
    found = drift(np.add.reduceat(counts, groups), np.add.reduceat(reference, groups))
    return replace(found, shift=_shift(counts, reference)) if found.n else found


def drift(current: Counts, reference: Counts) -> Drift:
    """Drift between two count vectors over the same bins, (B,). The reference must not be all 0."""
    n = int(current.sum())
    if n == 0:
        return Drift(0.0, 1.0, 0)
    distance = float(np.abs(current / n - reference / reference.sum()).sum() / 2)
    used = (current + reference) > 0
    if n < MIN_TEXTS or used.sum() < 2:
        return Drift(distance, 1.0, n)
    return Drift(distance, _p_value(np.array([current[used], reference[used]])), n)


def label_counts(answers: pd.DataFrame, of: str = "n") -> dict[str, int]:
    """The number of predictions, or of distinct texts, by predicted label, most frequent first."""
    counts = answers.groupby("predicted_sentiment", observed=True)[of].sum().sort_values(ascending=False, kind="stable")
    return {str(label): int(count) for label, count in counts.items() if count}


def all_labels(*counts: Mapping[str, int]) -> list[str]:
    """The labels of all counts, sorted."""
    return sorted({label for labels in counts for label in labels})


def groups_of(counts: Counts, share: float) -> npt.NDArray[np.intp]:
    """The first bins of groups of neighbours that hold at least this share of `counts` each, for np.add.reduceat."""
    starts, held, least = [0], 0, share * int(counts.sum())
    left = int(counts.sum())
    for index, count in enumerate(counts[:-1].tolist()):
        held, left = held + count, left - count
        if held >= least and left >= least:
            starts.append(index + 1)
            held = 0
    return np.array(starts)


def shares_of(counts: Counts) -> Floats:
    """The shares of bins, (B,), with half a count added to each, so that no bin has probability 0."""
    more = counts.astype(np.float64) + 0.5
    return np.asarray(more / more.sum(), dtype=np.float64)


def normal_scores(shares: Floats) -> Floats:
    """The mean of a standard normal within each bin, (B,), for bins of rising values with these positive shares
    (B,)."""
    ends = np.concatenate([[0.0], np.cumsum(shares)])
    ends[-1] = 1.0
    return np.asarray(-np.diff(norm.pdf(norm.ppf(ends))) / shares, dtype=np.float64)


def _in_order(counts: Mapping[str, int], labels: list[str]) -> Counts:
    return np.array([counts.get(label, 0) for label in labels], dtype=np.int64)


def _p_value(table: Counts) -> float:
    """Of the chi-square test on a table (2, bins). With rare bins the distribution of the statistic is simulated."""
    test = chi2_contingency(table, correction=False)
    expected = np.asarray(test.expected_freq)
    if expected.min() >= MIN_EXPECTED:
        return float(test.pvalue)
    rng = np.random.default_rng(SEED)
    drawn = rng.multivariate_hypergeometric(table.sum(axis=0), int(table[0].sum()), size=DRAWS)
    statistics = ((drawn - expected[0]) ** 2 * (1 / expected[0] + 1 / expected[1])).sum(axis=1)
    return float((1 + (statistics >= test.statistic * (1 - 1e-9)).sum()) / (1 + DRAWS))


def _shift(current: Counts, reference: Counts) -> float:
    """The mean of the current values, transformed so that the reference is standard normal."""
    scores = normal_scores(shares_of(reference))
    return float(np.average(scores, weights=current) - np.average(scores, weights=reference))

"""Likelihood ratios for the e-detector, with a null that leaves room for irrelevant changes.

Each ratio is monotonic in the bin, so its mean is at most 1 for every distribution on the null's side of the edge, not
only for the edge itself (stochastic order; Lehmann and Romano 2005, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from monitoring.alarms.sequential import Floats, Ratios
from monitoring.stats.drift import normal_scores

MARGIN = 0.10  # in standard deviations; smaller shifts are irrelevant, and no reference is exact
SHIFTS = (0.25, 0.5, 1.0)  # in standard deviations
SHIFT_WEIGHTS = (0.25, 0.35, 0.25)
OUTLIERS = 0.05  # the share of out-of-domain traffic in one of the alternatives
OUTLIER_WEIGHT = 0.15
EXCESS_ERRORS = (0.03, 0.07, 0.14, 0.25, 0.40)  # share of wrong predictions among those that should be right
EXCESS_WEIGHTS = (0.04, 0.26, 0.45, 0.15, 0.10)
FLIPS = (0.03, 0.06, 0.12, 0.20, 0.30)  # share of predictions whose true label has flipped
TEMPERATURES = (0.67, 1.5, 2.5)  # below 1 the model is underconfident, above 1 overconfident
STANDING_FLIP, STANDING_TEMPERATURE = 0.06, 0.8  # must be excluded before the doubt is cleared


def error_ratios(error: float) -> Ratios:
    """Test whether predictions are wrong more often than `error`, strictly between 0 and 1. Bins: 0 right, 1 wrong."""
    worse = [error + part * (1 - error) for part in EXCESS_ERRORS]
    better = [error * part for part in (0.25, 0.5, 0.75)]
    return Ratios(
        raising=_bernoulli(error, worse),
        weights=np.array(EXCESS_WEIGHTS),
        group=np.zeros(len(worse), dtype=np.int64),
        clearing=[_bernoulli(error, better)],
    )


def shift_ratios(shares: Floats) -> Ratios:
    """Test whether values have shifted up or down by more than MARGIN. Bins of rising values with positive reference
    shares (B,).

    A shift of s standard deviations is the exponential tilt by exp(s z), where z is a bin's normal score. That is what
    a shift does to a normal distribution, and to any other one after the transformation that makes the reference
    normal.
    """
    scores = normal_scores(shares)
    up = _one_way(shares, scores)
    down = _one_way(shares[::-1], -scores[::-1])[::-1]
    return Ratios(
        raising=np.hstack([up, down]),
        weights=np.array([*SHIFT_WEIGHTS, OUTLIER_WEIGHT] * 2) / 2,
        group=np.repeat([0, 1], len(SHIFTS) + 1),
        clearing=[_tilts(shares, scores, [0.0], MARGIN), _tilts(shares, scores, [0.0], -MARGIN)],
    )


def share_ratios(shares: Floats) -> Ratios:
    """Test whether a label has become more or less frequent. Bins are labels with positive reference shares (B,).

    A shift is in standard deviations of a label's indicator, sqrt(p (1 - p)), as in shift_ratios.
    """
    watched = shares[:1] if len(shares) == 2 else shares  # of two labels, one determines the other
    raising, clearing = [], []
    for label, share in enumerate(watched):
        deviation = np.sqrt(share * (1 - share))
        scores = (np.eye(len(shares))[label] - share) / deviation
        for sign in (1, -1):
            raising.append(_tilts(shares, scores, [sign * shift for shift in SHIFTS], sign * MARGIN))
            clearing.append(_tilts(shares, scores, [0.0], sign * MARGIN))
    weights = np.tile(np.array(SHIFT_WEIGHTS) / sum(SHIFT_WEIGHTS), len(raising)) / len(raising)
    return Ratios(np.hstack(raising), weights, np.repeat(np.arange(len(raising)), len(SHIFTS)), clearing)


def fit_ratios(probabilities: Floats) -> Ratios:
    """Test whether predictions that should be right with probabilities[i] (P,), strictly between 0 and 1, are right
    less or more often. Bins: 2 i right, 2 i + 1 wrong."""
    truths_flipped = [probabilities * (1 - flip) + (1 - probabilities) * flip for flip in FLIPS]
    tempered = [expit(logit(probabilities) / temperature) for temperature in TEMPERATURES]
    standing = (1 - STANDING_FLIP) * probabilities + STANDING_FLIP * (1 - probabilities)
    surer = expit(logit(probabilities) / STANDING_TEMPERATURE)
    alternatives = [*truths_flipped, *tempered]
    raising = _by_outcome(alternatives, probabilities)
    surer_columns = [len(FLIPS) + place for place, temperature in enumerate(TEMPERATURES) if temperature < 1]
    # The outer bins also hold more extreme probabilities, so being right that often is no evidence.
    raising[np.ix_([0, 1, -2, -1], surer_columns)] = 0.0
    return Ratios(
        raising=raising,
        weights=np.full(len(alternatives), 1 / len(alternatives)),
        group=np.array([1] * len(FLIPS) + [0 if temperature < 1 else 1 for temperature in TEMPERATURES]),
        clearing=[_by_outcome([probabilities], surer), _by_outcome([probabilities], standing)],
    )


def _by_outcome(alternatives: Sequence[Floats], null: Floats) -> Floats:
    """log LR of right and wrong in turn, for each probability of the null: (2 P, alternatives)."""
    right = np.column_stack([np.log(alternative / null) for alternative in alternatives])
    wrong = np.column_stack([np.log((1 - alternative) / (1 - null)) for alternative in alternatives])
    return np.stack([right, wrong], axis=1).reshape(2 * len(null), len(alternatives))


def _bernoulli(null: float, alternatives: Sequence[float]) -> Floats:
    wrong = np.asarray(alternatives)
    return np.log(np.vstack([(1 - wrong) / (1 - null), wrong / null]))


def _one_way(shares: Floats, scores: Floats) -> Floats:
    """Alternatives towards the last bin: each of SHIFTS, and a share of outliers in the last bins only."""
    edge = _tilted(shares, scores, MARGIN)
    tail = np.zeros(len(shares))
    tail[-max(1, int(np.sum(np.cumsum(edge[::-1]) <= OUTLIERS / 2))) :] = 1.0
    outliers = (1 - OUTLIERS) + OUTLIERS * tail / edge[tail > 0].sum()
    return np.column_stack([_tilts(shares, scores, SHIFTS, MARGIN), np.log(outliers)])


def _tilts(shares: Floats, scores: Floats, shifts: Sequence[float], edge: float) -> Floats:
    null = _tilted(shares, scores, edge)
    return np.log(np.column_stack([_tilted(shares, scores, shift) / null for shift in shifts]))


def _tilted(shares: Floats, scores: Floats, shift: float) -> Floats:
    tilted = shares * np.exp(shift * scores)
    return np.asarray(tilted / tilted.sum(), dtype=np.float64)

"""Likelihood ratios for the e-detector: tests against a null that leaves room for what does not matter.

Each ratio rises (or falls) with the bin, so that its mean is at most 1 for every distribution on the null's side of
the edge, not only for the edge itself (stochastic order; Lehmann and Romano 2005, section 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from monitoring.alarms.sequential import Floats, Ratios
from monitoring.stats.drift import normal_scores

MARGIN = 0.10  # in standard deviations: a smaller shift is nothing to worry about, and no reference is exact
SHIFTS = (0.25, 0.5, 1.0)  # in standard deviations
SHIFT_WEIGHTS = (0.25, 0.35, 0.25)
OUTLIERS = 0.05  # the share of traffic from elsewhere that one of the alternatives supposes
OUTLIER_WEIGHT = 0.15
EXCESS_ERRORS = (0.03, 0.07, 0.14, 0.25, 0.40)  # of the answers that should be right, the share that is wrong
EXCESS_WEIGHTS = (0.04, 0.26, 0.45, 0.15, 0.10)
FLIPS = (0.03, 0.06, 0.12, 0.20, 0.30)  # the share of answers whose truth has changed sides
TEMPERATURES = (0.67, 1.5, 2.5)  # below 1 the model is surer than it says, above 1 less sure
STANDING_FLIP, STANDING_TEMPERATURE = 0.06, 0.8  # what must be excluded before the estimate is believed again


def error_ratios(error: float) -> Ratios:
    """Bins 0 (right) and 1 (wrong): whether answers are wrong more often than `error`, above 0 and below 1."""
    worse = [error + part * (1 - error) for part in EXCESS_ERRORS]
    better = [error * part for part in (0.25, 0.5, 0.75)]
    return Ratios(
        raising=_bernoulli(error, worse),
        weights=np.array(EXCESS_WEIGHTS),
        group=np.zeros(len(worse), dtype=np.int64),
        clearing=[_bernoulli(error, better)],
    )


def shift_ratios(shares: Floats) -> Ratios:
    """Bins of rising values with these reference shares, (B,), all positive: whether values have become larger or
    smaller by more than MARGIN.

    A shift of s standard deviations is the exponential tilt by exp(s z), z being a bin's normal score: what a shift
    does to a normal distribution, and to any other after the transformation that makes the reference normal.
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
    """Bins are labels with these reference shares, (B,), all positive: whether one has become more or less frequent.

    A shift is in standard deviations of the indicator of a label, sqrt(p (1 - p)), as in shift_ratios.
    """
    watched = shares[:1] if len(shares) == 2 else shares  # of two labels, the one says all about the other
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
    """Bins 2 i (right) and 2 i + 1 (wrong): whether answers that should be right with probabilities[i], (P,), strictly
    between 0 and 1, are right less or more often than that."""
    truths_flipped = [probabilities * (1 - flip) + (1 - probabilities) * flip for flip in FLIPS]
    tempered = [expit(logit(probabilities) / temperature) for temperature in TEMPERATURES]
    standing = (1 - STANDING_FLIP) * probabilities + STANDING_FLIP * (1 - probabilities)
    surer = expit(logit(probabilities) / STANDING_TEMPERATURE)
    alternatives = [*truths_flipped, *tempered]
    raising = _by_outcome(alternatives, probabilities)
    surer_columns = [len(FLIPS) + place for place, temperature in enumerate(TEMPERATURES) if temperature < 1]
    # The outer bins hold whatever is surer still, of which being right that often is no news.
    raising[np.ix_([0, 1, -2, -1], surer_columns)] = 0.0
    return Ratios(
        raising=raising,
        weights=np.full(len(alternatives), 1 / len(alternatives)),
        group=np.array([1] * len(FLIPS) + [0 if temperature < 1 else 1 for temperature in TEMPERATURES]),
        clearing=[_by_outcome([probabilities], surer), _by_outcome([probabilities], standing)],
    )


def _by_outcome(alternatives: Sequence[Floats], null: Floats) -> Floats:
    """log LR of being right and wrong, one after the other for each probability of the null."""
    right = np.column_stack([np.log(alternative / null) for alternative in alternatives])
    wrong = np.column_stack([np.log((1 - alternative) / (1 - null)) for alternative in alternatives])
    return np.stack([right, wrong], axis=1).reshape(2 * len(null), len(alternatives))


def _bernoulli(null: float, alternatives: Sequence[float]) -> Floats:
    wrong = np.asarray(alternatives)
    return np.log(np.vstack([(1 - wrong) / (1 - null), wrong / null]))


def _one_way(shares: Floats, scores: Floats) -> Floats:
    """Towards the last bin: by each of SHIFTS, or a part of the traffic in the last bins alone."""
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

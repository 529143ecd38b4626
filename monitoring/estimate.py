"""How often answers are right as far as their confidence can tell: without labels, or with a few of them.

Both believe the calibration curve that was measured before the model was shipped. Without labels nothing can tell when
it no longer holds; a random sample with labels corrects it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from monitoring.calibration import Floats, calibrated
from monitoring.feedback import audited
from monitoring.quality import Proportion
from monitoring.reference import Reference

Z = float(norm.ppf(0.975))
MIN_LABELS = 30  # with fewer the slope of labels over estimates is anybody's guess


def estimated_accuracy(confidence: npt.ArrayLike, reference: Reference) -> Proportion | None:
    """The share of right answers among those of this confidence (n,), NaN left out: the mean of their calibrated
    probabilities ("confidence-based performance estimation"). None without any.

    The interval is for the share that really is right: the normal approximation of a Poisson binomial distribution,
    with the variance of the curve itself, which was measured on validation_n answers; n = 10,000 need it.
    """
    values = np.asarray(confidence, dtype=np.float64)
    probabilities = calibrated(values[~np.isnan(values)], reference)
    n = len(probabilities)
    if n == 0:
        return None
    variance = float(np.mean(probabilities * (1 - probabilities))) * (1 / n + 1 / reference.validation_n)
    mean, margin = float(probabilities.mean()), Z * variance**0.5
    return Proportion(mean, max(mean - margin, 0.0), min(mean + margin, 1.0), n)


def few_labels_accuracy(predictions: pd.DataFrame, reference: Reference) -> Proportion | None:
    """The accuracy of all answers up to the last of the audited ones, from the labels of these and the calibrated
    probabilities of all: prediction-powered inference with power tuning (Angelopoulos, Duchi and Zrnic 2023, PPI++).
    `n` is the number of labels. None for fewer than MIN_LABELS audited answers with confidence.

    The labels are right on average however wrong the calibration is; where it is not, it makes the interval narrower.
    That is Wilson's for as many labels as would be needed without it, since near 1 a symmetric one covers too seldom.
    """
    first = audited(predictions)
    first = first[first["confidence"].notna()]
    if len(first) < MIN_LABELS:
        return None
    everything = _up_to_first_unlabelled(predictions)["confidence"].dropna()
    right = (first["true_sentiment"] == first["predicted_sentiment"]).to_numpy().astype(np.float64)
    estimates, all_estimates = (calibrated(of.to_numpy(), reference) for of in (first["confidence"], everything))
    return _powered(right, estimates, all_estimates)


def _up_to_first_unlabelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """What the labelled part of the audit sample is a random sample of."""
    awaited = predictions["audit"] & predictions["prediction_id"].notna() & predictions["true_sentiment"].isna()
    return predictions[~awaited.cummax()]


def _powered(right: Floats, estimates: Floats, all_estimates: Floats) -> Proportion:
    """From labels (m,), 1 for right answers, their estimates (m,) and those of all N answers, these included."""
    m, n = len(right), len(all_estimates)
    covariance = np.cov(right, estimates)
    slope = float(np.clip(covariance[0, 1] / covariance[1, 1], 0, 1)) if covariance[1, 1] else 0.0
    value = float(np.clip(right.mean() - slope * (estimates.mean() - all_estimates.mean()), 0, 1))
    rest = float(np.var(right - slope * estimates)) * m / (m - 2)
    variance = rest * (1 / m - 1 / n) + covariance[0, 0] / n
    as_many = float(covariance[0, 0] / variance) if variance else float(m)
    return _wilson(value, as_many, m)


def _wilson(value: float, effective: float, n: int) -> Proportion:
    """Wilson's interval for `value` as if it came from `effective` labels, which need not be a whole number."""
    shrunk = 1 + Z**2 / effective
    centre = (value + Z**2 / effective / 2) / shrunk
    margin = Z / shrunk * (value * (1 - value) / effective + Z**2 / effective**2 / 4) ** 0.5
    return Proportion(value, max(min(centre - margin, value), 0.0), min(max(centre + margin, value), 1.0), n)

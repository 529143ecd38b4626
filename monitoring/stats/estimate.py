"""Estimates accuracy from confidence: without labels, or with the labels of a small random sample.

Both rely on the calibration curve measured at training time. Without labels nothing shows when it no longer holds; a
random sample with labels corrects it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from monitoring.stats.calibration import Floats, calibrated
from monitoring.stats.quality import Proportion, size
from monitoring.stats.reference import Reference

Z = float(norm.ppf(0.975))
MIN_LABELS = 30  # with fewer, the slope of labels over estimates is too uncertain


def estimated_accuracy(answers: pd.DataFrame, reference: Reference) -> Proportion | None:
    """Confidence-based performance estimation: the mean calibrated probability of predictions with a confidence. None
    without any.

    The interval is for the true share of right predictions: the normal approximation of a Poisson binomial
    distribution, plus the variance of the curve itself, which was measured on validation_n predictions. For n = 10,000
    the second term matters.
    """
    known = answers[answers["confidence"].notna()]
    n = size(known)
    if n == 0:
        return None
    probabilities, counts = calibrated(known["confidence"].to_numpy(), reference), known["n"].to_numpy()
    spread = float(np.average(probabilities * (1 - probabilities), weights=counts))
    variance = spread * (1 / n + 1 / reference.validation_n)
    mean, margin = float(np.average(probabilities, weights=counts)), Z * variance**0.5
    return Proportion(mean, max(mean - margin, 0.0), min(mean + margin, 1.0), n)


def few_labels_accuracy(first: pd.DataFrame, everything: pd.DataFrame, reference: Reference) -> Proportion | None:
    """The accuracy of `everything`, all predictions before the first unlabelled one of the audit sample, by
    prediction-powered inference with power tuning (PPI++; Angelopoulos, Duchi and Zrnic 2023). `first` are the audited
    predictions, which `audited` gives. `n` is their number. None if fewer than MIN_LABELS of them have a confidence.

    The labels make the estimate unbiased even if the calibration is wrong; a good calibration narrows the interval. The
    interval is Wilson's for the effective number of labels, because a symmetric one undercovers near 1.
    """
    first, everything = (of[of["confidence"].notna()] for of in (first, everything))
    if len(first) < MIN_LABELS:
        return None
    right = (first["true_sentiment"] == first["predicted_sentiment"]).to_numpy().astype(np.float64)
    estimates, all_estimates = (calibrated(of["confidence"].to_numpy(), reference) for of in (first, everything))
    mean = float(np.average(all_estimates, weights=everything["n"]))
    return _powered(right, estimates, mean, size(everything))


def _powered(right: Floats, estimates: Floats, mean: float, n: int) -> Proportion:
    """From labels (m,), 1 for right predictions, their estimates (m,), and the `mean` estimate of all n predictions,
    which include these."""
    m = len(right)
    covariance = np.cov(right, estimates)
    slope = float(np.clip(covariance[0, 1] / covariance[1, 1], 0, 1)) if covariance[1, 1] else 0.0
    value = float(np.clip(right.mean() - slope * (estimates.mean() - mean), 0, 1))
    rest = float(np.var(right - slope * estimates)) * m / (m - 2)
    variance = rest * (1 / m - 1 / n) + covariance[0, 0] / n
    as_many = float(covariance[0, 0] / variance) if variance else float(m)
    return _wilson(value, as_many, m)


def _wilson(value: float, effective: float, n: int) -> Proportion:
    """Wilson's interval for `value` from an `effective` number of labels, which may be fractional."""
    shrunk = 1 + Z**2 / effective
    centre = (value + Z**2 / effective / 2) / shrunk
    margin = Z / shrunk * (value * (1 - value) / effective + Z**2 / effective**2 / 4) ** 0.5
    return Proportion(value, max(min(centre - margin, value), 0.0), min(max(centre + margin, value), 1.0), n)

"""Calibration: how often predictions of a given confidence are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

from monitoring.stats.quality import Proportion, accuracy, labelled, size
from monitoring.stats.reference import Reference
from monitoring.stats.tables import quantiles

Floats = npt.NDArray[np.float64]
LEAST_PROBABILITY = 0.02  # no calibration is so exact that rarer errors are evidence against it
PROBABILITY_BINS: Floats = np.linspace(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY, 193)  # steps of half a percent
BINS = 10
LABELS_A_BIN = 10  # at least; with few labels there are fewer bins


@dataclass(frozen=True)
class ReliabilityBin:
    """Labelled predictions of similar confidence: their mean confidence and their accuracy."""

    confidence: float
    accuracy: Proportion


@dataclass(frozen=True)
class CalibrationError:
    """`value` is the expected calibration error of `n` labelled predictions, 0 (perfectly calibrated) to 1. `by_chance`
    is its mean for perfectly calibrated confidences and so many labels."""

    value: float
    by_chance: float
    n: int


def calibrated(confidence: Floats, reference: Reference) -> Floats:
    """The probability that predictions of these confidences (n,) are right, (n,), as measured at training time:
    isotonic regression on texts that the model had not seen (Zadrozny and Elkan 2002)."""
    knots, accuracy = reference.calibration_confidence, reference.calibration_accuracy
    return np.asarray(np.interp(confidence, knots, accuracy), dtype=np.float64)


def probability_bins(probabilities: Floats) -> npt.NDArray[np.int64]:
    """The index of the nearest of PROBABILITY_BINS, (n,)."""
    step = PROBABILITY_BINS[1] - PROBABILITY_BINS[0]
    places: npt.NDArray[np.int64] = np.rint((probabilities - LEAST_PROBABILITY) / step).astype(np.int64)
    return np.clip(places, 0, len(PROBABILITY_BINS) - 1)


def reliability(answers: pd.DataFrame) -> list[ReliabilityBin]:
    """Accuracy by confidence, in up to BINS bins of equally many labelled predictions, lowest confidence first. Equal
    confidences share a bin. Predictions without confidence do not count; without any the list is empty."""
    return [
        ReliabilityBin(float(np.average(rows["confidence"], weights=rows["n"])), share)
        for rows in _bins(answers)
        if (share := accuracy(rows))
    ]


def calibration_error(answers: pd.DataFrame) -> CalibrationError | None:
    """The expected calibration error: the mean distance of accuracy and confidence over the bins of `reliability`,
    weighted by size (Naeini et al. 2015). None if no labelled prediction has a confidence."""
    bins = reliability(answers)
    n = sum(one.accuracy.n for one in bins)
    if n == 0:
        return None
    value = sum(one.accuracy.n * abs(one.accuracy.value - one.confidence) for one in bins) / n
    noise = sum(_mean_deviation(*rows[["confidence", "n"]].to_numpy().T) for rows in _bins(answers)) / n
    return CalibrationError(value, noise, n)


def _bins(answers: pd.DataFrame) -> list[pd.DataFrame]:
    known = labelled(answers)
    known = known[known["confidence"].notna()]
    bins = int(np.clip(size(known) // LABELS_A_BIN, 1, BINS))
    edges = quantiles(known["confidence"].to_numpy(), known["n"].to_numpy(), np.arange(1, bins) / bins)
    places = np.searchsorted(edges, known["confidence"], side="right")
    return [rows for _, rows in known.groupby(places)]


def _mean_deviation(probabilities: Floats, counts: Floats) -> float:
    """The mean absolute deviation of the number of successes with these probabilities (m,), `counts` (m,) of each. It
    is that of a binomial distribution (de Moivre 1730), scaled by the ratio of the standard deviations with different
    and with equal probabilities."""
    n, mean = int(counts.sum()), float(np.average(probabilities, weights=counts))
    if mean in (0.0, 1.0):
        return 0.0
    more = np.floor(n * mean) + 1
    of_binomial = 2 * more * (1 - mean) * float(np.exp(binom.logpmf(more, n, mean)))
    return float(
        of_binomial * np.sqrt(np.average(probabilities * (1 - probabilities), weights=counts) / (mean * (1 - mean)))
    )

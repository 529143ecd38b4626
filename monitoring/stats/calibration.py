"""Whether confidence means what it says: how often answers of a confidence are right."""

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
LEAST_PROBABILITY = 0.02  # nobody's calibration is so good that one surprise in fifty were a proof of anything
PROBABILITY_BINS: Floats = np.linspace(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY, 193)  # half a percent apart
BINS = 10
LABELS_A_BIN = 10  # at least: fewer bins for fewer labels


@dataclass(frozen=True)
class ReliabilityBin:
    """Labelled answers of neighbouring confidences: the mean of these, and how many were right."""

    confidence: float
    accuracy: Proportion


@dataclass(frozen=True)
class CalibrationError:
    """`value` is the expected calibration error, 0 (as often right as confidence says) to 1, of `n` labelled answers;
    with so few, `by_chance` is what it would be on average if confidence were exactly right."""

    value: float
    by_chance: float
    n: int


def calibrated(confidence: Floats, reference: Reference) -> Floats:
    """The probability that answers of this confidence, (n,), are right, as measured before the model was shipped:
    isotonic regression of answers to texts that it had not seen (Zadrozny and Elkan 2002)."""
    knots, accuracy = reference.calibration_confidence, reference.calibration_accuracy
    return np.asarray(np.interp(confidence, knots, accuracy), dtype=np.float64)


def probability_bins(probabilities: Floats) -> npt.NDArray[np.int64]:
    """The places of the nearest of PROBABILITY_BINS."""
    step = PROBABILITY_BINS[1] - PROBABILITY_BINS[0]
    places: npt.NDArray[np.int64] = np.rint((probabilities - LEAST_PROBABILITY) / step).astype(np.int64)
    return np.clip(places, 0, len(PROBABILITY_BINS) - 1)


def reliability(answers: pd.DataFrame) -> list[ReliabilityBin]:
    """How often labelled answers were right, in up to BINS bins of equally many by rising confidence; equal confidences
    stay together. Answers without confidence do not count; none of them, no bins."""
    return [
        ReliabilityBin(float(np.average(rows["confidence"], weights=rows["n"])), share)
        for rows in _bins(answers)
        if (share := accuracy(rows))
    ]


def calibration_error(answers: pd.DataFrame) -> CalibrationError | None:
    """The mean distance of accuracy from confidence over the bins of `reliability`, by size (Naeini et al. 2015). None
    without labelled answers that have a confidence."""
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
    """The mean distance of the number of successes from the sum of their probabilities (m,), of which there are
    `counts` (m,) each: that of a binomial distribution (de Moivre 1730), as much smaller as the standard deviation of
    successes that differ in probability."""
    n, mean = int(counts.sum()), float(np.average(probabilities, weights=counts))
    if mean in (0.0, 1.0):
        return 0.0
    more = np.floor(n * mean) + 1
    of_binomial = 2 * more * (1 - mean) * float(np.exp(binom.logpmf(more, n, mean)))
    return float(
        of_binomial * np.sqrt(np.average(probabilities * (1 - probabilities), weights=counts) / (mean * (1 - mean)))
    )

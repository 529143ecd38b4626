"""Quality of predictions: accuracy, precision and recall with intervals, and calibration error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap

from training.arrays import FloatArray, IntArray

CALIBRATION_BINS = 15
RESAMPLES = 999
SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelMetrics:
    """support is the number of texts that truly have the label."""

    precision: Estimate
    recall: Estimate
    support: int


def proportion(successes: int, trials: int) -> Estimate:
    """A share with its Wilson interval. Without trials: 0, with the interval from 0 to 1."""
    if trials == 0:
        return Estimate(0.0, 0.0, 1.0)
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return Estimate(successes / trials, float(interval.low), float(interval.high))


def accuracy(truth: IntArray, predicted: IntArray) -> Estimate:
    return proportion(int(np.sum(truth == predicted)), len(truth))


def per_label(labels: list[str], truth: IntArray, predicted: IntArray) -> dict[str, LabelMetrics]:
    """truth and predicted hold indices into labels."""
    return {label: _label_metrics(truth == i, predicted == i) for i, label in enumerate(labels)}


def calibration_bins(confidences: FloatArray) -> list[IntArray]:
    """Rows in bins of equal mass by rising confidence; fewer than CALIBRATION_BINS if there are fewer rows."""
    order = np.argsort(confidences, kind="stable")
    return [rows for rows in np.array_split(order, CALIBRATION_BINS) if len(rows)]


def expected_calibration_error(confidences: FloatArray, correct: NDArray[np.bool_]) -> float:
    """Mean gap between confidence and accuracy over bins of equally many texts.

    The error is that of Guo et al. (2017), On Calibration of Modern Neural Networks; the bins of equal
    mass are those of Nguyen and O'Connor (2015), Posterior calibration and exploratory analysis for NLP.
    """
    gaps = [abs(float(np.sum(confidences[rows]) - np.sum(correct[rows]))) for rows in calibration_bins(confidences)]
    return sum(gaps) / len(confidences)


def calibration_error_with_interval(confidences: FloatArray, correct: NDArray[np.bool_]) -> Estimate:
    """The interval is the basic bootstrap's, which allows for a resample's error being the larger one by chance."""
    value = expected_calibration_error(confidences, correct)
    found: Any = bootstrap(
        (confidences, correct),
        expected_calibration_error,
        paired=True,
        vectorized=False,
        n_resamples=RESAMPLES,
        method="basic",
        rng=np.random.default_rng(SEED),
    )
    low, high = found.confidence_interval
    return Estimate(value, min(max(float(low), 0.0), value), min(max(float(high), value), 1.0))


def _label_metrics(is_label: NDArray[np.bool_], is_predicted: NDArray[np.bool_]) -> LabelMetrics:
    hits = int(np.sum(is_label & is_predicted))
    support = int(np.sum(is_label))
    return LabelMetrics(proportion(hits, int(np.sum(is_predicted))), proportion(hits, support), support)

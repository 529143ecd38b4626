"""How good predictions are: accuracy, precision and recall with intervals, calibration error."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from training.evaluation import FloatArray, IntArray

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Proportion:
    """A share with its 95 % Wilson interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelMetrics:
    """support is the number of texts that truly have the label."""

    precision: Proportion
    recall: Proportion
    support: int


def proportion(successes: int, trials: int) -> Proportion:
    """Of no trials nothing is known: 0, somewhere between 0 and 1."""
    if trials == 0:
        return Proportion(0.0, 0.0, 1.0)
    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return Proportion(successes / trials, float(interval.low), float(interval.high))


def accuracy(truth: IntArray, predicted: IntArray) -> Proportion:
    return proportion(int(np.sum(truth == predicted)), len(truth))


def per_label(labels: list[str], truth: IntArray, predicted: IntArray) -> dict[str, LabelMetrics]:
    """truth and predicted hold indices into labels."""
    return {label: _label_metrics(truth == i, predicted == i) for i, label in enumerate(labels)}


def expected_calibration_error(confidences: FloatArray, correct: IntArray) -> float:
    """Mean gap between confidence and accuracy over bins of equally many texts.

    The error is that of Guo et al. (2017), On Calibration of Modern Neural Networks; the bins of equal
    mass are those of Nguyen and O'Connor (2015), Posterior calibration and exploratory analysis for NLP.
    """
    order = np.argsort(confidences, kind="stable")
    bins = np.array_split(order, CALIBRATION_BINS)
    gaps = [abs(float(np.sum(confidences[rows]) - np.sum(correct[rows]))) for rows in bins]
    return sum(gaps) / len(confidences)


def _label_metrics(is_label: np.ndarray, is_predicted: np.ndarray) -> LabelMetrics:
    hits = int(np.sum(is_label & is_predicted))
    support = int(np.sum(is_label))
    return LabelMetrics(proportion(hits, int(np.sum(is_predicted))), proportion(hits, support), support)

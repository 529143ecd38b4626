"""Calibrates a classifier's scores into probabilities."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from training.arrays import FloatArray, IntArray

MAX_TEMPERATURE = 100.0
MAX_BIAS = 50.0


@dataclass(frozen=True)
class Calibration:
    """Probabilities are softmax(logits / temperature + bias); bias (k,) begins with 0."""

    temperature: float
    bias: FloatArray

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """(n, k) for logits (n, k)."""
        probabilities: FloatArray = softmax(logits / self.temperature + self.bias, axis=1)
        return probabilities


def fit_calibration(logits: FloatArray, truth: IntArray, with_bias: bool) -> Calibration:
    """The calibration with the lowest log loss, its temperature between 1/100 and 100.

    With bias it is bias-corrected temperature scaling, Alexandari, Kundaje and Shrikumar (2020), Maximum Likelihood
    with Bias-Corrected Calibration, section 3 (for two labels the same as Platt's scaling); without, temperature
    scaling, Guo et al. (2017), On Calibration of Modern Neural Networks, section 4.2, which changes no prediction.
    """
    n, k = logits.shape
    right = np.eye(k)[truth]

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        scaled = logits * np.exp(-parameters[0])
        log_probabilities = log_softmax(scaled + _from_zero(parameters[1:], k), axis=1)
        gaps = (np.exp(log_probabilities) - right) / n
        gradient = np.append(-np.sum(gaps * scaled), gaps.sum(axis=0)[1 : len(parameters)])
        return -float(np.sum(log_probabilities * right)) / n, gradient

    free_biases = k - 1 if with_bias else 0
    bound = np.log(MAX_TEMPERATURE)  # over log T, where twice and half as sharp are equally far
    bounds = [(-bound, bound)] + [(-MAX_BIAS, MAX_BIAS)] * free_biases
    start = np.zeros(1 + free_biases)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-10})
    return Calibration(float(np.exp(found.x[0])), _from_zero(found.x[1:], k))


def calibrate_across_folds(logits: FloatArray, truth: IntArray, fold: IntArray, with_bias: bool) -> FloatArray:
    """Probabilities (n, k) for the logits of each fold, by the calibration that fits the other folds."""
    probabilities = np.empty_like(logits)
    for held_out in np.unique(fold):
        here = fold == held_out
        calibration = fit_calibration(logits[~here], truth[~here], with_bias)
        probabilities[here] = calibration.probabilities(logits[here])
    return probabilities


def _from_zero(biases: FloatArray, k: int) -> FloatArray:
    full: FloatArray = np.zeros(k)
    full[1 : 1 + len(biases)] = biases
    return full

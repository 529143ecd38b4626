"""The link functions of linear classifiers: how decision scores become probabilities, one text at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp, nan
from typing import Any

from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier

Link = Callable[[list[float]], list[float]]  # from scores, (rows,), to probabilities, (labels,)


def link_of(classifier: Any, temperature: float | None) -> Link:
    """softmax(scores / temperature), or without a temperature the link of the classifier's predict_proba."""
    if temperature is not None:
        return partial(_softmax, temperature)
    if type(classifier) not in (SGDClassifier, OneVsRestClassifier):
        return partial(_softmax, 1.0)
    single = classifier.estimators_[0] if type(classifier) is OneVsRestClassifier else classifier
    if getattr(single, "loss", None) == "modified_huber":
        return partial(_shares, _clipped, 0.1)
    return partial(_shares, _logistic, 1e-290)


def _softmax(temperature: float, scores: list[float]) -> list[float]:
    """A single score belongs to the second of two labels; the first has score 0."""
    if len(scores) == 1:
        second = _logistic(scores[0] / temperature)
        return [1 - second, second]
    highest = max(scores)
    odds = [exp((score - highest) / temperature) for score in scores]
    total = sum(odds)
    return [odd / total for odd in odds]


def _shares(probability: Callable[[float], float], least: float, scores: list[float]) -> list[float]:
    """Each label's own probability, divided by their sum (Zadrozny and Elkan 2002).

    NaN if the sum is below `least`: near 0 it has lost the digits of its parts, and rounding would decide.
    """
    own = [probability(score) for score in scores]
    if len(own) == 1:
        return [1 - own[0], own[0]]
    total = sum(own)
    return [each / total if total > least else nan for each in own]


def _logistic(score: float) -> float:
    """1 / (1 + exp(-score)), without overflow."""
    return 1 / (1 + exp(-score)) if score > 0 else exp(score) / (1 + exp(score))


def _clipped(score: float) -> float:
    """The probability that the modified Huber loss estimates (Zhang 2004, appendix B)."""
    return (min(max(score, -1.0), 1.0) + 1) / 2

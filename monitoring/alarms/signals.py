"""The signals of the log, what each alarm means, and how signals share one budget of false alarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from monitoring.alarms.ratios import error_ratios, fit_ratios, share_ratios, shift_ratios
from monitoring.alarms.sequential import Episode, Floats, Ints, Ratios, Signal
from monitoring.stats.calibration import PROBABILITY_BINS, calibrated, probability_bins
from monitoring.stats.drift import MIN_TEXTS, Counts, groups_of, shares_of
from monitoring.stats.reference import Reference

BUDGET_REQUESTS, BUDGET_LABELS = 200_000, 10_000  # FALSE_ALARM_BUDGET is the probability of a false alarm in these
FIT_THRESHOLD = 1_000_000.0  # doubts are false with probability 1 % at most in 10,000 labels; they are no alarm
BIN_SHARE = 0.01  # of the reference in each bin of a signal, at least

Name = Literal["accuracy", "validation", "length", "vocabulary", "confidence", "prediction"]
WEIGHTS: Mapping[Name, float] = MappingProxyType(  # of the budget; they sum to 1
    {"accuracy": 0.30, "validation": 0.30, "length": 0.20, "vocabulary": 0.07, "confidence": 0.07, "prediction": 0.06}
)
OF_LABELS: tuple[Name, ...] = ("accuracy", "validation")
FIT = "fit"


class Status(NamedTuple):
    """A signal at one moment: `n` observations, and `evidence` as a share of the `threshold` that raises the alarm."""

    n: int
    evidence: float
    threshold: float
    alarm: Episode | None
    group: int | None  # the alarm's direction: 2 i for more of kind i, 2 i + 1 for less; 0 for errors
    episodes: tuple[Episode, ...]


@dataclass(frozen=True)
class Watched:
    """A signal, and the function that turns observations into its bins."""

    signal: Signal
    bins: Callable[..., Ints]

    def status(self) -> Status:
        """The signal's status now."""
        of = self.signal
        return Status(of.n, of.evidence, of.threshold, of.alarm, of.group, tuple(of.episodes))


def threshold(name: Name, budget: float) -> float:
    """A = n / (alpha w): the probability of a false alarm of this signal in n observations is at most alpha w."""
    return (BUDGET_LABELS if name in OF_LABELS else BUDGET_REQUESTS) / (budget * WEIGHTS[name])


def signals(
    reference: Reference | None, accuracy_threshold: float, budget: float, min_labels: int
) -> dict[str, Watched]:
    """All signals that are possible: without a reference only whether accuracy is below the threshold."""
    tests: dict[Name, tuple[Ratios, Callable[..., Ints]]] = {
        "accuracy": (error_ratios(_inside(1 - accuracy_threshold)), np.asarray)
    }
    if reference:
        tests["validation"] = (error_ratios(_inside(validation_limit(reference))), np.asarray)
        tests["length"] = _shift(reference.length_edges, reference.length_counts)
        if reference.known_edges is not None and reference.known_counts is not None:
            tests["vocabulary"] = _shift(reference.known_edges, reference.known_counts)
        tests["confidence"] = _shift(reference.confidence_edges, reference.confidence_counts)
        labels = sorted(reference.label_counts)
        if len(labels) > 1:
            counts = np.array([reference.label_counts[label] for label in labels])
            places = {label: place for place, label in enumerate(labels)}
            tests["prediction"] = (share_ratios(shares_of(counts)), partial(_places, places))
    watched = {
        str(name): Watched(
            Signal(ratios, threshold(name, budget), min_labels if name in OF_LABELS else MIN_TEXTS), bins
        )
        for name, (ratios, bins) in tests.items()
    }
    if reference:
        fit = Signal(fit_ratios(PROBABILITY_BINS), FIT_THRESHOLD, min_labels)
        watched[FIT] = Watched(fit, partial(_fit_bins, reference))
    return watched


def validation_limit(reference: Reference) -> float:
    """The upper 95 % limit of the error rate measured at training time (Clopper and Pearson 1934)."""
    wrong = reference.validation_n - reference.validation_correct
    return float(beta.ppf(0.95, wrong + 1, reference.validation_n - wrong)) if wrong < reference.validation_n else 1.0


def _inside(error: float) -> float:
    """An error rate strictly between 0 and 1; likelihood ratios need both outcomes to be possible."""
    return min(max(error, 1e-9), 1 - 1e-9)


def _shift(edges: npt.NDArray[Any], counts: Counts) -> tuple[Ratios, Callable[..., Ints]]:
    starts = groups_of(counts, BIN_SHARE)
    inner = np.asarray(edges)[starts][1:]
    return shift_ratios(shares_of(np.add.reduceat(counts, starts))), partial(_bins_between, inner)


def _bins_between(inner: npt.NDArray[Any], values: npt.ArrayLike) -> Ints:
    return np.searchsorted(inner, np.asarray(values), side="right").astype(np.int64)


def _places(places: Mapping[str, int], labels: list[str]) -> Ints:
    return np.array([places[label] for label in labels], dtype=np.int64)


def _fit_bins(reference: Reference, confidence: Floats, wrong: Ints) -> Ints:
    bins: Ints = probability_bins(calibrated(confidence, reference)) * 2 + wrong
    return bins

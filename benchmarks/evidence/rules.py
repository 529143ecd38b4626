"""Alarm rules: the signals of monitoring/ as they ship, and rules in use elsewhere.

Each rule returns the number of the observation, from 1, of its first alarm, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.evidence.streams import Chance, Ints
from monitoring.alarms.signals import FIT, Watched, signals
from monitoring.settings import Settings
from monitoring.stats.reference import Reference

THRESHOLD = Settings().accuracy_threshold
ROLLING = 100  # labels
BLOCK = 5_000  # observations that a signal is given at once
CHUNK = 200  # labels, of the 3-sigma rule
ACCURACY, VALIDATION = "ours: below 80 %", "ours: accuracy regression"
VALIDATION_5000 = "ours: the same, validated with 5,000 answers"
CUMULATIVE_RULE, ROLLING_RULE = "accuracy of all labels < 80 %", f"accuracy of the last {ROLLING} labels < 80 %"
CHUNK_RULE = f"3-sigma chunks of {CHUNK} labels (NannyML's rule)"
Alarm = int | None


def signals_of(reference: Reference | None) -> dict[str, Watched]:
    """All signals as they ship."""
    settings = Settings()
    return signals(reference, settings.accuracy_threshold, settings.false_alarm_budget, settings.min_labels)


def first_alarm(watched: Watched, *values: Any) -> Alarm:
    """The first alarm of a signal of monitoring/ on these values."""
    bins, signal = watched.bins(*values), watched.signal
    for start in range(0, len(bins), BLOCK):
        part = bins[start : start + BLOCK]
        numbers = np.arange(start + 1, start + 1 + len(part))
        signal.update(part, numbers, numbers.astype(np.float64))
        if signal.episodes:
            return signal.episodes[0].raised.number
    return None


def below_threshold(wrong: Ints) -> Alarm:
    """Ours: accuracy is significantly below the threshold."""
    return first_alarm(signals_of(None)["accuracy"], wrong)


def worse_than_shipped(reference: Reference, wrong: Ints) -> Alarm:
    """Ours: accuracy is significantly below the validated one."""
    return first_alarm(signals_of(reference)["validation"], wrong)


def doubted(reference: Reference, confidence: Any, wrong: Ints) -> Alarm:
    """Ours: the confidence-based estimate is significantly wrong."""
    return first_alarm(signals_of(reference)[FIT], confidence, wrong)


def cumulative_rule(wrong: Ints) -> Alarm:
    """Cumulative accuracy below 80 %, from the first label on, as simple dashboards do it."""
    return first(np.cumsum(1 - wrong) < THRESHOLD * np.arange(1, len(wrong) + 1) - 1e-9)


def rolling_rule(wrong: Ints) -> Alarm:
    """The same, from the hundredth label on."""
    sums = np.cumsum(np.concatenate([[0], 1 - wrong]))
    found = first(sums[ROLLING:] - sums[:-ROLLING] < THRESHOLD * ROLLING - 1e-9)
    return found and found + ROLLING - 1


def chunk_rule(wrong: Ints, accuracy: float, validation_n: int, chance: Chance) -> Alarm:
    """A chunk's accuracy is more than three standard deviations below the mean of the validation chunks."""
    validated = chance.binomial(CHUNK, accuracy, validation_n // CHUNK) / CHUNK
    whole = len(wrong) // CHUNK
    accuracies = 1 - wrong[: whole * CHUNK].reshape(whole, CHUNK).mean(axis=1)
    found = first(accuracies < validated.mean() - 3 * validated.std())
    return found and found * CHUNK


def first(reached: Any) -> Alarm:
    places = np.flatnonzero(reached)
    return int(places[0]) + 1 if len(places) else None


def river_rules() -> dict[str, Callable[[Ints], Alarm]]:
    """River's detectors with their defaults; none where River is not installed."""
    try:
        drift, binary = import_module("river.drift"), import_module("river.drift.binary")
    except ImportError:
        return {}
    detectors = {
        "river ADWIN": drift.ADWIN,
        "river HDDM_A": binary.HDDMA,
        "river PageHinkley": drift.PageHinkley,
        "river DDM": binary.DDM,
    }
    return {name: _rule_of(detector) for name, detector in detectors.items()}


def _rule_of(detector: Callable[[], Any]) -> Callable[[Ints], Alarm]:
    def rule(wrong: Ints) -> Alarm:
        running = detector()
        for number, outcome in enumerate(wrong.tolist(), 1):
            running.update(outcome)
            if running.drift_detected:
                return number
        return None

    return rule

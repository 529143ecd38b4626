"""Streams of requests and labels with fixed seeds, drawn from the reference profile that ships with the model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.signal import lfilter
from scipy.special import expit, logit
from scipy.stats import norm

from benchmarks.command import REPOSITORY
from monitoring.stats.calibration import calibrated
from monitoring.stats.reference import Reference, load_profile

SEED = 2026
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Chance = np.random.Generator


@cache
def shipped() -> Reference:
    """The profile that ships with the model."""
    return load_profile(REPOSITORY / "monitoring" / "reference.json")


def chance_of(scenario: str, stream: int) -> Chance:
    """The same numbers for a stream of a scenario at every run, however many streams there are."""
    return np.random.default_rng([SEED, crc32(scenario.encode()), stream])


def sampled_reference(chance: Chance) -> Reference:
    """A profile of as many texts as the shipped one, drawn from what the traffic is drawn from: no profile is exact."""
    profile = shipped()
    assert profile.known_counts is not None
    labels = list(profile.label_counts)
    of_label = again(np.array([profile.label_counts[label] for label in labels]), chance).tolist()
    return validated(
        replace(
            profile,
            length_counts=again(profile.length_counts, chance),
            confidence_counts=again(profile.confidence_counts, chance),
            known_counts=again(profile.known_counts, chance),
            label_counts=dict(zip(labels, of_label, strict=True)),
        ),
        profile.validation_correct / profile.validation_n,
        profile.validation_n,
        chance,
    )


def measured_reference(chance: Chance) -> Reference:
    """The same, with a calibration curve and a validation measured anew on as many answers as the shipped ones were,
    as training does it: neither is exact, either."""
    n = shipped().validation_n
    confidence = np.sort(confidences(n, chance))
    right = 1 - answers_wrong(confidence, chance)
    curve = isotonic_regression(right.astype(np.float64)).x
    ends = np.flatnonzero(np.concatenate([[True], np.diff(curve) > 0]) | np.concatenate([np.diff(curve) > 0, [True]]))
    return replace(
        sampled_reference(chance),
        validation_correct=int(right.sum()),
        calibration_confidence=confidence[ends],
        calibration_accuracy=curve[ends],
    )


def again(counts: Ints, chance: Chance) -> Ints:
    """Another sample of the same size."""
    return chance.multinomial(int(counts.sum()), counts / counts.sum())


def validated(reference: Reference, accuracy: float, n: int, chance: Chance) -> Reference:
    """The profile of a model of this accuracy, after it was measured with `n` answers."""
    return replace(reference, validation_n=n, validation_correct=int(chance.binomial(n, accuracy)))


def errors(accuracy: float, n: int, chance: Chance) -> Ints:
    """Whether each of `n` answers is wrong (1)."""
    return (chance.random(n) >= accuracy).astype(np.int64)


def within(edges: npt.NDArray[Any], bins: Ints, chance: Chance) -> Floats:
    """Values spread evenly within these bins of a histogram."""
    low, high = edges[:-1][bins].astype(np.float64), edges[1:][bins].astype(np.float64)
    return np.asarray(low + chance.random(len(bins)) * (high - low), dtype=np.float64)


def bins_of(counts: npt.NDArray[Any], n: int, chance: Chance) -> Ints:
    ends = np.cumsum(counts / counts.sum())
    ends[-1] = 1.0
    return np.searchsorted(ends, chance.random(n), side="right")


def lengths(n: int, chance: Chance, shift: float = 0.0) -> Ints:
    """Numbers of words, moved by so many standard deviations of their logarithm."""
    profile = shipped()
    logs = np.log(profile.length_edges)
    values = within(logs, bins_of(profile.length_counts, n, chance), chance)
    return words(values, shift)


def words(logs: Floats, shift: float = 0.0) -> Ints:
    """Whole numbers of words whose logarithms are `logs`, moved by so many standard deviations."""
    return np.maximum(np.floor(np.exp(logs + shift * log_length_deviation())), 1).astype(np.int64)


@cache
def log_length_deviation() -> float:
    return spread(np.log(shipped().length_edges), shipped().length_counts)


def spread(edges: npt.NDArray[Any], counts: Ints) -> float:
    """The standard deviation of values that are spread evenly within the bins."""
    centres, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    mean = np.average(centres, weights=counts)
    return float(np.sqrt(np.average((centres - mean) ** 2 + widths**2 / 12, weights=counts)))


def autocorrelated_lengths(n: int, correlation: float, chance: Chance) -> Ints:
    """Numbers of words distributed as ever, each depending on the one before: the normal score of one is `correlation`
    times that of the one before, and noise."""
    noise = chance.standard_normal(n)
    noise[1:] *= np.sqrt(1 - correlation**2)
    ranks = norm.cdf(lfilter([1.0], [1.0, -correlation], noise))
    profile = shipped()
    ends = np.concatenate([[0.0], np.cumsum(profile.length_counts) / profile.length_counts.sum()])
    held = profile.length_counts > 0
    knots = np.concatenate([[0.0], ends[1:][held]])
    logs = np.concatenate([np.log(profile.length_edges[:-1][held][:1]), np.log(profile.length_edges[1:][held])])
    return words(np.interp(ranks, knots, logs))


def known_shares(n: int, chance: Chance, shift: float = 0.0) -> Floats:
    """Shares of known tokens, moved by so many of their standard deviations."""
    profile = shipped()
    assert profile.known_edges is not None
    assert profile.known_counts is not None
    values = within(profile.known_edges, bins_of(profile.known_counts, n, chance), chance)
    return np.clip(values + shift * spread(profile.known_edges, profile.known_counts), 0.0, 1.0)


def confidences(n: int, chance: Chance, shift: float = 0.0, accuracy: float | None = None) -> Floats:
    """Confidences, with log-odds moved by so many of their standard deviations; or of traffic that is harder or easier
    than what the profile was made of, so that answers which mean what they say are right with this `accuracy`."""
    profile = shipped()
    shares = profile.confidence_counts / profile.confidence_counts.sum()
    shares = shares if accuracy is None else tilted_to(accuracy)
    values = np.minimum(within(profile.confidence_edges, bins_of(shares, n, chance), chance), 1 - 1e-6)
    return moved_odds(values, shift) if shift else values


def moved_odds(values: Floats, shift: float) -> Floats:
    odds = np.log(values / (1 - values)) + shift * log_odds_deviation()
    return np.asarray(np.maximum(1 / (1 + np.exp(-odds)), 0.5), dtype=np.float64)


@cache
def log_odds_deviation() -> float:
    values = confidences(100_000, chance_of("log-odds", 0))
    return float(np.std(np.log(values / (1 - values))))


@cache
def tilted_to(accuracy: float) -> Floats:
    """Shares of the confidence bins that favour or shun the sure answers until this many are right."""
    profile = shipped()
    bins = np.repeat(np.arange(len(profile.confidence_counts)), 200)
    values = within(profile.confidence_edges, bins, chance_of("", 0))
    right = calibrated(values, profile).reshape(-1, 200).mean(axis=1)
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        shares = profile.confidence_counts * np.exp(middle * (right - right.max()))
        low, high = (middle, high) if np.average(right, weights=shares) < accuracy else (low, middle)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def answers_wrong(confidence: Floats, chance: Chance, flipped: float = 0.0, temperature: float = 1.0) -> Ints:
    """Whether answers of these confidences are wrong, given that confidence means what the profile says. Of the truths,
    `flipped` change sides; at a `temperature` above 1 answers are right less often than their confidence says."""
    right = calibrated(confidence, shipped())
    right = expit(logit(right) / temperature) if temperature != 1 else right
    wrong = chance.random(len(confidence)) >= right
    return (wrong ^ (chance.random(len(confidence)) < flipped)).astype(np.int64)


def predictions(n: int, chance: Chance, positive: float | None = None) -> npt.NDArray[np.str_]:
    """Predicted labels; `positive` of them are the last label, or as many as in the profile."""
    labels = sorted(shipped().label_counts)
    share = shipped().label_counts[labels[-1]] / sum(shipped().label_counts.values()) if positive is None else positive
    return np.array(labels)[(chance.random(n) < share).astype(np.int64)]

"""Random streams of requests and labels with fixed seeds, drawn from the shipped reference."""

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
    """The shipped reference."""
    return load_profile(REPOSITORY / "monitoring" / "reference.json")


def chance_of(scenario: str, stream: int) -> Chance:
    """A generator for one stream of a scenario: the same at every run, whatever the number of streams."""
    return np.random.default_rng([SEED, crc32(scenario.encode()), stream])


def sampled_reference(chance: Chance) -> Reference:
    """A reference of as many texts as the shipped one, drawn from the traffic's distribution: no reference is exact."""
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
    """The same, with calibration and validation also measured on as many predictions as training had."""
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
    """The reference of a model whose accuracy was measured on `n` predictions."""
    return replace(reference, validation_n=n, validation_correct=int(chance.binomial(n, accuracy)))


def errors(accuracy: float, n: int, chance: Chance) -> Ints:
    """For each of `n` predictions, 1 if it is wrong."""
    return (chance.random(n) >= accuracy).astype(np.int64)


def within(edges: npt.NDArray[Any], bins: Ints, chance: Chance) -> Floats:
    """Values uniformly distributed within these histogram bins."""
    low, high = edges[:-1][bins].astype(np.float64), edges[1:][bins].astype(np.float64)
    return np.asarray(low + chance.random(len(bins)) * (high - low), dtype=np.float64)


def bins_of(counts: npt.NDArray[Any], n: int, chance: Chance) -> Ints:
    ends = np.cumsum(counts / counts.sum())
    ends[-1] = 1.0
    return np.searchsorted(ends, chance.random(n), side="right")


def lengths(n: int, chance: Chance, shift: float = 0.0) -> Ints:
    """Word counts, shifted by this many standard deviations of their logarithm."""
    profile = shipped()
    logs = np.log(profile.length_edges)
    values = within(logs, bins_of(profile.length_counts, n, chance), chance)
    return words(values, shift)


def words(logs: Floats, shift: float = 0.0) -> Ints:
    """Integer word counts with logarithms `logs`, shifted by this many standard deviations."""
    return np.maximum(np.floor(np.exp(logs + shift * log_length_deviation())), 1).astype(np.int64)


@cache
def log_length_deviation() -> float:
    return spread(np.log(shipped().length_edges), shipped().length_counts)


def spread(edges: npt.NDArray[Any], counts: Ints) -> float:
    """The standard deviation of values uniform within the bins."""
    centres, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    mean = np.average(centres, weights=counts)
    return float(np.sqrt(np.average((centres - mean) ** 2 + widths**2 / 12, weights=counts)))


def autocorrelated_lengths(n: int, correlation: float, chance: Chance) -> Ints:
    """Word counts with the reference's distribution; each normal score is `correlation` times the previous one, plus
    noise."""
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
    """Vocabulary coverage, shifted by this many standard deviations."""
    profile = shipped()
    assert profile.known_edges is not None
    assert profile.known_counts is not None
    values = within(profile.known_edges, bins_of(profile.known_counts, n, chance), chance)
    return np.clip(values + shift * spread(profile.known_edges, profile.known_counts), 0.0, 1.0)


def confidences(n: int, chance: Chance, shift: float = 0.0, accuracy: float | None = None) -> Floats:
    """Confidences with log-odds shifted by this many standard deviations; or of harder or easier traffic, on which
    calibrated predictions have this `accuracy`."""
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
    """Shares of the confidence bins, reweighted so that this share of predictions is right."""
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
    """For predictions of these confidences, whether each is wrong, given the reference's calibration. `flipped` of
    the truths are swapped; a `temperature` above 1 makes predictions overconfident."""
    right = calibrated(confidence, shipped())
    right = expit(logit(right) / temperature) if temperature != 1 else right
    wrong = chance.random(len(confidence)) >= right
    return (wrong ^ (chance.random(len(confidence)) < flipped)).astype(np.int64)


def predictions(n: int, chance: Chance, positive: float | None = None) -> npt.NDArray[np.str_]:
    """Predicted labels; a share `positive` is the last label, by default as in the reference."""
    labels = sorted(shipped().label_counts)
    share = shipped().label_counts[labels[-1]] / sum(shipped().label_counts.values()) if positive is None else positive
    return np.array(labels)[(chance.random(n) < share).astype(np.int64)]

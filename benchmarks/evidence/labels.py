"""Streams of labels: stable accuracy, falling accuracy, and truths that flip."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.evidence import rules
from benchmarks.evidence.scenarios import Alarms, Detection
from benchmarks.evidence.streams import (
    Chance,
    Ints,
    answers_wrong,
    chance_of,
    confidences,
    errors,
    measured_reference,
    shipped,
    validated,
)

STABLE, FALLS = (0.82, 0.85, 0.88, 0.90, 0.92), ((0.92, 0.80), (0.92, 0.85), (0.92, 0.70), (0.90, 0.70), (0.90, 0.60))
OFF_GRID = ((0.91, 0.83), (0.87, 0.79))  # neither a start nor an end that an alternative of the detector supposes
LABELS, GOOD_LABELS, LABELS_AFTER = 10_000, 2_000, 3_000
SMALL_VALIDATION = 5_000
FLIPPED, LESS_SURE, HARDER = 0.12, 1.5, 0.82
DOUBT = "ours: estimate contradicted"


def stable_name(accuracy: float) -> str:
    return f"accuracy stays at {accuracy:.2f}"


def fall_name(before: float, after: float) -> str:
    return f"accuracy falls from {before:.2f} to {after:.2f}"


def scenarios() -> list[Detection]:
    stays = [Detection(stable_name(a), partial(stable, a), LABELS) for a in STABLE]
    falls = [
        Detection(fall_name(a, b), partial(fall, a, b), GOOD_LABELS + LABELS_AFTER, GOOD_LABELS)
        for a, b in FALLS + OFF_GRID
    ]
    return stays + falls + doubts()


def doubts() -> list[Detection]:
    """How often the confidence-based estimate is doubted, where it should be and where it should not."""
    flips = partial(doubt, "flips", None, FLIPPED, 1.0)
    surer = partial(doubt, "less sure", None, 0.0, LESS_SURE)
    return [
        Detection("confidence means what it says", partial(doubt, "calibrated", None, 0.0, 1.0), LABELS),
        Detection(f"the same with harder texts ({HARDER:.2f})", partial(doubt, "harder", HARDER, 0.0, 1.0), LABELS),
        Detection(f"{FLIPPED:.0%} of the truths change sides", flips, GOOD_LABELS + LABELS_AFTER, GOOD_LABELS),
        Detection(f"overconfident (temperature {LESS_SURE})", surer, GOOD_LABELS + LABELS_AFTER, GOOD_LABELS),
    ]


def stable(accuracy: float, stream: int) -> Alarms:
    chance = chance_of(f"stable {accuracy}", stream)
    return alarms(errors(accuracy, LABELS, chance), accuracy, chance)


def fall(before: float, after: float, stream: int) -> Alarms:
    chance = chance_of(f"fall {before} {after}", stream)
    wrong = np.concatenate([errors(before, GOOD_LABELS, chance), errors(after, LABELS_AFTER, chance)])
    return alarms(wrong, before, chance)


def alarms(wrong: Ints, accuracy: float, chance: Chance) -> Alarms:
    """First alarms of all methods for a model of this validated accuracy."""
    n = shipped().validation_n
    reference, small = (validated(shipped(), accuracy, size, chance) for size in (n, SMALL_VALIDATION))
    return {
        rules.ACCURACY: rules.below_threshold(wrong),
        rules.VALIDATION: rules.worse_than_shipped(reference, wrong),
        rules.VALIDATION_5000: rules.worse_than_shipped(small, wrong),
        rules.CUMULATIVE_RULE: rules.cumulative_rule(wrong),
        rules.ROLLING_RULE: rules.rolling_rule(wrong),
        rules.CHUNK_RULE: rules.chunk_rule(wrong, accuracy, n, chance),
        **{name: rule(wrong) for name, rule in rules.river_rules().items()},
    }


def doubt(name: str, accuracy: float | None, flipped: float, temperature: float, stream: int) -> Alarms:
    """Truths that flip after GOOD_LABELS (`flipped`), or overconfident predictions from then on."""
    chance = chance_of(f"doubt {name}", stream)
    confidence = confidences(LABELS, chance, accuracy=accuracy)
    wrong = answers_wrong(confidence, chance)
    if flipped or temperature != 1:
        confidence, wrong = confidence[: GOOD_LABELS + LABELS_AFTER], wrong[: GOOD_LABELS + LABELS_AFTER]
        wrong[GOOD_LABELS:] = answers_wrong(confidence[GOOD_LABELS:], chance, flipped, temperature)
    return {DOUBT: rules.doubted(measured_reference(chance), confidence, wrong)}

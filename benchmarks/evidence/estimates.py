"""Accuracy estimated with few or no labels, and tests of whether the labels can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.evidence.labels import FLIPPED, HARDER
from benchmarks.evidence.scenarios import Figures, Measurement
from benchmarks.evidence.streams import (
    Chance,
    answers_wrong,
    chance_of,
    confidences,
    measured_reference,
    predictions,
    shipped,
)
from monitoring.stats.estimate import estimated_accuracy, few_labels_accuracy
from monitoring.stats.feedback import SKEW_P_VALUE, audit_sample, post_stratified_accuracy, skew
from monitoring.stats.quality import Proportion, proportion

Mask = npt.NDArray[np.bool_]
WINDOWS_EACH, RUNS_EACH = 10, 4  # of a stream
ESTIMATED = (500, 2_000)  # answers
ACCURACY, LABELLED_IF_WRONG, LABELLED_IF_RIGHT = 0.92, 0.30, 0.03
FEEDBACK = 200
AUDITED_SHARE, AUDIT_REQUESTS = 0.05, 4_000
ANSWERS, FEW = 5_000, (100, 250)  # answers, of which so many have a label
IN_DISTRIBUTION = "estimated accuracy, texts as in the reference"
SHIFTED = f"estimated accuracy, harder texts ({HARDER:.2f})"
FLIPPED_ESTIMATE = f"estimated accuracy, {FLIPPED:.0%} of the truths changed sides"
BIASED, AUDIT = "feedback from users who mostly report what is wrong", "audit sample among such feedback"
CALIBRATED, UNCALIBRATED = "few labels", f"few labels, {FLIPPED:.0%} of the truths changed sides"


def measurements() -> list[Measurement]:
    return [
        Measurement(IN_DISTRIBUTION, partial(estimates, IN_DISTRIBUTION, None, 0.0)),
        Measurement(SHIFTED, partial(estimates, SHIFTED, HARDER, 0.0)),
        Measurement(FLIPPED_ESTIMATE, partial(estimates, FLIPPED_ESTIMATE, None, FLIPPED)),
        Measurement(CALIBRATED, partial(few_labels, CALIBRATED, 0.0)),
        Measurement(UNCALIBRATED, partial(few_labels, UNCALIBRATED, FLIPPED)),
        Measurement(BIASED, biased_feedback),
        Measurement(AUDIT, audit),
    ]


def estimates(name: str, accuracy: float | None, flipped: float, stream: int) -> Figures:
    """Error of the estimate against the true share, and coverage of its interval."""
    chance = chance_of(name, stream)
    reference = measured_reference(chance)
    figures: Figures = {}
    for n in ESTIMATED:
        distances, held = [], []
        for _ in range(WINDOWS_EACH):
            confidence = confidences(n, chance, accuracy=accuracy)
            truth = 1 - answers_wrong(confidence, chance, flipped).mean()
            found = estimated_accuracy(pd.DataFrame({"confidence": confidence, "n": 1}), reference)
            assert found
            distances.append(abs(found.value - truth))
            held.append(found.low <= truth <= found.high)
        figures |= {f"mean absolute error, n = {n}": mean(distances), f"interval holds, n = {n}": mean(held)}
    return figures


def few_labels(name: str, flipped: float, stream: int) -> Figures:
    """With a random sample of labels: coverage of the interval, and its width relative to Wilson's from the same
    labels."""
    chance = chance_of(name, stream)
    reference = measured_reference(chance)
    figures: Figures = {}
    for labels in FEW:
        held, wilson_held, widths = [], [], []
        for _ in range(RUNS_EACH):
            answers, wrong = drawn_answers(ANSWERS, chance, flipped=flipped)
            drawn = chance.permutation(ANSWERS) < labels
            table = labelled_table(answers, wrong, drawn)
            found = few_labels_accuracy(table[drawn], table, reference)
            plain = proportion(int((~wrong[drawn]).sum()), labels)
            assert found
            assert plain
            held.append(holds(found, 1 - wrong.mean()))
            wilson_held.append(holds(plain, 1 - wrong.mean()))
            widths.append((found.high - found.low) / (plain.high - plain.low))
        figures[f"interval holds, {labels} labels"] = mean(held)
        figures[f"Wilson's holds, {labels} labels"] = mean(wilson_held)
        figures[f"width beside Wilson's, {labels} labels"] = mean(widths)
    return figures


def biased_feedback(stream: int) -> Figures:
    """Accuracy from users' labels, and how often their skew is detected, with and without a real skew."""
    chance = chance_of(BIASED, stream)
    n = math.ceil(FEEDBACK / ((1 - ACCURACY) * LABELLED_IF_WRONG + ACCURACY * LABELLED_IF_RIGHT))
    raw, weighted, seen, false = [], [], [], []
    for _ in range(RUNS_EACH):
        answers, wrong = drawn_answers(n, chance, ACCURACY)
        by_users, by_chance = reported(wrong, chance), chance.permutation(n) < FEEDBACK
        table = labelled_table(answers, wrong, by_users)
        raw.append(1 - wrong[by_users].mean())
        weighted.append(post_stratified_accuracy(table) or 0.0)
        seen.append(skewed(table))
        false.append(skewed(labelled_table(answers, wrong, by_chance)))
    return {
        f"accuracy that the labels show, of {ACCURACY}": mean(raw),
        "the same, post-stratified": mean(weighted),
        f"skew seen in {FEEDBACK} labels of users": mean(seen),
        f"skew seen in {FEEDBACK} random labels": mean(false),
    }


def audit(stream: int) -> Figures:
    """Coverage of the audit sample's accuracy interval while users also send labels."""
    chance = chance_of(AUDIT, stream)
    held, values = [], []
    for _ in range(RUNS_EACH):
        answers, wrong = drawn_answers(AUDIT_REQUESTS, chance, ACCURACY)
        drawn = chance.random(AUDIT_REQUESTS) < AUDITED_SHARE
        auditor_came = np.arange(AUDIT_REQUESTS) < 0.9 * AUDIT_REQUESTS  # and labelled the oldest; users went on
        labelled = (drawn & auditor_came) | reported(wrong, chance)
        accuracy = audit_sample(labelled_table(answers, wrong, labelled)[drawn]).accuracy
        assert accuracy
        held.append(holds(accuracy, ACCURACY))
        values.append(accuracy.value)
    return {f"interval holds {ACCURACY}": mean(held), "accuracy of the audit sample": mean(values)}


def drawn_answers(
    n: int, chance: Chance, accuracy: float | None = None, flipped: float = 0.0
) -> tuple[pd.DataFrame, Mask]:
    confidence = confidences(n, chance, accuracy=accuracy)
    wrong = answers_wrong(confidence, chance, flipped).astype(bool)
    return pd.DataFrame({"confidence": confidence, "predicted_sentiment": predictions(n, chance)}), wrong


def reported(wrong: Mask, chance: Chance) -> Mask:
    return chance.random(len(wrong)) < np.where(wrong, LABELLED_IF_WRONG, LABELLED_IF_RIGHT)


def labelled_table(answers: pd.DataFrame, wrong: Mask, labelled: Mask) -> pd.DataFrame:
    """Predictions as the dashboard's table, one row each, with labels for those in `labelled`."""
    first, last = sorted(shipped().label_counts)
    predicted = answers["predicted_sentiment"]
    true = predicted.where(~wrong, predicted.map({first: last, last: first})).where(labelled)
    return answers.assign(true_sentiment=true, n=1)


def skewed(table: pd.DataFrame) -> bool:
    found = skew(table)
    return found is not None and found.p_value < SKEW_P_VALUE


def holds(interval: Proportion, value: float) -> bool:
    return interval.low <= value <= interval.high


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))

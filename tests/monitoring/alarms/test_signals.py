import dataclasses

import pytest

from monitoring.alarms.signals import (
    BUDGET_LABELS,
    BUDGET_REQUESTS,
    FIT,
    OF_LABELS,
    WEIGHTS,
    signals,
    threshold,
    validation_limit,
)
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")


@pytest.mark.parametrize("budget", [0.01, 0.02, 0.2])
def test_all_alarms_together_keep_the_budget(budget):
    """The sum of n / A, which bounds the chance of any false alarm."""
    chances = [(BUDGET_LABELS if name in OF_LABELS else BUDGET_REQUESTS) / threshold(name, budget) for name in WEIGHTS]

    assert sum(chances) == pytest.approx(budget)


def test_everything_is_watched_that_the_profile_speaks_of():
    assert set(signals(REFERENCE, 0.8, 0.02, 30)) == {*WEIGHTS, FIT}


def test_without_a_profile_only_accuracy_is():
    assert set(signals(None, 0.8, 0.02, 30)) == {"accuracy"}


def test_a_model_without_a_vocabulary_is_watched_without_one():
    reference = dataclasses.replace(REFERENCE, known_edges=None, known_counts=None)

    assert set(signals(reference, 0.8, 0.02, 30)) == {*WEIGHTS, FIT} - {"vocabulary"}


def test_a_profile_of_one_label_is_watched_without_its_share():
    reference = dataclasses.replace(REFERENCE, label_counts={"positive": 10})

    assert "prediction" not in signals(reference, 0.8, 0.02, 30)


def test_the_limit_of_the_validation_error_is_above_it_and_nears_it_with_more_answers():
    error = 1 - REFERENCE.validation_correct / REFERENCE.validation_n
    few = dataclasses.replace(REFERENCE, validation_n=100, validation_correct=93)

    assert error < validation_limit(REFERENCE) < error + 0.005
    assert validation_limit(few) == pytest.approx(0.1277, abs=0.001)  # Clopper and Pearson, one-sided


@pytest.mark.parametrize(("correct", "limit"), [(0, 1.0), (10, 0.2589)])
def test_a_validation_without_an_error_or_without_a_right_answer_has_a_limit(correct, limit):
    reference = dataclasses.replace(REFERENCE, validation_n=10, validation_correct=correct)

    assert validation_limit(reference) == pytest.approx(limit, abs=0.001)


@pytest.mark.parametrize("accuracy_threshold", [0, 1])
def test_the_ends_of_the_scale_are_thresholds_too(accuracy_threshold):
    signals(REFERENCE, accuracy_threshold, 0.02, 30)

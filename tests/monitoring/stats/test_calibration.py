import dataclasses

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom

from monitoring.stats.calibration import (
    BINS,
    PROBABILITY_BINS,
    CalibrationError,
    calibrated,
    calibration_error,
    probability_bins,
    reliability,
)
from monitoring.stats.reference import load_profile
from monitoring.store.tally import SHARE_STEPS
from tests.conftest import ROOT
from tests.monitoring.conftest import answers

SHIPPED = load_profile(ROOT / "monitoring" / "reference.json")
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=40)
counted_shares = st.integers(0, SHARE_STEPS).map(lambda steps: steps / SHARE_STEPS)  # as they come from a log


def judged(confidence, right):
    """Labelled answers of these confidences, right or wrong."""
    true = ["positive" if one else "negative" for one in right]
    return answers(["positive"] * len(true), true).assign(confidence=np.asarray(confidence, dtype=np.float64))


# The curve


def test_between_the_knots_of_the_curve_is_a_straight_line_and_beyond_them_nothing_changes():
    curve = dataclasses.replace(
        SHIPPED, calibration_confidence=np.array([0.6, 0.8]), calibration_accuracy=np.array([0.5, 0.9])
    )

    assert calibrated(np.array([0.1, 0.6, 0.7, 0.8, 1.0]), curve) == pytest.approx([0.5, 0.5, 0.7, 0.9, 0.9])


@given(probabilities)
def test_a_higher_confidence_is_never_less_often_right(values):
    found = calibrated(np.sort(values), SHIPPED)

    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(probabilities)
def test_each_probability_is_given_the_nearest_bin(values):
    places = probability_bins(np.array(values))

    inside = np.clip(values, PROBABILITY_BINS[0], PROBABILITY_BINS[-1])
    half_a_step = (PROBABILITY_BINS[1] - PROBABILITY_BINS[0]) / 2
    assert (np.abs(PROBABILITY_BINS[places] - inside) <= half_a_step + 1e-12).all()


# Reliability


def test_answers_are_gathered_in_ten_bins_of_equally_many_by_confidence():
    confidence = np.linspace(0.5, 1, 200)
    found = reliability(judged(confidence, confidence > 0.75))

    assert [one.accuracy.n for one in found] == [20] * 10
    assert [one.accuracy.value for one in found] == [0] * 5 + [1] * 5
    assert found[0].confidence == pytest.approx(confidence[:20].mean())


@pytest.mark.parametrize(("n", "bins"), [(1, 1), (19, 1), (20, 2), (99, 9), (100, 10), (5_000, 10)])
def test_fewer_labels_are_gathered_in_fewer_bins(n, bins):
    assert len(reliability(judged(np.linspace(0, 1, n), [True] * n))) == bins


def test_equal_confidences_are_in_one_bin():
    found = reliability(judged([0.6] * 30 + [1.0] * 70, [True] * 100))

    assert [(one.confidence, one.accuracy.n) for one in found] == [(pytest.approx(0.6), 30), (1.0, 70)]


def test_answers_without_label_or_confidence_are_in_no_bin():
    table = judged([0.7, np.nan, 0.9], [True, True, False])

    assert [one.accuracy.n for one in reliability(table)] == [2]
    for nothing in (table[1:2], table[:0], answers(["positive"] * 3, [None] * 3)):
        assert reliability(nothing) == []
        assert calibration_error(nothing) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=150))
def test_each_labelled_answer_is_in_one_bin_and_bins_rise(rows):
    found = reliability(judged(*zip(*rows, strict=True)))

    assert sum(one.accuracy.n for one in found) == len(rows)
    assert 1 <= len(found) <= BINS
    assert np.diff([one.confidence for one in found]) == pytest.approx(
        np.abs(np.diff([one.confidence for one in found]))
    )


@given(st.lists(st.tuples(counted_shares, st.booleans(), st.integers(1, 5)), min_size=1, max_size=60))
def test_a_row_of_many_answers_says_what_as_many_rows_say(rows):
    confidence, right, n = zip(*rows, strict=True)
    counted = judged(confidence, right).assign(n=n)
    one_by_one = counted.loc[counted.index.repeat(counted["n"])].assign(n=1)
    found, expected = reliability(counted), reliability(one_by_one)

    assert [one.accuracy for one in found] == [one.accuracy for one in expected]
    assert [one.confidence for one in found] == pytest.approx([one.confidence for one in expected])
    error, expected_error = calibration_error(counted), calibration_error(one_by_one)
    assert error
    assert expected_error
    assert (error.value, error.by_chance) == pytest.approx((expected_error.value, expected_error.by_chance), abs=1e-12)


# Calibration error


def test_the_error_is_the_mean_distance_of_accuracy_from_confidence():
    confidence = [0.6] * 10 + [0.9] * 30
    found = calibration_error(judged(confidence, [True] * 9 + [False] + [True] * 24 + [False] * 6))

    assert found
    assert found.value == pytest.approx((10 * 0.3 + 30 * 0.1) / 40)
    assert found.n == 40


def test_one_answer_that_was_right_is_as_far_off_as_its_confidence_from_1():
    found = calibration_error(judged([0.8], [True]))

    assert found
    assert found.value == pytest.approx(0.2)
    assert found.by_chance == pytest.approx(0.8 * 0.2 + 0.2 * 0.8)  # by chance it is wrong, and off by .8, once in five


def test_certainty_leaves_nothing_to_chance():
    assert calibration_error(judged([1.0] * 20, [True] * 20)) == CalibrationError(0, 0, 20)


@pytest.mark.parametrize("confidence", [0.5, 0.75, 0.999])
@pytest.mark.parametrize("n", [1, 3, 19])
def test_what_chance_does_to_equal_confidences_is_exact(n, confidence):
    right = np.arange(n + 1)
    expected = (np.abs(right / n - confidence) * binom.pmf(right, n, confidence)).sum()
    found = calibration_error(judged([confidence] * n, [True] * n))

    assert found
    assert found.by_chance == pytest.approx(expected)


@pytest.mark.parametrize("n", [30, 150, 600])
def test_confidences_that_are_right_have_the_error_by_chance_on_average(n):
    rng = np.random.default_rng(20261123)
    runs = [1 - rng.beta(0.6, 4, n) for _ in range(40)]
    found = [one for run in runs if (one := calibration_error(judged(run, rng.random(n) < run)))]

    by_chance = np.mean([one.by_chance for one in found])
    assert np.mean([one.value for one in found]) == pytest.approx(by_chance, rel=0.1)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
@example([(1.2e-308, False), (1.2e-308, False)])  # for which binom.pmf overflows
def test_any_answers_have_an_error_between_0_and_1(rows):
    found = calibration_error(judged(*zip(*rows, strict=True)))

    assert found
    assert 0 <= found.value <= 1
    assert 0 <= found.by_chance <= 1

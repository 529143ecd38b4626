"""Metrics against scikit-learn's, against published figures and against cases counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from training.metrics import (
    CALIBRATION_BINS,
    accuracy,
    calibration_bins,
    calibration_error_with_interval,
    expected_calibration_error,
    per_label,
    proportion,
)

LABELS = ["a", "b", "c"]
pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)
answers = st.lists(st.tuples(st.floats(0.5, 1.0), st.booleans()), min_size=1, max_size=100)


def simulate(n, seed=0):
    """Confidences that come true as often as they say."""
    random = np.random.default_rng(seed)
    confidences = random.uniform(0.5, 1, n)
    return confidences, random.uniform(size=n) < confidences


@given(pairs)
def test_metrics_are_those_of_scikit_learn(rows):
    truth, predicted = np.array(rows).T
    precision, recall, _, support = precision_recall_fscore_support(truth, predicted, labels=[0, 1, 2], zero_division=0)
    measured = per_label(LABELS, truth, predicted)
    assert accuracy(truth, predicted).value == pytest.approx(accuracy_score(truth, predicted))
    assert [measured[label].precision.value for label in LABELS] == pytest.approx(precision.tolist())
    assert [measured[label].recall.value for label in LABELS] == pytest.approx(recall.tolist())
    assert [measured[label].support for label in LABELS] == support.tolist()


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_of_newcombes_table(successes, trials, low, high):
    """Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3."""
    measured = proportion(successes, trials)
    assert (measured.low, measured.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_wilsons(case):
    k, n = case
    z, p = 1.959963984540054, k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    measured = proportion(k, n)
    assert measured.value == p
    assert (measured.low, measured.high) == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert measured.low <= measured.value <= measured.high


def test_of_no_trials_nothing_is_known():
    measured = proportion(0, 0)
    assert (measured.value, measured.low, measured.high) == (0.0, 0.0, 1.0)


def test_a_label_that_is_never_predicted_has_an_unknown_precision():
    precision = per_label(LABELS, np.array([0, 1, 2]), np.array([0, 0, 0]))["c"].precision
    assert (precision.value, precision.low, precision.high) == (0.0, 0.0, 1.0)


@given(st.lists(st.floats(0, 1), max_size=100))
def test_bins_hold_every_row_once_by_rising_confidence_and_differ_by_one_row_at_most(confidences):
    bins = calibration_bins(np.array(confidences))
    assert len(bins) == min(CALIBRATION_BINS, len(confidences))
    rows = [row for of_bin in bins for row in of_bin]
    assert sorted(rows) == list(range(len(confidences)))
    assert [confidences[row] for row in rows] == sorted(confidences)
    assert max(map(len, bins), default=0) - min(map(len, bins), default=0) <= 1


def test_calibration_error_of_bins_of_one_text_is_the_mean_distance_to_right_or_wrong():
    correct = np.array([1] * 12 + [0] * 3)
    assert expected_calibration_error(np.full(15, 0.8), correct) == pytest.approx((12 * 0.2 + 3 * 0.8) / 15)


def test_calibration_error_counted_by_hand_for_bins_of_two_texts():
    confidences = np.repeat(np.linspace(0.5, 0.92, 15), 2)
    # One of two right in every bin: the gap is the bin's confidence minus a half, on average 0.21.
    assert expected_calibration_error(confidences, np.tile([1, 0], 15)) == pytest.approx(0.21)


def test_with_fewer_texts_than_bins_every_text_is_a_bin():
    assert expected_calibration_error(np.array([0.9, 0.6]), np.array([True, False])) == pytest.approx((0.1 + 0.6) / 2)


def test_confidence_that_comes_true_has_no_calibration_error():
    confidences = np.repeat([0.6, 0.8, 1.0], 50)
    correct = np.concatenate([np.tile([1, 1, 1, 0, 0], 10), np.tile([1, 1, 1, 1, 0], 10), np.ones(50)])
    assert expected_calibration_error(confidences, correct) == pytest.approx(0.0, abs=1e-12)


@given(answers)
def test_calibration_error_lies_between_the_overall_gap_and_one(rows):
    confidences, correct = np.array([c for c, _ in rows]), np.array([hit for _, hit in rows])
    error = expected_calibration_error(confidences, correct)
    assert abs(confidences.mean() - correct.mean()) - 1e-9 <= error <= 1


def test_the_error_of_simulated_answers_that_come_true_is_small_and_its_interval_reaches_nearly_to_none():
    measured = calibration_error_with_interval(*simulate(2_000))
    assert measured.value < 0.03
    assert 0 <= measured.low < 0.01


def test_answers_that_are_too_sure_have_an_error_that_the_interval_tells_from_none():
    confidences, correct = simulate(2_000)
    measured = calibration_error_with_interval(np.minimum(confidences + 0.2, 1), correct)
    assert 0.1 < measured.low < measured.value <= measured.high < 0.25


@pytest.mark.parametrize("n", [2, 14, 100])
def test_the_interval_holds_the_value_and_lies_between_none_and_one(n):
    measured = calibration_error_with_interval(*simulate(n, seed=n))
    assert 0 <= measured.low <= measured.value <= measured.high <= 1


def test_the_interval_of_answers_that_are_sure_and_wrong_ends_at_one():
    measured = calibration_error_with_interval(np.full(10, 0.99), np.arange(10) == 0)
    assert measured.value == pytest.approx(0.892)
    assert measured.low < measured.value < measured.high == 1


def test_the_interval_of_the_same_answers_is_always_the_same():
    assert calibration_error_with_interval(*simulate(50)) == calibration_error_with_interval(*simulate(50))


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_alike_have_an_interval_of_one_point(right):
    measured = calibration_error_with_interval(np.full(40, 0.75), np.full(40, right))
    error = 0.25 if right else 0.75
    assert (measured.low, measured.value, measured.high) == pytest.approx((error, error, error))

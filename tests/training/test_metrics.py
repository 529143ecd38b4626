"""Metrics against scikit-learn's, against published formulas and against cases counted by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from training.metrics import accuracy, expected_calibration_error, per_label, proportion

LABELS = ["a", "b", "c"]
pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


@given(pairs)
def test_metrics_are_those_of_scikit_learn(rows):
    truth, predicted = np.array(rows).T
    precision, recall, _, support = precision_recall_fscore_support(truth, predicted, labels=[0, 1, 2], zero_division=0)
    measured = per_label(LABELS, truth, predicted)
    assert accuracy(truth, predicted).value == pytest.approx(accuracy_score(truth, predicted))
    assert [measured[label].precision.value for label in LABELS] == pytest.approx(precision.tolist())
    assert [measured[label].recall.value for label in LABELS] == pytest.approx(recall.tolist())
    assert [measured[label].support for label in LABELS] == support.tolist()


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_wilsons(case):
    k, n = case
    z, p = 1.959963984540054, k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    measured = proportion(k, n)
    assert measured.value == p
    assert (measured.low, measured.high) == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_a_label_that_is_never_predicted_has_an_unknown_precision():
    precision = per_label(LABELS, np.array([0, 1, 2]), np.array([0, 0, 0]))["c"].precision
    assert (precision.value, precision.low, precision.high) == (0.0, 0.0, 1.0)


def test_calibration_error_of_bins_of_one_text_is_the_mean_distance_to_right_or_wrong():
    correct = np.array([1] * 12 + [0] * 3)
    assert expected_calibration_error(np.full(15, 0.8), correct) == pytest.approx((12 * 0.2 + 3 * 0.8) / 15)


def test_calibration_error_counted_by_hand_for_bins_of_two_texts():
    confidences = np.repeat(np.linspace(0.5, 0.92, 15), 2)
    # One of two right in every bin: the gap is the bin's confidence minus a half, on average 0.21.
    assert expected_calibration_error(confidences, np.tile([1, 0], 15)) == pytest.approx(0.21)


def test_confidence_that_comes_true_has_no_calibration_error():
    confidences = np.repeat([0.6, 0.8, 1.0], 50)
    correct = np.concatenate([np.tile([1, 1, 1, 0, 0], 10), np.tile([1, 1, 1, 1, 0], 10), np.ones(50)])
    assert expected_calibration_error(confidences, correct) == pytest.approx(0.0, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0.5, 1.0), st.booleans()), min_size=1, max_size=100))
def test_calibration_error_lies_between_the_overall_gap_and_one(rows):
    confidences, correct = np.array([c for c, _ in rows]), np.array([hit for _, hit in rows])
    error = expected_calibration_error(confidences, correct)
    assert abs(confidences.mean() - correct.mean()) - 1e-9 <= error <= 1

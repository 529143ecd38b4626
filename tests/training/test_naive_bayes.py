"""What terms say about labels, against scikit-learn's chi-squared statistic and against the formula written out."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.feature_selection import chi2

from training.naive_bayes import SMOOTHING, chi_squared, label_counts, log_count_ratios


@st.composite
def labelled_matrices(draw):
    """Which terms the texts have, (n, terms), and the label of each text: every label is there."""
    k = draw(st.integers(2, 3))
    n, terms = draw(st.integers(k, 15)), draw(st.integers(1, 8))
    matrix = draw(arrays(np.uint8, (n, terms), elements=st.integers(0, 1)))
    others = draw(st.lists(st.integers(0, k - 1), min_size=n - k, max_size=n - k))
    return sp.csr_array(matrix), np.array([*range(k), *others])


shares_of_labels = st.integers(2, 4).flatmap(
    lambda k: arrays(np.float64, st.tuples(st.integers(1, 8), st.just(k)), elements=st.floats(0.01, 1))
)


@given(labelled_matrices())
def test_for_certain_labels_it_is_the_statistic_of_scikit_learn(case):
    matrix, truth = case
    shares = np.eye(truth.max() + 1)[truth]
    used = matrix.sum(axis=0) > 0
    with np.errstate(invalid="ignore"):  # scikit-learn divides by the counts of unused terms
        expected, _ = chi2(matrix, truth)
    statistic = chi_squared(label_counts(matrix, shares), shares.mean(axis=0))
    assert statistic[used] == pytest.approx(expected[used])
    assert statistic[~used].tolist() == [0] * np.count_nonzero(~used)


@given(labelled_matrices())
def test_counts_of_certain_labels_are_numbers_of_texts(case):
    matrix, truth = case
    k = truth.max() + 1
    counts = label_counts(matrix, np.eye(k)[truth])
    assert counts.tolist() == [matrix.toarray()[truth == label].sum(axis=0).tolist() for label in range(k)]


@given(labelled_matrices(), st.floats(0, 1))
def test_a_probable_label_counts_between_the_certain_ones(case, weight):
    matrix, truth = case
    k = truth.max() + 1
    one, other = np.eye(k)[truth], np.eye(k)[(truth + 1) % k]
    mixed = label_counts(matrix, weight * one + (1 - weight) * other)
    assert mixed == pytest.approx(weight * label_counts(matrix, one) + (1 - weight) * label_counts(matrix, other))
    assert mixed.sum(axis=0) == pytest.approx(matrix.sum(axis=0))


def test_a_text_of_undecided_label_says_nothing_for_either():
    matrix = sp.csr_array([[1, 0], [0, 1], [1, 1]])
    decided, undecided = np.array([[1, 0], [0, 1]]), np.array([[0.5, 0.5]])
    counts = label_counts(matrix, np.vstack([decided, undecided]))
    assert counts.tolist() == [[1.5, 0.5], [0.5, 1.5]]
    # The third text adds a half to what is observed and to what is expected: (1.5 - 1)^2 / 1 + (0.5 - 1)^2 / 1.
    assert chi_squared(counts, np.array([0.5, 0.5])).tolist() == [0.5, 0.5]


def test_a_term_spread_like_the_labels_has_no_statistic_and_one_of_a_single_label_the_highest():
    counts = np.array([[2.0, 3.0, 0.0], [4.0, 0.0, 6.0]])
    spread, first, second = chi_squared(counts, np.array([1 / 3, 2 / 3]))
    assert spread == pytest.approx(0)
    assert (first, second) == pytest.approx((6, 3))  # n (1 - p) / p, for n texts all of the label with share p


@given(shares_of_labels)
def test_ratios_are_those_of_the_formula(counts):
    counts = counts.T
    k, terms = counts.shape
    smoothed = [[SMOOTHING + counts[i, j] for j in range(terms)] for i in range(k)]
    of_others = [
        [SMOOTHING + sum(counts[other, j] for other in range(k) if other != i) for j in range(terms)] for i in range(k)
    ]
    expected = [
        [
            math.log(smoothed[i][j] / math.fsum(smoothed[i])) - math.log(of_others[i][j] / math.fsum(of_others[i]))
            for j in range(terms)
        ]
        for i in range(k)
    ]
    assert log_count_ratios(counts) == pytest.approx(np.array(expected), abs=1e-12)


@given(arrays(np.float64, st.tuples(st.just(2), st.integers(1, 10)), elements=st.floats(0, 1e6)))
def test_of_two_labels_one_says_the_opposite_of_the_other(counts):
    first, second = log_count_ratios(counts)
    assert first == pytest.approx(-second, abs=1e-9)


def test_a_term_of_one_label_speaks_for_it_and_against_the_others():
    ratios = log_count_ratios(np.array([[9.0, 0.0, 5.0], [0.0, 9.0, 5.0], [0.0, 0.0, 5.0]]))
    assert ratios[0, 0] == pytest.approx(ratios[1, 1])
    assert ratios[0, 0] > 0 > max(ratios[1, 0], ratios[2, 0])


def test_unused_terms_have_finite_statistics():
    counts = np.zeros((3, 4))
    assert chi_squared(counts, np.full(3, 1 / 3)).tolist() == [0, 0, 0, 0]
    assert log_count_ratios(counts) == pytest.approx(np.zeros((3, 4)))


def test_a_label_that_no_text_has_leaves_the_statistics_finite():
    counts = np.array([[3.0, 1.0], [1.0, 2.0], [0.0, 0.0]])
    with_it, without = chi_squared(counts, np.array([0.5, 0.5, 0.0])), chi_squared(counts[:2], np.array([0.5, 0.5]))
    assert with_it.tolist() == without.tolist()
    assert np.isfinite(log_count_ratios(counts)).all()

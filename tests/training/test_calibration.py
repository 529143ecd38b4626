"""Calibration: probabilities that mean what they say, from logits simulated so that it is known what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from training.calibration import MAX_TEMPERATURE, Calibration, calibrate_across_folds, fit_calibration


def simulate(n, bias, seed=0):
    """n logits (n, k), and labels drawn from softmax(logits + bias)."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(n, len(bias)))
    truth = (logits + bias + random.gumbel(size=logits.shape)).argmax(axis=1)
    return logits, truth


def log_loss(calibration, logits, truth):
    log_probabilities = log_softmax(logits / calibration.temperature + calibration.bias, axis=1)
    return -log_probabilities[np.arange(len(truth)), truth].mean()


@st.composite
def labelled_logits(draw):
    k, n = draw(st.integers(2, 4)), draw(st.integers(1, 20))
    logits = draw(arrays(np.float64, (n, k), elements=st.floats(-30, 30, width=16)))
    return logits, np.array(draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))


@given(labelled_logits(), st.floats(0.01, 100))
def test_probabilities_are_the_softmax_of_scaled_logits_and_bias(case, temperature):
    logits, _ = case
    bias = np.arange(logits.shape[1]) / 2
    probabilities = Calibration(temperature, bias).probabilities(logits)
    assert probabilities == pytest.approx(softmax(logits / temperature + bias, axis=1))
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(logits)))


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("bias", [[0.0, 0.7], [0.0, -0.5, 1.0]])
def test_scores_that_are_too_sharp_by_a_factor_and_one_sided_get_the_factor_and_the_bias(factor, bias):
    logits, truth = simulate(20_000, bias)
    found = fit_calibration(logits * factor, truth, with_bias=True)
    assert found.temperature == pytest.approx(factor, rel=0.05)
    assert found.bias == pytest.approx(bias, abs=0.1)
    assert found.bias[0] == 0


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("k", [2, 4])
def test_without_bias_the_factor_is_found_too(factor, k):
    logits, truth = simulate(20_000, [0.0] * k)
    found = fit_calibration(logits * factor, truth, with_bias=False)
    assert found.temperature == pytest.approx(factor, rel=0.05)
    assert found.bias.tolist() == [0] * k


@given(labelled_logits())
def test_without_bias_the_largest_logit_stays_the_most_probable(case):
    logits, truth = case
    probabilities = fit_calibration(logits, truth, with_bias=False).probabilities(logits)
    assert probabilities[np.arange(len(logits)), logits.argmax(axis=1)].tolist() == probabilities.max(axis=1).tolist()


@given(st.integers(0, 1_000), st.floats(-0.5, 0.5), arrays(np.float64, 3, elements=st.floats(-0.5, 0.5)), st.booleans())
def test_no_other_parameters_have_a_lower_log_loss(seed, change, changes, with_bias):
    logits, truth = simulate(200, [0.0, 0.5, -1.0], seed)
    found = fit_calibration(logits * 3, truth, with_bias)
    other = Calibration(found.temperature * np.exp(change), found.bias + changes * with_bias)
    assert log_loss(found, logits * 3, truth) <= log_loss(other, logits * 3, truth) + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_for_two_labels_it_is_platts_scaling(seed):
    logits, truth = simulate(2_000, [0.0, 0.7], seed)
    scores = logits[:, 1] - logits[:, 0]
    platt = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(scores[:, None], truth)
    found = fit_calibration(np.column_stack([np.zeros_like(scores), scores]), truth, with_bias=True)
    assert 1 / found.temperature == pytest.approx(platt.coef_[0, 0], rel=1e-4)
    assert found.bias[1] == pytest.approx(platt.intercept_[0], abs=1e-4)
    assert found.probabilities(logits)[:, 1] == pytest.approx(
        expit(platt.coef_[0, 0] * scores + platt.intercept_[0]), abs=1e-4
    )


@pytest.mark.parametrize("with_bias", [True, False])
def test_scores_that_are_always_right_get_a_small_but_usable_temperature(with_bias):
    logits, truth = np.array([[0.0, 5.0], [5.0, 0.0]]), np.array([1, 0])
    found = fit_calibration(logits, truth, with_bias)
    assert 1 / MAX_TEMPERATURE <= found.temperature < 1
    assert np.isfinite(found.bias).all()
    assert found.probabilities(logits) == pytest.approx(np.array([[0, 1], [1, 0]]), abs=1e-6)


def test_scores_that_are_always_wrong_become_nearly_undecided():
    logits, truth = np.array([[0.0, 5.0], [5.0, 0.0]]), np.array([0, 1])
    found = fit_calibration(logits, truth, with_bias=False)
    assert found.temperature == pytest.approx(MAX_TEMPERATURE)
    assert found.probabilities(logits) == pytest.approx(np.full((2, 2), 0.5), abs=0.02)


def test_scores_that_never_differ_give_the_shares_of_the_labels():
    truth = np.array([0] * 6 + [1] * 3 + [2])
    found = fit_calibration(np.full((10, 3), -0.3), truth, with_bias=True)
    assert np.isfinite(found.temperature)
    assert found.probabilities(np.full((1, 3), -0.3))[0] == pytest.approx([0.6, 0.3, 0.1], abs=1e-4)


def test_a_label_that_no_text_has_gets_a_probability_of_nearly_nothing():
    logits, truth = simulate(300, [0.0, 0.0, -np.inf])
    found = fit_calibration(logits, truth, with_bias=True)
    assert np.isfinite(found.bias).all()
    assert found.probabilities(logits)[:, 2].max() < 1e-3


@pytest.mark.parametrize("with_bias", [True, False])
def test_the_probabilities_of_a_fold_come_from_the_other_folds(with_bias):
    logits, truth = simulate(300, [0.0, 0.5, -1.0])
    fold = np.random.default_rng(0).integers(0, 5, 300)
    probabilities = calibrate_across_folds(logits, truth, fold, with_bias)
    for number in range(5):
        here = fold == number
        of_others = fit_calibration(logits[~here], truth[~here], with_bias)
        assert np.array_equal(probabilities[here], of_others.probabilities(logits[here]))


def test_what_is_true_of_a_fold_does_not_change_its_own_probabilities():
    logits, truth = simulate(300, [0.0, 0.5, -1.0])
    fold = np.arange(300) % 5
    other = np.where(fold == 3, (truth + 1) % 3, truth)
    before, after = (calibrate_across_folds(logits, labels, fold, with_bias=True) for labels in (truth, other))
    assert np.array_equal(before[fold == 3], after[fold == 3])
    assert np.abs(before[fold != 3] - after[fold != 3]).max() > 0.01

"""E[LR] <= 1 for every distribution on the null's side, computed exactly over grids of nulls: no simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from monitoring.alarms.ratios import MARGIN, error_ratios, fit_ratios, share_ratios, shift_ratios
from monitoring.stats.calibration import PROBABILITY_BINS
from monitoring.stats.drift import groups_of, shares_of
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
ROUNDING = 1e-12
errors = st.floats(0.001, 0.999)
weights = st.lists(st.floats(0.01, 1), min_size=2, max_size=30).map(np.array)


def binned(counts) -> np.ndarray:
    return shares_of(np.add.reduceat(counts, groups_of(counts, 0.01)))


def tilted(shares, scores, shift) -> np.ndarray:
    weighted = shares * np.exp(shift * scores)
    return weighted / weighted.sum()


def expected(distribution, log_ratios) -> np.ndarray:
    return distribution @ np.exp(log_ratios)


@given(errors, st.floats(0, 1))
def test_error_ratios_speak_against_no_smaller_error(null, part):
    error = null * part

    assert (expected(np.array([1 - error, error]), error_ratios(null).raising) <= 1 + ROUNDING).all()


@given(errors, st.floats(0, 1))
def test_an_error_alarm_is_not_cleared_by_any_larger_error(null, part):
    error = null + (1 - null) * part

    assert (expected(np.array([1 - error, error]), error_ratios(null).clearing[0]) <= 1 + ROUNDING).all()


@pytest.mark.parametrize("error", [0.05, 0.0735, 0.2, 0.5])
def test_at_the_edge_of_the_null_the_expectation_is_exactly_1(error):
    assert expected(np.array([1 - error, error]), error_ratios(error).raising) == pytest.approx(1)


@given(weights, st.floats(-1, 1))
def test_shift_ratios_speak_against_no_shift_within_the_margin(values, part):
    shares = values / values.sum()
    ratios = shift_ratios(shares)
    ends = np.clip(np.concatenate([[0], np.cumsum(shares)]), 0, 1)
    scores = -np.diff(norm.pdf(norm.ppf(ends))) / shares
    distribution = tilted(shares, scores, part * MARGIN)

    assert (expected(distribution, ratios.raising) <= 1 + 1e-9).all()


@given(weights, st.lists(st.floats(0, 1), min_size=30, max_size=30))
def test_upward_ratios_speak_against_nothing_that_lies_below_the_reference_in_each_part(values, moved):
    """Mass that is moved to lower bins makes any distribution stochastically smaller, whatever its shape."""
    shares = values / values.sum()
    ratios = shift_ratios(shares)
    lower = shares.copy()
    for place in range(1, len(lower)):
        amount = lower[place] * moved[place]
        lower[place] -= amount
        lower[place - 1] += amount

    assert (expected(lower, ratios.raising[:, ratios.group == 0]) <= 1 + ROUNDING).all()


def test_shift_ratios_rise_or_fall_with_the_bin():
    ratios = shift_ratios(binned(REFERENCE.length_counts))
    steps = np.diff(ratios.raising, axis=0)

    assert (steps[:, ratios.group == 0] >= -ROUNDING).all()
    assert (steps[:, ratios.group == 1] <= ROUNDING).all()


@pytest.mark.parametrize("counts", ["length_counts", "confidence_counts", "known_counts"])
def test_the_shipped_profile_gives_usable_shifts(counts):
    ratios = shift_ratios(binned(getattr(REFERENCE, counts)))

    assert np.isfinite(ratios.raising).all()
    assert ratios.weights.sum() == pytest.approx(1)
    assert len(ratios.raising) >= 10


@given(weights)
def test_share_ratios_speak_against_neither_the_reference_nor_shares_within_the_margin(values):
    shares = values / values.sum()
    ratios = share_ratios(shares)

    assert (expected(shares, ratios.raising) <= 1 + ROUNDING).all()
    assert ratios.weights.sum() == pytest.approx(1)


@given(st.floats(0.02, 0.98), st.floats(-1, 1))
def test_with_two_labels_any_share_within_the_margin_is_no_evidence(share, part):
    inside = share + part * 0.9 * MARGIN * share * (1 - share)  # the tilt by s moves a share by at least this much

    ratios = share_ratios(np.array([share, 1 - share]))

    assert (expected(np.array([inside, 1 - inside]), ratios.raising) <= 1 + ROUNDING).all()


def test_fit_ratios_speak_against_no_answer_that_is_right_as_often_as_it_should_be():
    right = PROBABILITY_BINS
    ratios = np.exp(fit_ratios(right).raising).reshape(len(right), 2, -1)

    assert right[:, None] * ratios[:, 0] + (1 - right[:, None]) * ratios[:, 1] == pytest.approx(1)


def test_a_doubt_is_not_cleared_while_truths_are_still_flipped():
    fit = fit_ratios(PROBABILITY_BINS)
    ratios = np.exp(fit.clearing[1]).reshape(len(PROBABILITY_BINS), 2, -1)
    for flip in (0.06, 0.1, 0.5):
        right = (1 - flip) * PROBABILITY_BINS + flip * (1 - PROBABILITY_BINS)
        mean = right[:, None] * ratios[:, 0] + (1 - right[:, None]) * ratios[:, 1]
        assert (mean[PROBABILITY_BINS >= 0.5] <= 1 + ROUNDING).all()

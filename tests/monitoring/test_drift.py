import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from monitoring.alerts import drift_alert
from monitoring.drift import (
    GROUPS,
    all_labels,
    drift,
    label_counts,
    label_drift,
    length_drift,
    tenths,
)
from monitoring.reference import load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import answers

SHIPPED = load_profile(ROOT / "monitoring" / "reference.json")
count_lists = st.lists(st.integers(0, 100), min_size=1, max_size=30).filter(any)
two_counts = st.integers(1, 10).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 50), min_size=bins, max_size=bins).filter(any)] * 2)
)


def counts(*values):
    return np.array(values, dtype=np.int64)


def of_lengths(words):
    table = answers(["positive"] * len(words), [None] * len(words))
    return table.assign(words=np.asarray(words, dtype=np.int64))


def drawn(rng, n):
    """The lengths of n texts as the shipped reference has them."""
    shares = SHIPPED.length_counts / SHIPPED.length_counts.sum()
    return of_lengths(rng.choice(SHIPPED.length_edges[:-1], size=n, p=shares))


def with_labels(**label_counts):
    return dataclasses.replace(SHIPPED, label_counts=label_counts)


# Distance and test


def test_the_distance_is_the_total_variation():
    found = drift(counts(6, 3, 1), counts(20, 20, 60))

    assert found.distance == pytest.approx((0.4 + 0.1 + 0.5) / 2)
    assert found.n == 10


def test_the_p_value_is_that_of_the_chi_square_test_of_homogeneity():
    # rows 30 | 10 and 40 | 40: the sum of (observed - expected)^2 / expected, expected 23.33 | 16.67 and 46.67 | 33.33
    statistic = (20 / 3) ** 2 * (3 / 70 + 3 / 50 + 3 / 140 + 3 / 100)

    assert drift(counts(30, 10), counts(40, 40)).p_value == pytest.approx(chi2.sf(statistic, 1))


@given(count_lists, st.integers(1, 20))
def test_the_same_distribution_is_at_distance_0_however_many_there_are(values, times):
    found = drift(counts(*values), counts(*values) * times)

    assert found.distance == pytest.approx(0)
    assert found.p_value == pytest.approx(1)


@given(two_counts)
def test_the_distance_is_between_0_and_1_and_the_same_in_both_directions(pair):
    one, other = counts(*pair[0]), counts(*pair[1])

    assert 0 <= drift(one, other).distance <= 1 + 1e-12
    assert drift(one, other).distance == pytest.approx(drift(other, one).distance)
    assert drift(one, other).p_value == pytest.approx(drift(other, one).p_value)


def test_nothing_in_common_is_distance_1():
    found = drift(counts(100, 0), counts(0, 100))

    assert found.distance == 1
    assert found.p_value < 1e-9


def test_no_current_requests_are_no_drift():
    found = drift(counts(0, 0), counts(3, 4))

    assert (found.distance, found.p_value, found.n) == (0.0, 1.0, 0)


def test_bins_that_neither_side_uses_change_nothing():
    assert drift(counts(3, 0, 7), counts(40, 0, 60)) == drift(counts(3, 7), counts(40, 60))


def test_a_single_bin_cannot_differ():
    found = drift(counts(7), counts(100))

    assert (found.distance, found.p_value, found.n) == (0.0, 1.0, 7)


# Labels


def test_the_same_shares_of_labels_are_no_drift():
    found = label_drift(answers(["a"] * 3 + ["b"] * 1, [None] * 4), with_labels(a=75, b=25))

    assert (found.distance, found.n) == (0.0, 4)


def test_a_label_that_only_the_answers_have_counts():
    found = label_drift(answers(["a", "new"], [None] * 2), with_labels(a=10))

    assert found.distance == pytest.approx(0.5)


def test_a_label_that_only_the_reference_has_counts():
    found = label_drift(answers(["a"] * 50, [None] * 50), with_labels(a=70, gone=30))

    assert found.distance == pytest.approx(0.3)
    assert found.p_value < 0.01


def test_labels_without_any_in_common_are_at_distance_1():
    assert label_drift(answers(["x", "y"], [None] * 2), with_labels(a=1, b=1)).distance == 1


def test_no_answers_have_no_drift_of_labels():
    assert label_drift(answers([], []), SHIPPED).n == 0


def test_labels_are_counted_by_answer_and_listed_in_order():
    counted = label_counts(answers(["b", "a", "b"], ["a", None, None]))

    assert counted == {"a": 1, "b": 2}
    assert all_labels(counted, {"c": 1, "a": 0}) == ["a", "b", "c"]


# Lengths


def test_no_answers_have_no_drift_of_lengths():
    found = length_drift(answers([], []), SHIPPED)

    assert (found.distance, found.p_value, found.n) == (0.0, 1.0, 0)


def test_lengths_as_in_the_reference_are_at_distance_0():
    found = length_drift(of_lengths(np.repeat(SHIPPED.length_edges[:-1], SHIPPED.length_counts)), SHIPPED)

    assert found.distance == 0
    assert found.n == SHIPPED.length_counts.sum()


def test_texts_of_another_length_altogether_are_far_away():
    found = length_drift(of_lengths([3] * 100), SHIPPED)

    assert found.distance > 0.8
    assert found.p_value < 1e-9


def test_lengths_beyond_every_bin_are_counted_too():
    assert length_drift(of_lengths([0, 10**6]), SHIPPED).n == 2


@given(count_lists)
def test_groups_start_at_0_go_up_and_hold_at_least_a_tenth_each(values):
    starts = tenths(counts(*values))

    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert 1 <= len(starts) <= GROUPS
    held = np.add.reduceat(counts(*values), starts)
    assert held.sum() == sum(values)
    assert (held * GROUPS >= sum(values)).all()


def test_even_counts_are_put_into_exactly_ten_groups():
    assert tenths(counts(*[5] * 30)).tolist() == list(range(0, 30, 3))


# Error rates, on what ships


def test_the_shipped_lengths_fill_enough_groups_for_a_test():
    assert len(tenths(SHIPPED.length_counts)) >= 5


def test_traffic_like_the_reference_is_seldom_called_drift():
    rng = np.random.default_rng(20261123)

    p_values = np.array([length_drift(drawn(rng, 200), SHIPPED).p_value for _ in range(500)])

    assert (p_values < 0.01).mean() <= 0.03
    assert 0.4 < (p_values < 0.5).mean() < 0.6


def test_traffic_of_half_as_long_texts_is_called_drift_nearly_always():
    rng = np.random.default_rng(20261123)

    found = []
    for _ in range(50):
        current = drawn(rng, 200)
        found.append(drift_alert("Sentence length", length_drift(current.assign(words=current["words"] // 2), SHIPPED)))

    assert [alert.level for alert in found].count("warning") >= 49


def test_labels_like_the_reference_are_seldom_called_drift_and_a_shift_is_found():
    rng = np.random.default_rng(20261123)
    share = SHIPPED.label_counts["positive"] / sum(SHIPPED.label_counts.values())

    def p_value(positive_share):
        labels = np.where(rng.random(200) < positive_share, "positive", "negative").tolist()
        return label_drift(answers(labels, [None] * 200), SHIPPED).p_value

    assert np.mean([p_value(share) < 0.01 for _ in range(200)]) <= 0.03
    assert np.mean([p_value(share + 0.2) < 0.01 for _ in range(50)]) >= 0.9

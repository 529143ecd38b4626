import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from monitoring.stats.drift import (
    GROUP_SHARE,
    MIN_TEXTS,
    ShareChange,
    all_labels,
    confidence_drift,
    drift,
    groups_of,
    label_counts,
    label_drift,
    length_drift,
    of_reference,
    vocabulary_drift,
)
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import answers, tables_from

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
    # and twice that for twice the counts
    statistic = 2 * (20 / 3) ** 2 * (3 / 70 + 3 / 50 + 3 / 140 + 3 / 100)

    assert drift(counts(60, 20), counts(80, 80)).p_value == pytest.approx(chi2.sf(statistic, 1))


def test_below_50_texts_nothing_is_tested():
    assert drift(counts(MIN_TEXTS - 1, 0), counts(500, 500)).p_value == 1
    assert drift(counts(MIN_TEXTS, 0), counts(500, 500)).p_value < 1e-9


def test_a_rare_label_proves_nothing_by_being_there_once():
    # 1 of 50 where 1 in 1,000 are expected: that happens in 4.9 % of windows, and chi-square says p = 0.00002
    assert drift(counts(24, 25, 1), counts(12_490, 12_485, 25)).p_value == pytest.approx(0.049, abs=0.01)


def test_rare_labels_have_the_same_p_value_each_time():
    once, again = (drift(counts(40, 8, 2), counts(12_000, 12_990, 10)) for _ in range(2))

    assert once == again
    assert once.p_value < 0.01


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
    assert 0 < drift(one, other).p_value <= 1


def test_nothing_in_common_is_distance_1():
    found = drift(counts(100, 0), counts(0, 100))

    assert found.distance == 1
    assert found.p_value < 1e-9


def test_no_current_requests_are_no_drift():
    found = drift(counts(0, 0), counts(3, 4))

    assert (found.distance, found.p_value, found.n) == (0.0, 1.0, 0)


def test_bins_that_neither_side_uses_change_nothing():
    assert drift(counts(30, 0, 70), counts(400, 0, 600)) == drift(counts(30, 70), counts(400, 600))


def test_a_single_bin_cannot_differ():
    found = drift(counts(70), counts(100))

    assert (found.distance, found.p_value, found.n) == (0.0, 1.0, 70)


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
    found = label_drift(answers([], []), SHIPPED)

    assert (found.n, found.most_changed) == (0, None)


def test_the_label_whose_share_changed_most_is_named_with_the_change():
    found = label_drift(answers(["a"] * 4 + ["b"] * 3 + ["c"], [None] * 8), with_labels(a=3, b=2, c=3))

    assert found.most_changed == ShareChange("c", -0.25)
    assert found.shift is None


def test_labels_are_counted_by_answer_and_listed_in_order():
    counted = label_counts(answers(["b", "a", "b"], ["a", None, None]))

    assert list(counted) == ["b", "a"]
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


def test_lengths_say_by_how_many_standard_deviations_texts_are_longer():
    rng = np.random.default_rng(20261123)
    scale = np.log(SHIPPED.length_edges[1:] / SHIPPED.length_edges[:-1]).mean()
    steps = np.log(np.repeat(SHIPPED.length_edges[:-1], SHIPPED.length_counts)).std() / scale
    longer = drawn(rng, 5_000)["words"] * np.exp(steps * scale * 0.4)

    assert length_drift(of_lengths(longer), SHIPPED).shift == pytest.approx(0.4, abs=0.1)
    assert length_drift(drawn(rng, 5_000), SHIPPED).shift == pytest.approx(0, abs=0.05)
    assert length_drift(of_lengths([5] * 100), SHIPPED).shift == pytest.approx(-3.7, abs=0.5)


def test_lengths_as_in_the_reference_have_not_shifted_at_all():
    same = of_lengths(np.repeat(SHIPPED.length_edges[:-1], SHIPPED.length_counts))

    assert length_drift(same, SHIPPED).shift == pytest.approx(0, abs=1e-12)


@given(count_lists, st.sampled_from([GROUP_SHARE, 0.01, 0.3]))
def test_groups_start_at_0_go_up_and_hold_at_least_their_share_each(values, share):
    starts = groups_of(counts(*values), share)

    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    held = np.add.reduceat(counts(*values), starts)
    assert held.sum() == sum(values)
    assert (held >= share * sum(values)).all()


def test_even_counts_are_put_into_exactly_ten_groups():
    assert groups_of(counts(*[5] * 30), 0.1).tolist() == list(range(0, 30, 3))


# Confidence and vocabulary


def of_column(name, edges, bin_counts, rng, n):
    drawn_values = rng.choice(edges[:-1], size=n, p=bin_counts / bin_counts.sum())
    return answers(["positive"] * n, [None] * n).assign(**{name: drawn_values})


def test_confidence_as_in_the_reference_is_no_drift_and_lower_confidence_is():
    rng = np.random.default_rng(20261123)
    same = of_column("confidence", SHIPPED.confidence_edges, SHIPPED.confidence_counts, rng, 500)
    found = confidence_drift(same.assign(confidence=same["confidence"] * 0.9), SHIPPED)

    assert confidence_drift(same, SHIPPED).p_value > 0.01
    assert found.p_value < 1e-6
    assert found.shift == pytest.approx(-0.8, abs=0.4)


def test_answers_without_confidence_do_not_count():
    table = answers(["positive"] * 3, [None] * 3).assign(confidence=[0.9, np.nan, np.nan])

    assert confidence_drift(table, SHIPPED).n == 1
    assert confidence_drift(table[1:], SHIPPED).n == 0


def test_texts_that_the_model_knows_less_of_have_drifted_in_vocabulary():
    rng = np.random.default_rng(20261123)
    same = of_column("known_share", SHIPPED.known_edges, SHIPPED.known_counts, rng, 500)
    as_ever = vocabulary_drift(same, SHIPPED)
    found = vocabulary_drift(same.assign(known_share=same["known_share"] - 0.05), SHIPPED)

    assert as_ever
    assert as_ever.p_value > 0.01
    assert found
    assert found.p_value < 1e-6
    assert found.shift == pytest.approx(-1.5, abs=0.8)


def test_without_known_shares_on_both_sides_there_is_nothing_to_say_about_vocabulary():
    table = answers(["positive"] * 60, [None] * 60)
    without = dataclasses.replace(SHIPPED, known_edges=None, known_counts=None)

    assert vocabulary_drift(table.assign(known_share=0.9), without) is None
    assert vocabulary_drift(table.assign(known_share=np.nan), SHIPPED) is None
    assert vocabulary_drift(table[:0].assign(known_share=0.9), SHIPPED) is None


# What is compared


def test_each_text_counts_once_when_it_is_first_seen():
    tables = tables_from(answers(["a", "b", "c"], [None] * 3).assign(request_text=["one", "two", "one"]))

    assert label_counts(tables.answers, "distinct") == {"a": 1, "b": 1}
    assert label_counts(tables.answers) == {"a": 1, "b": 1, "c": 1}
    assert label_drift(tables.answers, with_labels(a=1, b=1)).n == 2
    assert length_drift(tables.lengths, SHIPPED).n == 2
    assert label_counts(tables_from(answers([], [])).answers, "distinct") == {}


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=60))
def test_a_row_of_many_texts_says_what_as_many_rows_say_and_repeats_say_nothing(rows):
    words, shares, n = (list(column) for column in zip(*rows, strict=True))
    table = answers([f"label {number % 3}" for number in words], [None] * len(rows), 3)
    counted = table.assign(words=words, confidence=shares, known_share=shares, distinct=n, n=9)
    one_by_one = counted.loc[counted.index.repeat(counted["distinct"])].assign(distinct=1)

    assert length_drift(counted, SHIPPED) == length_drift(one_by_one, SHIPPED)
    assert confidence_drift(counted, SHIPPED) == confidence_drift(one_by_one, SHIPPED)
    assert label_drift(counted, SHIPPED) == label_drift(one_by_one, SHIPPED)
    if sum(n):
        assert vocabulary_drift(counted, SHIPPED) == vocabulary_drift(one_by_one, SHIPPED)


def test_answers_of_another_model_say_nothing_against_the_reference():
    table = answers(["a", "b", "c"], [None] * 3)
    versions = np.array([SHIPPED.model_version, "another", None], dtype=object)
    table = table.assign(model_version=versions).astype({"model_version": "str"})

    assert of_reference(table, SHIPPED)["predicted_sentiment"].tolist() == ["a", "c"]
    assert of_reference(table[:0], SHIPPED).empty


# Error rates, on what ships


def test_the_shipped_histograms_fill_enough_groups_for_a_test():
    assert SHIPPED.known_counts is not None
    for bin_counts in (SHIPPED.length_counts, SHIPPED.confidence_counts, SHIPPED.known_counts):
        assert 5 <= len(groups_of(bin_counts, GROUP_SHARE)) <= 10


def windows_p_values(rng, n, times):
    """What length_drift finds in `times` windows of n texts that are as long as those of the reference."""
    groups = np.add.reduceat(SHIPPED.length_counts, groups_of(SHIPPED.length_counts, GROUP_SHARE))
    windows = rng.multinomial(n, groups / groups.sum(), size=times)
    together = windows + groups
    expected = together * n / together.sum(axis=1, keepdims=True)
    statistics = ((windows - expected) ** 2 * (1 / expected + 1 / (together - expected))).sum(axis=1)
    p_values = chi2.sf(statistics, len(groups) - 1)
    assert drift(windows[0], groups).p_value == pytest.approx(p_values[0])
    return p_values


@pytest.mark.parametrize("n", [50, 100, 200, 500, 1000])
def test_traffic_like_the_reference_is_called_drift_as_seldom_as_it_should(n):
    p_values = windows_p_values(np.random.default_rng(20261123), n, 20_000)

    assert 0.005 <= (p_values < 0.01).mean() <= 0.015
    assert 0.4 < (p_values < 0.5).mean() < 0.6


def test_six_in_ten_positive_answers_instead_of_five_are_found_in_500():
    rng = np.random.default_rng(20261123)
    shares = with_labels(negative=12_500, positive=12_500)

    def found():
        labels = np.where(rng.random(500) < 0.6, "positive", "negative").tolist()
        return label_drift(answers(labels, [None] * 500), shares)

    assert np.mean([one.p_value < 0.01 and one.distance >= 0.05 for one in (found() for _ in range(300))]) >= 0.93


def test_traffic_of_half_as_long_texts_is_called_drift_nearly_always():
    rng = np.random.default_rng(20261123)

    found = []
    for _ in range(50):
        current = drawn(rng, 200)
        found.append(length_drift(current.assign(words=current["words"] // 2), SHIPPED))

    assert [one.p_value < 0.01 and one.distance >= 0.05 for one in found].count(True) >= 49


def test_labels_like_the_reference_are_seldom_called_drift_and_a_shift_is_found():
    rng = np.random.default_rng(20261123)
    share = SHIPPED.label_counts["positive"] / sum(SHIPPED.label_counts.values())

    def p_value(positive_share):
        labels = np.where(rng.random(200) < positive_share, "positive", "negative").tolist()
        return label_drift(answers(labels, [None] * 200), SHIPPED).p_value

    assert np.mean([p_value(share) < 0.01 for _ in range(200)]) <= 0.03
    assert np.mean([p_value(share + 0.2) < 0.01 for _ in range(50)]) >= 0.9

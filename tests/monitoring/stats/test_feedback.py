import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.stats.calibration import calibrated
from monitoring.stats.feedback import (
    MIN_AUDITED,
    MIN_LABELS,
    SKEW_P_VALUE,
    audit_sample,
    audited,
    post_stratified_accuracy,
    skew,
)
from monitoring.stats.quality import accuracy, proportion
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import answers

SHIPPED = load_profile(ROOT / "monitoring" / "reference.json")
OTHER = {"positive": "negative", "negative": "positive"}


def drawn(rng, n):
    """n answers as confident, and as often right, as the shipped reference has them, all labelled."""
    shares = SHIPPED.confidence_counts / SHIPPED.confidence_counts.sum()
    bins = rng.choice(len(shares), size=n, p=shares)
    confidence = rng.uniform(SHIPPED.confidence_edges[bins], SHIPPED.confidence_edges[bins + 1])
    predicted = rng.choice(["positive", "negative"], size=n).tolist()
    right = rng.random(n) < calibrated(confidence, SHIPPED)
    true = [label if is_right else OTHER[label] for label, is_right in zip(predicted, right, strict=True)]
    return answers(predicted, true).assign(confidence=confidence)


def keep_labels(table, kept):
    return table.assign(true_sentiment=table["true_sentiment"].where(kept))


def reported_by_users(rng, table):
    """With the labels that users give who report what is wrong ten times as often as what is right."""
    right = table["true_sentiment"] == table["predicted_sentiment"]
    return keep_labels(table, rng.random(len(table)) < np.where(right, 0.03, 0.30))


def reported_at_random(rng, table, n):
    return keep_labels(table, rng.permutation(len(table)) < n)


def of_audit(labels):
    """The answers of an audit sample, each labelled or not, all of them right."""
    return answers(["positive"] * len(labels), ["positive" if label else None for label in labels])


# Skew


def test_labels_that_users_give_to_what_is_wrong_are_found_out():
    rng = np.random.default_rng(20261123)
    found = [skew(reported_by_users(rng, drawn(rng, 3_876))) for _ in range(60)]  # 200 labels on average

    assert sum(one.p_value < SKEW_P_VALUE for one in found if one) >= 59
    assert Counter(one.description for one in found if one).most_common(1)[0][0] == "predictions with low confidence"


def test_labels_given_at_random_are_not():
    rng = np.random.default_rng(20261123)
    found = [skew(reported_at_random(rng, drawn(rng, 2_000), 200)) for _ in range(100)]

    assert sum(one.p_value < SKEW_P_VALUE for one in found if one) <= 2
    assert [one.n_labelled for one in found if one] == [200] * 100


def test_labels_for_one_answer_only_are_described_by_it():
    rng = np.random.default_rng(20261123)
    table = drawn(rng, 1_000)
    found = skew(keep_labels(table, (table["predicted_sentiment"] == "positive") & (rng.random(1_000) < 0.3)))

    assert found
    assert found.p_value < 1e-6
    assert found.description == "positive predictions"


def test_labels_for_the_surest_answers_of_one_kind_are_described_by_both():
    table = drawn(np.random.default_rng(20261123), 1_000)
    sure = table["confidence"] > table["confidence"].quantile(0.7)
    found = skew(keep_labels(table, (table["predicted_sentiment"] == "negative") & sure))

    assert found
    assert found.description == "negative predictions with high confidence"


def test_labels_for_answers_without_confidence_are_described_so():
    table = drawn(np.random.default_rng(20261123), 1_000)
    old = np.arange(1_000) < 200
    found = skew(keep_labels(table.assign(confidence=table["confidence"].where(~old)), old))

    assert found
    assert found.p_value < 1e-6
    assert found.description == "predictions without confidence"


def test_with_fewer_than_50_labels_or_answers_without_one_nothing_is_said():
    rng = np.random.default_rng(20261123)
    table = drawn(rng, 200)

    assert skew(reported_at_random(rng, table, MIN_LABELS - 1)) is None
    assert skew(reported_at_random(rng, table, MIN_LABELS)) is not None
    assert skew(reported_at_random(rng, table, 200 - MIN_LABELS)) is not None
    assert skew(reported_at_random(rng, table, 200 - MIN_LABELS + 1)) is None
    assert skew(table[:0]) is None
    assert skew(table[:1]) is None


@given(
    st.integers(2, 6),
    st.sampled_from(["ties at the top", "all the same", "none", "some"]),
    st.integers(0, 2**32 - 1),
)
def test_any_labels_and_confidences_can_be_compared(kinds, confidences, seed):
    rng = np.random.default_rng(seed)
    n = 400
    confidence = {
        "ties at the top": np.minimum(rng.uniform(0.5, 2, n), 1),
        "all the same": np.full(n, 0.9),
        "none": np.full(n, np.nan),
        "some": np.where(rng.random(n) < 0.5, np.nan, rng.random(n)),
    }[confidences]
    predicted = [f"label {kind}" for kind in np.minimum(rng.geometric(0.6, n), kinds)]
    table = answers(predicted, predicted).assign(confidence=confidence)
    found = skew(reported_at_random(rng, table, 60))

    assert found
    assert 0 < found.p_value <= 1
    assert re.fullmatch(r"(label \d )?predictions( with(out| low| medium| high) confidence)?", found.description)
    assert post_stratified_accuracy(reported_at_random(rng, table, 60)) == pytest.approx(1)


def test_one_answer_without_any_confidence_cannot_be_labelled_unevenly():
    table = answers(["positive"] * 200, ["positive"] * 200).assign(confidence=np.nan)
    found = skew(keep_labels(table, np.arange(200) < 100))

    assert found
    assert found.p_value == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["a", "b", None]),
            st.sampled_from([0.5, 0.7, 0.71, 0.9, 1.0, np.nan]),
            st.integers(1, 40),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_a_row_of_many_answers_says_what_as_many_rows_say(rows):
    predicted, true, confidence, n = zip(*rows, strict=True)
    counted = answers(predicted, true).assign(confidence=confidence, n=n)
    one_by_one = counted.loc[counted.index.repeat(counted["n"])].assign(n=1)

    assert skew(counted) == skew(one_by_one)
    assert post_stratified_accuracy(counted) == post_stratified_accuracy(one_by_one)


# Post-stratified accuracy


def test_labels_are_weighted_as_frequent_as_answers_like_them():
    table = answers(["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["a"] * 50)  # all b are wrong
    labels = keep_labels(table, (np.arange(100) < 5) | (np.arange(100) >= 60))

    assert post_stratified_accuracy(labels) == pytest.approx(0.5)


def test_answers_without_labels_are_taken_as_their_neighbours_in_confidence():
    confidence = np.linspace(0.5, 1, 100)
    table = answers(["a"] * 100, ["a"] * 50 + ["b"] * 50).assign(confidence=confidence)
    labels = keep_labels(table, (np.arange(100) % 50 == 25))  # in tenths 2 and 7; those before 2 and up to 6 join one

    assert post_stratified_accuracy(labels) == pytest.approx(0.3)


def test_weighting_takes_away_a_part_of_the_bias_and_not_all_of_it():
    rng = np.random.default_rng(20261123)
    table = drawn(rng, 20_000)
    labels = reported_by_users(rng, table)
    everything, seen, weighted = accuracy(table), accuracy(labels), post_stratified_accuracy(labels)

    assert everything
    assert seen
    assert weighted
    assert everything.value == pytest.approx(0.926, abs=0.01)
    assert seen.value == pytest.approx(0.56, abs=0.04)
    assert weighted == pytest.approx(0.72, abs=0.04)


def test_with_all_labels_weighting_changes_nothing():
    table = drawn(np.random.default_rng(20261123), 500)
    plain = accuracy(table)

    assert plain
    assert post_stratified_accuracy(table) == pytest.approx(plain.value)


def test_without_labels_there_is_nothing_to_weight():
    assert post_stratified_accuracy(answers([], [])) is None
    assert post_stratified_accuracy(answers(["a"], [None])) is None
    assert post_stratified_accuracy(answers(["a"], ["a"])) == 1
    assert post_stratified_accuracy(answers(["a"], ["a"]).assign(confidence=np.nan)) == 1


# Audit sample


def test_the_audited_answers_count_up_to_the_first_without_a_label():
    found = audit_sample(of_audit([True] * 12 + [False, True, False]))

    assert (found.drawn, found.labelled) == (15, 13)
    assert found.accuracy == proportion(12, 12)
    assert found.waiting["prediction_id"].tolist() == ["id-12", "id-14"]


def test_a_few_labels_in_a_row_may_be_those_of_users():
    assert audit_sample(of_audit([True] * MIN_AUDITED)).accuracy == proportion(MIN_AUDITED, MIN_AUDITED)
    assert audit_sample(of_audit([True] * (MIN_AUDITED - 1))).accuracy is None


def test_wrong_answers_are_wrong_in_the_audit():
    found = audit_sample(answers(["positive"] * 12, ["positive"] * 9 + ["negative"] * 3))

    assert found.accuracy == proportion(9, 12)


def test_without_an_audit_there_is_no_sample():
    found = audit_sample(answers([], []))

    assert (found.drawn, found.labelled, found.accuracy, len(found.waiting)) == (0, 0, None, 0)


@given(st.lists(st.booleans(), max_size=30))
def test_the_audited_answers_are_the_first_ones_and_all_labelled(labels):
    first = audited(of_audit(labels))

    assert len(first) == (labels.index(False) if False in labels else len(labels))
    assert first.index.tolist() == list(range(len(first)))


def test_the_interval_of_the_audit_covers_the_truth_whatever_users_report():
    rng = np.random.default_rng(20261124)
    right = rng.random((1_000, 200)) < 0.92
    by_user = rng.random(right.shape) < np.where(right, 0.03, 0.30)
    by_auditor = np.arange(200) < rng.integers(50, 200, size=(1_000, 1))
    truth = np.where(right, "positive", "negative")
    labels = np.where(by_user | by_auditor, truth.astype(object), np.array(None))
    table = of_audit([True] * 200)

    firsts = [audited(table.assign(true_sentiment=of_run)) for of_run in labels]
    found = [proportion(int((first["true_sentiment"] == "positive").sum()), len(first)) for first in firsts]

    assert np.mean([one.low <= 0.92 <= one.high for one in found if one]) >= 0.94
    assert np.mean([one.value for one in found if one]) == pytest.approx(0.92, abs=0.003)

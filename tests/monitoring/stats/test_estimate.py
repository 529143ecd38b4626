import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress, norm

from monitoring.stats.calibration import calibrated
from monitoring.stats.estimate import MIN_LABELS, estimated_accuracy, few_labels_accuracy
from monitoring.stats.quality import proportion
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT

SHIPPED = load_profile(ROOT / "monitoring" / "reference.json")
SURE = dataclasses.replace(
    SHIPPED, calibration_confidence=np.array([0.5, 1.0]), calibration_accuracy=np.array([0.5, 1.0])
)
confidences = st.lists(st.floats(0, 1), min_size=1, max_size=50)


def drawn(rng, *shape):
    """Confidences as the shipped reference has them."""
    shares = SHIPPED.confidence_counts / SHIPPED.confidence_counts.sum()
    bins = rng.choice(len(shares), size=shape, p=shares)
    return rng.uniform(SHIPPED.confidence_edges[bins], SHIPPED.confidence_edges[bins + 1])


def with_audit(confidence, right, labels):
    """Answers of which the first `labels` were audited and labelled."""
    n = len(confidence)
    first = np.arange(n) < labels
    return pd.DataFrame(
        {
            "predicted_sentiment": "positive",
            "true_sentiment": pd.Series(np.where(right, "positive", "negative")).where(first),
            "confidence": confidence,
            "audit": first,
            "n": 1,
        }
    )


def audited_traffic(rng, n, labels, flipped=0.0):
    """Answers that are right as often as their confidence says, less where the truths of a part are flipped."""
    confidence = drawn(rng, n)
    right = (rng.random(n) < calibrated(confidence, SHIPPED)) != (rng.random(n) < flipped)
    return with_audit(confidence, right, labels)


def confident(values):
    """Answers of these confidences."""
    return pd.DataFrame({"confidence": np.asarray(values, dtype=np.float64), "n": 1})


def with_few_labels(table):
    """The accuracy from the audited answers and all others."""
    return few_labels_accuracy(table[table["audit"]], table, SHIPPED)


# Without labels


def test_the_estimate_is_the_mean_of_the_calibrated_confidences():
    found = estimated_accuracy(confident([0.6, 0.8, np.nan, 1.0]), SURE)

    assert found
    assert found.value == pytest.approx(0.8)
    assert found.n == 3
    variance = (0.24 + 0.16) / 3 * (1 / 3 + 1 / SURE.validation_n)
    assert found.value - found.low == pytest.approx(1.96 * variance**0.5, rel=1e-4)


def test_without_any_confidence_nothing_is_estimated():
    assert estimated_accuracy(confident([]), SHIPPED) is None
    assert estimated_accuracy(confident([np.nan, np.nan]), SHIPPED) is None


@given(confidences)
def test_the_estimate_is_within_its_interval_and_both_within_0_and_1(values):
    found = estimated_accuracy(confident(values), SHIPPED)

    assert found
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == len(values)


@pytest.mark.parametrize(("n", "most"), [(500, 0.011), (2_000, 0.006)])
def test_the_estimate_is_near_the_accuracy_of_calibrated_answers_and_covers_it(n, most):
    rng = np.random.default_rng(20261123)
    runs = drawn(rng, 1_000, n)
    accuracies = (rng.random(runs.shape) < calibrated(runs, SHIPPED)).mean(axis=1)
    found = [estimated_accuracy(confident(run), SHIPPED) for run in runs]
    estimates = [one for one in found if one]

    assert np.mean([abs(one.value - true) for one, true in zip(estimates, accuracies, strict=True)]) <= most
    covered = [one.low <= true <= one.high for one, true in zip(estimates, accuracies, strict=True)]
    assert 0.94 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize(("validation_n", "n"), [(400, 1_000_000), (25_000, 25_000), (10_000, 500)])
def test_the_interval_has_the_variance_of_the_answers_and_that_of_the_curve(validation_n, n):
    """Both as large where there are as many of both; of very many answers the curve's is left."""
    reference = dataclasses.replace(SURE, validation_n=validation_n)
    found = estimated_accuracy(confident([0.8]).assign(n=n), reference)

    assert found
    assert found.high - found.value == pytest.approx(norm.ppf(0.975) * (0.16 / n + 0.16 / validation_n) ** 0.5)
    assert found.value - found.low == pytest.approx(found.high - found.value)


@pytest.mark.parametrize(("validation_n", "n"), [(400, 10_000), (2_000, 2_000)])
def test_the_interval_covers_the_accuracy_also_where_the_curve_was_measured_on_few_answers(validation_n, n):
    """A curve of one height, which was measured on so many answers, and as many as that later ones."""
    rng = np.random.default_rng(20261129)
    measured, right = rng.binomial(validation_n, 0.8, 4_000), rng.binomial(n, 0.8, 4_000)
    intervals = {}
    for answers_right in set(measured.tolist()):  # the interval depends on nothing else that was drawn
        curve = np.full(2, answers_right / validation_n)
        reference = dataclasses.replace(SURE, calibration_accuracy=curve, validation_n=validation_n)
        found = estimated_accuracy(confident([0.9]).assign(n=n), reference)
        assert found
        intervals[answers_right] = found
    pairs = zip(measured.tolist(), right / n, strict=True)
    covered = [intervals[of_curve].low <= accuracy <= intervals[of_curve].high for of_curve, accuracy in pairs]

    assert 0.94 <= np.mean(covered) <= 0.96


# With few labels


@pytest.mark.parametrize("labels", [MIN_LABELS, 60, 1_000])
def test_the_interval_is_that_of_as_many_labels_as_a_regression_leaves_to_be_explained(labels):
    """What the estimates leave unexplained of labels is the residual variance of a straight line that was fitted to
    them, which has two parameters (SciPy's standard error of its slope), and no more than Wilson's score equation."""
    rng = np.random.default_rng(20261129)
    confidence, n = rng.uniform(0.5, 1, labels), 50 * labels
    right = rng.random(labels) < 0.3 + 0.6 * confidence
    first = with_audit(confidence, right, labels)
    everything = pd.concat([first, confident(rng.uniform(0.5, 1, n - labels))], ignore_index=True)
    line = linregress(confidence, right.astype(float))
    unexplained = line.stderr**2 * confidence.var() * labels
    value = right.mean() - line.slope * (confidence.mean() - everything["confidence"].mean())
    variance = unexplained * (1 / labels - 1 / n) + right.var(ddof=1) / n
    wilson = norm.ppf(0.975) ** 2 * variance / right.var(ddof=1)
    ends = np.sort(np.roots([1 + wilson, -2 * value - wilson, value**2]))

    found = few_labels_accuracy(first, everything, SURE)

    assert 0 < line.slope < 1
    assert found
    assert (found.value, found.low, found.high) == pytest.approx((value, *ends))


def test_the_labels_correct_what_the_calibration_has_wrong():
    rng = np.random.default_rng(20261123)
    table = audited_traffic(rng, 20_000, labels=2_000, flipped=0.12)
    estimate, found = estimated_accuracy(table, SHIPPED), with_few_labels(table)

    assert estimate
    assert estimate.low > 0.90
    assert found
    assert found.low < 0.824 < found.high
    assert found.n == 2_000


@pytest.mark.parametrize(("flipped", "truth", "narrower"), [(0.0, 0.926, 0.93), (0.12, 0.824, 1.0)])
def test_the_interval_covers_the_accuracy_and_is_narrower_than_that_of_the_labels_alone(flipped, truth, narrower):
    rng = np.random.default_rng(20261125)
    tables = [audited_traffic(rng, 2_000, 100, flipped) for _ in range(400)]
    found = [one for table in tables if (one := with_few_labels(table))]
    right = [int((table["true_sentiment"] == "positive").sum()) for table in tables]
    plain = [one for number in right if (one := proportion(number, 100))]

    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.935
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=0.006)
    width = np.mean([one.high - one.low for one in found]) / np.mean([one.high - one.low for one in plain])
    assert width < narrower


def test_estimates_that_say_nothing_leave_the_interval_of_the_labels():
    right = np.arange(100) % 10 > 0
    found = with_few_labels(with_audit(np.full(100, 0.9), right, labels=50))
    plain = proportion(45, 50)

    assert found
    assert plain
    assert found.value == pytest.approx(plain.value)
    assert found.low == pytest.approx(plain.low, abs=0.005)
    assert found.high == pytest.approx(plain.high, abs=0.005)


def test_labels_that_are_all_right_still_leave_room_for_errors():
    rng = np.random.default_rng(20261123)
    found = with_few_labels(with_audit(drawn(rng, 200), np.ones(200, dtype=bool), labels=40))
    plain = proportion(40, 40)

    assert found
    assert plain
    assert (found.value, found.high, found.n) == (1, 1, 40)
    assert found.low == pytest.approx(plain.low)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_a_row_of_many_answers_says_what_as_many_rows_say(seed, kinds):
    rng = np.random.default_rng(seed)
    first = with_audit(rng.random(40), rng.random(40) < 0.8, 40)
    others = with_audit(rng.random(kinds), rng.random(kinds) < 0.8, 0).assign(n=rng.integers(1, 9, kinds))
    counted = pd.concat([first, others], ignore_index=True)
    one_by_one = counted.loc[counted.index.repeat(counted["n"])].assign(n=1)

    found, expected = (
        [estimated_accuracy(of, SHIPPED), few_labels_accuracy(first, of, SHIPPED)] for of in (counted, one_by_one)
    )
    assert [dataclasses.astuple(one) for one in found if one] == [
        pytest.approx(dataclasses.astuple(one)) for one in expected if one
    ]


def test_with_too_few_audited_answers_nothing_is_said():
    rng = np.random.default_rng(20261123)
    table = audited_traffic(rng, 200, labels=MIN_LABELS)

    assert with_few_labels(table) is not None
    assert with_few_labels(table[1:]) is None
    assert with_few_labels(table[:0]) is None
    assert with_few_labels(table.assign(confidence=np.nan)) is None
    assert with_few_labels(table.assign(audit=False)) is None


@given(st.integers(0, 2**32 - 1), st.integers(MIN_LABELS, 80), st.floats(0, 1))
def test_any_labels_give_an_interval_within_0_and_1(seed, labels, accuracy):
    rng = np.random.default_rng(seed)
    table = with_audit(rng.random(80), rng.random(80) < accuracy, labels)
    found = with_few_labels(table)

    assert found
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == labels

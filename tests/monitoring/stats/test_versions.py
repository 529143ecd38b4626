from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from monitoring.stats.quality import Proportion, proportion
from monitoring.stats.versions import Difference, VersionQuality, by_version, difference, verdict
from tests.monitoring.conftest import NOON, answers, tables_from

samples = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def of_versions(versions, true=None):
    """What is said of these versions, which answered one request a minute."""
    table = answers(["positive"] * len(versions), true or [None] * len(versions))
    tables = tables_from(table.assign(model_version=pd.Series(versions, dtype="str")))
    return by_version(tables.answers, tables.spans)


def share(successes, n):
    found = proportion(successes, n)
    assert found
    return found


# Side by side


def test_each_version_has_its_requests_its_accuracy_and_its_time():
    found = of_versions(["v1", "v1", "v2", "v1"], ["positive", "negative", None, "positive"])

    assert found == [
        VersionQuality("v1", 3, proportion(2, 3), NOON, NOON + timedelta(minutes=3)),
        VersionQuality("v2", 1, None, NOON + timedelta(minutes=2), NOON + timedelta(minutes=2)),
    ]


def test_the_time_of_a_version_is_that_of_its_first_and_last_answer_whatever_it_was():
    labels = ["a", "b", "a", "b", "a"]
    table = answers(labels, [None] * 5).assign(model_version=pd.Series(["v1", "v2", "v1", "v1", "v2"], dtype="str"))
    tables = tables_from(table[::-1])

    assert [(one.version, one.first, one.last) for one in by_version(tables.answers, tables.spans)] == [
        ("v1", NOON, NOON + timedelta(minutes=3)),
        ("v2", NOON + timedelta(minutes=1), NOON + timedelta(minutes=4)),
    ]


def test_versions_stand_in_the_order_in_which_they_came():
    assert [one.version for one in of_versions(["b", "a", "c", "a"])] == ["b", "a", "c"]


def test_answers_that_do_not_name_their_version_are_one_of_their_own():
    found = of_versions([None, "v1", None])

    assert [(one.version, one.requests) for one in found] == [(None, 2), ("v1", 1)]


def test_without_requests_there_are_no_versions():
    assert of_versions([]) == []


# Differences


def test_the_interval_is_that_of_newcombes_first_example():
    # 56/70 - 48/80 in table II of Newcombe 1998: 0.2000, method 10: 0.0524 to 0.3339
    found = difference(share(56, 70), share(48, 80))

    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=1e-4)
    assert found.high == pytest.approx(0.3339, abs=1e-4)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_is_that_of_newcombes_other_examples(one, other, low, high):
    found = difference(share(*one), share(*other))

    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


@given(samples, samples)
def test_the_difference_is_within_its_interval_and_the_other_way_round_it_is_the_same(one, other):
    found, reverse = difference(share(*one), share(*other)), difference(share(*other), share(*one))

    assert -1 - 1e-9 <= found.low <= found.value <= found.high <= 1 + 1e-9
    assert reverse.low == pytest.approx(-found.high)
    assert reverse.high == pytest.approx(-found.low)


@pytest.mark.parametrize(("m", "n"), [(10, 10), (10, 30), (25, 40)])
def test_the_interval_covers_the_difference_of_any_two_probabilities(m, n):
    found = [[difference(share(i, m), share(j, n)) for j in range(n + 1)] for i in range(m + 1)]
    low, high = (np.array([[getattr(one, side) for one in row] for row in found]) for side in ("low", "high"))
    grid = np.linspace(0.025, 0.975, 39)
    coverage = np.array(
        [
            [
                binom.pmf(np.arange(m + 1), m, p) @ ((low <= p - q) & (p - q <= high)) @ binom.pmf(range(n + 1), n, q)
                for q in grid
            ]
            for p in grid
        ]
    )

    assert 0.94 <= coverage.mean() <= 0.97
    assert coverage.min() >= 0.89


# Verdicts


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.01, 0.2, "higher"), (-0.2, -0.01, "lower"), (-0.1, 0.1, "cannot tell yet"), (0.0, 0.2, "cannot tell yet")],
)
def test_a_verdict_needs_an_interval_that_leaves_out_0(low, high, expected):
    assert verdict(Difference((low + high) / 2, low, high)) == expected


def test_nothing_is_higher_than_itself():
    one = Proportion(0.9, 0.8, 0.95, 50)

    assert verdict(difference(one, one)) == "cannot tell yet"

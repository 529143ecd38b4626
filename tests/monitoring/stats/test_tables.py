"""Tallies as tables, and quantiles of values that occur many times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.log.encoding import Names
from monitoring.stats.tables import named, quantiles, tables_of
from monitoring.store.rows import Store
from monitoring.store.tally import SHARE_STEPS
from tests.monitoring.conftest import NOON, answers, at, prediction, store_of, tables_from

floats = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 0.5, 0.9])
weighted = st.lists(st.tuples(floats, st.integers(0, 6)), min_size=1, max_size=20)
LEVELS = [0, 0.1, 1 / 3, 0.5, 0.9, 1]


@given(weighted.filter(lambda rows: any(n for _, n in rows)), st.lists(st.floats(0, 1), max_size=5))
def test_quantiles_are_those_of_all_values_one_by_one(rows, at):
    values, counts = (np.array(column) for column in zip(*rows, strict=True))
    expected = np.quantile(np.repeat(values, counts), LEVELS + at)

    assert quantiles(values, counts, LEVELS + at) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_of_no_values_there_are_no_quantiles():
    assert np.isnan(quantiles(np.array([]), np.array([], dtype=int), [0.1, 0.9])).tolist() == [True, True]
    assert np.isnan(quantiles(np.array([1.0]), np.array([0]), [0.5])).tolist() == [True]
    assert quantiles(np.array([1.0]), np.array([3]), []).tolist() == []


def test_tables_say_labels_and_versions_by_name_and_shares_as_they_are():
    store = store_of(
        prediction(timestamp=at(0), request_text="one two", model_version="v1", true_sentiment="negative"),
        prediction(timestamp=at(1), request_text="three", model_version=None, confidence=None, known_share=None),
    )
    found = tables_of(store.whole, store.names)

    rows = found.answers.astype(object).where(found.answers.notna(), None).to_dict("records")
    assert rows == [
        {"model_version": None, "predicted_sentiment": "positive", "true_sentiment": None, "confidence": None}
        | {"n": 1, "distinct": 1},
        {"model_version": "v1", "predicted_sentiment": "positive", "true_sentiment": "negative", "confidence": 0.9}
        | {"n": 1, "distinct": 1},
    ]
    assert found.lengths["words"].tolist() == [1, 2]
    assert found.known["known_share"].fillna(-1).tolist() == [-1, 0.7]
    assert found.steps["time"].tolist() == [pd.Timestamp(NOON), pd.Timestamp(NOON) + pd.Timedelta(minutes=1)]
    assert found.steps["words"].tolist() == [2, 1]
    assert found.step == pd.Timedelta(seconds=1)
    assert found.spans["first"].tolist() == found.spans["last"].tolist() == found.steps["time"].tolist()[::-1]
    assert (found.n, found.distinct) == (2, 2)


def test_only_the_answers_of_the_labels_and_versions_that_are_wanted_count():
    store = store_of(
        *(
            prediction(request_text=f"{label} {version}", predicted_sentiment=label, model_version=version)
            for label in ("a", "b")
            for version in ("v1", "v2", None)
        )
    )

    def number(*labels: str, versions: tuple[str, ...] = ()) -> int:
        found = tables_of(store.whole, store.names, labels, versions)
        tables = found.answers, found.lengths, found.known, found.steps
        (n,) = {int(table["n"].sum()) for table in tables}
        assert len(found.spans) == n
        return n

    assert number() == 6
    assert number("a") == 3
    assert number("a", "b", versions=("v1",)) == 2
    assert number(versions=("v1", "v2")) == 4
    assert number("a", versions=("v2",)) == 1
    assert number("unknown") == number(versions=("unknown",)) == 0


def test_of_an_empty_log_all_tables_are_empty_and_have_their_columns():
    found = tables_of(Store().whole, Names())

    assert (found.n, found.distinct) == (0, 0)
    keys = ["model_version", "predicted_sentiment", "true_sentiment"]
    assert list(found.answers) == [*keys, "confidence", "n", "distinct"]
    assert list(found.lengths) == [*keys[:2], "words", "n", "distinct"]
    assert list(found.known) == [*keys[:2], "known_share", "n", "distinct"]
    assert list(found.steps) == ["time", *keys, "confidence", "n", "distinct", "words"]
    assert list(found.spans) == [*keys[:2], "first", "last"]


def test_confidences_are_counted_to_the_nearest_step():
    confidence = [0.912345, 0.912355, 1 / 3]
    found = tables_from(answers(["a"] * 3, [None] * 3).assign(confidence=confidence)).answers["confidence"]

    assert sorted(found) == sorted(round(one * SHARE_STEPS) / SHARE_STEPS for one in confidence)


def test_names_may_be_anything():
    names = Names(["nan", "", "None", "é🎬"])

    assert named(np.array([0, 1, 2, 3, 4], dtype=np.uint16), names).tolist()[1:] == ["nan", "", "None", "é🎬"]
    assert pd.isna(named(np.array([0], dtype=np.uint16), names)).tolist() == [True]

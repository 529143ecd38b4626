from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.stats.calibration import calibrated
from monitoring.stats.reference import load_profile
from monitoring.stats.timeline import ACCURACY_STEPS, accuracy_by_time, confidence_by_time, traffic_by_time
from monitoring.store.tally import COARSE_STEPS, MOST_STEPS, STEPS
from tests.conftest import ROOT
from tests.monitoring.conftest import NOON, answers, tables_from

seconds = st.lists(st.integers(0, 10**9), min_size=1, max_size=50)


def confidences(values, times):
    """Confidence by time of answers of these confidences at these times."""
    table = answers(["positive"] * len(values), [None] * len(values))
    table = table.assign(confidence=values, timestamp=pd.Series(times, dtype="datetime64[us, UTC]"))
    return confidence_by_time(tables_from(table).steps)


def accuracies(table, reference):
    return accuracy_by_time(tables_from(table).steps, reference)


def test_without_predictions_the_table_is_empty_and_has_its_columns():
    table = confidences([], [])

    assert list(table.columns) == ["time", "mean", "low", "high", "n"]
    assert table.empty


def test_lines_without_a_confidence_are_left_out():
    table = confidences([0.5, float("nan")], [NOON, NOON + timedelta(days=300)])

    assert table["n"].tolist() == [1]


def test_only_lines_without_a_confidence_give_an_empty_table():
    assert confidences([float("nan")] * 2, [NOON] * 2).empty


def test_one_prediction_is_one_step():
    table = confidences([0.75], [NOON])

    assert table.iloc[0].tolist() == [pd.Timestamp(NOON), 0.75, 0.75, 0.75, 1]


def test_a_step_has_the_mean_and_the_middle_80_percent():
    table = confidences([n / 10 for n in range(11)], [NOON] * 11)

    assert table[["mean", "low", "high", "n"]].iloc[0].tolist() == pytest.approx([0.5, 0.1, 0.9, 11])


def test_steps_are_seconds_when_all_happened_within_two_minutes():
    times = [NOON + timedelta(seconds=s) for s in (0, 0.9, 1.1, 60)]

    table = confidences([0.2, 0.4, 0.6, 0.8], times)

    assert table["n"].tolist() == [2, 1, 1]
    assert table["mean"].tolist() == pytest.approx([0.3, 0.6, 0.8])


@given(seconds)
def test_there_are_never_many_steps_and_every_prediction_is_in_one(offsets):
    times = sorted(NOON + timedelta(seconds=offset) for offset in offsets)

    table = confidences([0.5] * len(times), times)

    assert len(table) <= MOST_STEPS + 1
    assert table["n"].sum() == len(times)
    assert table["time"].is_monotonic_increasing


def test_a_log_of_a_thousand_days_is_as_short_a_table():
    times = [NOON + timedelta(days=day) for day in range(1000)]

    assert len(confidences([0.5] * 1000, times)) <= MOST_STEPS + 1


# Accuracy


REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")


def test_accuracy_of_no_predictions_is_an_empty_table_with_its_columns():
    table = accuracies(answers([], []), REFERENCE)

    assert list(table.columns) == ["time", "value", "low", "high", "n", "estimated"]
    assert table.empty


def test_a_step_has_the_share_of_right_answers_and_the_estimate():
    table = accuracies(answers(["a"] * 4, ["a", "a", "b", None]).assign(timestamp=NOON, confidence=0.9), REFERENCE)

    (row,) = table.to_dict("records")
    assert (row["value"], row["n"]) == (pytest.approx(2 / 3), 3)
    assert row["low"] < row["value"] < row["high"]
    assert row["estimated"] == pytest.approx(calibrated(np.array([0.9]), REFERENCE)[0])


def test_steps_without_labels_have_an_estimate_alone_and_without_confidence_a_share_alone():
    predictions = answers(["a", "a"], [None, "a"]).assign(
        timestamp=[NOON, NOON + timedelta(days=1)], confidence=[0.9, float("nan")]
    )

    table = accuracies(predictions, REFERENCE)

    assert table["value"].isna().tolist() == [True, False]
    assert table["estimated"].isna().tolist() == [False, True]


def test_without_a_reference_nothing_is_estimated():
    table = accuracies(answers(["a"], ["a"]), None)

    assert table["estimated"].isna().all()
    assert table["value"].tolist() == [1]


def test_answers_of_another_model_are_not_estimated():
    table = accuracies(answers(["a"], ["a"]).assign(model_version="another"), REFERENCE)

    assert table["estimated"].isna().all()


@given(st.lists(st.tuples(st.integers(0, 10**7), st.booleans(), st.floats(0, 1)), min_size=1, max_size=40))
def test_accuracy_is_that_of_the_answers_in_steps_that_are_few(rows):
    times = [NOON + timedelta(seconds=offset) for offset, _, _ in rows]
    right = ["a" if is_right else "b" for _, is_right, _ in rows]
    confidence = np.rint([share * COARSE_STEPS for _, _, share in rows]) / COARSE_STEPS
    predictions = answers(["a"] * len(rows), right).assign(
        timestamp=pd.Series(times, dtype="datetime64[us, UTC]"), confidence=confidence
    )

    table = accuracies(predictions, REFERENCE)

    assert len(table) <= ACCURACY_STEPS + 1
    assert table["n"].sum() == len(rows)
    assert (table["n"] * table["value"]).sum() == pytest.approx(right.count("a"))
    assert (table["n"] * table["estimated"]).sum() == pytest.approx(calibrated(confidence, REFERENCE).sum())


# Traffic


def traffic(*sent):
    """By time step: requests of these texts after so many seconds, with a label or without."""
    table = answers(["a"] * len(sent), [label for _, _, label in sent]).assign(
        timestamp=pd.Series([NOON + timedelta(seconds=time) for time, _, _ in sent], dtype="datetime64[us, UTC]"),
        request_text=[text for _, text, _ in sent],
    )
    tables = tables_from(table)
    return traffic_by_time(tables.steps, tables.step)


def test_traffic_of_no_requests_is_an_empty_table_with_its_columns():
    table = traffic()

    assert list(table.columns) == ["time", "requests", "labels", "words"]
    assert table.empty


def test_a_step_has_its_requests_their_labels_and_the_mean_words_of_different_texts():
    table = traffic((0, "one two", "a"), (0.5, "one two", None), (0.9, "one two three four", "b"), (1, "one", None))

    assert table["time"].tolist() == [pd.Timestamp(NOON), pd.Timestamp(NOON + timedelta(seconds=1))]
    assert table["requests"].tolist() == [3, 1]
    assert table["labels"].tolist() == [2, 0]
    assert table["words"].tolist() == [3, 1]


def test_steps_without_requests_are_there_and_those_without_new_texts_have_no_words():
    table = traffic((0, "one", None), (3, "one", "a"))

    assert table["time"].tolist() == [pd.Timestamp(NOON + timedelta(seconds=second)) for second in range(4)]
    assert table["requests"].tolist() == [1, 0, 0, 1]
    assert table["labels"].tolist() == [0, 0, 0, 1]
    assert table["words"].isna().tolist() == [False, True, True, True]


@given(seconds)
def test_traffic_has_all_steps_from_the_first_request_to_the_last(offsets):
    table = traffic(*((offset, "one", None) for offset in offsets))

    assert table["requests"].sum() == len(offsets)
    assert len(table) <= MOST_STEPS + 1
    step = table["time"].diff().dropna().unique()
    assert len(step) <= 1
    assert all(one / pd.Timedelta(microseconds=1) in STEPS for one in step)

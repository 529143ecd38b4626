from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.calibration import calibrated
from monitoring.reference import load_profile
from monitoring.timeline import MAX_STEPS, accuracy_by_time, confidence_by_time
from tests.conftest import ROOT
from tests.monitoring.conftest import NOON, answers

seconds = st.lists(st.integers(0, 10**9), min_size=1, max_size=50)


def confidences(values, times):
    table = answers(["positive"] * len(values), [None] * len(values))
    return table.assign(confidence=values, timestamp=pd.Series(times, dtype="datetime64[us, UTC]"))


def test_without_predictions_the_table_is_empty_and_has_its_columns():
    assert list(confidence_by_time(answers([], [])).columns) == ["time", "mean", "low", "high", "n"]
    assert confidence_by_time(answers([], [])).empty


def test_lines_without_a_confidence_are_left_out():
    table = confidence_by_time(confidences([0.5, float("nan")], [NOON, NOON + timedelta(days=300)]))

    assert table["n"].tolist() == [1]


def test_only_lines_without_a_confidence_give_an_empty_table():
    assert confidence_by_time(confidences([float("nan")] * 2, [NOON] * 2)).empty


def test_one_prediction_is_one_step():
    table = confidence_by_time(confidences([0.75], [NOON]))

    assert table.iloc[0].tolist() == [pd.Timestamp(NOON), 0.75, 0.75, 0.75, 1]


def test_a_step_has_the_mean_and_the_middle_80_percent():
    table = confidence_by_time(confidences([n / 10 for n in range(11)], [NOON] * 11))

    assert table[["mean", "low", "high", "n"]].iloc[0].tolist() == pytest.approx([0.5, 0.1, 0.9, 11])


def test_steps_are_seconds_when_all_happened_within_two_minutes():
    times = [NOON + timedelta(seconds=s) for s in (0, 0.9, 1.1, 60)]

    table = confidence_by_time(confidences([0.2, 0.4, 0.6, 0.8], times))

    assert table["n"].tolist() == [2, 1, 1]
    assert table["mean"].tolist() == pytest.approx([0.3, 0.6, 0.8])


@settings(max_examples=50)
@given(seconds)
def test_there_are_never_many_steps_and_every_prediction_is_in_one(offsets):
    times = sorted(NOON + timedelta(seconds=offset) for offset in offsets)

    table = confidence_by_time(confidences([0.5] * len(times), times))

    assert len(table) <= MAX_STEPS + 1
    assert table["n"].sum() == len(times)
    assert table["time"].is_monotonic_increasing


def test_a_log_of_a_thousand_days_is_as_short_a_table():
    times = [NOON + timedelta(days=day) for day in range(1000)]

    assert len(confidence_by_time(confidences([0.5] * 1000, times))) <= MAX_STEPS + 1


# Accuracy


REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")


def test_accuracy_of_no_predictions_is_an_empty_table_with_its_columns():
    table = accuracy_by_time(answers([], []), REFERENCE)

    assert list(table.columns) == ["time", "value", "low", "high", "n", "estimated"]
    assert table.empty


def test_a_step_has_the_share_of_right_answers_and_the_estimate():
    table = accuracy_by_time(
        answers(["a"] * 4, ["a", "a", "b", None]).assign(timestamp=NOON, confidence=0.9), REFERENCE
    )

    (row,) = table.to_dict("records")
    assert (row["value"], row["n"]) == (pytest.approx(2 / 3), 3)
    assert row["low"] < row["value"] < row["high"]
    assert row["estimated"] == pytest.approx(calibrated(np.array([0.9]), REFERENCE)[0])


def test_steps_without_labels_have_an_estimate_alone_and_without_confidence_a_share_alone():
    predictions = answers(["a", "a"], [None, "a"]).assign(
        timestamp=[NOON, NOON + timedelta(days=1)], confidence=[0.9, float("nan")]
    )

    table = accuracy_by_time(predictions, REFERENCE)

    assert table["value"].isna().tolist() == [True, False]
    assert table["estimated"].isna().tolist() == [False, True]


def test_without_a_reference_nothing_is_estimated():
    table = accuracy_by_time(answers(["a"], ["a"]), None)

    assert table["estimated"].isna().all()
    assert table["value"].tolist() == [1]


def test_answers_of_another_model_are_not_estimated():
    table = accuracy_by_time(answers(["a"], ["a"]).assign(model_version="another"), REFERENCE)

    assert table["estimated"].isna().all()

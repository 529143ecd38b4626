"""The alarms meet the goals of docs/internals/evidence.md: a few streams always, 60 under the marker."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
import pytest

from benchmarks.evidence import __main__, estimates, labels, requests, rules, windows, words
from benchmarks.evidence import whole_log as log
from benchmarks.evidence.goals import Goal, goals
from benchmarks.evidence.scenarios import Result, Runner, means, result, results
from benchmarks.evidence.streams import (
    answers_wrong,
    chance_of,
    confidences,
    lengths,
    log_length_deviation,
    measured_reference,
    shipped,
)


@pytest.fixture(autouse=True)
def without_other_libraries(monkeypatch, tmp_path):
    monkeypatch.setattr(windows, "EVIDENTLY_PYTHON", tmp_path / "nowhere")
    monkeypatch.setattr(requests, "STREAMS_OF_OTHERS", 0)


def test_a_stream_is_the_same_at_every_run():
    first, again = (lengths(100, chance_of("a scenario", 3)) for _ in range(2))

    assert (first == again).all()
    assert (first != lengths(100, chance_of("a scenario", 4))).any()


def test_drawn_lengths_are_those_of_the_profile():
    drawn = lengths(20_000, chance_of("lengths", 0))

    assert np.median(drawn) == pytest.approx(shipped().length_median, rel=0.03)
    assert np.std(np.log(drawn)) == pytest.approx(log_length_deviation(), rel=0.03)


def test_harder_texts_are_as_hard_as_wanted():
    confidence = confidences(50_000, chance_of("hard", 0), accuracy=0.82)

    assert 1 - answers_wrong(confidence, chance_of("hard", 1)).mean() == pytest.approx(0.82, abs=0.006)


def test_a_calibration_measured_anew_is_near_the_real_one():
    curve = measured_reference(chance_of("curve", 0))

    assert (np.diff(curve.calibration_accuracy) >= 0).all()
    assert np.interp(0.9, curve.calibration_confidence, curve.calibration_accuracy) == pytest.approx(0.9, abs=0.05)


def test_delays_are_those_of_streams_without_an_alarm_before_the_change():
    assert result([5, 30, 12, None, 20], change=10) == Result(streams=5, false=1, median=10, ninety=None)
    assert result([None, 7], change=None) == Result(streams=2, false=1)


def test_simple_rules_find_the_first_label_that_breaks_them():
    wrong = np.zeros(400, dtype=np.int64)
    wrong[200:] = 1

    assert rules.rolling_rule(wrong) == 221  # 21 of 100 are wrong
    assert rules.cumulative_rule(wrong) == 251
    assert rules.chunk_rule(wrong, 0.9, 25_000, chance_of("chunks", 0)) == 400


@pytest.mark.parametrize(
    ("goal", "met", "holds"),
    [
        (Goal("within", 100, (0, 150), "delay", 300), True, True),
        (Goal("a miss within its limit", 160, (0, 150), "delay", 300, limit=165), False, True),
        (Goal("much later", 300, (0, 150), "delay", 300), False, False),
        (Goal("never", float("inf"), (0, 150), "delay", 60), False, False),
        (Goal("a false alarm more than was meant", 0.02, (0, 0.01), "share", 60), False, True),
        (Goal("many of them", 0.2, (0, 0.01), "share", 60), False, False),
        (Goal("not measured", None, (0, 0.01), "share", 60), None, True),
    ],
    ids=lambda value: value.name if isinstance(value, Goal) else "",
)
def test_a_limit_is_wider_than_the_goal_with_few_streams(goal, met, holds):
    assert (goal.met, goal.holds) == (met, holds)


def test_a_fall_is_found_and_good_accuracy_raises_nothing():
    found = results(map(partial(labels.fall, 0.92, 0.70), range(5)), labels.GOOD_LABELS)[rules.VALIDATION]

    assert found.false == 0
    assert found.median
    assert found.median <= 100


def test_longer_texts_are_found():
    draw = partial(requests.drawn_lengths, 0.5)
    runs = [requests.move(requests.length_name(0.5), requests.LENGTH, draw, stream) for stream in range(5)]
    found = results(runs, requests.GOOD_REQUESTS)[requests.OURS]

    assert found.false == 0
    assert found.median
    assert found.median <= 300


def test_words_of_another_domain_are_listed_and_none_without_one():
    assert words.moved(0) == {words.OF_DOMAIN: 1.0, words.ANY_MOVED: 0.0}


def test_the_estimate_is_near_and_its_interval_holds():
    figures = means([estimates.estimates("test", None, 0.0, stream) for stream in range(5)])

    assert figures["mean absolute error, n = 500"] <= 0.015
    assert figures["interval holds, n = 500"] >= 0.85


def test_late_labels_through_a_log_give_the_alarm_of_the_signal_alone():
    assert log.same_verdict(0) == {rules.VALIDATION: 1.0}


@pytest.mark.evidence
def test_limits_hold_on_60_streams(monkeypatch):
    monkeypatch.setattr(rules, "river_rules", dict)
    monkeypatch.setattr(requests, "WINDOWS_EACH", 10)
    monkeypatch.setattr(words, "STREAMS", 5)
    monkeypatch.setattr(log, "REPEATED_STREAMS", 5)
    monkeypatch.setattr(log, "LATE_STREAMS", 20)
    found = __main__.measured(
        argparse.Namespace(streams=60, log_streams=2, minutes=10, jobs=2, go_on=False, write=False)
    )

    assert [f"{goal.name}: {goal.measured}" for goal in goals(found) if not goal.holds] == []


def test_streams_are_not_begun_after_the_time_is_up():
    assert Runner(jobs=1, end=0).run(int, 10, may_be_fewer=True) == [0]

"""Goals: what counts as met, and that each follows its own figure."""

import pytest

from benchmarks.serving.goals import Goal, faster_there, goals


@pytest.mark.parametrize(
    ("value", "sign", "bound", "met"),
    [
        (0.6, "≥", 0.6, True),
        (0.59, "≥", 0.6, False),
        (10, "≤", 10, True),
        (10.1, "≤", 10, False),
        (0, "≤", 0, True),
        (None, "≤", 10, None),
        (7, "", None, None),
    ],
)
def test_when_a_goal_is_met(value, sign, bound, met):
    assert Goal("a goal", value, sign, bound).met is met


def test_a_goal_is_told_in_its_own_unit():
    goal = Goal("memory", 212.4, "≤", 250, "{:.0f} MB")

    assert (goal.target, goal.measured) == ("≤ 250 MB", "212 MB")
    assert (Goal("memory", None).target, Goal("memory", None).measured) == ("", "not measured")


def test_a_rate_grows_with_the_machine_and_a_time_shrinks():
    assert Goal("rate", 9000, "≥", 20_000, "{:,.0f}", scales=1).elsewhere(2.5) == "22,500"
    assert Goal("time", 5, "≤", 2, "{:.1f} s", scales=-1).elsewhere(2.5) == "2.0 s"
    assert Goal("share", 0.6, "≥", 0.6).elsewhere(2.5) == ""
    assert Goal("time", None, "≤", 2, scales=-1).elsewhere(2.5) == ""


def test_the_machine_is_as_fast_as_its_constant_fastapi(results):
    assert faster_there(results["rounds"]) == pytest.approx(10.208)


def met_by_name(results):
    return {goal.name: goal.met for goal in goals(results)}


@pytest.mark.parametrize(
    ("turn", "load", "figure", "value", "name"),
    [
        ("ours", "short", "p99_ms", 10.1, "short texts: 99th percentile"),
        ("constant FastAPI", "short", "requests_per_second", 2000, "short texts: share of the constant FastAPI's rate"),
        ("constant FastAPI", "long", "requests_per_second", 4000, "reviews: share of the constant FastAPI's rate"),
        ("ours", "256 connections", "errors", 1, "256 connections: errors"),
        ("ours", "256 connections", "p99_ms", 6.1, "256 connections: 99th percentile in means"),
        (
            "ours, long texts too",
            "beside words",
            "p99_ms",
            10.1,
            "short texts beside one connection with texts of 20,000 characters: 99th percentile moves by",
        ),
        ("ours, 2 workers", "short", "lines", {"a": 9, "b": 0}, "`WEB_CONCURRENCY=2`: log files that got lines"),
        ("straightforward", "long", "errors", 1, "errors in all of this, of every server"),
        ("ours", "batch", "missing_lines", 1, "lines missing in the log of 62,000 answers"),
    ],
)
def test_a_goal_that_is_met_until_its_figure_changes(results, turn, load, figure, value, name):
    assert met_by_name(results)[name] is True

    for measured in results["rounds"]:
        measured[turn][load][figure] = value

    assert met_by_name(results)[name] is False


@pytest.mark.parametrize(
    ("turn", "load", "figure", "value", "name"),
    [
        ("ours", "short", "requests_per_second", 5000, "short texts: against the straightforward version"),
        ("ours", "long", "requests_per_second", 3500, "reviews: against the straightforward version"),
        ("ours", "batch", "items_per_second", 20_000, "batches of 1,000 short texts, 4 connections: texts a second"),
        (
            "ours, 2 workers",
            "short",
            "requests_per_second",
            1700,
            "`WEB_CONCURRENCY=2`: against one worker, 64 connections, the load on the same two cores",
        ),
    ],
)
def test_a_goal_that_is_missed_until_its_figure_changes(results, turn, load, figure, value, name):
    assert met_by_name(results)[name] is False

    for measured in results["rounds"]:
        measured[turn][load][figure] = value

    assert met_by_name(results)[name] is True


def test_memory_that_grows_by_more_than_a_tenth_misses_its_goal(results):
    name = "memory: growth over 5,000 requests"
    assert met_by_name(results)[name] is True

    results["memory"]["end_mb"] = 221

    assert met_by_name(results)[name] is False


def test_a_scorer_that_was_not_there_is_neither_met_nor_missed(results):
    assert met_by_name(results)["exact scorer, short text"] is None

    results["scorer"] = {"short_ms": 0.01, "long_ms": 0.3, "pipeline_short_ms": 0.2, "pipeline_long_ms": 0.5}

    met = met_by_name(results)
    assert (met["exact scorer, short text"], met["exact scorer, review"]) == (True, False)


def test_no_two_goals_have_the_same_name(results):
    assert len(met_by_name(results)) == len(goals(results))

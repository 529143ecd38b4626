"""The verdict in words: what is worst first, and what to do next, of real logs and of alarms as they are raised."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Monitor
from monitoring.alarms.sequential import Episode, Mark
from monitoring.alarms.signals import WEIGHTS, Status, threshold
from monitoring.alarms.verdict import accuracy_alert, signal_alerts, validation_alert, verdict
from monitoring.analysis.cache import AnalysisCache
from monitoring.analysis.selection import Selection
from monitoring.page.api.poller import ApiState
from monitoring.page.sections.verdict import duration, verdict_data
from monitoring.page.sources import Seen
from monitoring.reader import LogReader
from monitoring.settings import Settings
from monitoring.stats.quality import proportion
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import NOON, append, at, feedback
from tests.monitoring.conftest import prediction as line_of

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
RAISED = NOON.timestamp() + 600
EPISODE = Episode(Mark(1234, RAISED), Mark(1000, RAISED - 600), 0)
CALM = {name: Status(1_000, 1e-4, threshold(name, 0.02), None, None, ()) for name in WEIGHTS}
FEW_TEXTS = CALM | {"length": CALM["length"]._replace(n=49)}
DOWN = ApiState("The API does not answer at http://api:8000: Connection refused.")


def prediction(**fields):
    return line_of(**{"model_version": REFERENCE.model_version} | fields)


def alarmed(*names):
    """The signals, of which some stand: each for more of the first kind."""
    return CALM | {name: CALM[name]._replace(alarm=EPISODE, group=0, evidence=1.0) for name in names}


@pytest.fixture
def seen(tmp_path):
    """What the page sees of these lines of a log, and of labels that came later."""

    def look(*lines, labels=(), selection=None, api=None):
        append(tmp_path / "prediction_logs.json", *lines)
        append(tmp_path / "feedback_logs.json", *labels)
        snapshot = LogReader(tmp_path, Monitor(REFERENCE, 0.8, 0.02)).refresh()
        analysis = AnalysisCache(REFERENCE, Settings()).of(snapshot, selection or Selection())
        return Seen(REFERENCE, snapshot, analysis, api=api or ApiState(""))

    return look


def said(seen, settings=None, now=NOON, window="time range all"):
    """The items, which must be JSON."""
    data = verdict_data(seen, settings or Settings(), window, now)
    return json.loads(json.dumps(data, allow_nan=False))["items"]


def with_alerts(seen, accuracy, signals, reference=REFERENCE):
    """The same with this accuracy of the selected answers and these signals, and without notes about the log."""
    quality = replace(seen.analysis.quality, accuracy=accuracy)
    with_accuracy = replace(seen, analysis=replace(seen.analysis, quality=quality))
    return with_alarms(with_accuracy, alerts=verdict(accuracy, signals, Settings(), reference), notes=[])


def with_alarms(seen, **fields):
    """The same with these alerts or notes."""
    alarms = replace(seen.analysis.alarms, **fields)
    return replace(seen, analysis=replace(seen.analysis, alarms=alarms))


# The headline


def test_a_proven_fall_is_told_with_its_figure_since_when_and_of_how_many_labels(seen):
    found = with_alerts(seen(prediction()), proportion(237, 312), alarmed("accuracy"))

    headline = said(found)[0]

    assert headline["level"] == "alert"
    assert headline["title"] == "Accuracy is below 80%: 76.0%, significant since 2026-11-23 12:10 UTC, 312 labels"
    assert headline["action"].startswith("Read the wrong predictions")
    assert headline["link"] == ["Wrong predictions", "#requests"]


def test_a_proven_fall_is_told_without_a_figure_where_the_selected_answers_are_better(seen):
    found = with_alerts(seen(prediction()), proportion(95, 100), alarmed("accuracy"))

    headline = said(found)[0]

    assert headline["title"] == "Accuracy is below 80%: significant since 2026-11-23 12:10 UTC, 100 labels"
    assert "Overall, 95.0% of 100 labelled predictions were right" in headline["lines"][0]


def test_a_proven_fall_is_told_also_where_no_selected_answer_has_a_label(seen):
    found = with_alerts(seen(prediction()), None, alarmed("accuracy"))

    assert said(found)[0]["title"] == "Accuracy is below 80%"


def test_what_may_be_chance_is_told_as_not_proven(seen):
    headline = said(with_alerts(seen(prediction()), proportion(79, 100), CALM))[0]

    assert (headline["level"], headline["title"]) == (
        "warning",
        "Accuracy is below 80%: 79.0%, not significant yet, 100 labels",
    )
    assert headline["action"].startswith("Label more predictions")


def test_when_all_is_well_that_is_the_headline(seen):
    items = said(with_alerts(seen(prediction()), proportion(950, 1000), CALM))

    assert [(item["level"], item["title"]) for item in items] == [
        ("ok", "All is well: accuracy 95.0%, 1,000 labels, no significant drift"),
        ("ok", "Accuracy is not below 80%: 95.0%, 1,000 labels"),
        ("ok", "No significant drift"),
    ]


def test_nothing_is_well_while_something_cannot_be_told(seen):
    items = said(seen(prediction()))

    assert "All is well" not in [item["title"] for item in items]
    assert {item["level"] for item in items} == {"unknown"}


# The order


def test_what_is_worst_comes_first(seen):
    found = with_alerts(seen(prediction(), api=DOWN), proportion(79, 100), alarmed("validation", "length"))
    notes = [Alert("warning", "1 line of the log could not be read", "Skipped."), Alert("unknown", "Later", "")]
    found = with_alarms(found, notes=notes)

    assert [(item["level"], item["title"].split(":")[0]) for item in said(found, now=NOON + timedelta(days=2))] == [
        ("alert", "The API is not ready"),
        ("warning", "Accuracy is below 80%"),
        ("warning", "Accuracy regression"),
        ("warning", "1 line of the log could not be read"),
        ("warning", "Sentence length has drifted"),
        ("unknown", "Later"),
        ("unknown", "No new request for 2 days"),
    ]


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (["length"], "Sentence length has drifted"),
        (["length", "prediction"], "Sentence length and predicted sentiment have drifted"),
        (
            ["length", "vocabulary", "confidence", "prediction"],
            "Sentence length, vocabulary coverage, confidence and predicted sentiment have drifted",
        ),
    ],
)
def test_all_that_has_drifted_is_one_item(seen, names, title):
    items = said(with_alerts(seen(prediction()), proportion(95, 100), alarmed(*names)))

    (drift,) = [item for item in items if "drifted" in item["title"]]
    assert (drift["level"], drift["title"], drift["link"]) == ("warning", title, ["Data drift", "#data-drift"])
    assert len(drift["lines"]) == len(names)
    assert drift["action"].startswith("Read the new texts")


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_what_an_alarm_promises_is_not_repeated_since_the_note_says_it_of_all(seen, name):
    found = with_alerts(seen(prediction()), proportion(10, 100), alarmed(name))

    lines = [line for item in said(found) for line in item["lines"]]

    assert any("became significant" in line for line in lines)
    assert not any("false alarm" in line for line in lines)


def test_the_note_says_how_rarely_a_false_alarm_is_to_be_expected(seen):
    found = seen(*(prediction(timestamp=at(minute)) for minute in range(100)))

    note = verdict_data(found, Settings(), "", NOON)["note"]

    assert "less than one false alarm in" in note


def test_an_alarm_of_every_kind_is_told_in_whole_sentences(seen):
    alerts = [
        accuracy_alert(proportion(10, 100), 0.8, 30, alarmed("accuracy")["accuracy"]),
        validation_alert(alarmed("validation")["validation"], 0.926),
        *signal_alerts(alarmed("length", "vocabulary", "confidence", "prediction"), ["negative", "positive"]),
    ]
    found = seen(prediction())
    found = with_alarms(found, alerts=alerts, notes=[])

    for item in said(found):
        assert item["lines"]
        assert all(line.endswith(".") for line in item["lines"])
        assert not item["title"].endswith(".")


# Where there is little or nothing to judge


STATES = {
    "reading": (
        lambda seen: Seen(read=0.374, api=ApiState("")),
        "unknown", "The log is being read: 37%", "The whole log is read once", "Wait",
    ),
    "no log": (
        lambda seen: seen_without_files(),
        "unknown", "No log yet", "There is none in ", "Send a request",
    ),
    "empty": (
        lambda seen: seen(),
        "unknown", "The log is empty", "The first request will appear here automatically.", "Send a request",
    ),
    "nothing selected": (
        lambda seen: seen(prediction(), selection=Selection(labels=("negative",))),
        "unknown", "No requests match the selection, time range 1 h",
        "The latest request was at 2026-11-23 12:00:00 UTC.", "Select a longer time range",
    ),
    "unreadable": (
        lambda seen: Seen(
            problems=[Alert("alert", "The log cannot be read", "Is a directory: x.", "log", action="Give this")],
            api=ApiState(""),
        ),
        "alert", "The log cannot be read", "Is a directory: x.", "Give this",
    ),
    "no reference": (
        lambda seen: replace(
            seen(prediction()), problems=[Alert("warning", "The reference cannot be used", "No such file.")]
        ),
        "warning", "The reference cannot be used", "No such file.", "",
    ),
    "API down": (
        lambda seen: seen(prediction(), api=DOWN),
        "alert", "The API is not ready", "The API does not answer at http://api:8000: Connection refused. This page",
        "Check that it runs",
    ),
    "API refuses": (
        lambda seen: seen(prediction(), api=ApiState("The token is not accepted here.", refused=True)),
        "alert", "The API refuses this dashboard", "The token is not accepted here. This page reads the log",
        "Set API_TOKEN of the dashboard to a token of the API with the scopes predict and feedback.",
    ),
    "few labels": (
        lambda seen: seen(*(prediction(true_sentiment="positive") for _ in range(29))),
        "unknown", "Not enough labels yet", "29 of the 30 labels needed.", "Send true_sentiment",
    ),
    "few texts": (
        lambda seen: with_alerts(seen(prediction()), proportion(95, 100), FEW_TEXTS),
        "unknown", "Not enough requests yet to detect drift", "49 of the 50 distinct texts", "",
    ),
    "unreadable lines": (
        lambda seen: seen(prediction(), b"x\n", b"y\n"),
        "warning", "2 lines of the log could not be read", "Skipped. All other lines are counted.", "",
    ),
    "labels of nothing": (
        lambda seen: seen(prediction(), labels=[feedback("unheard of", "positive")]),
        "warning", "1 label belongs to no prediction in the log", "Not used in any figure.", "",
    ),
    "answers of another model": (
        lambda seen: seen(prediction(model_version="v2")),
        "warning", "1 prediction is of another model than the reference", "The reference is that of", "",
    ),
}  # fmt: skip


def seen_without_files():
    snapshot = LogReader(Settings().log_dir / "nowhere", Monitor(None, 0.8, 0.02)).refresh()
    return Seen(REFERENCE, snapshot, api=ApiState(""))


@pytest.mark.parametrize(("state", "level", "title", "line", "action"), STATES.values(), ids=STATES)
def test_each_state_has_a_level_a_sentence_and_where_there_is_any_what_to_do(seen, state, level, title, line, action):
    headline = said(state(seen), window="time range 1 h")[0]

    assert (headline["level"], headline["title"]) == (level, title)
    assert headline["lines"][0].startswith(line)
    assert headline["action"].startswith(action)
    assert bool(headline["action"]) == bool(action)


def test_a_log_that_cannot_be_read_is_not_also_said_to_be_read():
    unreadable = Alert("alert", "The log cannot be read", "Is a directory: x.", "log")

    assert [item["title"] for item in said(Seen(problems=[unreadable], api=ApiState("")))] == ["The log cannot be read"]


def test_while_the_log_is_read_what_is_known_of_the_rest_is_told():
    assert [item["title"] for item in said(Seen(read=0, api=DOWN))] == [
        "The API is not ready",
        "The log is being read: 0%",
    ]


def test_what_could_not_be_used_of_a_log_is_told_also_where_nothing_is_selected(seen):
    found = seen(prediction(), b"garbage\n", selection=Selection(versions=("v9",)))

    assert said(found)[0]["title"] == "1 line of the log could not be read"


@pytest.mark.parametrize(
    ("age", "minutes", "title"),
    [
        (timedelta(minutes=14, seconds=59), 15, None),
        (timedelta(minutes=15), 15, "No new request for 15 minutes"),
        (timedelta(minutes=15), 16, None),
        (timedelta(days=400), 15, "No new request for 400 days"),
        (-timedelta(days=1), 15, None),
    ],
)
def test_that_nothing_has_come_for_long_is_told(seen, age, minutes, title):
    items = said(seen(prediction(timestamp=NOON.isoformat())), Settings(stale_minutes=minutes), NOON + age)

    stale = [item for item in items if item["title"].startswith("No new request")]
    assert [item["title"] for item in stale] == ([title] if title else [])
    assert all(item["level"] == "unknown" and item["action"].startswith("Check that requests") for item in stale)
    assert all("The latest request was at 2026-11-23 12:00:00 UTC" in item["lines"][0] for item in stale)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_a_clock_that_is_millennia_off_is_told_as_it_is(seen, moment):
    items = said(seen(prediction(timestamp=moment)), now=datetime.now(UTC))

    assert any(item["title"].startswith("No new request for 7") for item in items) == moment.startswith("0001")


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=59), "0 minutes"),
        (timedelta(minutes=15, seconds=59), "15 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1000, hours=23), "1000 days"),
    ],
)
def test_a_span_of_time_is_told_in_the_largest_unit_of_which_there_are_two(span, told):
    assert duration(span) == told

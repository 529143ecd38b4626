from datetime import UTC, datetime

import pytest

from monitoring.alarms.sequential import Episode, Mark
from monitoring.alarms.signals import FIT, WEIGHTS, Status, threshold
from monitoring.alarms.verdict import (
    accuracy_alert,
    budget_sentence,
    false_alarms_per_day,
    no_drift,
    signal_alerts,
    verdict,
)
from monitoring.settings import Settings
from monitoring.stats.quality import Proportion, proportion
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()
EPISODE = Episode(Mark(1234, MOMENT + 600), Mark(1000, MOMENT), 0)
SIGNALS = {name: Status(1_000, 1e-4, threshold(name, 0.02), None, None, ()) for name in WEIGHTS} | {
    FIT: Status(1_000, 1e-4, 1e6, None, None, ())
}


def alarmed(name: str, group: int = 0) -> dict[str, Status]:
    return SIGNALS | {name: SIGNALS[name]._replace(alarm=EPISODE, group=group, evidence=1.0)}


def accuracy(found, limit=0.8, min_labels=30, status=SIGNALS["accuracy"]):
    return accuracy_alert(found, limit, min_labels, status)


def test_without_labels_there_is_no_verdict():
    alert = accuracy(None)

    assert (alert.level, alert.title) == ("unknown", "Not enough labels yet")
    assert alert.detail.startswith("0 of the 30 labels")


@pytest.mark.parametrize("right", [0, 10, 29])
def test_with_fewer_labels_than_asked_for_there_is_neither_a_verdict_nor_a_figure(right):
    alert = accuracy(proportion(right, 29))

    assert alert.level == "unknown"
    assert alert.detail.startswith("29 of the 30 labels")
    assert "%" not in alert.title + alert.detail


@pytest.mark.parametrize(
    ("right", "n", "level"),
    [(0, 30, "warning"), (23, 30, "warning"), (24, 30, "ok"), (30, 30, "ok"), (79, 100, "warning"), (80, 100, "ok")],
)
def test_what_is_below_the_threshold_is_amber_as_long_as_it_is_not_proven(right, n, level):
    alert = accuracy(proportion(right, n))

    assert alert.level == level
    assert not alert.proven


@pytest.mark.parametrize(
    ("evidence", "share"),
    [(0.0, "less than 0.01%"), (9.9e-5, "less than 0.01%"), (1e-4, "0.01%"), (0.25, "25.00%"), (0.99999, "99.99%")],
)
def test_how_far_it_is_from_an_alarm_is_neither_nothing_nor_all_of_it(evidence, share):
    alert = accuracy(proportion(23, 30), status=SIGNALS["accuracy"]._replace(evidence=evidence))

    assert f"The evidence of 1,000 labels is {share} of the alarm threshold." in alert.detail


@pytest.mark.parametrize("percent", range(101))
def test_exactly_the_threshold_is_never_below_it(percent):
    limit = float(f"0.{percent:02}") if percent < 100 else 1.0

    assert accuracy(proportion(percent, 100), limit, 1).level == "ok"
    assert accuracy(proportion(10 * percent - 1, 1000) if percent else None, limit, 1).level != "ok"


def test_amber_tells_the_share_how_many_labels_the_interval_and_that_it_is_not_proven():
    alert = accuracy(Proportion(0.5, 0.4651, 0.5349, 1234))

    assert alert.title == "Accuracy is below 80%"
    assert (
        "50.0% of 1,234 labelled predictions were right (95 % interval 46.5% – 53.5%). That is not significant yet"
        in alert.detail
    )


def test_red_is_proven_and_says_since_when_and_how_often_it_would_be_wrong():
    alert = accuracy(Proportion(0.5, 0.4651, 0.5349, 1234), status=alarmed("accuracy")["accuracy"])

    assert (alert.level, alert.title, alert.proven) == ("alert", "Accuracy is below 80%", True)
    assert "started about label #1,000 (2026-11-23 12:00 UTC)" in alert.detail
    assert "became significant at #1,234 (2026-11-23 12:10 UTC)" in alert.detail
    assert alert.promise == "At most one false alarm of this kind in 1,666,667 labels."
    assert alert.promise in alert.detail
    assert alert.since == datetime(2026, 11, 23, 12, 10, tzinfo=UTC)


def test_red_gives_a_share_above_the_threshold_last_as_that_of_all_answers_together():
    fallen = accuracy(Proportion(0.75, 0.72, 0.78, 1234), status=alarmed("accuracy")["accuracy"])
    falling = accuracy(Proportion(0.9, 0.88, 0.92, 1234), status=alarmed("accuracy")["accuracy"])

    assert fallen.detail.startswith("75.0% of 1,234 labelled predictions were right")
    assert falling.detail.startswith("The drop started about label #1,000")
    assert "Overall, 90.0% of 1,234 labelled predictions were right" in falling.detail


@pytest.mark.parametrize("found", [None, proportion(3, 3), proportion(95, 100)])
def test_red_stays_whatever_the_selected_answers_say(found):
    assert accuracy(found, status=alarmed("accuracy")["accuracy"]).level == "alert"


@pytest.mark.parametrize(("limit", "told"), [(0.8, "80%"), (0.57, "57%"), (0.805, "80.5%"), (0.995, "99.5%")])
def test_the_threshold_is_told_as_it_was_set(limit, told):
    assert accuracy(proportion(0, 30), limit).title == f"Accuracy is below {told}"
    assert accuracy(proportion(30, 30), limit).title == f"Accuracy is not below {told}"


def test_the_verdict_begins_with_accuracy_and_has_every_alarm_that_stands():
    signals = SIGNALS | {name: alarmed(name)[name] for name in NAMES}

    found = verdict(proportion(10, 100), signals, Settings(), REFERENCE)

    assert [alert.name for alert in found] == NAMES
    assert all(alert.proven for alert in found)
    assert [alert.level for alert in found] == ["alert"] + ["warning"] * 5


def test_a_calm_verdict_says_that_nothing_is_proven():
    found = verdict(proportion(95, 100), SIGNALS, Settings(), REFERENCE)

    assert [(alert.level, alert.title) for alert in found] == [
        ("ok", "Accuracy is not below 80%"),
        ("ok", "No significant drift"),
    ]


def test_without_a_profile_the_verdict_is_about_accuracy_alone():
    assert len(verdict(None, {"accuracy": SIGNALS["accuracy"]}, Settings(), None)) == 1


def test_worse_than_when_it_was_shipped_says_what_it_was():
    found = verdict(proportion(95, 100), alarmed("validation"), Settings(), REFERENCE)

    assert found[1].title == "Accuracy regression"
    assert "Accuracy was 92.6% on unseen texts before release, and is significantly lower now." in found[1].detail


@pytest.mark.parametrize(
    ("name", "group", "title", "what"),
    [
        ("length", 0, "Sentence length has drifted", "Texts are longer than in the reference"),
        ("length", 1, "Sentence length has drifted", "Texts are shorter than"),
        ("vocabulary", 1, "Vocabulary coverage has drifted", "The model knows fewer of the words than"),
        ("confidence", 1, "Confidence has drifted", "The model is less confident than"),
        ("prediction", 0, "Predicted sentiment has drifted", "Predictions are more often negative than"),
        ("prediction", 1, "Predicted sentiment has drifted", "Predictions are less often negative than"),
    ],
)
def test_drift_says_what_has_changed_and_which_way(name, group, title, what):
    (alert,) = signal_alerts(alarmed(name, group), ["negative", "positive"])

    assert (alert.title, alert.name, alert.proven) == (title, name, True)
    assert what in alert.detail
    assert "started about request #1,000" in alert.detail


NAMES = ["accuracy", "validation", "length", "vocabulary", "confidence", "prediction"]


def test_every_alarm_says_since_when_what_it_promises_and_what_to_do():
    signals = SIGNALS | {name: alarmed(name)[name] for name in NAMES}

    for alert in verdict(proportion(10, 100), signals, Settings(), REFERENCE):
        assert alert.since == datetime(2026, 11, 23, 12, 10, tzinfo=UTC)
        assert alert.promise.startswith("At most one false alarm of this kind in ")
        assert alert.promise in alert.detail
        assert alert.action.endswith(".")


@pytest.mark.parametrize("found", [None, proportion(3, 3), proportion(70, 100)])
def test_what_is_not_proven_promises_nothing_and_says_what_makes_it_more_certain(found):
    alert = accuracy(found)

    assert (alert.since, alert.promise) == (None, "")
    assert "label" in alert.action.lower()


def test_where_all_is_well_there_is_nothing_to_do():
    found = verdict(proportion(95, 100), SIGNALS, Settings(), REFERENCE)

    assert [alert.action for alert in found] == ["", ""]


def test_a_doubted_estimate_is_no_alarm_of_drift():
    assert signal_alerts(alarmed(FIT), ["negative", "positive"]) == []


def test_with_few_requests_nothing_is_said_about_drift():
    alert = no_drift(SIGNALS | {"length": SIGNALS["length"]._replace(n=49)})

    assert alert.level == "unknown"
    assert alert.detail.startswith("49 of the 50 distinct texts")


def test_the_expected_false_alarms_are_those_of_all_signals():
    """200,000 requests and 10,000 labels a day use up the whole budget each day."""
    assert false_alarms_per_day(SIGNALS, 200_000, 10_000) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("requests", "labels", "often"),
    [(200_000, 10_000, "50 days"), (2_000, 100, "14 years"), (2e7, 1e6, "12 hours")],
)
def test_the_page_says_how_rarely_it_will_be_wrong(requests, labels, often):
    assert f"less than one false alarm in {often}, at" in budget_sentence(SIGNALS, requests, labels)


def test_without_traffic_there_is_no_rate_to_tell():
    assert budget_sentence(SIGNALS, 0, 0) == ""

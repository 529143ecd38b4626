import pytest

from monitoring.alerts import (
    MAX_P_VALUE,
    MIN_DISTANCE,
    MIN_REQUESTS,
    accuracy_alert,
    drift_alert,
    interval,
    log_alerts,
)
from monitoring.drift import Drift
from monitoring.quality import Proportion, proportion


def test_without_labels_there_is_no_verdict():
    alert = accuracy_alert(None, 0.8, 30)

    assert (alert.level, alert.title) == ("unknown", "Not enough labels yet")
    assert alert.detail.startswith("0 of the 30 labels")


@pytest.mark.parametrize("right", [0, 10, 29])
def test_with_fewer_labels_than_asked_for_there_is_neither_a_verdict_nor_a_figure(right):
    alert = accuracy_alert(proportion(right, 29), 0.8, 30)

    assert alert.level == "unknown"
    assert alert.detail.startswith("29 of the 30 labels")
    assert "%" not in alert.title + alert.detail


@pytest.mark.parametrize(
    ("right", "n", "level"),
    [(0, 30, "alert"), (23, 30, "alert"), (24, 30, "ok"), (30, 30, "ok"), (79, 100, "alert"), (80, 100, "ok")],
)
def test_only_what_is_below_the_threshold_is_an_alert(right, n, level):
    assert accuracy_alert(proportion(right, n), 0.8, 30).level == level


@pytest.mark.parametrize("percent", range(101))
def test_exactly_the_threshold_is_never_below_it(percent):
    threshold = float(f"0.{percent:02}") if percent < 100 else 1.0

    assert accuracy_alert(proportion(percent, 100), threshold, 1).level == "ok"
    assert accuracy_alert(proportion(10 * percent - 1, 1000) if percent else None, threshold, 1).level != "ok"


def test_the_alert_tells_the_share_how_many_labels_and_the_interval():
    alert = accuracy_alert(Proportion(0.5, 0.4651, 0.5349, 1234), 0.8, 30)

    assert alert.title == "Accuracy is below 80%"
    assert "50.0% of 1,234 labelled answers were right (95 % interval 46.5% – 53.5%)" in alert.detail


@pytest.mark.parametrize(("threshold", "told"), [(0.8, "80%"), (0.57, "57%"), (0.805, "80.5%"), (0.995, "99.5%")])
def test_the_threshold_is_told_as_it_was_set(threshold, told):
    assert accuracy_alert(proportion(0, 30), threshold, 30).title == f"Accuracy is below {told}"
    assert accuracy_alert(proportion(30, 30), threshold, 30).title == f"Accuracy is not below {told}"


def test_few_requests_are_never_called_drift():
    alert = drift_alert("Sentence length", Drift(1.0, 0.0, MIN_REQUESTS - 1))

    assert (alert.level, alert.title) == ("unknown", "Sentence length: not enough requests yet")
    assert alert.detail.startswith("49 of the 50 requests")


@pytest.mark.parametrize(
    ("distance", "p_value", "level"),
    [
        (MIN_DISTANCE, MAX_P_VALUE / 2, "warning"),
        (MIN_DISTANCE - 0.01, 0.0, "ok"),
        (1.0, MAX_P_VALUE, "ok"),
        (0.0, 1.0, "ok"),
    ],
)
def test_drift_must_be_both_certain_and_worth_a_warning(distance, p_value, level):
    assert drift_alert("Sentence length", Drift(distance, p_value, MIN_REQUESTS)).level == level


def test_a_drift_warning_tells_distance_and_requests():
    alert = drift_alert("Predicted sentiment", Drift(0.314, 0.0, 1234))

    assert alert.title == "Predicted sentiment has drifted"
    assert alert.detail.startswith("Distance 0.31 ")
    assert alert.detail.endswith("n = 1,234.")


def test_a_log_without_trouble_needs_no_alert():
    assert log_alerts(0, 0) == []


@pytest.mark.parametrize(
    ("unreadable", "unmatched", "titles"),
    [
        (1, 0, ["1 line of the log could not be read"]),
        (1234, 0, ["1,234 lines of the log could not be read"]),
        (0, 1, ["1 label belongs to no prediction in the log"]),
        (2, 3, ["2 lines of the log could not be read", "3 labels belong to no prediction in the log"]),
    ],
)
def test_what_could_not_be_used_is_counted(unreadable, unmatched, titles):
    alerts = log_alerts(unreadable, unmatched)

    assert [alert.title for alert in alerts] == titles
    assert {alert.level for alert in alerts} == {"warning"}


def test_an_interval_is_two_percentages():
    assert interval(Proportion(0.5, 0.25, 0.75, 4)) == "25.0% – 75.0%"

from datetime import UTC, datetime

import pytest

from monitoring.alarms.monitor import Counts
from monitoring.alarms.phrases import figure, interval, moment
from monitoring.alarms.sequential import Episode, Mark
from monitoring.alarms.signals import Status
from monitoring.analysis.notes import (
    MAX_P_VALUE,
    MIN_DISTANCE,
    estimate_note,
    feedback_notes,
    log_alerts,
    version_alerts,
    version_sentence,
    window_note,
)
from monitoring.stats.drift import MIN_TEXTS, Drift
from monitoring.stats.feedback import Skew
from monitoring.stats.quality import Proportion, proportion
from monitoring.stats.reference import load_profile
from monitoring.stats.versions import VersionQuality, difference
from tests.conftest import ROOT

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")


def test_few_requests_are_never_called_different():
    note = window_note("Sentence length", Drift(1.0, 0.0, MIN_TEXTS - 1))

    assert (note.level, note.title) == ("unknown", "Sentence length: not enough requests yet")
    assert note.detail.startswith("49 of the 50 distinct texts")


@pytest.mark.parametrize(
    ("distance", "p_value", "level"),
    [
        (MIN_DISTANCE, MAX_P_VALUE / 2, "warning"),
        (MIN_DISTANCE - 0.01, 0.0, "ok"),
        (1.0, MAX_P_VALUE, "ok"),
        (0.0, 1.0, "ok"),
    ],
)
def test_a_difference_must_be_both_certain_and_worth_a_word(distance, p_value, level):
    note = window_note("Sentence length", Drift(distance, p_value, MIN_TEXTS))

    assert note.level == level
    assert not note.proven


def test_a_difference_tells_distance_requests_and_chance():
    note = window_note("Predicted sentiment", Drift(0.314, 0.0, 1234))

    assert note.title == "Predicted sentiment differs significantly from the reference"
    assert note.detail.startswith("Distance 0.31 ")
    assert note.detail.endswith("n = 1,234, p < 0.0001.")


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


def test_a_figure_tells_value_interval_and_number_of_labels():
    share = Proportion(0.5, 0.25, 0.75, 1234)

    assert figure(share) == f"50.0% ({interval(share)}, n = 1,234)"


def test_a_figure_nobody_knows_is_words_not_0():
    assert figure(None) == "no labels"


def test_the_moment_of_a_mark_is_in_utc():
    assert moment(Mark(7, MOMENT)) == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_answers_of_another_model_are_counted_and_its_version_named():
    (note,) = version_alerts(Counts(other_versions=3), REFERENCE)

    assert note.title == "3 predictions are of another model than the reference"
    assert REFERENCE.model_version in note.detail


def test_unknown_labels_are_counted():
    (note,) = version_alerts(Counts(unknown_labels=1), REFERENCE)

    assert note.title == "1 prediction has a label that is not in the reference"


def test_a_log_of_the_references_model_needs_no_note():
    assert version_alerts(Counts(requests=10), REFERENCE) == []


def test_feedback_like_the_traffic_needs_no_note():
    assert feedback_notes(None, None, None) == []
    assert feedback_notes(Skew(0.5, 100, "nothing"), Proportion(0.9, 0.8, 0.95, 100), 0.9) == []


def test_feedback_unlike_the_traffic_is_said_with_what_weighting_would_make_of_it():
    (note,) = feedback_notes(Skew(1e-9, 200, "predictions with low confidence"), Proportion(0.5, 0.4, 0.6, 200), 0.71)

    assert note.title == "The labelled predictions are not a random sample"
    assert "Labels over-represent predictions with low confidence (n = 200, p < 0.0001)" in note.detail
    assert "71.0%, which corrects only part of the bias" in note.detail


FIT = Status(500, 1.0, 1e6, None, None, ())
MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()


def test_an_estimate_says_on_what_it_rests():
    note = estimate_note(Proportion(0.92, 0.9, 0.94, 500), False, FIT, Proportion(0.93, 0.91, 0.95, 500))

    assert "all 500 predictions: 92.0% (90.0% – 94.0%)" in note
    assert "Together with the audit sample: 93.0%" in note


def test_a_contradicted_estimate_gives_no_figure_but_says_since_when():
    episode = Episode(Mark(300, MOMENT), Mark(120, MOMENT), 0)
    note = estimate_note(Proportion(0.92, 0.9, 0.94, 500), True, FIT._replace(alarm=episode), None)

    assert note.startswith(
        "Labels contradict the estimate. The contradiction started about label #120 (2026-11-23 12:00 UTC)"
    )
    assert "92" not in note


def test_without_an_estimate_there_is_nothing_to_say():
    assert estimate_note(None, False, None, None) == ""


def version(name: str, right: int, n: int) -> VersionQuality:

    return VersionQuality(
        name, n, proportion(right, n), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (95, "v2 is significantly better than v1: the difference in accuracy is +25.0%"),
        (45, "v2 is significantly worse than v1: the difference in accuracy is -25.0%"),
        (71, "v2 and v1 do not differ significantly: the difference in accuracy is +1.0%"),
    ],
)
def test_two_versions_are_compared_in_words(right, said):
    earlier, later = version("v1", 70, 100), version("v2", right, 100)
    assert earlier.accuracy is not None
    assert later.accuracy is not None

    assert said in version_sentence(earlier, later, difference(later.accuracy, earlier.accuracy))


def test_versions_without_labels_cannot_be_compared():
    assert "cannot be compared yet: one of them has no labels" in version_sentence(
        version("v1", 0, 0), version("v2", 1, 2), None
    )

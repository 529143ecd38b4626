"""Selections, and that everything on the page is about the selected requests."""

from datetime import timedelta
from pathlib import Path

import pytest

from monitoring.alarms.monitor import Monitor
from monitoring.analysis.results import Analysis, analyse
from monitoring.analysis.selection import Selected
from monitoring.reader import LogReader
from monitoring.settings import Settings
from monitoring.stats.estimate import MIN_LABELS
from monitoring.stats.quality import proportion
from monitoring.stats.reference import load_profile
from monitoring.stats.words import MAX_TEXTS
from tests.conftest import ROOT
from tests.monitoring.conftest import NOON, append, at, prediction

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
VERSION = REFERENCE.model_version


def lines(n: int, start: int = 0, **fields) -> list[bytes]:
    own = {"model_version": VERSION}
    return [
        prediction(**own | {"timestamp": at(n), "request_text": f"film {n}", "prediction_id": f"{n}"} | fields)
        for n in range(start, start + n)
    ]


def analysed(folder: Path, *log: bytes, reference=REFERENCE, **selected) -> Analysis:
    append(folder / "prediction_logs.json", *log)
    snapshot = LogReader(folder, Monitor(reference, 0.8, 0.02)).refresh()
    return analyse(snapshot, Selected(**selected), reference, Settings())


def test_one_request_without_label_or_confidence_can_be_analysed(tmp_path):
    analysis = analysed(tmp_path, *lines(1, confidence=None, known_share=None))

    unknown = [
        analysis.quality.accuracy,
        analysis.quality.estimated,
        analysis.trust.skew,
        analysis.quality.calibration_error,
    ]
    assert unknown == [None] * 4
    assert (analysis.quality.reliability, analysis.drifts.moved_words) == ([], [])
    assert set(analysis.drifts.by_subject) == {"length", "confidence", "prediction"}


def test_without_a_reference_nothing_is_compared(tmp_path):
    analysis = analysed(tmp_path, *lines(60, true_sentiment="positive"), reference=None)

    assert (analysis.drifts.by_subject, analysis.drifts.moved_words, analysis.quality.estimated) == ({}, [], None)
    assert analysis.quality.accuracy is not None
    assert [alert.name for alert in analysis.alarms.alerts] == ["accuracy"]


def test_a_selection_is_of_a_time_labels_and_versions(tmp_path):
    log = [
        *lines(10, true_sentiment="positive"),
        *lines(10, start=10, predicted_sentiment="negative", true_sentiment="positive"),
        *lines(10, start=20, model_version="v2", true_sentiment="positive"),
    ]

    assert analysed(tmp_path / "a", *log).tables.n == 30
    assert analysed(tmp_path / "b", *log, since=NOON + timedelta(minutes=15)).tables.n == 15
    assert analysed(tmp_path / "c", *log, labels=("negative",)).tables.n == 10
    one = analysed(tmp_path / "d", *log, labels=("positive",), versions=("v2",))
    assert one.tables.n == 10
    assert one.quality.accuracy is not None
    assert one.quality.accuracy.value == 1


def test_a_selection_by_label_is_not_compared_by_label(tmp_path):
    assert "prediction" not in analysed(tmp_path, *lines(60), labels=("positive",)).drifts.by_subject


def test_answers_of_another_model_are_in_the_quality_but_not_in_the_comparison(tmp_path):
    analysis = analysed(tmp_path, *lines(60, model_version="other", true_sentiment="negative"))

    assert analysis.quality.accuracy is not None
    assert analysis.drifts.by_subject["length"].n == 0
    assert analysis.quality.estimated is None
    assert [note.title for note in analysis.alarms.notes] == ["60 predictions are of another model than the reference"]


def test_repeats_are_counted_and_not_compared(tmp_path):
    analysis = analysed(tmp_path, *lines(60, request_text="the same"))

    assert (analysis.tables.n, analysis.tables.distinct) == (60, 1)
    assert analysis.drifts.by_subject["length"].n == 1


@pytest.mark.parametrize(("wrong", "low"), [(0, -0.2), (40, 0.3)])
def test_two_versions_are_compared_the_later_with_the_earlier(tmp_path, wrong, low):
    log = [
        *lines(60 - wrong, true_sentiment="positive"),
        *lines(wrong, start=60 - wrong, true_sentiment="negative"),
        *lines(60, start=60, model_version="v2", true_sentiment="positive"),
    ]

    comparison = analysed(tmp_path, *log).quality.comparison

    assert comparison is not None
    assert (comparison.earlier.version, comparison.later.version) == (VERSION, "v2")
    assert comparison.difference is not None
    assert comparison.difference.low > low


def test_versions_without_labels_have_no_difference(tmp_path):
    comparison = analysed(tmp_path, *lines(5), *lines(5, start=5, model_version="v2")).quality.comparison

    assert comparison is not None
    assert comparison.difference is None


def test_the_budget_is_told_for_the_traffic_of_the_last_day(tmp_path):
    log = [*lines(1), *lines(1440, start=100_000, true_sentiment="positive")]

    assert "at 1,441 requests and 1,441 labels a day" in analysed(tmp_path, *log).alarms.budget


def test_a_burst_is_taken_for_the_traffic_of_an_hour(tmp_path):
    log = lines(120, timestamp=at(0), true_sentiment="positive")

    assert "at 2,880 requests and 2,880 labels a day" in analysed(tmp_path, *log).alarms.budget


def test_an_analysis_holds_no_more_than_the_selected_requests(tmp_path):
    analysis = analysed(tmp_path, *lines(100), since=NOON + timedelta(minutes=90))

    assert analysis.tables.n == 10
    assert analysis.over_time.confidence["n"].sum() == 10
    assert analysis.over_time.traffic["requests"].sum() == 10


# Repeats


def test_a_text_that_another_version_answered_is_no_repeat(tmp_path):
    log = [*lines(60, request_text="the same"), *lines(60, start=60, request_text="the same", model_version="v2")]

    assert analysed(tmp_path, *log).tables.distinct == 2


def test_a_text_that_was_sent_before_the_selected_time_is_different_in_it(tmp_path):
    log = [*lines(60, request_text="the same"), *lines(10, start=60, request_text="the same")]

    assert analysed(tmp_path, *log, since=NOON + timedelta(minutes=60)).tables.distinct == 1


def test_words_are_looked_for_in_the_selected_texts_that_can_be_compared(tmp_path):
    log = [
        *(line for n in range(80) for line in lines(1, start=n, request_text=f"battery {n}")),
        *(line for n in range(80) for line in lines(1, start=100 + n, request_text=f"charger {n}", model_version="v2")),
        *(line for n in range(80) for line in lines(1, start=200 + n, request_text=f"keypad {n}")),
    ]

    def moved(folder, **selected):
        return {word.word for word in analysed(tmp_path / folder, *log, **selected).drifts.moved_words}

    assert moved("a") >= {"battery", "keypad"}
    assert "charger" not in moved("b")
    assert "battery" not in moved("c", since=NOON + timedelta(minutes=200))
    assert moved("d", versions=("v2",)) == set()


def test_a_text_that_is_sent_again_and_again_moves_no_words(tmp_path):
    log = [*lines(60, request_text="battery"), *(line for n in range(60) for line in lines(1, start=60 + n))]

    assert "battery" not in {word.word for word in analysed(tmp_path, *log).drifts.moved_words}


def test_a_text_that_is_sent_again_and_again_hides_no_others(tmp_path):
    log = [
        *(line for n in range(60) for line in lines(1, start=n, request_text=f"battery {n}")),
        *lines(MAX_TEXTS, start=60, request_text="the same"),
    ]

    assert "battery" in {word.word for word in analysed(tmp_path, *log).drifts.moved_words}


# Texts that are left out of the log


def left_out(n: int, start: int = 0) -> list[bytes]:
    return [
        line
        for number in range(start, start + n)
        for line in lines(1, start=number, request_text="", words=200, characters=900, text_hash=f"{number % 60:032x}")
    ]


def test_without_texts_all_but_the_words_is_analysed_as_with_them(tmp_path):
    texts = [" ".join([f"battery{n % 60}", *["charger"] * 199]) for n in range(90)]
    full = analysed(tmp_path / "full", *(one for n, text in enumerate(texts) for one in lines(1, n, request_text=text)))
    hashed = analysed(tmp_path / "hashed", *left_out(90))

    assert full.drifts.by_subject["length"] == hashed.drifts.by_subject["length"]
    assert full.tables.distinct == hashed.tables.distinct == 60
    assert full.tables.lengths.equals(hashed.tables.lengths)
    assert [full.drifts.by_subject.keys(), full.quality.accuracy, full.quality.estimated] == [
        hashed.drifts.by_subject.keys(),
        hashed.quality.accuracy,
        hashed.quality.estimated,
    ]
    assert [bool(full.drifts.moved_words), bool(hashed.drifts.moved_words)] == [True, False]
    assert [full.drifts.texts_left_out, hashed.drifts.texts_left_out] == [False, True]


def test_words_are_looked_for_in_those_texts_that_are_there(tmp_path):
    battery = [line for n in range(60) for line in lines(1, start=n, request_text=f"battery {n}")]

    analysis = analysed(tmp_path, *battery, *left_out(30, start=60))

    assert "battery" in {word.word for word in analysis.drifts.moved_words}
    assert analysis.drifts.texts_left_out


# Audit


def drawn(labels: str, start: int = 0, **fields) -> list[bytes]:
    """Audited answers, one a minute: right, wrong, or not labelled as yet."""
    true = {"r": "positive", "w": "negative", "?": None}
    return [
        line
        for n, label in enumerate(labels, start)
        for line in lines(1, start=n, audit=True, true_sentiment=true[label], **fields)
    ]


def test_the_audit_is_of_the_answers_that_were_drawn_in_order_of_time(tmp_path):
    log = [*lines(5, start=100, true_sentiment="negative"), *drawn("w?", start=20), *drawn("r" * 9 + "w")]
    audit = analysed(tmp_path, *log).trust.audit

    assert (audit.drawn, audit.labelled) == (12, 11)
    assert audit.accuracy == proportion(9, 11)
    assert audit.waiting["row"].tolist() == [6]


def test_answers_without_an_id_cannot_be_audited(tmp_path):
    audit = analysed(tmp_path, *drawn("r" * 10), *drawn("?r", start=10, prediction_id=None)).trust.audit

    assert (audit.drawn, audit.labelled, audit.accuracy) == (10, 10, proportion(10, 10))
    assert audit.waiting.empty


def test_the_audit_is_of_the_selected_requests(tmp_path):
    log = [*drawn("r" * 12), *drawn("w" * 12, start=12, model_version="v2")]

    assert analysed(tmp_path, *log, versions=("v2",)).trust.audit.accuracy == proportion(0, 12)


def test_only_the_answers_up_to_the_last_audited_one_are_spoken_for(tmp_path):
    sampled = [*drawn("r" * 36 + "w" * 4, confidence=0.9), *lines(40, start=40, confidence=0.6)]
    later = [*drawn("?r", start=80), *lines(200, start=82, confidence=0.5)]

    found = analysed(tmp_path / "a", *sampled, *later).quality.with_audit

    assert found is not None
    assert found == analysed(tmp_path / "b", *sampled).quality.with_audit
    assert found != analysed(tmp_path / "c", *sampled, *lines(200, start=80, confidence=0.5)).quality.with_audit


def test_answers_of_one_moment_can_be_audited(tmp_path):
    sampled = drawn("r" * 36 + "w" * 4, confidence=0.9, timestamp=at(0))

    more = drawn("?" * 40, start=40, confidence=0.6, timestamp=at(0))
    found = analysed(tmp_path / "a", *sampled, *more).quality.with_audit

    assert found is not None
    assert found == analysed(tmp_path / "b", *sampled).quality.with_audit


def test_with_few_audited_answers_or_those_of_another_model_nothing_is_said_with_them(tmp_path):
    def with_audit(name, *sampled):
        return analysed(tmp_path / name, *sampled, *lines(100, start=50)).quality.with_audit

    assert with_audit("a", *drawn("r" * (MIN_LABELS - 1))) is None
    assert with_audit("b", *drawn("r" * MIN_LABELS)) is not None
    assert with_audit("c", *drawn("r" * 40, model_version="v2")) is None
    assert with_audit("d", *drawn("r" * 40, prediction_id=None)) is None

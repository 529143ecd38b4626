"""Segments, and that everything on the page is about the selected requests."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from monitoring.analysis import Analysis, Segment, analyse
from monitoring.log_reader import LogReader
from monitoring.monitor import Monitor
from monitoring.reference import load_profile
from monitoring.settings import Settings
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


def analysed(folder: Path, *log: bytes, reference=REFERENCE, **segment) -> Analysis:
    append(folder / "prediction_logs.json", *log)
    snapshot = LogReader(folder, Monitor(reference, 0.8, 0.02)).refresh()
    return analyse(snapshot, Segment(**segment), reference, Settings())


def test_one_request_without_label_or_confidence_can_be_analysed(tmp_path):
    analysis = analysed(tmp_path, *lines(1, confidence=None, known_share=None))

    unknown = [analysis.accuracy, analysis.estimated, analysis.skew, analysis.calibration_error]
    assert unknown == [None] * 4
    assert (analysis.reliability, analysis.moved_words) == ([], [])
    assert set(analysis.drifts) == {"length", "confidence", "prediction"}


def test_without_a_reference_nothing_is_compared(tmp_path):
    analysis = analysed(tmp_path, *lines(60, true_sentiment="positive"), reference=None)

    assert (analysis.drifts, analysis.moved_words, analysis.estimated) == ({}, [], None)
    assert analysis.accuracy is not None
    assert [alert.name for alert in analysis.alerts] == ["accuracy"]


def test_a_segment_is_of_a_time_labels_and_versions(tmp_path):
    log = [
        *lines(10, true_sentiment="positive"),
        *lines(10, start=10, predicted_sentiment="negative", true_sentiment="positive"),
        *lines(10, start=20, model_version="v2", true_sentiment="positive"),
    ]

    assert len(analysed(tmp_path / "a", *log).requests) == 30
    assert len(analysed(tmp_path / "b", *log, since=NOON + timedelta(minutes=15)).requests) == 15
    assert len(analysed(tmp_path / "c", *log, labels=("negative",)).requests) == 10
    one = analysed(tmp_path / "d", *log, labels=("positive",), versions=("v2",))
    assert len(one.requests) == 10
    assert one.accuracy is not None
    assert one.accuracy.value == 1


def test_a_selection_by_label_is_not_compared_by_label(tmp_path):
    assert "prediction" not in analysed(tmp_path, *lines(60), labels=("positive",)).drifts


def test_answers_of_another_model_are_in_the_quality_but_not_in_the_comparison(tmp_path):
    analysis = analysed(tmp_path, *lines(60, model_version="other", true_sentiment="negative"))

    assert analysis.accuracy is not None
    assert analysis.drifts["length"].n == 0
    assert analysis.estimated is None
    assert [note.title for note in analysis.notes] == ["60 answers are of another model than the reference"]


def test_repeats_are_counted_and_not_compared(tmp_path):
    analysis = analysed(tmp_path, *lines(60, request_text="the same"))

    assert analysis.repeats == 59
    assert analysis.drifts["length"].n == 1


@pytest.mark.parametrize(("wrong", "low"), [(0, -0.2), (40, 0.3)])
def test_two_versions_are_compared_the_later_with_the_earlier(tmp_path, wrong, low):
    log = [
        *lines(60 - wrong, true_sentiment="positive"),
        *lines(wrong, start=60 - wrong, true_sentiment="negative"),
        *lines(60, start=60, model_version="v2", true_sentiment="positive"),
    ]

    comparison = analysed(tmp_path, *log).comparison

    assert comparison is not None
    assert (comparison.earlier.version, comparison.later.version) == (VERSION, "v2")
    assert comparison.difference is not None
    assert comparison.difference.low > low


def test_versions_without_labels_have_no_difference(tmp_path):
    comparison = analysed(tmp_path, *lines(5), *lines(5, start=5, model_version="v2")).comparison

    assert comparison is not None
    assert comparison.difference is None


def test_the_budget_is_told_for_the_traffic_of_the_last_day(tmp_path):
    log = [*lines(1), *lines(1440, start=100_000, true_sentiment="positive")]

    assert "at 1,441 requests and 1,441 labels a day" in analysed(tmp_path, *log).budget


def test_a_burst_is_taken_for_the_traffic_of_an_hour(tmp_path):
    log = lines(120, timestamp=at(0), true_sentiment="positive")

    assert "at 2,880 requests and 2,880 labels a day" in analysed(tmp_path, *log).budget


def test_an_analysis_holds_no_more_than_the_selected_requests(tmp_path):
    analysis = analysed(tmp_path, *lines(100), since=NOON + timedelta(minutes=90))

    assert isinstance(analysis.requests, pd.DataFrame)
    assert analysis.confidence_by_time["n"].sum() == 10

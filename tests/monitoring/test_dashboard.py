"""The page, run as Streamlit runs it: one test a state, on real log files and against a real HTTP server."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import streamlit
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from monitoring.reference import load_profile
from tests.conftest import ROOT, free_port
from tests.monitoring.conftest import FakeApi, append, feedback
from tests.monitoring.conftest import prediction as line_of

SPOKEN = ["title", "header", "subheader", "markdown", "caption", "text", "error", "warning", "info", "success"]
VARIABLES = ["ACCURACY_THRESHOLD", "FALSE_ALARM_BUDGET", "MIN_LABELS", "REFERENCE_PATH", "REFRESH_SECONDS"]
VERSION = load_profile(ROOT / "monitoring" / "reference.json").model_version
prediction = partial(line_of, model_version=VERSION)
NASTY = "**bold** <script>alert(1)</script> ![x](http://x) :red[y] $z$"


@pytest.fixture(scope="module", autouse=True)
def components_are_looked_for_once():
    """Streamlit reads what every installed package says of itself, for each page anew: longer than the page takes."""
    with pytest.MonkeyPatch.context() as context:
        once = cache(manifest_scanner.scan_component_manifests)
        context.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "prediction_logs.json"


@pytest.fixture
def page(log, monkeypatch) -> AppTest:
    """The page on an empty folder and without an API, before it is first looked at."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG_DIR", str(log.parent))
    monkeypatch.setenv("API_URL", f"http://127.0.0.1:{free_port()}")
    streamlit.cache_data.clear()
    streamlit.cache_resource.clear()
    return AppTest.from_file(str(ROOT / "monitoring" / "dashboard.py"), default_timeout=30)


@pytest.fixture
def page_with_api(page: AppTest, api: FakeApi, monkeypatch) -> AppTest:
    monkeypatch.setenv("API_URL", api.url)
    return page


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat(timespec="microseconds")


def labelled(right: int, wrong: int, **fields: Any) -> list[bytes]:
    """Answers `positive` to different texts, so many of them right and so many wrong, evenly mixed."""
    n = right + wrong
    truths = ["negative" if place * wrong % n < wrong else "positive" for place in range(n)]
    own: dict[str, Any] = {"timestamp": ago(minutes=1)}
    return [
        prediction(
            **own | {"request_text": f"film number {n}", "true_sentiment": truth, "prediction_id": f"{n}"} | fields
        )
        for n, truth in enumerate(truths)
    ]


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def said(page: AppTest, *kinds: str) -> str:
    """What the page's boxes and lines say, as it is read: without the backslashes of Markdown."""
    return re.sub(r"\\(.)", r"\1", as_written(page, *kinds))


def as_written(page: AppTest, *kinds: str) -> str:
    """The Markdown of the page's boxes and lines."""
    elements: list[Any] = [element for kind in kinds or SPOKEN for element in page.get(kind)]
    return "\n".join(element.value for element in elements)


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def table(page: AppTest, column: str) -> Any:
    """The one table that has this column."""
    (found,) = [frame.value for frame in page.dataframe if column in frame.value]
    return found


def shown_texts(page: AppTest) -> list[str]:
    return list(table(page, "request_text")["request_text"])


def charts(page: AppTest) -> dict[str, dict[str, Any]]:
    """The data of the plots by their name."""
    found: list[Any] = list(page.get("plotly_chart"))
    return {chart.key: json.loads(chart.proto.spec) for chart in found}


def button(page: AppTest, label: str) -> Any:
    (found,) = [button for button in page.button if button.label == label]
    return found


def predict(page: AppTest, text: str) -> AppTest:
    page.text_area(key="try_text").set_value(text)
    button(page, "Predict").click()
    return run(page)


# What is in the log


def test_without_a_folder_there_is_no_log_yet(page, log):
    run(page)

    assert f"No log yet.** There is none in {log.parent}; the API makes it." in said(page, "info")
    assert not page.metric


def test_an_empty_folder_holds_no_log_yet(page, log):
    log.parent.mkdir()

    assert "No log yet." in said(run(page), "info")


def test_a_file_without_lines_is_an_empty_log(page, log):
    append(log)

    assert "The log is empty." in said(run(page), "info")


def test_the_first_request_shows_without_anything_else_being_done(page, log):
    run(page)
    append(log, prediction(request_text="the very first"))

    assert shown_texts(run(page)) == ["the very first"]
    assert "No log yet" not in said(page)


def test_one_request_is_shown_and_nothing_is_judged_by_it(page, log):
    append(log, prediction(request_text="a wonderful film"))

    run(page)

    assert metrics(page) == {
        "Requests": "1",
        "Labelled": "0",
        "Accuracy": "not yet",
        "Estimated accuracy": "90.4%",
        "Audited accuracy": "not yet",
    }
    assert shown_texts(page) == ["a wonderful film"]
    assert "Sentence length: not enough requests yet. 1 of the 50 different texts" in said(page, "caption")
    assert "has drifted" not in said(page)
    assert set(charts(page)) == {"accuracy", "lengths", "labels", "vocabulary", "confidence"}


def test_lines_appended_between_two_looks_appear(page, log):
    append(log, prediction(request_text="first"))
    run(page)
    append(log, prediction(request_text="second"), prediction(request_text="third"))

    assert shown_texts(run(page)) == ["third", "second", "first"]
    assert metrics(page)["Requests"] == "3"


def test_one_class_only_is_said(page, log):
    append(log, *labelled(31, 0))

    run(page)

    assert "Every selected answer is positive." in said(page, "caption")
    assert "Only positive occurs among the labels and answers" in said(page, "caption")
    assert table(page, "recall")["label"].tolist() == ["positive"]


def test_three_labels_have_figures_each(page, log):
    append(
        log,
        *labelled(20, 0),
        *labelled(20, 0, predicted_sentiment="neutral", true_sentiment="neutral"),
        *labelled(20, 0, predicted_sentiment="negative", true_sentiment="neutral"),
    )

    run(page)

    quality = table(page, "recall")
    assert quality["label"].tolist() == ["negative", "neutral", "positive"]
    assert [text.split(" ")[0] for text in quality["recall"]] == ["no", "50.0%", "100.0%"]
    reference, current = charts(page)["labels"]["data"]
    assert reference["x"] == current["x"] == ["negative", "neutral", "positive"]
    assert current["y"] == pytest.approx([1 / 3, 1 / 3, 1 / 3])


def test_lines_with_only_the_four_promised_fields_are_enough(page, log):
    line = {"timestamp": ago(minutes=1), "request_text": "a", "predicted_sentiment": "b", "true_sentiment": None}
    append(log, json.dumps(line).encode() + b"\n")

    run(page)

    assert shown_texts(page) == ["a"]
    assert "The log has no confidences in this time range." in said(page, "caption")
    assert "confidence" not in charts(page)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_a_clock_that_is_millennia_off_does_not_break_the_page(page, log, moment):
    append(log, prediction(request_text="off", timestamp=moment), prediction(request_text="on"))

    assert sorted(shown_texts(run(page))) == ["off", "on"]


# What in the log cannot be used


def test_unreadable_lines_are_counted_and_the_rest_is_shown(page, log):
    append(log, prediction(request_text="good"), b"bad\n", b"\xff\n", prediction(request_text="\ud800"))

    run(page)

    assert "3 lines of the log could not be read" in said(page, "warning")
    assert shown_texts(page) == ["good"]


def test_a_log_of_nothing_but_garbage_is_said_to_be_so(page, log):
    append(log, b"garbage\n")

    run(page)

    assert "1 line of the log could not be read" in said(page, "warning")
    assert "The log is empty." in said(page, "info")


def test_a_log_in_order_has_no_warning_about_it(page, log):
    append(log, prediction())

    assert said(run(page), "warning") == ""


def test_labels_of_unknown_predictions_are_counted(page, log):
    append(log, prediction(prediction_id="a"))
    append(log.with_name("feedback_logs.json"), feedback("b", "positive"), feedback("c", "positive"))

    run(page)

    assert "2 labels belong to no prediction in the log" in said(page, "warning")
    assert metrics(page)["Labelled"] == "0"


def test_a_log_that_cannot_be_read_is_said_with_its_path_and_shown_again_after_the_cure(page, log):
    log.mkdir(parents=True)

    assert f"The log cannot be read.** Is a directory: {log}" in said(run(page), "error")
    log.rmdir()
    append(log, prediction(request_text="readable"))
    assert shown_texts(run(page)) == ["readable"]
    assert "cannot be read" not in said(page)


# The verdict


def test_without_labels_no_figure_is_given(page, log):
    append(log, *(prediction() for _ in range(60)))

    run(page)

    assert "Not enough labels yet.** 0 of the 30 labels" in said(page, "info")
    assert "No labels at all in this selection" in said(page, "caption")
    assert metrics(page)["Accuracy"] == "not yet"


@pytest.mark.parametrize(("right", "wrong"), [(29, 0), (0, 29)])
def test_29_labels_are_not_enough_and_no_accuracy_is_shown(page, log, right, wrong):
    append(log, *labelled(right, wrong))

    run(page)

    assert "Not enough labels yet.** 29 of the 30 labels" in said(page, "info")
    assert metrics(page) == {
        "Requests": "29",
        "Labelled": "29",
        "Accuracy": "not yet",
        "Estimated accuracy": "90.4%",
        "Audited accuracy": "not yet",
    }
    assert "Accuracy is" not in said(page)
    assert " were right" not in said(page)


def test_30_labels_that_are_all_wrong_raise_the_alarm_with_0_percent(page, log):
    append(log, *labelled(0, 30))

    run(page)

    assert "Accuracy is below 80%.** 0.0% of 30 labelled answers were right" in said(page, "error")
    assert metrics(page)["Accuracy"] == "0.0%"


def test_79_percent_is_below_80(page, log):
    append(log, *labelled(79, 21))

    run(page)

    assert "Accuracy is below 80%.** 79.0% of 100 labelled answers were right" in said(page, "warning")
    assert "not proven" in said(page, "warning")
    assert metrics(page)["Accuracy"] == "79.0%"


def test_exactly_80_percent_is_not_below_80(page, log):
    append(log, *labelled(80, 20))

    run(page)

    assert "Accuracy is below" not in said(page)
    assert "Accuracy is not below 80%.** 80.0% of 100 labelled answers" in said(page, "success")


def test_labels_that_came_later_count(page, log):
    append(log, *(prediction(request_text=f"film {n}", prediction_id=f"{n}") for n in range(30)))
    append(log.with_name("feedback_logs.json"), *(feedback(f"{n}", "negative") for n in range(30)))

    assert "Accuracy is below 80%.** 0.0% of 30" in said(run(page), "error")


def test_the_threshold_can_be_set(page, log, monkeypatch):
    monkeypatch.setenv("ACCURACY_THRESHOLD", "0.95")
    append(log, *labelled(94, 6))

    assert "Accuracy is below 95%.** 94.0%" in said(run(page), "warning")


def test_the_number_of_labels_a_verdict_needs_can_be_set(page, log, monkeypatch):
    monkeypatch.setenv("MIN_LABELS", "5")
    append(log, *labelled(0, 5))

    assert "Accuracy is below 80%.** 0.0% of 5" in said(run(page), "warning")


def test_traffic_unlike_the_training_data_is_a_warning(page, log):
    append(log, *(prediction(request_text=f"a wonderful film {n}") for n in range(300)))

    run(page)

    assert "Sentence length has drifted.** Proven: texts are shorter than in the reference" in said(page, "warning")
    assert "Predicted sentiment has drifted.** Proven: the answer is less often negative" in said(page, "warning")
    assert re.search(r"By \d\.\d\d standard deviations shorter\. Distance 0\.\d\d from the", said(page, "caption"))


def test_repeats_of_one_text_are_no_drift(page, log):
    append(log, *(prediction(prediction_id=f"{n}") for n in range(300)))

    run(page)

    assert "drifted" not in said(page)
    assert "1 of the 50 different texts" in said(page, "info")


def test_words_that_moved_are_shown_with_requests_that_have_them_also_when_older_lines_appear(page, log):
    texts = [f"The quokka number {number} was tired." for number in range(100)]
    append(log, *(prediction(timestamp=ago(minutes=1), request_text=text, prediction_id=text) for text in texts))
    assert "quokka" in list(table(run(page), "word")["word"])
    assert all("quokka" in text for text in table(page, "text")["text"])

    older = [prediction(timestamp=ago(minutes=9), request_text=f"older {n}", prediction_id=f"{n}") for n in range(100)]
    (log.parent / "prediction_logs-older.json").write_bytes(b"".join(older))
    run(page)

    assert "quokka" in list(table(page, "word")["word"])
    assert all("quokka" in text for text in table(page, "text")["text"])
    assert len(table(page, "text")) == 5


# The time range


def test_what_is_not_proven_is_over_the_selected_time_range(page, log):
    append(log, *labelled(20, 20, timestamp=ago(hours=3), request_text="a film"), *labelled(40, 0))

    everything = said(run(page), "warning")
    page.button_group(key="range").set_value("1 h")
    last_hour = said(run(page), "warning")

    assert "Accuracy is below 80%.** 75.0% of 80" in everything
    assert "Accuracy is below" not in last_hour
    assert "100.0% of 40 labelled answers" in said(page, "success")
    page.button_group(key="range").set_value("24 h")
    assert "Accuracy is below 80%.** 75.0% of 80" in said(run(page), "warning")


def test_what_is_proven_stays_whatever_is_selected(page, log):
    append(log, *labelled(0, 60, timestamp=ago(hours=3)), *labelled(40, 0, request_text="a film"))
    run(page)

    page.button_group(key="range").set_value("1 h")

    assert "Accuracy is below 80%.** Proven: it started about label #1 " in said(run(page), "error")
    assert "Taken together, 100.0% of 40 labelled answers were right" in said(page, "error")


def test_a_time_range_without_requests_says_when_the_latest_was(page, log):
    append(log, prediction(timestamp="2020-02-29T12:34:56+00:00"))

    run(page).button_group(key="range").set_value("15 min")
    run(page)

    assert "No requests in the last 15 min.** The latest one was at 2020-02-29 12:34:56 UTC." in said(page, "info")
    assert not page.dataframe


def test_the_time_range_can_stand_in_the_address(page, log):
    append(log, prediction(timestamp=ago(hours=3), request_text="old"), prediction(timestamp=ago(), request_text="new"))
    page.query_params["range"] = "1 h"

    assert shown_texts(run(page)) == ["new"]


# Recent requests


@pytest.fixture
def filtered(page, log) -> AppTest:
    """The page after a first look at four requests."""
    append(
        log,
        prediction(request_text="Good film", true_sentiment="positive"),
        prediction(request_text="good actors", true_sentiment="negative"),
        prediction(request_text="bad film", predicted_sentiment="negative", true_sentiment="negative"),
        prediction(request_text="(bad.*)", predicted_sentiment="negative"),
    )
    return run(page)


def test_without_a_filter_the_newest_request_comes_first(filtered):
    assert shown_texts(filtered) == ["(bad.*)", "bad film", "good actors", "Good film"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("GOOD", ["good actors", "Good film"]), ("film", ["bad film", "Good film"]), (".*", ["(bad.*)"]), ("none", [])],
)
def test_requests_are_found_by_a_part_of_their_text(filtered, wanted, expected):
    filtered.text_input(key="text_filter").set_value(wanted)

    assert shown_texts(run(filtered)) == expected
    assert f"The newest {len(expected)} of {len(expected)} requests that match, of 4." in said(filtered, "caption")


def test_requests_are_found_by_their_answer(filtered):
    filtered.multiselect(key="label_filter").set_value(["negative"])

    assert shown_texts(run(filtered)) == ["(bad.*)", "bad film"]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["right"], ["bad film", "Good film"]),
        (["wrong"], ["good actors"]),
        (["no label"], ["(bad.*)"]),
        (["wrong", "no label"], ["(bad.*)", "good actors"]),
    ],
)
def test_requests_are_found_by_whether_the_answer_was_right(filtered, outcomes, expected):
    filtered.multiselect(key="outcome_filter").set_value(outcomes)

    assert shown_texts(run(filtered)) == expected


def test_filters_are_joined(filtered):
    filtered.text_input(key="text_filter").set_value("film")
    filtered.multiselect(key="outcome_filter").set_value(["right"])
    filtered.multiselect(key="label_filter").set_value(["negative"])

    assert shown_texts(run(filtered)) == ["bad film"]


def test_a_filter_stays_while_a_time_range_without_requests_is_selected(filtered):
    filtered.text_input(key="text_filter").set_value("bad")
    time_range = run(filtered).session_state["range"]
    filtered.session_state["range"] = "15 min"
    assert "No requests in the last 15 min" in said(run(filtered))

    filtered.session_state["range"] = time_range

    assert shown_texts(run(filtered)) == ["(bad.*)", "bad film"]


def test_a_filter_stays_when_new_requests_come(filtered, log):
    filtered.multiselect(key="label_filter").set_value(["negative"])
    run(filtered)
    append(log, prediction(request_text="a new label", predicted_sentiment="neutral"))
    append(log, prediction(request_text="awful", predicted_sentiment="negative"))

    assert shown_texts(run(filtered)) == ["awful", "(bad.*)", "bad film"]
    assert filtered.multiselect(key="label_filter").value == ["negative"]


def test_a_filter_stays_when_the_time_range_no_longer_has_its_label(filtered, log):
    append(log, prediction(request_text="recent", timestamp=ago()))
    filtered.multiselect(key="label_filter").set_value(["negative"])
    run(filtered)
    filtered.button_group(key="range").set_value("1 h")

    assert shown_texts(run(filtered)) == []
    assert filtered.multiselect(key="label_filter").value == ["negative"]


def test_only_the_newest_requests_are_listed_and_the_page_says_of_how_many(page, log):
    append(log, *(prediction(request_text=f"text {n}") for n in range(250)))

    run(page)

    assert shown_texts(page)[:2] == ["text 249", "text 248"]
    assert len(shown_texts(page)) == 200
    assert "The newest 200 of 250 requests that match, of 250." in said(page, "caption")


def test_texts_from_outside_are_never_read_as_markdown_or_html(page, log):
    append(log, *labelled(60, 60, request_text=NASTY, predicted_sentiment=NASTY, true_sentiment=NASTY))

    run(page)

    assert shown_texts(page) == [NASTY] * 120
    assert table(page, "recall")["label"].tolist() == [NASTY]
    assert f"Every selected answer is {NASTY}." in said(page, "caption")
    assert not re.search(r"(?<!\\)(<script|!\[x|:red|\$z)|\*\*bold", as_written(page))
    assert not page.get("html")


def test_the_text_of_a_request_is_in_the_table_alone(page, log):
    append(log, prediction(request_text=NASTY))

    run(page)

    assert shown_texts(page) == [NASTY]
    assert "script" not in said(page)


# The selected request


def tick(page: AppTest, row: int) -> AppTest:
    """Selects a row of the recent requests, as the browser says it."""
    page.session_state["recent"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return run(page)


def ticked(page: AppTest) -> list[int]:
    return list(page.session_state["recent"]["selection"]["rows"])


def component(page: AppTest, key: str) -> dict[str, Any]:
    """What a component of our own is given to show; nothing if it is not on the page."""
    elements: list[Any] = list(page.get("bidi_component"))
    shown = [json.loads(element.proto.json) for element in elements if element.proto.id.endswith(f"-{key}")]
    return dict(*shown)


def shown_request(page: AppTest) -> str | None:
    data = component(page, "coloured_text")
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in data["pieces"]) if data else None


def coloured_words(page: AppTest) -> dict[str, tuple[str, str]]:
    pieces = [piece for piece in component(page, "coloured_text")["pieces"] if isinstance(piece, list)]
    return {text: (side, figure) for text, side, _, figure in pieces if side}


def asked_to_explain(api: FakeApi) -> list[str]:
    return [body["text"] for path, body in api.received if path == "/explain"]


@pytest.fixture
def selectable(page_with_api: AppTest, log) -> AppTest:
    """The page with three requests, of which the API explains the second."""
    append(
        log,
        prediction(prediction_id="1", request_text="first"),
        prediction(prediction_id="2", model_version="0123456789ab"),
        prediction(prediction_id="3", request_text="third"),
    )
    return run(page_with_api)


def test_without_a_selection_no_request_is_shown_and_none_explained(selectable, api):
    assert shown_request(selectable) is None
    assert asked_to_explain(api) == []


def test_a_selected_request_is_shown_with_its_answer_and_its_words_coloured(selectable, api):
    page = tick(selectable, 1)

    assert shown_request(page) == "a wonderful film"
    assert coloured_words(page) == {"wonderful": ("for", "+2.00"), "film": ("against", "-0.75")}
    assert component(page, "coloured_text")["sides"] == {"for": "for positive", "against": "for negative"}
    assert "Answered **positive** with confidence 0.900; the true label is not known." in said(page, "markdown")
    assert "At 2026-11-23 12:00:00 UTC, by model version 0123456789ab." in said(page, "caption")
    assert "Explained by version" not in said(page, "warning")
    assert asked_to_explain(api) == ["a wonderful film"]


def test_the_strongest_terms_stand_in_a_table_with_what_they_speak_for(selectable):
    terms = component(tick(selectable, 1), "coloured_text")["terms"]

    assert [(text, figure, side) for text, side, _, figure in terms] == [
        ("wonderful", "+2.00", "for"),
        ("film", "-0.75", "against"),
    ]


def test_new_requests_change_neither_the_selected_one_nor_its_tick_and_it_is_explained_once(selectable, log, api):
    tick(selectable, 1)
    append(log, prediction(prediction_id="4"), prediction(prediction_id="5", request_text="fifth"))

    run(selectable)

    assert shown_request(selectable) == "a wonderful film"
    assert table(selectable, "request_text")["prediction_id"].tolist() == ["5", "4", "3", "2", "1"]
    assert ticked(selectable) == [3]
    assert asked_to_explain(api) == ["a wonderful film"]


def test_a_filter_hides_the_tick_but_not_the_request_and_its_end_brings_the_tick_back(selectable):
    tick(selectable, 1)
    selectable.text_input(key="text_filter").set_value("first")
    assert shown_texts(run(selectable)) == ["first"]
    assert (shown_request(selectable), ticked(selectable)) == ("a wonderful film", [])

    selectable.text_input(key="text_filter").set_value("")

    assert (shown_request(run(selectable)), ticked(selectable)) == ("a wonderful film", [1])


def test_the_selected_request_stays_while_a_time_range_without_requests_is_selected(selectable):
    tick(selectable, 1)
    selectable.button_group(key="range").set_value("15 min")
    assert "No requests in the last 15 min" in said(run(selectable), "info")
    assert shown_request(run(selectable)) == "a wonderful film"

    selectable.button_group(key="range").set_value("all")

    assert (shown_request(run(selectable)), ticked(selectable)) == ("a wonderful film", [1])


def test_a_closed_request_is_gone_and_so_is_its_tick(selectable):
    tick(selectable, 1)

    button(selectable, "Close").click()

    assert (shown_request(run(selectable)), ticked(selectable)) == (None, [])
    assert (shown_request(run(selectable)), ticked(selectable)) == (None, [])


def test_another_tick_shows_another_request(selectable):
    tick(selectable, 1)

    assert shown_request(tick(selectable, 2)) == "first"


def test_a_label_that_comes_later_shows_with_the_selected_request(selectable, log):
    tick(selectable, 1)
    append(log.with_name("feedback_logs.json"), feedback("2", "negative"))

    assert "the true label is **negative**." in said(run(selectable), "markdown")


def test_an_old_line_with_only_the_four_promised_fields_is_shown_and_explained(page_with_api, log, api):
    line = {"timestamp": ago(days=1), "request_text": "a wonderful film", "predicted_sentiment": "positive"}
    append(log, json.dumps(line).encode() + b"\n")

    page = tick(run(page_with_api), 0)

    assert coloured_words(page) == {"wonderful": ("for", "+2.00"), "film": ("against", "-0.75")}
    assert "Answered **positive**; the true label is not known." in said(page, "markdown")
    assert "by a model version that the log does not name." in said(page, "caption")
    assert said(page, "warning") == ""


def test_another_model_than_the_one_that_answered_is_said(page_with_api, log):
    append(log, prediction(model_version="old", predicted_sentiment="negative"))

    page = tick(run(page_with_api), 0)

    assert (
        "Explained by version 0123456789ab, whose answer is positive; the request was answered by version old."
    ) in said(page, "warning")


def test_without_the_api_a_selected_request_is_shown_uncoloured_with_the_reason(page, log):
    append(log, prediction())

    tick(run(page), 0)

    assert (shown_request(page), coloured_words(page)) == ("a wonderful film", {})
    assert "Answered **positive** with confidence 0.900" in said(page, "markdown")
    assert "No explanation.** The API does not answer at http://127.0.0.1:" in said(page, "info")


def test_a_model_that_cannot_be_explained_is_said_in_the_words_of_the_api(selectable, api):
    api.replies["/explain"] = (409, {"detail": "The model has no exact explanation."})

    page = tick(selectable, 1)

    assert "No explanation.** The model has no exact explanation." in said(page, "info")
    assert (shown_request(page), coloured_words(page)) == ("a wonderful film", {})


@pytest.mark.parametrize("nonsense", [{}, {"terms": None}, {"tokens": [{"start": 0, "end": 99, "contribution": 1}]}])
def test_an_explanation_that_is_none_is_a_sentence(selectable, api, nonsense):
    api.replies["/explain"] = (200, nonsense and api.replies["/explain"][1] | nonsense)

    assert "gave no usable explanation" in said(tick(selectable, 1), "info")


def test_an_explanation_without_places_shows_its_terms(selectable, api):
    api.replies["/explain"][1]["tokens"] = []

    page = tick(selectable, 1)

    assert coloured_words(page) == {}
    assert [text for text, *_ in component(page, "coloured_text")["terms"]] == ["wonderful", "film"]
    assert "Where in the text these terms stand is not known" in said(page, "caption")


def test_a_text_without_a_known_word_is_said_to_be_so(selectable, api):
    api.replies["/explain"][1].update(tokens=[], terms=[])

    assert "The model knows no word of this text" in said(tick(selectable, 1), "caption")


@pytest.mark.parametrize("labels", [None, [], "ab", 7, ["negative", "neutral", "positive"]])
def test_without_exactly_two_labels_in_the_card_words_speak_for_or_against_one(selectable, api, labels):
    api.replies["/model"] = (200, {"model_version": "1", "labels": labels})
    streamlit.cache_data.clear()

    page = tick(selectable, 1)

    assert component(page, "coloured_text")["sides"] == {"for": "for positive", "against": "against positive"}


@pytest.mark.parametrize(
    "text",
    [
        NASTY,
        "\u202eRTL\u202c \u200f\u05d0",
        "👩\u200d👩\u200d👧 🎬",
        "a\x00b\x1b[31mc\x7f\r\n\t",
        "x" * 20_000,
        "\u2028\x85",
    ],
)
def test_a_text_of_any_kind_is_shown_as_it_is(page, log, text):
    append(log, prediction(request_text=text))

    tick(run(page), 0)

    assert shown_request(page) == text
    assert not re.search(r"(?<!\\)(<script|!\[x|:red|\$z)|\*\*bold", as_written(page))


# The reference and the settings


def test_what_traffic_is_compared_with_is_said(page, log):
    append(log, prediction())

    assert "The reference is " in said(run(page), "caption")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"{}", "is not a reference profile: KeyError('vocabulary')"),
    ],
)
def test_without_a_usable_reference_the_rest_of_the_page_is_there(page, log, tmp_path, monkeypatch, content, reason):
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("REFERENCE_PATH", str(path))
    append(log, *labelled(0, 60))

    run(page)

    assert said(page, "warning").count(f"{path} {reason}") == 1
    assert "Accuracy is below 80%" in said(page, "error")
    assert set(charts(page)) == {"accuracy", "labels", "confidence", "reliability"}
    assert "drift" not in said(page)


def test_a_reference_that_was_repaired_is_used_at_the_next_look(page, log, tmp_path, monkeypatch):
    path = tmp_path / "profile.json"
    monkeypatch.setenv("REFERENCE_PATH", str(path))
    append(log, prediction())
    run(page)
    shutil.copy(ROOT / "monitoring" / "reference.json", path)

    assert set(charts(run(page))) == {"accuracy", "lengths", "labels", "vocabulary", "confidence"}
    assert said(page, "warning") == ""


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MIN_LABELS", "many", "MIN_LABELS is 'many'; set it to a whole number from 1 to"),
        ("ACCURACY_THRESHOLD", "80", "ACCURACY_THRESHOLD is '80'; set it to a number from 0 to 1"),
        ("API_URL", "http://[", "API_URL is 'http://['; set it to an address"),
    ],
)
def test_a_bad_setting_is_a_sentence_in_place_of_the_page(page, monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)

    run(page)

    assert said(page).startswith(sentence)
    assert len(page.error) == 1


@pytest.fixture
def page_beside(tmp_path):
    """What the page says on a log of 60 short requests with a data set beside it, in a process of its own."""

    def run_page(csv: str) -> str:
        shutil.copytree(ROOT / "monitoring", tmp_path / "monitoring", ignore=shutil.ignore_patterns("*.csv", "__*__"))
        (tmp_path / "monitoring" / "IMDB Dataset.csv").write_text(csv)
        append(
            tmp_path / "logs" / "prediction_logs.json",
            *(prediction(request_text=f"{n} wonderful film") for n in range(60)),
        )
        script = (
            "from streamlit.testing.v1 import AppTest\n"
            "page = AppTest.from_file('monitoring/dashboard.py', default_timeout=30).run()\n"
            "assert not page.exception, page.exception\n"
            "for element in [*page.caption, *page.warning]: print(element.value.replace(chr(92), ''))\n"
        )
        environment = {"API_URL": f"http://127.0.0.1:{free_port()}"}
        command = [sys.executable, "-c", script]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout.decode()

    return run_page


def test_a_data_set_beside_the_page_is_the_reference_for_lengths_and_labels(page_beside):
    page = page_beside("review,sentiment\n" + "a wonderful film,positive\n" * 40 + "an awful film,negative\n" * 60)

    assert "The reference for lengths and labels is IMDB Dataset.csv, put beside dashboard.py: 100 texts." in page
    assert "Sentence length: no difference to speak of" in page
    assert "Median 3 words, in the reference 3." in page
    assert "Predicted sentiment differs from the reference" in page


def test_a_data_set_beside_the_page_that_cannot_be_used_is_said_and_the_profile_used(page_beside):
    page = page_beside("text,label\na,b\n")

    assert page.count("IMDB Dataset.csv beside dashboard.py cannot be used") == 1
    assert "The reference is the model's training data" in page


# The API


def test_an_api_that_is_down_is_said_and_the_log_is_shown_all_the_same(page, log):
    append(log, prediction(request_text="in the log"))

    run(page)

    assert "The API is not ready.** The API does not answer at http://127.0.0.1:" in said(page, "error")
    assert "Connection refused" in said(page, "error")
    assert shown_texts(page) == ["in the log"]


def test_an_api_that_is_ready_is_said_with_its_model(page_with_api, api):
    page = run(page_with_api)

    assert f"The API at {api.url} is ready." in said(page, "success")
    assert "Model small model, version 0123456789ab, accuracy 91.7% by its card." in said(page, "caption")
    assert said(page, "error") == ""


def test_an_api_that_is_not_ready_gives_its_own_reason(page_with_api, api):
    api.replies["/readyz"] = (503, {"detail": "The log cannot be written: No space left on device."})

    page = run(page_with_api)

    assert "The API is not ready.** The log cannot be written: No space left on device." in said(page, "error")
    assert "is ready." not in said(page, "success")


@pytest.mark.parametrize(
    "metrics_of_card", [None, [], "good", {"accuracy": 0.9}, {"accuracy": {"value": None}}, {"accuracy": {}}]
)
def test_a_card_that_tells_its_accuracy_in_another_way_is_shown_without(page_with_api, api, metrics_of_card):
    api.replies["/model"] = (200, {"name": "mine", "model_version": "1.0", "metrics": metrics_of_card})

    assert "Model mine, version 1.0." in said(run(page_with_api), "caption")


def test_the_model_card_is_shown_with_its_limits(page_with_api, api):
    limit = "Only for **films** <b>."
    api.replies["/model"][1].update(data={"description": NASTY}, limits=[limit])

    page = run(page_with_api)

    assert [expander.label for expander in page.expander] == ["Model card"]
    assert component(page, "card_table") == {
        "rows": [["Accuracy", "91.7%"], ["Training data", NASTY]],
        "limits": [limit],
    }


@pytest.mark.parametrize(
    "card", [{}, {"model_version": "1"}, {"metrics": 3, "data": [], "limits": {}, "versions": None}]
)
def test_a_card_with_nothing_to_show_has_no_place_on_the_page(page_with_api, api, card):
    api.replies["/model"] = (200, card)

    page = run(page_with_api)

    assert not page.expander
    assert "is ready." in said(page, "success")


# The box to try a sentence


def test_a_tried_sentence_is_sent_and_answered_with_label_and_confidence(page_with_api, api):
    page = predict(run(page_with_api), "The movie was amazing!")

    assert "Predicted **positive** with confidence 0.812. Was that right?" in said(page, "markdown")
    assert api.received == [("/predict", {"text": "The movie was amazing!"})]


@pytest.mark.parametrize(("choice", "label"), [("Right: positive", "positive"), ("Wrong: it is negative", "negative")])
def test_a_judgement_is_sent_with_the_id_of_the_answer(page_with_api, api, choice, label):
    page = predict(run(page_with_api), "The movie was amazing!")

    button(page, choice).click()
    run(page)

    assert api.received[1:] == [("/feedback", {"prediction_id": "id-7", "true_sentiment": label})]
    assert f"Thank you: logged as {label}." in said(page, "success")
    assert [found.label for found in page.button] == ["Predict"]


def test_a_third_label_has_a_button_too(page_with_api, api):
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": ["negative", "neutral", "positive"]})

    page = predict(run(page_with_api), "So so")

    assert [found.label for found in page.button] == [
        "Predict",
        "Right: positive",
        "Wrong: it is negative",
        "Wrong: it is neutral",
    ]


@pytest.mark.parametrize("labels", [None, []])
def test_without_labels_in_the_card_an_answer_can_still_be_called_right(page_with_api, api, labels):
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": labels})

    page = predict(run(page_with_api), "So so")

    assert [found.label for found in page.button] == ["Predict", "Right: positive"]


def test_an_answer_that_the_card_does_not_list_takes_no_other_label_away(page_with_api, api):
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": ["bad", "good"]})

    page = predict(run(page_with_api), "So so")

    assert [found.label for found in page.button] == [
        "Predict",
        "Right: positive",
        "Wrong: it is bad",
        "Wrong: it is good",
    ]


def test_labels_that_are_numbers_are_offered_as_the_api_gives_them(page_with_api, api):
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": [0, 1]})
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "1", "confidence": 1})

    page = predict(run(page_with_api), "So so")

    assert [found.label for found in page.button] == ["Predict", "Right: 1", "Wrong: it is 0"]


def test_after_a_judgement_another_sentence_can_be_tried(page_with_api):
    page = predict(run(page_with_api), "one")
    button(page, "Right: positive").click()
    run(page)

    predict(page, "two")

    assert "Was that right?" in said(page, "markdown")
    assert "Thank you" not in said(page)


def test_a_text_the_api_refuses_is_answered_in_its_words(page_with_api, api):
    api.replies["/predict"] = (422, {"detail": "text is blank; send a text."})

    page = predict(run(page_with_api), " ")

    assert "text is blank; send a text." in said(page, "error")
    assert "Was that right?" not in said(page)


def test_after_a_refusal_no_earlier_answer_can_be_judged(page_with_api, api):
    page = predict(run(page_with_api), "one")
    api.replies["/predict"] = (503, {"detail": "The log cannot be written."})

    predict(page, "two")
    run(page)

    assert [found.label for found in page.button] == ["Predict"]
    assert "Was that right?" not in said(page)


def test_an_answer_of_another_service_is_a_sentence(page_with_api, api):
    api.replies["/predict"] = (200, {"hello": "world"})

    assert "gave an answer without prediction_id." in said(predict(run(page_with_api), "one"), "error")


def test_a_judgement_the_api_refuses_is_answered_in_its_words_and_can_be_sent_again(page_with_api, api):
    page = predict(run(page_with_api), "one")
    accepts = api.replies["/feedback"]
    api.replies["/feedback"] = (503, {"detail": "The log cannot be written: disk full."})

    button(page, "Right: positive").click()
    assert "The log cannot be written: disk full." in said(run(page), "error")

    api.replies["/feedback"] = accepts
    button(page, "Right: positive").click()
    assert "Thank you: logged as positive." in said(run(page), "success")
    assert "disk full" not in said(page)


def test_trying_a_sentence_while_the_api_is_down_is_a_sentence(page):
    page = predict(run(page), "one")

    assert said(page, "error").count("The API does not answer at http://127.0.0.1:") == 2


def test_a_label_from_the_api_is_never_read_as_markdown(page_with_api, api: FakeApi):
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "<b>*x*", "confidence": 0.5})
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": ["<b>*x*", "y"]})

    page = predict(run(page_with_api), "one")

    assert r"Predicted **\<b\>\*x\*** with" in as_written(page, "markdown")
    assert page.button[1].label == r"Right: \<b\>\*x\*"


# The audit sample


def audited(page: AppTest, log: Path) -> AppTest:
    append(log, prediction(prediction_id="id-1", audit=True), prediction(prediction_id="id-2"))
    return run(page)


def test_an_audited_answer_is_offered_for_labelling_and_its_label_sent(page_with_api, log, api):
    page = audited(page_with_api, log)
    button(page, "negative").click()
    run(page)

    assert api.received[-1] == ("/feedback", {"prediction_id": "id-1", "true_sentiment": "negative"})


def test_a_label_for_the_audit_sample_is_not_taken_for_one_of_the_tried_sentence(page_with_api, log):
    page = predict(audited(page_with_api, log), "a wonderful film")
    button(page, "negative").click()
    run(page)

    assert "Thank you" not in said(page)
    assert button(page, "Right: positive")


def test_a_label_for_the_audit_sample_that_is_refused_says_so_in_the_words_of_the_api(page_with_api, log, api):
    api.replies["/feedback"] = (503, {"detail": "The log cannot be written."})
    page = audited(page_with_api, log)
    button(page, "negative").click()

    assert said(run(page), "error").count("The log cannot be written.") == 1
    assert "The log cannot be written." not in said(run(page), "error")


def test_when_all_of_the_audit_sample_has_labels_nothing_is_offered(page_with_api, log):
    page = audited(page_with_api, log)
    append(log.with_name("feedback_logs.json"), feedback("id-1", "negative"))
    run(page)

    assert "1 of the selected answers were drawn at random for an audit, 1 have a label." in said(page, "caption")
    assert not [found for found in page.button if found.label in ("negative", "positive")]

"""The page, run as Streamlit runs it: one test a state, on real log files and against a real HTTP server."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from monitoring.page.sections.verdict import LINKS
from tests.conftest import ROOT, free_port
from tests.monitoring.conftest import LEFT_OUT, FakeApi, append, feedback
from tests.monitoring.pages import (
    NASTY,
    ago,
    alerts_of,
    another_session,
    as_written,
    button,
    charts,
    component,
    labelled,
    look,
    predict,
    prediction,
    redraw,
    requests,
    run,
    said,
    shown_texts,
    table,
    tiles,
    told,
    unseen_page,
    verdict,
)

CURL = "curl -X POST"


@pytest.fixture
def page(log, monkeypatch) -> AppTest:
    """The page on an empty folder and without an API, before it is first looked at."""
    return unseen_page(log, monkeypatch)


@pytest.fixture
def lighter_page(log, monkeypatch) -> AppTest:
    """The same, compared with nothing."""
    return unseen_page(log, monkeypatch, is_compared=False)


@pytest.fixture
def page_with_api(log, monkeypatch, api: FakeApi) -> AppTest:
    return unseen_page(log, monkeypatch, api.url, is_compared=False)


# What is in the log


def test_without_a_folder_there_is_no_log_yet_and_the_page_says_how_to_begin(page, log):
    run(page)

    assert f"No log yet. There is none in {log.parent}. The API creates it" in told(page, "unknown")
    assert page.code[0].value.startswith(CURL)
    assert not tiles(page)


def test_an_empty_folder_holds_no_log_yet(page, log):
    log.parent.mkdir()

    assert "No log yet." in told(run(page), "unknown")


def test_a_file_without_lines_is_an_empty_log(page, log):
    append(log)

    run(page)

    assert "The log is empty. The first request will appear here automatically." in told(page, "unknown")
    assert page.code[0].value.startswith(CURL)


def test_the_first_request_shows_without_anything_else_being_done(page, log):
    run(page)
    append(log, prediction(request_text="the very first"))

    assert shown_texts(run(page)) == ["the very first"]
    assert "No log yet" not in told(page)
    assert not page.code


def test_one_request_is_shown_and_nothing_is_judged_by_it(page, log):
    append(log, prediction(request_text="a wonderful film"))

    run(page)

    assert tiles(page) == {
        "Requests": ("1", "since 2026-11-23 12:00 UTC"),
        "Accuracy": ("not yet", "estimated 90.4%, n = 1"),
        "Labels": ("0", "0.0% of 1"),
        "Confidence": ("0.900", "reference 0.923, n = 1"),
        "Drift": ("not yet", "n = 1 of 50 texts"),
    }
    assert shown_texts(page) == ["a wonderful film"]
    assert "Sentence length: not enough requests yet. 1 of the 50 distinct texts" in said(page, "caption")
    assert "has drifted" not in told(page)
    assert set(charts(page)) == {"accuracy", "lengths", "labels", "vocabulary", "confidence"}


def test_lines_appended_between_two_looks_appear(page, log):
    append(log, prediction(request_text="first"))
    run(page)
    append(log, prediction(request_text="second"), prediction(request_text="third"))

    assert shown_texts(run(page)) == ["third", "second", "first"]
    assert tiles(page)["Requests"][0] == "3"


def test_one_class_only_is_said(page, log):
    append(log, *labelled(31, 0))

    run(page)

    assert "Every selected prediction is positive." in said(page, "caption")
    assert "Only positive occurs among the labels and predictions" in component(page, "quality")["note"]
    assert [row["label"] for row in table(page, "quality")] == ["positive"]


def test_three_labels_have_figures_each(page, log):
    append(
        log,
        *labelled(20, 0),
        *labelled(20, 0, predicted_sentiment="neutral", true_sentiment="neutral"),
        *labelled(20, 0, predicted_sentiment="negative", true_sentiment="neutral"),
    )

    run(page)

    recalls = {row["label"]: row["recall"].split(" ")[0] for row in table(page, "quality")}
    assert recalls == {"negative": "no", "neutral": "50.0%", "positive": "100.0%"}
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
    assert tiles(page)["Confidence"] == ("not known", "n = 0")


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        ("0001-01-01T00:00:00", "UTC"),
        ("9999-12-31T23:59:59", "UTC"),
        ("0001-01-01T00:00:00", "America/New_York"),
        ("9999-12-31T23:59:59", "Asia/Tokyo"),
    ],
)
def test_a_clock_that_is_millennia_off_does_not_break_the_page(page, log, moment, zone):
    append(log, *labelled(2, 0, timestamp=moment, request_text="off"), prediction(request_text="on"))
    page.context["timezone"] = zone

    assert sorted(set(shown_texts(run(page)))) == ["off", "on"]
    assert {"accuracy", "confidence"} <= set(charts(page))


@pytest.mark.parametrize("zone", ["America", "../../etc/passwd", "Nowhere/Nothing", "", "x" * 5000])
def test_a_browser_in_no_zone_of_time_is_given_that_of_the_log(lighter_page, log, zone):
    append(log, prediction())
    lighter_page.context["timezone"] = zone

    run(lighter_page)

    labels = [lighter_page.datetime_input(key=key).label for key in ("from", "until")]
    assert labels == ["From (UTC)", "Until (UTC)"]


def test_charts_and_filters_have_the_zone_of_the_browser(page, log):
    append(log, prediction(timestamp="2026-11-23T12:00:00+00:00"))
    page.context["timezone"] = "Asia/Tokyo"

    run(page)

    confidence = charts(page)["confidence"]
    assert confidence["layout"]["xaxis"]["title"]["text"] == "time (Asia/Tokyo)"
    assert confidence["data"][2]["x"] == ["2026-11-23T21:00:00.000000"]
    assert page.datetime_input(key="from").label == "From (Asia/Tokyo)"


# What in the log cannot be used


def test_unreadable_lines_are_counted_and_the_rest_is_shown(page, log):
    append(log, prediction(request_text="good"), b"bad\n", b"\xff\n", prediction(request_text="\ud800"))

    run(page)

    assert "3 lines of the log could not be read" in told(page, "warning")
    assert shown_texts(page) == ["good"]


def test_a_log_of_nothing_but_garbage_is_said_to_be_so(page, log):
    append(log, b"garbage\n")

    run(page)

    assert "1 line of the log could not be read" in told(page, "warning")
    assert "The log is empty." in told(page, "unknown")


def test_a_log_in_order_has_no_warning_about_it(page, log):
    append(log, prediction())

    assert told(run(page), "warning") == ""


def test_labels_of_unknown_predictions_are_counted(page, log):
    append(log, prediction(prediction_id="a"))
    append(log.with_name("feedback_logs.json"), feedback("b", "positive"), feedback("c", "positive"))

    run(page)

    assert "2 labels belong to no prediction in the log" in told(page, "warning")
    assert tiles(page)["Labels"][0] == "0"


def test_a_log_that_cannot_be_read_is_said_with_its_path_and_shown_again_after_the_cure(page, log):
    log.mkdir(parents=True)

    assert f"The log cannot be read. Is a directory: {log}. Give this service read access." in told(run(page), "alert")
    assert "The log is being read" not in told(page)
    log.rmdir()
    append(log, prediction(request_text="readable"))
    assert shown_texts(run(page)) == ["readable"]
    assert "cannot be read" not in told(page)


# The verdict


def test_without_labels_no_figure_is_given(page, log):
    append(log, *(prediction() for _ in range(60)))

    run(page)

    assert "Not enough labels yet. 0 of the 30 labels" in told(page, "unknown")
    assert "Precision and recall need labels, and this selection has none." in said(page, "caption")
    assert tiles(page)["Accuracy"][0] == "not yet"


@pytest.mark.parametrize(("right", "wrong"), [(29, 0), (0, 29)])
def test_29_labels_are_not_enough_and_no_accuracy_is_shown(page, log, right, wrong):
    append(log, *labelled(right, wrong))

    run(page)

    assert "Not enough labels yet. 29 of the 30 labels" in told(page, "unknown")
    assert tiles(page)["Accuracy"] == ("not yet", "estimated 90.4%, n = 29")
    assert tiles(page)["Labels"] == ("29", "100.0% of 29")
    assert "Accuracy is" not in told(page)
    assert " were right" not in told(page)


def test_30_labels_that_are_all_wrong_raise_the_alarm_with_0_percent(page, log):
    append(log, *labelled(0, 30))

    run(page)

    raised = f"{datetime.now(UTC):%Y-%m-%d}"
    assert re.search(rf"Accuracy is below 80%: 0\.0%, significant since {raised} \d\d:\d\d UTC, 30 labels", told(page))
    assert "0.0% of 30 labelled predictions were right" in told(page, "alert")
    assert tiles(page)["Accuracy"] == ("0.0%", "0% – 11%, n = 30")


def test_79_percent_is_below_80(page, log):
    append(log, *labelled(79, 21))

    run(page)

    assert "Accuracy is below 80%: 79.0%, not significant yet, 100 labels" in told(page, "warning")
    assert "79.0% of 100 labelled predictions were right" in told(page, "warning")
    assert "That is not significant yet: it may be random" in told(page, "warning")
    assert tiles(page)["Accuracy"][0] == "79.0%"


def test_exactly_80_percent_is_not_below_80(page, log):
    append(log, *labelled(80, 20))

    run(page)

    assert "Accuracy is below" not in told(page)
    assert "Accuracy is not below 80%: 80.0%, 100 labels" in told(page, "ok")
    assert "80.0% of 100 labelled predictions" in told(page, "ok")


def test_every_place_that_the_verdict_points_to_is_on_the_page(page, log):
    append(log, prediction())

    anchors = {f"#{header.anchor}" for header in run(page).header}

    assert {anchor for _, anchor in LINKS.values()} <= anchors


def test_labels_that_came_later_count(page, log):
    append(log, *(prediction(request_text=f"film {n}", prediction_id=f"{n}") for n in range(30)))
    append(log.with_name("feedback_logs.json"), *(feedback(f"{n}", "negative") for n in range(30)))

    assert "Accuracy is below 80%: 0.0%, significant" in told(run(page), "alert")


def test_the_threshold_can_be_set(page, log, monkeypatch):
    monkeypatch.setenv("ACCURACY_THRESHOLD", "0.95")
    append(log, *labelled(94, 6))

    assert "Accuracy is below 95%: 94.0%" in told(run(page), "warning")


def test_the_number_of_labels_a_verdict_needs_can_be_set(page, log, monkeypatch):
    monkeypatch.setenv("MIN_LABELS", "5")
    append(log, *labelled(0, 5))

    assert "Accuracy is below 80%: 0.0%, not significant yet, 5 labels" in told(run(page), "warning")


def test_traffic_unlike_the_training_data_is_one_warning_about_all_that_has_drifted(page, log):
    append(log, *(prediction(request_text=f"a wonderful film {n}") for n in range(300)))

    run(page)

    (drift,) = [item for item in verdict(page) if "drifted" in item["title"]]
    assert (drift["level"], drift["link"]) == ("warning", ["Data drift", "#data-drift"])
    assert drift["title"].startswith("Sentence length")
    assert drift["title"].endswith("and predicted sentiment have drifted")
    assert any("Texts are shorter than in the reference" in line for line in drift["lines"])
    assert any("Predictions are less often negative" in line for line in drift["lines"])
    assert re.search(
        r"The mean length is \d\.\d\d standard deviations below the reference\. Distance 0\.\d\d from the",
        said(page, "caption"),
    )
    assert tiles(page)["Drift"] == (f"{len(drift['lines'])} of 4", "significant, n = 300 texts")


def test_repeats_of_one_text_are_no_drift(page, log):
    append(log, *(prediction(prediction_id=f"{n}") for n in range(300)))

    run(page)

    assert "drifted" not in told(page)
    assert "1 of the 50 distinct texts" in told(page, "unknown")


def test_what_an_alarm_promises_is_said_once_for_all_of_them(page, log):
    append(log, *labelled(0, 60, request_text="a wonderful film"))

    run(page)

    assert "At most one false alarm" not in told(page)
    assert "less than one false alarm in" in component(page, "verdict")["note"]


def test_a_log_to_which_nothing_was_added_for_long_is_said_to_be_so(page, log, monkeypatch):
    append(log, prediction(timestamp=ago(minutes=20)))

    assert "No new request for 20 minutes. The latest request was at " in told(run(page), "unknown")
    monkeypatch.setenv("STALE_MINUTES", "60")
    assert "No new request" not in told(run(another_session()))


def test_feedback_unlike_the_traffic_is_said_beside_the_accuracy(page, log):
    sure, unsure = labelled(0, 300, confidence=0.97, true_sentiment=None), labelled(150, 150, confidence=0.52)
    append(log, *sure, *unsure)

    run(page)

    assert "The labelled predictions are not a random sample." in alerts_of(page, "feedback_notes")


def test_words_that_moved_are_shown_with_requests_that_have_them_also_when_older_lines_appear(page, log):
    texts = [f"The quokka number {number} was tired." for number in range(100)]
    append(log, *(prediction(timestamp=ago(minutes=1), request_text=text, prediction_id=text) for text in texts))
    run(page)
    assert "quokka" in [row["word"] for row in table(page, "moved_words")]
    assert all("quokka" in row["text"] for row in table(page, "moved_examples"))

    older = [prediction(timestamp=ago(minutes=9), request_text=f"older {n}", prediction_id=f"{n}") for n in range(100)]
    (log.parent / "prediction_logs-older.json").write_bytes(b"".join(older))
    run(page)

    assert "quokka" in [row["word"] for row in table(page, "moved_words")]
    assert all("quokka" in row["text"] for row in table(page, "moved_examples"))
    assert len(table(page, "moved_examples")) == 5


def test_two_versions_stand_side_by_side_and_one_alone_does_not(page, log):
    append(log, *labelled(60, 40))
    assert not table(run(page), "versions")
    append(log, *labelled(95, 5, model_version="v2", timestamp=ago()))

    run(page)

    assert [row["accuracy"].split(" ")[0] for row in table(page, "versions")] == ["60.0%", "95.0%"]
    assert "v2 is significantly better than" in component(page, "versions")["note"]


# The time range, and what else is selected


def test_what_is_not_proven_is_over_the_selected_time_range(page, log):
    append(log, *labelled(20, 20, timestamp=ago(hours=3), request_text="a film"), *labelled(40, 0))

    everything = told(run(page), "warning")
    page.button_group(key="range").set_value("1 h")
    last_hour = told(run(page), "warning")

    assert "Accuracy is below 80%: 75.0%, not significant yet, 80 labels" in everything
    assert "Accuracy is below" not in last_hour
    assert "100.0% of 40 labelled predictions" in told(page, "ok")
    assert tiles(page)["Requests"] == ("40", "last 60 minutes")
    page.button_group(key="range").set_value("24 h")
    assert "Accuracy is below 80%: 75.0%" in told(run(page), "warning")


def test_what_is_proven_stays_whatever_is_selected(page, log):
    append(log, *labelled(0, 60, timestamp=ago(hours=3)), *labelled(40, 0, request_text="a film"))
    run(page)

    page.button_group(key="range").set_value("1 h")

    assert re.search(r"Accuracy is below 80%: significant since \S+ \d\d:\d\d UTC, 40 labels", told(run(page), "alert"))
    assert "The drop started about label #1 " in told(page, "alert")
    assert "Overall, 100.0% of 40 labelled predictions were right" in told(page, "alert")


def test_a_time_range_without_requests_says_when_the_latest_was(page, log):
    append(log, prediction(timestamp="2020-02-29T12:34:56+00:00"))

    run(page).button_group(key="range").set_value("15 min")
    run(page)

    expected = "No requests match the selection, time range 15 min. The latest request was at 2020-02-29 12:34:56 UTC."
    assert expected in told(page, "unknown")
    assert not tiles(page)
    assert not requests(page)


def test_the_selection_can_stand_in_the_address(page, log):
    append(
        log,
        prediction(timestamp=ago(hours=3), request_text="old"),
        prediction(timestamp=ago(), request_text="new"),
        prediction(timestamp=ago(), request_text="bad", predicted_sentiment="negative"),
        prediction(timestamp=ago(), request_text="another", model_version="v2"),
    )
    page.query_params.update({"range": "1 h", "segment_labels": "positive", "segment_versions": "v2"})

    run(page)

    assert shown_texts(page) == ["another"]
    assert tiles(page)["Requests"] == ("1", "last 60 minutes")
    assert component(page, "pulse")["title"].startswith("The API is not ready")


@pytest.mark.parametrize(
    "nonsense",
    [
        {"range": "foo", "request": "\x00", "confidence_range": "abc"},
        {"range": "", "request": "", "confidence_range": ["nan", "nan"], "text": ""},
        {"confidence_range": ["-5", "7"], "from": "yesterday", "until": "9999-12-31T23:59"},
        {"predicted": NASTY, "outcome": "none", "segment_labels": NASTY, "segment_versions": ""},
        {"request": "x" * 20_000, "limit": "-1", "chosen": "1", "seen": "1", "requests": "1"},
        {"request": "\ufffd\ud7ff", "range": ["foo", "1 h"], "embed": "true"},
    ],
)
def test_nonsense_in_the_address_selects_everything(lighter_page, log, nonsense):
    append(log, prediction(request_text="first"), prediction(request_text="second", predicted_sentiment="negative"))
    lighter_page.query_params.update(nonsense)

    assert shown_texts(run(lighter_page)) == ["second", "first"]


def test_two_browsers_select_each_for_itself(lighter_page, log):
    append(log, prediction(request_text="old", timestamp=ago(hours=3)), prediction(request_text="new", timestamp=ago()))
    other = run(another_session())

    run(lighter_page).button_group(key="range").set_value("1 h")

    assert shown_texts(run(lighter_page)) == ["new"]
    assert shown_texts(run(other)) == ["new", "old"]


def test_a_label_without_a_character_and_a_version_without_one_are_shown(page, log):
    append(log, *labelled(30, 0, predicted_sentiment="", true_sentiment="", model_version="", audit=True))

    run(page)

    assert {row["predicted"] for row in requests(page)} == {""}
    assert [row["label"] for row in table(page, "quality")] == [""]
    assert [select.options for select in page.multiselect] == [[], [], [], ["right", "wrong", "no label"]]


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

    assert told(page, "warning").count(f"The reference cannot be used. {path} {reason}") == 1
    assert "Accuracy is below 80%" in told(page, "alert")
    assert set(charts(page)) == {"accuracy", "labels", "confidence", "reliability"}
    headings = "Data drift|Target drift"
    assert "drift" not in re.sub(headings, "", said(page)) + told(page)
    assert tiles(page)["Drift"] == ("not known", "no reference")


def test_a_reference_whose_name_no_file_can_have_is_a_sentence(page, log, tmp_path, monkeypatch):
    monkeypatch.setenv("REFERENCE_PATH", str(tmp_path / ("x" * 300)))
    append(log, prediction())

    assert "cannot be read: File name too long." in told(run(page), "warning")


def test_a_reference_that_was_repaired_is_used_at_the_next_look(page, log, tmp_path, monkeypatch):
    path = tmp_path / "profile.json"
    monkeypatch.setenv("REFERENCE_PATH", str(path))
    append(log, prediction())
    run(page)
    shutil.copy(ROOT / "monitoring" / "reference.json", path)

    assert set(charts(run(page))) == {"accuracy", "lengths", "labels", "vocabulary", "confidence"}
    assert told(page, "warning") == ""


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MIN_LABELS", "many", "MIN_LABELS is 'many'; set it to a whole number from 1 to"),
        ("SIGN_IN_ALLOWED", "@example.org", "Sign-in also needs OIDC_METADATA_URL, OIDC_CLIENT_ID, "),
        ("ACCURACY_THRESHOLD", "80", "ACCURACY_THRESHOLD is '80'; set it to a number from 0 to 1"),
        ("STALE_MINUTES", "0", "STALE_MINUTES is '0'; set it to a number from 1 to"),
        ("API_URL", "http://[", "API_URL is 'http://['; set it to an address"),
    ],
)
def test_a_bad_setting_is_a_sentence_in_place_of_the_page(page, monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)

    run(page)

    assert said(page).startswith(sentence)
    assert len(page.error) == 1


DATA_SETS = {
    "good": "review,sentiment\n" + "a wonderful film,positive\n" * 40 + "an awful film,negative\n" * 60,
    "bad": "text,label\na,b\n",
}
BESIDE = """
import json, pathlib, sys
from streamlit.testing.v1 import AppTest

def page_beside(data_set):
    pathlib.Path("monitoring/IMDB Dataset.csv").write_text(data_set)
    page = AppTest.from_file("monitoring/dashboard.py", default_timeout=60).run()
    assert not page.exception, page.exception
    (verdict,) = [json.loads(found.proto.json) for found in page.get("bidi_component") if found.key == "verdict"]
    said = [" ".join([item["title"], *item["lines"]]) for item in verdict["items"]]
    return "\\n".join([*said, *(element.value.replace(chr(92), "") for element in page.caption)])

print(json.dumps({name: page_beside(data_set) for name, data_set in json.loads(sys.argv[1]).items()}))
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory) -> dict[str, str]:
    """What the page says on a log of 60 short requests with a data set beside it, one after the other, in a process of
    its own."""
    directory = tmp_path_factory.mktemp("beside")
    shutil.copytree(ROOT / "monitoring", directory / "monitoring", ignore=shutil.ignore_patterns("*.csv", "__*__"))
    append(
        directory / "logs" / "prediction_logs.json",
        *(prediction(request_text=f"{n} wonderful film") for n in range(60)),
    )
    environment = {"API_URL": f"http://127.0.0.1:{free_port()}"}
    command = [sys.executable, "-c", BESIDE, json.dumps(DATA_SETS)]
    result = subprocess.run(command, cwd=directory, env=environment, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    said: dict[str, str] = json.loads(result.stdout)
    return said


def test_a_data_set_beside_the_page_is_the_reference_for_lengths_and_labels(beside):
    page = beside["good"]

    assert "The reference for lengths and labels is IMDB Dataset.csv, put beside dashboard.py: 100 texts." in page
    assert "Sentence length: no significant difference" in page
    assert "Median 3 words, in the reference 3." in page
    assert "Predicted sentiment differs significantly from the reference" in page


def test_a_data_set_beside_the_page_that_cannot_be_used_is_said_and_the_profile_used(beside):
    page = beside["bad"]

    assert page.count("IMDB Dataset.csv beside dashboard.py cannot be used") == 1
    assert "The reference is the model's training data" in page


# The API


def test_an_api_that_is_down_is_said_and_the_log_is_shown_all_the_same(page, log):
    append(log, prediction(request_text="in the log"))

    run(page)

    assert "The API is not ready. The API does not answer at http://127.0.0.1:" in told(page, "alert")
    assert "Connection refused" in told(page, "alert")
    assert "is not ready." in said(page, "caption")
    assert shown_texts(page) == ["in the log"]


def test_an_api_that_is_ready_is_said_with_its_model(page_with_api, api):
    page = run(page_with_api)

    assert f"The API at {api.url} is ready." in said(page, "caption")
    assert "Model small model, version 0123456789ab, accuracy 91.7% by its card." in said(page, "caption")
    assert told(page, "alert") == ""


def test_an_api_that_is_not_ready_gives_its_own_reason(page_with_api, api):
    api.replies["/readyz"] = (503, {"detail": "The log cannot be written: No space left on device."})

    page = run(page_with_api)

    assert "The API is not ready. The log cannot be written: No space left on device." in told(page, "alert")
    assert "is ready." not in said(page, "caption")


@pytest.mark.parametrize("status", [401, 403])
def test_an_api_that_does_not_accept_the_dashboards_token_is_said_with_what_to_do(page_with_api, api, status):
    api.replies["/model"] = (status, {"detail": "The token is not accepted here."})

    page = run(page_with_api)

    assert "The API refuses this dashboard. The token is not accepted here." in told(page, "alert")
    assert f"The API at {api.url} refuses this dashboard." in said(page, "caption")


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
    card = component(page, "card")
    assert card["rows"] == [["Accuracy", "91.7%"], ["Training data", NASTY]]
    assert card["list"] == {"title": "Limits", "items": [limit]}


@pytest.mark.parametrize(
    "card", [{}, {"model_version": "1"}, {"metrics": 3, "data": [], "limits": {}, "versions": None}]
)
def test_a_card_with_nothing_to_show_has_no_place_on_the_page(page_with_api, api, card):
    api.replies["/model"] = (200, card)

    page = run(page_with_api)

    assert not page.expander
    assert "is ready." in said(page, "caption")


# The box to try a sentence


def test_a_tried_sentence_is_sent_and_answered_with_label_and_confidence(page_with_api, api):
    page = predict(run(page_with_api), "The movie was amazing!")

    assert "Predicted **positive** with confidence 0.812. Was that right?" in said(page, "markdown")
    assert api.received == [("/predict", {"text": "The movie was amazing!"})]


@pytest.mark.parametrize(("choice", "label"), [("Right: positive", "positive"), ("Wrong: it is negative", "negative")])
def test_a_judgement_is_sent_with_the_id_of_the_answer(page_with_api, api, choice, label):
    page = predict(run(page_with_api), "The movie was amazing!")

    button(page, choice).click()
    redraw(page, "try")

    assert api.received[1:] == [("/feedback", {"prediction_id": "id-7", "true_sentiment": label})]
    assert f"Thank you: logged as {label}." in said(page, "success")
    assert [found.label for found in page.button] == ["Predict"]


@pytest.mark.parametrize(
    ("labels", "offered"),
    [
        (["negative", "neutral", "positive"], ["Wrong: it is negative", "Wrong: it is neutral"]),
        (None, []),
        ([], []),
        ("ab", []),
        (["bad", "good"], ["Wrong: it is bad", "Wrong: it is good"]),
        (["negative", "positive", "negative", "positive"], ["Wrong: it is negative"]),
    ],
)
def test_the_answer_and_each_other_label_of_the_card_has_a_button(page_with_api, api, labels, offered):
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": labels})

    page = predict(run(page_with_api), "So so")

    assert [found.label for found in page.button] == ["Predict", "Right: positive", *offered]


def test_labels_that_are_numbers_are_offered_as_the_api_gives_them(page_with_api, api):
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": [0, 1]})
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "1", "confidence": 1})

    page = predict(run(page_with_api), "So so")

    assert [found.label for found in page.button] == ["Predict", "Right: 1", "Wrong: it is 0"]


def test_an_answer_without_a_character_can_be_called_right(page_with_api, api):
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "", "confidence": 1})

    page = predict(run(page_with_api), "So so")
    assert "Predicted **(empty)** with confidence 1.000." in said(page, "markdown")
    button(page, "Right: (empty)").click()
    redraw(page, "try")

    assert api.received[-1] == ("/feedback", {"prediction_id": "id", "true_sentiment": ""})
    assert "Thank you: logged as (empty)." in said(page, "success")


def test_a_confidence_that_is_no_number_of_this_world_takes_only_its_own_place(page_with_api, api):
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "1", "confidence": 10**400})

    page = run(page_with_api)
    page.text_area(key="try_text").set_value("So so")
    button(page, "Predict").click()
    page.run()

    assert said(page, "error").startswith("This part of the page cannot be drawn. OverflowError: ")
    assert "The API" in [header.value for header in page.header]


def test_after_a_judgement_another_sentence_can_be_tried(page_with_api):
    page = predict(run(page_with_api), "one")
    button(page, "Right: positive").click()
    redraw(page, "try")

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
    redraw(page, "try")

    assert [found.label for found in page.button] == ["Predict"]
    assert "Was that right?" not in said(page)


def test_an_answer_of_another_service_is_a_sentence(page_with_api, api):
    api.replies["/predict"] = (200, {"hello": "world"})

    assert "sent a response without prediction_id." in said(predict(run(page_with_api), "one"), "error")


def test_a_judgement_the_api_refuses_is_answered_in_its_words_and_can_be_sent_again(page_with_api, api):
    page = predict(run(page_with_api), "one")
    accepts = api.replies["/feedback"]
    api.replies["/feedback"] = (503, {"detail": "The log cannot be written: disk full."})

    button(page, "Right: positive").click()
    assert "The log cannot be written: disk full." in said(redraw(page, "try"), "error")

    api.replies["/feedback"] = accepts
    button(page, "Right: positive").click()
    assert "Thank you: logged as positive." in said(redraw(page, "try"), "success")
    assert "disk full" not in said(page)


def test_trying_a_sentence_while_the_api_is_down_is_a_sentence(page):
    page = predict(run(page), "one")

    assert "The API does not answer at http://127.0.0.1:" in said(page, "error")


def test_a_label_from_the_api_is_never_read_as_markdown(page_with_api, api: FakeApi):
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "<b>*x*", "confidence": 0.5})
    api.replies["/model"] = (200, {"name": "n", "model_version": "1", "labels": ["<b>*x*", "y"]})

    page = predict(run(page_with_api), "one")

    assert r"Predicted **\<b\>\*x\*** with" in as_written(page, "markdown")
    assert r"Right: \<b\>\*x\*" in [found.label for found in page.button]


# The audit sample


def audited(page: AppTest, log: Path, **fields: str) -> AppTest:
    append(log, prediction(prediction_id="id-1", audit=True, **fields), prediction(prediction_id="id-2"))
    return run(page)


def test_an_audited_answer_is_offered_for_labelling_and_its_label_sent(page_with_api, log, api):
    page = audited(page_with_api, log, request_text="a text to label")
    assert component(page, "audit_text")["pieces"] == ["a text to label"]

    button(page, "negative").click()
    redraw(page, "audit")

    assert api.received[-1] == ("/feedback", {"prediction_id": "id-1", "true_sentiment": "negative"})


def test_a_label_for_the_audit_sample_is_not_taken_for_one_of_the_tried_sentence(page_with_api, log):
    page = audited(page_with_api, log)
    predict(page, "a wonderful film")
    button(run(page), "negative").click()
    redraw(page, "audit")

    redraw(page, "try")
    assert "Thank you" not in said(page)
    assert button(page, "Right: positive")


def test_a_label_for_the_audit_sample_that_is_refused_says_so_in_the_words_of_the_api(page_with_api, log, api):
    api.replies["/feedback"] = (503, {"detail": "The log cannot be written."})
    page = audited(page_with_api, log)
    button(page, "negative").click()

    assert said(redraw(page, "audit"), "error").count("The log cannot be written.") == 1
    assert "The log cannot be written." not in said(redraw(page, "audit"), "error")


def test_when_all_of_the_audit_sample_has_labels_nothing_is_offered(page_with_api, log):
    page = audited(page_with_api, log)
    append(log.with_name("feedback_logs.json"), feedback("id-1", "negative"))
    look(page, "audit")

    assert "Sampled predictions in this selection: 1. Labelled: 1." in said(page, "caption")
    assert not [found for found in page.button if found.label in ("negative", "positive")]


def test_an_audited_answer_without_a_character_can_be_labelled(page_with_api, log, api):
    page = audited(page_with_api, log, predicted_sentiment="")
    button(page, "(empty)").click()
    redraw(page, "audit")

    assert api.received[-1] == ("/feedback", {"prediction_id": "id-1", "true_sentiment": ""})


# A log without texts (LOG_TEXT=hashed)


def test_the_charts_of_a_log_without_texts_stand(page, log):
    log_without_texts(log, 80)

    run(page)

    assert {"lengths", "vocabulary", "labels", "confidence"} <= set(charts(page))
    assert tiles(page)["Requests"][0] == "80"
    assert "Median 4 words" in said(page, "caption")
    assert "The log does not have the latest texts (LOG_TEXT=hashed), so their words cannot be compared." in said(
        page, "caption"
    )
    assert "No word occurs in significantly more" not in said(page, "caption")


def test_a_log_of_which_only_the_later_part_has_no_texts_is_shown_as_one(page, log):
    texts = [f"The quokka number {number} was tired." for number in range(100)]
    append(log, *(prediction(timestamp=ago(minutes=9), request_text=text, prediction_id=text) for text in texts))
    log_without_texts(log, 60)

    run(page)

    assert tiles(page)["Requests"][0] == "160"
    assert "quokka" in [row["word"] for row in table(page, "moved_words")]
    assert "The log does not have the latest texts" in said(page, "caption")


def test_an_audited_answer_whose_text_is_left_out_is_named_by_its_id(page_with_api, log, api):
    page = audited(page_with_api, log, **LEFT_OUT)

    assert component(page, "audit_text")["pieces"] == ["(not in the log: 4 words)"]
    assert "Ask the client that sent the request: its prediction_id is id-1." in said(page, "caption")
    button(page, "negative").click()
    redraw(page, "audit")
    assert api.received[-1] == ("/feedback", {"prediction_id": "id-1", "true_sentiment": "negative"})


def log_without_texts(log: Path, n: int) -> None:
    own = [LEFT_OUT | {"text_hash": f"{number:032x}", "prediction_id": f"{number}"} for number in range(n)]
    append(log, *(prediction(timestamp=ago(minutes=1), **fields) for fields in own))

"""The requests on the page, how they are found, and the one that is open: run as Streamlit runs it."""

import csv
import io
import json
import re
from datetime import datetime

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

from monitoring.page.sections.requests import CLIPPED
from monitoring.page.session import ROWS
from tests.monitoring.conftest import LEFT_OUT, FakeApi, append, at, feedback
from tests.monitoring.pages import (
    NASTY,
    ago,
    alerts_of,
    another_session,
    as_written,
    button,
    click,
    component,
    labelled,
    look,
    open_text,
    predict,
    prediction,
    redraw,
    requests,
    run,
    said,
    selected_text,
    shown_texts,
    table,
    tell,
    told,
    unescaped,
    unseen_page,
)

KINDS_OF_TEXT = [
    NASTY,
    "\u202eRTL\u202c \u200f\u05d0",
    "👩\u200d👩\u200d👧 🎬",
    "a\x00b\x1b[31mc\x7f\r\n\t",
    "x" * 20_000,
    "\u2028\x85",
    "",
    "2026-99-99 99:99 UTC",
]


@pytest.fixture
def page(log, monkeypatch) -> AppTest:
    """The page on an empty folder and without an API, before it is first looked at."""
    return unseen_page(log, monkeypatch, is_compared=False)


@pytest.fixture
def page_with_api(log, monkeypatch, api: FakeApi) -> AppTest:
    return unseen_page(log, monkeypatch, api.url, is_compared=False)


# The table and its filters


@pytest.fixture
def filtered(page, log) -> AppTest:
    """The page after a first look at four requests."""
    append(
        log,
        prediction(request_text="Good film", true_sentiment="positive"),
        prediction(request_text="good actors", true_sentiment="negative", confidence=0.6),
        prediction(request_text="bad film", predicted_sentiment="negative", true_sentiment="negative"),
        prediction(request_text="(bad.*)", predicted_sentiment="negative", timestamp=at(60)),
    )
    return run(page)


def test_a_row_says_when_what_was_answered_and_whether_that_was_right(filtered):
    assert requests(filtered)[2] == {
        "key": "1",
        "time": "2026-11-23 12:00:00 UTC",
        "text": "good actors",
        "predicted": "positive",
        "true": "negative",
        "outcome": "wrong",
        "confidence": 0.6,
        "version": requests(filtered)[0]["version"],
    }


def test_without_a_filter_the_newest_request_comes_first(filtered):
    assert shown_texts(filtered) == ["(bad.*)", "bad film", "good actors", "Good film"]
    assert "The newest 4 of 4 requests that match, of 4." in said(filtered, "caption")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("GOOD", ["good actors", "Good film"]), (".*", ["(bad.*)"]), ("none", [])],
)
def test_requests_are_found_by_a_part_of_their_text(filtered, wanted, expected):
    filtered.text_input(key="text").set_value(wanted)

    assert shown_texts(redraw(filtered, "requests")) == expected
    found = "1 request" if len(expected) == 1 else f"{len(expected)} requests"
    assert f"{found} with these words, of 4." in said(filtered, "caption")


def test_requests_are_found_by_their_answer(filtered):
    filtered.multiselect(key="predicted").set_value(["negative"])

    assert shown_texts(redraw(filtered, "requests")) == ["(bad.*)", "bad film"]
    assert "The newest 2 of 2 requests that match, of 4." in said(filtered, "caption")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["right"], ["bad film", "Good film"]),
        (["wrong", "no label"], ["(bad.*)", "good actors"]),
    ],
)
def test_requests_are_found_by_whether_the_answer_was_right(filtered, outcomes, expected):
    filtered.multiselect(key="outcome").set_value(outcomes)

    assert shown_texts(redraw(filtered, "requests")) == expected


def test_requests_are_found_by_their_confidence_and_their_time(filtered):
    filtered.slider(key="confidence_range").set_value((0.5, 0.7))
    assert shown_texts(redraw(filtered, "requests")) == ["good actors"]

    filtered.slider(key="confidence_range").set_value((0.0, 1.0))
    filtered.datetime_input(key="from").set_value(datetime(2026, 11, 23, 12, 30))
    assert shown_texts(redraw(filtered, "requests")) == ["(bad.*)"]


def test_times_in_filters_are_those_of_the_zone_of_the_browser(page, log):
    append(log, prediction(request_text="noon in London"), prediction(request_text="one", timestamp=at(60)))
    page.context["timezone"] = "Asia/Tokyo"
    page.query_params["from"] = "2026-11-23T21:30"

    assert shown_texts(run(page)) == ["one"]


def test_filters_are_joined(filtered):
    filtered.text_input(key="text").set_value("film")
    filtered.multiselect(key="outcome").set_value(["right"])
    filtered.multiselect(key="predicted").set_value(["negative"])

    assert shown_texts(redraw(filtered, "requests")) == ["bad film"]


def test_filters_can_stand_in_the_address_and_a_range_either_way_round(page, log):
    append(log, prediction(request_text="sure", confidence=0.9), prediction(request_text="unsure", confidence=0.6))
    page.query_params.update({"confidence_range": ["0.7", "0.5"], "text": "URE", "outcome": "no label"})

    assert shown_texts(run(page)) == ["unsure"]


def test_a_filter_stays_while_a_time_range_without_requests_is_selected(filtered):
    filtered.text_input(key="text").set_value("bad")
    run(filtered).button_group(key="range").set_value("15 min")
    assert "No requests match the selection, time range 15 min" in told(run(filtered))

    filtered.button_group(key="range").set_value("all")

    assert shown_texts(run(filtered)) == ["(bad.*)", "bad film"]


def test_a_filter_stays_when_new_requests_come(filtered, log):
    filtered.multiselect(key="predicted").set_value(["negative"])
    redraw(filtered, "requests")
    append(log, prediction(request_text="a new label", predicted_sentiment="neutral", timestamp=at(61)))
    append(log, prediction(request_text="awful", predicted_sentiment="negative", timestamp=at(62)))

    assert shown_texts(look(filtered, "requests")) == ["awful", "(bad.*)", "bad film"]
    assert filtered.multiselect(key="predicted").value == ["negative"]


def test_a_filter_stays_when_the_time_range_no_longer_has_its_label(filtered, log):
    append(log, prediction(request_text="recent", timestamp=ago()))
    filtered.multiselect(key="predicted").set_value(["negative"])
    run(filtered).button_group(key="range").set_value("1 h")

    assert shown_texts(run(filtered)) == []
    assert filtered.multiselect(key="predicted").value == ["negative"]


def test_only_the_newest_requests_are_listed_and_more_when_they_are_asked_for(page, log):
    append(log, *(prediction(request_text=f"text {n}") for n in range(2 * ROWS + 1)))

    run(page)
    assert shown_texts(page)[:2] == [f"text {2 * ROWS}", f"text {2 * ROWS - 1}"]
    assert len(shown_texts(page)) == ROWS
    assert f"The newest {ROWS} of {2 * ROWS + 1} requests that match, of {2 * ROWS + 1}." in said(page, "caption")

    for _ in range(2):
        button(page, "Show more").click()
        redraw(page, "requests")
    assert len(shown_texts(page)) == 2 * ROWS + 1
    assert not [found for found in page.button if found.label == "Show more"]


def test_texts_from_outside_are_never_read_as_markdown_or_html(page, log):
    nasty = {"request_text": NASTY, "predicted_sentiment": NASTY, "model_version": NASTY, "prediction_id": NASTY}
    append(log, *labelled(30, 30, **nasty, true_sentiment=NASTY), prediction(**nasty, audit=True))

    page = tell(run(page), "requests", "requests", "chosen", "0")
    run(page)

    assert set(shown_texts(page)) == {NASTY}
    assert open_text(page) == NASTY
    assert [row["label"] for row in table(page, "quality")] == [NASTY]
    assert f"Every selected prediction is {NASTY}." in said(page, "caption")
    assert f"Predicted **{NASTY}** with confidence 0.900" in said(page, "markdown")
    assert {NASTY, f"Right: {NASTY}"} < {unescaped(found.label) for found in page.button}
    assert NASTY in page.multiselect(key="segment_labels").options  # which Streamlit shows as they are
    assert not re.search(r"(?<!\\)(<script|!\[x|:red|\$z)|\*\*bold", as_written(page))
    assert len(page.get("html")) == 1  # the style of the page


def test_the_text_of_a_request_is_in_the_table_alone(page, log):
    append(log, prediction(request_text=NASTY))

    run(page)

    assert shown_texts(page) == [NASTY]
    assert "script" not in said(page)


def test_the_table_has_the_beginning_of_a_long_text_and_the_open_request_all_of_it(page, log):
    append(log, prediction(request_text="ab" * 10_000))

    run(page)
    assert shown_texts(page) == ["ab" * (CLIPPED // 2)]

    assert open_text(click(page, shown_texts(page)[0])) == "ab" * 10_000


# The request that is open


def coloured_words(page: AppTest) -> dict[str, tuple[str, str]]:
    pieces = [piece for piece in component(page, "coloured_text")["pieces"] if isinstance(piece, list)]
    return {text: (side, figure) for text, side, _, figure in pieces if side}


def asked_to_explain(api: FakeApi) -> list[str]:
    return [body["text"] for path, body in api.received if path == "/explain"]


@pytest.fixture
def three(page_with_api: AppTest, log) -> AppTest:
    """The page with three requests, of which the API explains the second, before it is first looked at."""
    append(
        log,
        prediction(prediction_id="1", request_text="first"),
        prediction(prediction_id="2", model_version="0123456789ab"),
        prediction(prediction_id="3", request_text="third"),
    )
    return page_with_api


def opened(page: AppTest) -> AppTest:
    return click(run(page), "a wonderful film")


def test_without_a_click_no_request_is_open_and_none_explained(three, api):
    page = run(three)

    assert (open_text(page), selected_text(page)) == (None, None)
    assert asked_to_explain(api) == []


def test_a_request_that_is_clicked_is_shown_with_its_answer_and_its_words_coloured(three, api):
    page = opened(three)

    assert (open_text(page), selected_text(page)) == ("a wonderful film", "a wonderful film")
    assert coloured_words(page) == {"wonderful": ("for", "+2.00"), "film": ("against", "-0.75")}
    assert component(page, "coloured_text")["sides"] == {"for": "for positive", "against": "for negative"}
    assert "Predicted **positive** with confidence 0.900; the true label is not known." in said(page, "markdown")
    assert component(page, "coloured_text")["origin"] == (
        "At 2026-11-23 12:00:00 UTC, by model version 0123456789ab. Its prediction_id is 2."
    )
    assert alerts_of(page, "explanation_alert") == ""
    assert asked_to_explain(api) == ["a wonderful film"]


def test_the_strongest_terms_stand_in_a_table_with_what_they_speak_for(three):
    terms = component(opened(three), "coloured_text")["terms"]

    assert [(text, figure, side) for text, side, _, figure in terms] == [
        ("wonderful", "+2.00", "for"),
        ("film", "-0.75", "against"),
    ]


def test_probabilities_are_told_where_the_api_gives_them(three, api):
    api.replies["/explain"][1]["probabilities"] = {"negative": 0.1875, "positive": 0.8125}

    assert "Probabilities: positive 0.812, negative 0.188." in said(opened(three), "caption")


def test_new_requests_change_neither_the_open_one_nor_its_mark_and_it_is_explained_once(three, log, api):
    page = opened(three)
    append(log, prediction(prediction_id="4"), prediction(prediction_id="5", request_text="fifth"))

    look(page, "requests")

    assert open_text(page) == "a wonderful film"
    assert shown_texts(page) == ["fifth", "a wonderful film", "third", "a wonderful film", "first"]
    assert component(page, "requests")["selected"] == requests(page)[3]["key"]
    assert asked_to_explain(api) == ["a wonderful film"]


def test_a_filter_hides_the_mark_but_not_the_request_and_its_end_brings_the_mark_back(three):
    page = opened(three)
    page.text_input(key="text").set_value("first")
    assert shown_texts(redraw(page, "requests")) == ["first"]
    assert (open_text(page), selected_text(page)) == ("a wonderful film", None)

    page.text_input(key="text").set_value("")

    assert (open_text(redraw(page, "requests")), selected_text(page)) == ("a wonderful film", "a wonderful film")


def test_the_open_request_stays_while_a_time_range_without_requests_is_selected(three):
    page = run(opened(three))
    page.button_group(key="range").set_value("15 min")
    assert "No requests match the selection, time range 15 min" in told(run(page), "unknown")
    assert open_text(page) == "a wonderful film"

    page.button_group(key="range").set_value("all")

    assert (open_text(run(page)), selected_text(page)) == ("a wonderful film", "a wonderful film")


def test_a_closed_request_is_gone_and_so_is_its_mark(three):
    page = opened(three)

    button(page, "Close").click()

    for _ in range(2):
        assert (open_text(redraw(page, "requests")), selected_text(page)) == (None, None)
    assert "request" not in page.query_params


def test_a_second_click_closes_the_request(three):
    page = click(opened(three), "a wonderful film")

    assert (open_text(page), selected_text(page)) == (None, None)


def test_a_click_on_another_request_shows_that_one(three):
    page = click(opened(three), "first")

    assert (open_text(page), selected_text(page)) == ("first", "first")


def test_the_open_request_stands_in_the_address_which_opens_it_elsewhere(three):
    page = opened(three)
    assert page.query_params["request"] == "2"

    other = another_session()
    other.query_params["request"] = "2"

    assert open_text(run(other)) == "a wonderful film"
    assert open_text(click(other, "first")) == "first"


def test_an_address_of_a_request_that_the_log_does_not_have_opens_none(three):
    three.query_params["request"] = "unheard of"

    page = run(three)

    assert open_text(page) is None
    assert "request" not in page.query_params


def test_of_two_browsers_each_opens_its_own(three):
    one, other = opened(three), click(run(another_session()), "third")

    assert (open_text(one), open_text(other)) == ("a wonderful film", "third")


def test_a_label_that_comes_later_shows_with_the_open_request(three, log):
    page = opened(three)
    append(log.with_name("feedback_logs.json"), feedback("2", "negative"))

    assert "the true label is **negative**." in said(look(page, "requests"), "markdown")
    assert requests(page)[1]["outcome"] == "wrong"


def test_a_label_can_be_given_to_the_open_request(three, api):
    page = opened(three)

    button(page, "Wrong: it is negative").click()
    redraw(page, "requests")

    assert api.received[-1] == ("/feedback", {"prediction_id": "2", "true_sentiment": "negative"})


def test_a_label_that_the_api_refuses_is_said_once_and_beside_the_open_request(three, api):
    api.replies["/feedback"] = (404, {"detail": "No prediction has this id."})
    page = opened(three)

    button(page, "Right: positive").click()

    assert said(redraw(page, "requests"), "error").count("No prediction has this id.") == 1
    assert "No prediction has this id." not in said(redraw(page, "requests"), "error")


def test_another_log_takes_the_mark_away_but_not_the_open_request(three, log):
    page = opened(three)
    log.unlink()
    append(log, *(prediction(prediction_id=f"new {n}", request_text=f"new {n}") for n in range(2)))

    look(page, "requests")

    assert shown_texts(page) == ["new 1", "new 0"]
    assert (open_text(page), selected_text(page)) == ("a wonderful film", None)
    button(page, "Close").click()
    assert open_text(redraw(page, "requests")) is None


def test_the_mark_finds_the_open_request_wherever_the_log_has_it_now(three, log):
    page = opened(three)
    append(log.with_name("prediction_logs-0.json"), prediction(prediction_id="0", request_text="zeroth"))
    copy = log.with_suffix(".new")
    copy.write_bytes(log.read_bytes())
    copy.replace(log)  # another file, so that all is read again, in another order

    look(page, "requests")

    assert [row["key"] for row in requests(page)] == ["3", "2", "1", "0"]
    assert shown_texts(page) == ["third", "a wonderful film", "first", "zeroth"]
    assert (open_text(page), selected_text(page)) == ("a wonderful film", "a wonderful film")


def test_a_click_on_a_request_that_the_log_has_no_more_opens_none(three, log):
    page = run(three)
    log.unlink()
    append(log, prediction(request_text="the only one"))
    clicked = component(page, "requests")["rows"][0]["key"]

    look(page, "requests")
    tell(page, "requests", "requests", "chosen", clicked)

    assert open_text(page) is None
    assert shown_texts(page) == ["the only one"]


def test_an_old_line_with_only_the_four_promised_fields_is_shown_and_explained(page_with_api, log, api):
    line = {"timestamp": ago(days=1), "request_text": "a wonderful film", "predicted_sentiment": "positive"}
    append(log, json.dumps(line).encode() + b"\n")

    page = opened(page_with_api)

    assert coloured_words(page) == {"wonderful": ("for", "+2.00"), "film": ("against", "-0.75")}
    assert "Predicted **positive**; the true label is not known." in said(page, "markdown")
    assert component(page, "coloured_text")["origin"].endswith("by an unnamed model version.")
    assert "It has no prediction_id in the log, so it cannot be labelled." in said(page, "caption")
    assert alerts_of(page, "explanation_alert") == ""
    assert selected_text(look(page, "requests")) == "a wonderful film"


def test_another_model_than_the_one_that_answered_is_said(page_with_api, log):
    append(log, prediction(model_version="old", predicted_sentiment="negative"))

    page = opened(page_with_api)

    assert (
        "Explained by version 0123456789ab, which predicts positive. The logged prediction is that of version old."
    ) in alerts_of(page, "explanation_alert")


def test_without_the_api_an_open_request_is_shown_uncoloured_with_the_reason(page, log):
    append(log, prediction())

    opened(page)

    assert (open_text(page), coloured_words(page)) == ("a wonderful film", {})
    assert "Predicted **positive** with confidence 0.900" in said(page, "markdown")
    assert "No explanation. The API does not answer at http://127.0.0.1:" in alerts_of(page, "explanation_alert")


def test_a_model_that_cannot_be_explained_is_said_in_the_words_of_the_api(three, api):
    api.replies["/explain"] = (409, {"detail": "The model has no exact explanation."})

    page = opened(three)

    assert "No explanation. The model has no exact explanation." in alerts_of(page, "explanation_alert")
    assert (open_text(page), coloured_words(page)) == ("a wonderful film", {})


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"terms": None},
        {"tokens": [{"start": 0, "end": 99, "contribution": 1}]},
        {"probabilities": "high"},
    ],
)
def test_an_explanation_that_is_none_is_a_sentence(three, api, nonsense):
    api.replies["/explain"] = (200, nonsense and api.replies["/explain"][1] | nonsense)

    assert "sent an invalid explanation" in alerts_of(opened(three), "explanation_alert")


def test_an_explanation_without_places_shows_its_terms(three, api):
    api.replies["/explain"][1]["tokens"] = []

    page = opened(three)

    assert coloured_words(page) == {}
    assert [text for text, *_ in component(page, "coloured_text")["terms"]] == ["wonderful", "film"]
    assert "The positions of these terms in the text are not known" in said(page, "caption")


def test_a_text_without_a_known_word_is_said_to_be_so(three, api):
    api.replies["/explain"][1].update(tokens=[], terms=[])

    assert "The model knows no word of this text" in said(opened(three), "caption")


@pytest.mark.parametrize("labels", [None, "ab", ["negative", "neutral", "positive"]])
def test_without_exactly_two_labels_in_the_card_words_speak_for_or_against_one(three, api, labels):
    api.replies["/model"] = (200, {"model_version": "1", "labels": labels})

    page = opened(three)

    assert component(page, "coloured_text")["sides"] == {"for": "for positive", "against": "against positive"}


def test_labels_that_are_like_names_of_buttons_do_not_break_the_page(page_with_api, log, api):
    api.replies["/model"] = (200, {"labels": ["answer-a", "request-a", "a", "a"]})
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "request-a", "confidence": 1})
    append(log, prediction(predicted_sentiment="answer-a", audit=True))
    page = predict(run(opened(page_with_api)), "one")

    run(page)

    assert [found.label for found in page.button if "Right" in found.label] == [
        r"Right: answer\-a",
        r"Right: request\-a",
    ]


@pytest.mark.parametrize("text", KINDS_OF_TEXT, ids=lambda text: repr(text[:10]))
def test_a_text_of_any_kind_is_shown_as_it_is(page, log, text):
    append(log, prediction(request_text=text))

    page = click(run(page), text[:CLIPPED])

    assert open_text(page) == text
    assert not re.search(r"(?<!\\)(<script|!\[x|:red|\$z)|\*\*bold", as_written(page))


# Files to download, which Streamlit makes outside of any session when a button is clicked


@pytest.fixture
def files(monkeypatch):
    """What Streamlit keeps to be called when a button is clicked, by the name of the file."""
    kept = {}
    add = MediaFileManager.add_deferred

    def keep(self, make, mimetype, coordinates, file_name=None, **others):
        kept[file_name] = make
        return add(self, make, mimetype, coordinates, file_name, **others)

    monkeypatch.setattr(MediaFileManager, "add_deferred", keep)
    return kept


def test_what_passes_the_filters_can_be_downloaded_all_of_it(page, log, files):
    append(log, *(prediction(request_text=f"film {n}") for n in range(2 * ROWS)), prediction(request_text="a book"))
    page.query_params["text"] = "film"

    run(page)
    rows = list(csv.DictReader(io.StringIO(files["requests.csv"](), newline="")))

    assert [row["request_text"] for row in rows] == [f"film {n}" for n in reversed(range(2 * ROWS))]


def test_the_analysis_can_be_downloaded_as_it_is_when_the_button_is_clicked(page, log, files):
    append(log, *labelled(2, 0))
    run(page)
    assert "2 requests" in files["sentiment-monitor.html"]()

    append(log, *labelled(3, 0))
    kept = dict(files)
    run(page)

    assert json.loads(files["sentiment-monitor.json"]())["requests"] == 5
    assert json.loads(kept["sentiment-monitor.json"]())["requests"] == 2


# Texts that are left out of the log (LOG_TEXT=hashed)


def test_a_request_without_its_text_is_listed_and_opened_and_nothing_is_asked_about_it(page_with_api, log, api):
    page = page_with_api
    append(log, prediction(**LEFT_OUT), prediction(request_text="good film", timestamp=at(1), prediction_id="id-2"))
    run(page)
    assert shown_texts(page) == ["good film", "(not in the log: 4 words)"]
    assert "The log does not have the texts of 1 of these (LOG_TEXT=hashed), so no words" in said(page, "caption")

    click(page, "(not in the log: 4 words)")

    assert open_text(page) == "(not in the log: 4 words)"
    assert "No explanation. The log does not have the text (LOG_TEXT=hashed)" in alerts_of(page, "explanation_alert")
    assert not [path for path, _ in api.received if path == "/explain"]
    button(page, "Wrong: it is negative").click()
    redraw(page, "requests")
    assert api.received[-1] == ("/feedback", {"prediction_id": "id-1", "true_sentiment": "negative"})


def test_words_are_searched_in_those_texts_that_are_there(page, log):
    append(log, *(prediction(**LEFT_OUT) for _ in range(3)), prediction(request_text="good film", timestamp=at(1)))
    run(page).text_input(key="text").set_value("good")

    assert shown_texts(redraw(page, "requests")) == ["good film"]
    assert "The log does not have the texts of 3 of these" in said(page, "caption")

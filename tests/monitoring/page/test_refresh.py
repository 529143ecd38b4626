"""What of the page is drawn again when the time has come to look: no more than has changed, and nothing ends it."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from monitoring.page.redraw import ENOUGH_SECONDS, Content, Drawn, is_old
from monitoring.page.sources import Seen
from tests.conftest import wait_until
from tests.monitoring.conftest import FakeApi, append, feedback
from tests.monitoring.pages import (
    ago,
    button,
    component,
    drawn,
    labelled,
    listeners,
    look,
    predict,
    prediction,
    redraw,
    run,
    said,
    scripted,
    shown_texts,
    tick,
    told,
    unseen_page,
)

CHARTS = ["quality", "data_drift", "target_drift", "versions"]
SECTIONS = ["verdict", "selection", "tiles", *CHARTS, "requests", "audit", "try", "api", "export"]


@pytest.fixture
def page(log, monkeypatch) -> AppTest:
    """The page on an empty folder and without an API, before it is first looked at."""
    return unseen_page(log, monkeypatch, is_compared=False)


@pytest.fixture
def page_with_api(log, monkeypatch, api: FakeApi) -> AppTest:
    page = unseen_page(log, monkeypatch, api.url, is_compared=False)
    monkeypatch.setenv("REFRESH_SECONDS", "0.5")
    return page


# What is old


def growing(requests: int, levels: object = "ok") -> Content:
    return Content(levels, requests, object())


def test_what_has_not_changed_is_not_drawn_again_however_old_it_is():
    content = growing(100)

    assert not is_old(Drawn(content, 0), content, 10 * ENOUGH_SECONDS)
    assert not is_old(Drawn(Content("same"), 0), Content("same"), 10 * ENOUGH_SECONDS)
    assert not is_old(Drawn(Content(None), 0), Content(None), 10 * ENOUGH_SECONDS)


def test_every_change_of_what_does_not_only_grow_is_drawn_at_once():
    assert is_old(Drawn(Content("before"), 0), Content("after"), 0)
    assert is_old(Drawn(Content(None), 0), Content(""), 0)


@pytest.mark.parametrize(
    ("before", "now", "seconds", "old"),
    [
        (1000, 1009, 0, False),
        (1000, 1010, 0, True),
        (1000, 1001, ENOUGH_SECONDS, False),
        (1000, 1001, ENOUGH_SECONDS + 0.1, True),
        (1000, 1000, 0, False),
        (1000, 1000, ENOUGH_SECONDS + 0.1, True),
        (1000, 991, 0, False),
        (1000, 990, 0, True),
        (1, 2, 0, True),
        (99, 100, 0, True),
    ],
)
def test_charts_are_drawn_again_with_a_hundredth_more_or_less_or_after_a_while(before, now, seconds, old):
    """1,000 requests and as many later may be others: those of a range of time that moves, or with a label more."""
    assert is_old(Drawn(growing(before), 100), growing(now), 100 + seconds) is old


def test_an_alarm_is_drawn_at_once():
    assert is_old(Drawn(growing(1000, [("accuracy", "ok")]), 0), growing(1000, [("accuracy", "alert")]), 0)


def test_charts_come_and_go_at_once():
    assert is_old(Drawn(Content(None), 0), growing(0, None), 0)
    assert is_old(Drawn(growing(0, None), 0), Content(None), 0)


# What is asked for


def test_what_can_be_read_is_asked_for_before_what_takes_the_browser_long_to_draw(page, log):
    append(log, prediction())

    run(page)

    slow = ["quality", "data_drift", "target_drift"]
    by_place = sorted(listeners(page), key=lambda listener: listener["place"])
    assert [of["name"] for of in by_place] == [*(name for name in SECTIONS if name not in slow), *slow]
    assert [of["place"] for of in by_place] == list(range(len(SECTIONS)))


def test_the_page_has_all_its_sections_once_and_asks_at_the_interval_that_is_set(page, log, monkeypatch):
    monkeypatch.setenv("REFRESH_SECONDS", "7")
    append(log, prediction())

    run(page)

    assert drawn(page) == dict.fromkeys(SECTIONS, 1)
    assert component(page, "pulse")["every"] == 7


def test_while_nothing_happens_nothing_is_drawn_again(page, log):
    append(log, *labelled(200, 0))
    shown = drawn(run(page))

    assert [tick(page, shown) for _ in range(3)] == [[], [], []]


def test_a_new_request_among_many_is_shown_at_once_and_the_charts_follow(page, log):
    append(log, *labelled(200, 0))
    shown = drawn(run(page))

    append(log, prediction(request_text="new", prediction_id="new 1", timestamp=ago()))
    assert [name for name in tick(page, shown) if name != "verdict"] == ["tiles", "requests"]
    append(log, prediction(request_text="newer", prediction_id="new 2", timestamp=ago()))
    assert [name for name in tick(page, shown) if name != "verdict"] == ["tiles", *CHARTS, "requests"]
    assert tick(page, shown) == []

    assert shown_texts(redraw(page, "requests"))[:2] == ["newer", "new"]


def test_the_first_request_brings_the_page_to_life(page, log):
    shown = drawn(run(page))

    append(log, prediction(request_text="the very first"))
    asked = tick(page, shown)

    assert asked == ["verdict", "selection", "tiles", *CHARTS, "requests", "audit", "export"]
    assert shown_texts(redraw(page, "requests")) == ["the very first"]


def test_a_label_that_comes_later_changes_what_shows_it(page, log):
    append(log, *labelled(200, 0, true_sentiment=None), prediction(prediction_id="a", audit=True, timestamp=ago()))
    shown = drawn(run(page))

    append(log.with_name("feedback_logs.json"), feedback("a", "positive"))

    assert tick(page, shown) == ["verdict", "tiles", "requests", "audit"]


def test_a_new_label_and_a_new_version_can_be_selected(page, log):
    append(log, prediction())
    shown = drawn(run(page))

    append(log, prediction(predicted_sentiment="neutral", model_version="v2"))

    assert "selection" in tick(page, shown)
    redraw(page, "selection")
    assert page.multiselect(key="segment_labels").options == ["neutral", "positive"]
    assert "v2" in page.multiselect(key="segment_versions").options


def test_a_log_that_can_no_longer_be_read_is_said_and_its_return_shown(page, log):
    append(log, prediction(request_text="before"))
    shown = drawn(run(page))
    away = log.rename(log.with_name("away"))
    log.mkdir()

    assert {"verdict", "tiles", "requests", "export"} <= set(tick(page, shown))
    assert "The log cannot be read. Is a directory" in told(redraw(page, "verdict"))
    assert shown_texts(redraw(page, "requests")) == []

    log.rmdir()
    away.rename(log)
    shown |= {"verdict": shown["verdict"] + 1, "requests": shown["requests"] + 1}
    assert {"verdict", "tiles", "requests", "export"} <= set(tick(page, shown))
    assert shown_texts(redraw(page, "requests")) == ["before"]


def test_an_api_that_goes_down_changes_the_verdict_and_its_own_section_and_nothing_else(page_with_api, api, log):
    append(log, *labelled(200, 0))
    shown = drawn(run(page_with_api))

    api.replies["/readyz"] = (503, {"detail": "Down."})
    asked = wait_until(lambda: tick(page_with_api, shown), "the page has noticed")

    assert asked == ["verdict", "api"]


def test_labels_of_the_api_that_are_known_only_later_are_offered_then(page_with_api, api, log):
    ready, api.replies["/readyz"] = api.replies["/readyz"], (503, {"detail": "Starting."})
    append(log, prediction(prediction_id="id-1", audit=True))
    shown = drawn(run(page_with_api))
    assert [found.label for found in redraw(page_with_api, "audit").button] == ["positive"]

    api.replies["/readyz"] = ready
    shown["audit"] += 1
    asked = wait_until(lambda: tick(page_with_api, shown), "the page has noticed")

    assert asked == ["verdict", "audit", "try", "api"]
    assert [found.label for found in redraw(page_with_api, "audit").button] == ["negative", "positive"]


def test_a_refresh_leaves_what_was_tried_and_what_is_being_typed(page_with_api, api, log):
    append(log, prediction())
    page = predict(run(page_with_api), "one")
    append(log, prediction(request_text="new"))

    look(page, "requests")
    redraw(page, "try")

    assert "Was that right?" in said(page, "markdown")
    assert page.text_area(key="try_text").value == "one"
    button(page, "Right: positive").click()
    assert "Thank you" in said(redraw(page, "try"), "success")


@pytest.mark.parametrize(
    ("levels", "title"),
    [
        ((0, 60), "Accuracy is below 80%: 0.0% · Sentiment monitor"),
        ((200, 0), "Sentence length and predicted sentiment have drifted · Sentiment monitor"),
    ],
)
def test_the_tab_says_the_state_in_a_few_words(page_with_api, log, monkeypatch, levels, title):
    monkeypatch.delenv("REFERENCE_PATH")
    append(log, *labelled(*levels, known_share=None, confidence=None))

    data = component(run(page_with_api), "pulse")

    assert (data["level"], data["title"]) == (component(page_with_api, "verdict")["items"][0]["level"], title)


# What fails


def page_of(read) -> AppTest:
    """The page that reads with `read`, which may fail."""

    def script(read) -> None:
        from functools import partial

        from monitoring.page.layout import Page
        from monitoring.page.sign_in import Visitor
        from monitoring.page.sources import look
        from monitoring.settings import Settings

        Page(Settings(), Visitor(Settings()), partial(look, read=read)).draw()

    return scripted(script, read=read)


def test_a_look_that_fails_is_a_sentence_and_the_page_goes_on_looking():
    looks: Iterator[Seen | None] = iter([Seen(read=0.5), None, Seen(read=0.75)])

    def one_after_another(*_) -> Seen:
        if seen := next(looks):
            return seen
        raise ValueError("no such thing")

    page = run(page_of(one_after_another))
    assert "The log is being read: 50%." in told(page)
    shown = drawn(page)

    wanted = component(redraw(page, "pulse"), "pulse")
    assert (wanted["level"], wanted["title"]) == (
        "alert",
        "This page cannot be updated · Sentiment monitor",
    )
    assert [name for name in wanted["wanted"] if wanted["wanted"][name] > shown[name]] == ["verdict"]

    assert tick(page, shown) == ["verdict"]
    assert "The log is being read: 75%." in told(redraw(page, "verdict"))


def test_the_sentence_says_what_has_failed_and_where_there_is_more(caplog):
    def fail(*_) -> Seen:
        raise ValueError("no such thing")

    page = page_of(fail).run()

    assert not page.exception
    assert "ValueError: no such thing" in caplog.text
    assert component(page, "verdict")["items"] == [
        {
            "level": "alert",
            "title": "This page cannot be updated",
            "lines": ["ValueError: no such thing."],
            "action": "See the log of this service.",
            "link": None,
        }
    ]
    assert "Try a sentence" in [header.value for header in page.header]


def test_a_section_that_fails_takes_no_other_away(page_with_api, api, log):
    api.replies["/predict"] = (200, {"prediction_id": "id", "predicted_sentiment": "1", "confidence": 10**400})
    append(log, prediction())
    page = run(page_with_api)
    page.text_area(key="try_text").set_value("So so")
    button(page, "Predict").click()

    page.run()

    assert not page.exception
    assert said(page, "error").startswith("This part of the page cannot be drawn. OverflowError: ")
    assert drawn(page) == dict.fromkeys(SECTIONS, 1)
    assert shown_texts(page) == ["a wonderful film"]

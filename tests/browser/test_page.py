"""The page in a real Chromium, over both real services."""

import pytest
from playwright.sync_api import expect

from tests.conftest import get, post, read_lines

pytestmark = pytest.mark.browser
WITHIN_5_SECONDS = 5_000


@pytest.fixture
def api(start_api):
    return start_api()


@pytest.fixture
def opened(page, api, start_dashboard):
    page.goto(start_dashboard(api, MIN_LABELS="5"))
    expect(page.get_by_text("The log is empty.")).to_be_visible(timeout=30_000)
    return page


def label_answers(api, right: int, wrong: int) -> None:
    for number in range(right + wrong):
        true = "positive" if number < right else "negative"
        post(api.url + "/predict", {"text": f"an amazing delight, number {number}", "true_sentiment": true})


def test_a_request_shows_within_5_seconds_without_touching_the_page(opened, api):
    post(api.url + "/predict", {"text": "The movie was amazing!", "true_sentiment": "positive"})

    expect(opened.get_by_text("The newest 1 of 1 requests")).to_be_visible(timeout=WITHIN_5_SECONDS)
    expect(opened.get_by_text("Not enough labels yet")).to_be_visible()


def test_the_banner_follows_the_accuracy(opened, api):
    label_answers(api, right=8, wrong=2)
    expect(opened.get_by_text("Accuracy is not below 80%")).to_be_visible(timeout=WITHIN_5_SECONDS)

    label_answers(api, right=0, wrong=1)
    banner = opened.get_by_text("Accuracy is below 80%")
    expect(banner).to_be_visible(timeout=WITHIN_5_SECONDS)
    expect(opened.get_by_role("alert").filter(has=banner)).to_contain_text("72.7% of 11 labelled answers were right")


def test_a_killed_api_is_said_and_so_is_its_return(opened, api, start_api):
    expect(opened.get_by_text("is ready.")).to_be_visible(timeout=WITHIN_5_SECONDS)
    api.stop(9)
    expect(opened.get_by_text("The API is not ready.")).to_be_visible(timeout=WITHIN_5_SECONDS)
    expect(opened.get_by_text("Connection refused")).to_be_visible()

    start_api(port=int(api.url.rsplit(":", 1)[1]))
    expect(opened.get_by_text("is ready.")).to_be_visible(timeout=WITHIN_5_SECONDS)


def test_a_refresh_takes_nothing_away_that_the_user_selected_or_is_typing(opened, api):
    label_answers(api, right=3, wrong=0)
    expect(opened.get_by_text("The newest 3 of 3 requests")).to_be_visible(timeout=WITHIN_5_SECONDS)
    opened.get_by_role("radio", name="24 h").click()
    text_filter = opened.get_by_label("Text contains")
    text_filter.fill("number 1")
    text_filter.press("Enter")
    expect(opened.get_by_text("The newest 1 of 1 requests that match, of 3")).to_be_visible(timeout=WITHIN_5_SECONDS)
    opened.get_by_label("Text", exact=True).fill("half a sent")
    typed = opened.evaluate("window.scrollY")

    label_answers(api, right=2, wrong=0)
    expect(opened.get_by_text("The newest 2 of 2 requests that match, of 5")).to_be_visible(timeout=WITHIN_5_SECONDS)
    expect(text_filter).to_have_value("number 1")
    expect(opened.get_by_label("Text", exact=True)).to_have_value("half a sent")
    expect(opened.get_by_role("radio", name="24 h")).to_be_checked()
    assert opened.evaluate("window.scrollY") == typed


def test_a_tried_sentence_is_answered_and_its_judgement_logged(opened, api):
    opened.get_by_label("Text", exact=True).fill("an amazing delight")
    opened.get_by_role("button", name="Predict").click()
    expect(opened.get_by_text("Was that right?")).to_contain_text("positive")
    opened.get_by_role("button", name="Wrong: it is negative").click()
    expect(opened.get_by_text("Thank you: logged as negative.")).to_be_visible()

    (prediction,) = read_lines(api.log_dir / "prediction_logs.json")
    (feedback,) = read_lines(api.log_dir / "feedback_logs.json")
    assert (prediction["request_text"], feedback["true_sentiment"]) == ("an amazing delight", "negative")
    assert feedback["prediction_id"] == prediction["prediction_id"]
    expect(opened.get_by_text("1 of the 5 labels")).to_be_visible(timeout=WITHIN_5_SECONDS)


def test_text_from_outside_is_neither_html_nor_markdown(opened, api):
    hostile = "<img src=x onerror=document.title='owned'> **bold** ![x](http://127.0.0.1:9/x.png) :red[x] $x$"
    post(api.url + "/predict", {"text": hostile})

    expect(opened.get_by_text("The newest 1 of 1 requests")).to_be_visible(timeout=WITHIN_5_SECONDS)
    assert opened.locator("[data-testid=stMain] img").count() == 0
    assert opened.title() == "Sentiment monitor"


def test_an_unknown_label_in_the_log_is_shown_as_it_is(opened, api):
    (api.log_dir / "prediction_logs.2.json").write_text(
        '{"timestamp": "2026-11-23T08:20:00+00:00", "request_text": "a", "predicted_sentiment": "**so-so** <b>",'
        ' "true_sentiment": null}\n'
    )

    expect(opened.get_by_text("Every selected answer is **so-so** <b>.")).to_be_visible(timeout=WITHIN_5_SECONDS)


def test_the_page_fits_a_telephone(opened, api):
    label_answers(api, right=3, wrong=0)
    opened.set_viewport_size({"width": 400, "height": 800})
    expect(opened.get_by_text("The newest 3 of 3 requests")).to_be_visible(timeout=WITHIN_5_SECONDS)

    assert opened.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_api_documentation_is_served(api):
    assert get(api.url + "/docs")[0] == 200


def test_the_page_works_under_a_base_path(page, api, start_dashboard):
    """As behind an ingress: its websocket and its files are under the path too, and nothing is outside it."""
    url = start_dashboard(api, "/team/sentiment")
    page.goto(url + "/")
    expect(page.get_by_text("The log is empty.")).to_be_visible(timeout=30_000)
    post(api.url + "/predict", {"text": "The movie was amazing!"})

    expect(page.get_by_text("The newest 1 of 1 requests")).to_be_visible(timeout=WITHIN_5_SECONDS)
    assert get(url.removesuffix("/team/sentiment") + "/_stcore/health")[0] == 404

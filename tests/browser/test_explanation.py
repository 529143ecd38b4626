"""One click on a request shows its words coloured, in a real Chromium over both real services."""

import json
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT, post

pytestmark = pytest.mark.browser
SECONDS = 1_000
ROW_HEIGHT = 35
NASTY = 'An amazing <img src=x onerror="document.title=1"> **film** \u202e🎬 <script>document.title=1</script>'


@pytest.fixture
def api(start_api):
    """The API with the model that ships."""
    shipped = {"MODEL_PATH": str(ROOT / "api" / "sentiment_model.pkl")}
    return start_api(**shipped)


@pytest.fixture
def opened(page, api, start_dashboard):
    page.goto(start_dashboard(api))
    expect(page.get_by_text("The log is empty.")).to_be_visible(timeout=30 * SECONDS)
    return page


def ask(opened, api, *texts):
    for text in texts:
        post(api.url + "/predict", {"text": text})
    expect(opened.get_by_text(f"The newest {len(texts)} of {len(texts)} requests")).to_be_visible(timeout=5 * SECONDS)


def tick(opened, row):
    """Click the box at the left of a row, counted from 1 at the top, without waiting for anything."""
    table = opened.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 15, "y": ROW_HEIGHT * row + ROW_HEIGHT // 2})


def test_a_click_on_a_request_colours_its_words_by_what_they_contributed(opened, api):
    ask(opened, api, "The acting was terrible, but the music is wonderful!")
    tick(opened, 1)

    text = opened.get_by_role("region", name="Text of the request")
    expect(text).to_have_text("The acting was terrible, but the music is wonderful!", timeout=5 * SECONDS)
    expect(text.get_by_text("wonderful", exact=True)).to_have_class("for")
    expect(text.get_by_text("terrible", exact=True)).to_have_class("against")
    assert float(text.get_by_text("wonderful", exact=True).get_attribute("title").split(" ")[0]) > 0
    expect(opened.get_by_text("Orange, dotted: for negative")).to_be_visible()
    colours = [
        text.get_by_text(word, exact=True).evaluate("word => getComputedStyle(word).backgroundColor")
        for word in ("wonderful", "terrible")
    ]
    assert len(set(colours)) == 2


def test_the_terms_shown_are_those_of_the_api(opened, api):
    sent = "A wonderful, moving story."
    ask(opened, api, sent)
    tick(opened, 1)

    status, answer = post(api.url + "/explain", {"text": sent})
    assert status == 200
    expect(opened.get_by_role("table").get_by_text(answer["terms"][0]["term"], exact=True)).to_be_visible(
        timeout=5 * SECONDS
    )


def test_a_request_is_shown_as_text_whatever_is_in_it(opened, api):
    title = opened.title()
    ask(opened, api, NASTY)
    tick(opened, 1)

    expect(opened.get_by_role("region", name="Text of the request")).to_have_text(NASTY, timeout=5 * SECONDS)
    assert opened.locator("img[src=x]").count() == 0
    assert opened.title() == title


def test_new_requests_do_not_change_which_one_is_shown_and_close_does(opened, api):
    ask(opened, api, "An awful film.", "A lovely hotel.")
    tick(opened, 2)
    text = opened.get_by_role("region", name="Text of the request")
    expect(text).to_have_text("An awful film.", timeout=5 * SECONDS)

    post(api.url + "/predict", {"text": "A third request."})
    expect(opened.get_by_text("The newest 3 of 3 requests")).to_be_visible(timeout=5 * SECONDS)
    expect(text).to_have_text("An awful film.")

    opened.get_by_role("button", name="Close").click()
    expect(text).to_be_hidden(timeout=5 * SECONDS)


def test_without_the_api_the_request_is_shown_and_why_it_is_not_explained(opened, api):
    ask(opened, api, "An awful film.")
    api.stop(9)
    tick(opened, 1)

    expect(opened.get_by_role("region", name="Text of the request")).to_have_text("An awful film.", timeout=8 * SECONDS)
    expect(opened.get_by_text("No explanation")).to_be_visible()


def test_the_model_card_is_on_the_page(opened, api):
    with urllib.request.urlopen(api.url + "/model") as response:
        card = json.load(response)
    opened.get_by_text("Model card").click()

    table = opened.get_by_role("table")
    expect(table.get_by_text(card["data"]["description"])).to_be_visible(timeout=5 * SECONDS)
    expect(table.get_by_text(f"{card['metrics']['accuracy']['value']:.1%}").first).to_be_visible()
    expect(opened.get_by_text(card["limits"][0])).to_be_visible()

"""One click on a request shows its words coloured, in a real Chromium over both real services."""

import json
import urllib.request

import pytest
from playwright.sync_api import expect

from monitoring.settings import Settings
from tests.conftest import ROOT, post

pytestmark = pytest.mark.browser
SECONDS = 1_000
ROW_HEIGHT = 35
NASTY = 'An amazing <img src=x onerror="document.title=1"> **film** \u202e🎬 <script>document.title=1</script>'
CONTRAST = """word => {
    const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
    const light = colour => colour.slice(0, 3)
        .map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const page = numbers(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
    const [ink, tint] = ["color", "backgroundColor"].map(name => numbers(getComputedStyle(word)[name]));
    const ground = page.map((part, index) => part + (tint[index] - part) * (tint[3] ?? 1));
    const [darker, lighter] = [light(ink), light(ground)].sort((one, other) => one - other);
    return (lighter + 0.05) / (darker + 0.05);
}"""  # WCAG 2.2's contrast ratio of a word to its background, laid over that of the page


@pytest.fixture
def api(start_api):
    """The API with the model that ships."""
    shipped = {"MODEL_PATH": str(ROOT / "api" / "sentiment_model.pkl")}
    return start_api(**shipped)


@pytest.fixture
def opened(page, api, start_dashboard):
    return open_empty(page, start_dashboard(api))


@pytest.fixture
def opened_as_shipped(page, api, start_dashboard):
    """The page as it is without any setting, where the other tests have it refreshed more often."""
    return open_empty(page, start_dashboard(api, REFRESH_SECONDS=str(Settings.refresh_seconds)))


def open_empty(page, url):
    page.goto(url)
    expect(page.get_by_text("The log is empty.")).to_be_visible(timeout=30 * SECONDS)
    return page


def ask(opened, api, *texts):
    """All texts at once, so that the table, which has the last one on top, does not move any more. The browser is given
    the time to read the program that draws charts, which it does once."""
    post(api.url + "/predict/batch", {"items": [{"text": text} for text in texts]})
    expect(opened.get_by_text(f"The newest {len(texts)} of {len(texts)} requests")).to_be_visible(timeout=5 * SECONDS)
    opened.locator(".st-key-confidence .main-svg").first.wait_for(timeout=10 * SECONDS)  # the last one without labels


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


def test_new_requests_take_the_tick_along_and_leave_the_filter(opened, api):
    ask(opened, api, "An awful film.", "A lovely hotel.")
    words = opened.get_by_label("Text contains")
    words.fill("a")
    words.press("Enter")
    tick(opened, 2)
    ticked = opened.locator(".st-key-recent tr[aria-selected=true]")
    expect(ticked).to_contain_text("An awful film.", timeout=5 * SECONDS)

    for number in range(3):
        post(api.url + "/predict", {"text": f"A later request, number {number}."})
        expect(opened.get_by_text(f"The newest {number + 3} of {number + 3} requests")).to_be_visible(
            timeout=5 * SECONDS
        )
        expect(ticked).to_contain_text("An awful film.", timeout=5 * SECONDS)

    expect(ticked).to_have_count(1)
    expect(words).to_have_value("a")


def test_after_a_request_was_closed_the_next_click_opens_another_and_a_later_one_the_same_again(opened, api):
    ask(opened, api, "An awful film.", "A lovely hotel.")
    text = opened.get_by_role("region", name="Text of the request")
    for row, sent in [(1, "A lovely hotel."), (2, "An awful film."), (1, "A lovely hotel.")]:
        tick(opened, row)
        expect(text).to_have_text(sent, timeout=5 * SECONDS)
        opened.get_by_role("button", name="Close").click()
        expect(text).to_be_hidden(timeout=5 * SECONDS)


def test_line_breaks_and_blanks_are_kept(opened, api):
    sent = "  Wonderful:\n\n\tthe film,\nand   the music  "
    ask(opened, api, sent)
    tick(opened, 1)

    text = opened.get_by_role("region", name="Text of the request")
    expect(text).to_be_visible(timeout=5 * SECONDS)
    assert text.evaluate("element => element.textContent") == sent
    assert text.evaluate("element => element.innerText").count("\n") == sent.count("\n")


@pytest.mark.parametrize("text", ["A wonderful film. " * 1111, "wonderful" * 2222], ids=["words", "one word"])
def test_the_longest_text_is_shown_within_2_seconds_and_fits_a_telephone(opened_as_shipped, api, text):
    opened = opened_as_shipped
    opened.set_viewport_size({"width": 400, "height": 800})
    ask(opened, api, text)
    tick(opened, 1)

    region = opened.get_by_role("region", name="Text of the request")
    region.wait_for(timeout=2 * SECONDS)  # looks at every frame, where expect would look at .85 s and then at 1.85 s
    assert region.evaluate("element => element.textContent") == text
    assert region.bounding_box()["height"] < 400
    assert region.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400


def test_no_large_element_is_sent_as_a_reference_to_one_that_the_browser_may_have_forgotten(page, api, start_dashboard):
    """Streamlit does so by default, and a browser that has just forgotten it shows no change any more."""
    sizes = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    page.goto(start_dashboard(api))
    ask(page, api, "A wonderful film. " * 1111)
    tick(page, 1)
    expect(page.get_by_role("region", name="Text of the request")).to_be_visible(timeout=5 * SECONDS)

    sizes.clear()
    page.wait_for_timeout(3 * SECONDS)
    assert sum(size > 100_000 for size in sizes) >= 2


def test_a_refresh_leaves_the_place_to_which_the_user_has_scrolled_in_a_text(opened, api):
    ask(opened, api, "A wonderful film. " * 1111)
    tick(opened, 1)
    text = opened.get_by_role("region", name="Text of the request")
    expect(text).to_be_visible(timeout=5 * SECONDS)
    text.evaluate("element => element.scrollTop = 200")

    post(api.url + "/predict", {"text": "A second request."})
    expect(opened.get_by_text("The newest 2 of 2 requests")).to_be_visible(timeout=5 * SECONDS)
    assert text.evaluate("element => element.scrollTop") == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_coloured_words_can_be_read_in_the_light_and_in_the_dark_theme(opened, api, scheme):
    opened.emulate_media(color_scheme=scheme)
    ask(opened, api, "The acting was terrible, but the music is wonderful!")
    tick(opened, 1)
    text = opened.get_by_role("region", name="Text of the request")
    expect(text).to_be_visible(timeout=5 * SECONDS)

    for word in ("wonderful", "terrible"):
        assert text.get_by_text(word, exact=True).evaluate(CONTRAST) >= 4.5


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

"""One click on a request shows its words coloured, in a real Chromium over both real services."""

import pytest
from playwright.sync_api import expect

from monitoring.settings import Settings
from tests.browser.conftest import OPENS, SHOWS, ask, close, opened, opens, point_elsewhere, received, rows, texts
from tests.conftest import post

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def dashboard_as_shipped(api, dashboards):
    """As it is without any setting, where the other tests have it refreshed more often."""
    return dashboards(api, REFRESH_SECONDS=str(Settings.refresh_seconds))


def test_a_click_on_a_request_colours_its_words_by_what_they_contributed_as_the_api_says(page, api):
    sent = "The acting was terrible, but the music is wonderful!"
    ask(page, api, sent)
    texts(page).first.click()

    opens(page, sent)
    text = opened(page)
    expect(text.get_by_text("wonderful", exact=True)).to_have_class("for")
    expect(text.get_by_text("terrible", exact=True)).to_have_class("against")
    title = text.get_by_text("wonderful", exact=True).get_attribute("title")
    assert title
    assert float(title.split(" ")[0]) > 0
    expect(page.get_by_text("Orange, dotted: for negative")).to_be_visible()
    colours = [
        text.get_by_text(word, exact=True).evaluate("word => getComputedStyle(word).backgroundColor")
        for word in ("wonderful", "terrible")
    ]
    assert len(set(colours)) == 2

    status, answer = post(api.url + "/explain", {"text": sent})
    assert status == 200
    terms = page.get_by_role("table", name="The strongest terms")
    expect(terms.get_by_text(answer["terms"][0]["term"], exact=True)).to_be_visible()
    for label, probability in answer["probabilities"].items():
        expect(page.get_by_text("Probabilities: ")).to_contain_text(f"{label} {probability:.3f}")


def test_a_click_on_another_request_opens_that_one_on_the_same_one_closes_it_and_after_that_any_opens_again(page, api):
    ask(page, api, "A decent film.", "A decent hotel.")
    rows(page).first.locator(".figure").click()
    opens(page, "A decent hotel.")
    texts(page).nth(1).click()
    opens(page, "A decent film.")
    expect(rows(page).nth(1).get_by_role("button", expanded=True)).to_be_visible()
    expect(rows(page).first.get_by_role("button", expanded=False)).to_be_visible()
    texts(page).nth(1).click()
    opened(page).wait_for(state="hidden", timeout=OPENS)

    for place, sent in [(0, "A decent hotel."), (1, "A decent film."), (0, "A decent hotel.")]:
        texts(page).nth(place).click()
        opens(page, sent)
        close(page)


def test_new_requests_change_neither_which_one_is_shown_nor_the_filter_and_take_the_mark_along(page, api):
    ask(page, api, "A mark on an awful film.", "A mark on a lovely hotel.")
    texts(page).nth(1).click()
    opens(page, "A mark on an awful film.")
    ask(page, api, "A third request.")
    expect(opened(page)).to_have_text("A mark on an awful film.")

    words = page.get_by_role("textbox", name="Text contains")
    words.fill("a MARK on")
    words.press("Enter")
    expect(rows(page)).to_have_count(2, timeout=OPENS)
    marked = page.locator("tr.selected")
    for number in range(2):
        ask(page, api, f"A mark on a later request, number {number}.")
        expect(rows(page)).to_have_count(number + 3)
        expect(marked).to_contain_text("A mark on an awful film.")

    expect(marked).to_have_count(1)
    expect(words).to_have_value("a MARK on")
    expect(opened(page)).to_have_text("A mark on an awful film.")
    close(page)
    expect(marked).to_have_count(0)


def test_line_breaks_and_blanks_are_kept(page, api):
    sent = "  Wonderful:\n\n\tthe film,\nand   the music  "
    ask(page, api, sent)
    texts(page).first.click()

    text = opened(page)
    text.wait_for(timeout=OPENS)
    assert text.evaluate("element => element.textContent") == sent
    assert text.evaluate("element => element.innerText").count("\n") == sent.count("\n")


@pytest.mark.parametrize("text", ["A wonderful film. " * 1111, "wonderful" * 2222], ids=["words", "one word"])
def test_the_longest_text_is_shown_within_2_seconds_and_fits_a_telephone(visit, dashboard_as_shipped, api, text):
    page = visit(dashboard_as_shipped.url, viewport={"width": 400, "height": 800})
    ask(page, api, text)
    texts(page).first.click()

    region = opened(page)
    region.wait_for(timeout=OPENS)
    assert region.evaluate("element => element.textContent") == text
    assert region.evaluate("element => element.clientHeight") < 400
    assert region.evaluate("element => element.scrollWidth <= element.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollWidth") <= 400


def test_a_large_element_is_sent_again_as_it_is_and_a_refresh_leaves_the_place_to_which_the_user_scrolled_it(page, api):
    """Not as a reference to one that the browser may have forgotten, as Streamlit does by default: a browser that has
    just forgotten it shows no change any more."""
    payloads = received(page)
    ask(page, api, "A wonderful film. " * 1111)
    texts(page).first.click()
    text = opened(page)
    text.wait_for(timeout=OPENS)
    text.evaluate("element => element.scrollTop = 200")

    payloads.clear()
    for number in range(2):
        ask(page, api, f"After a long text, number {number}.")
        assert text.evaluate("element => element.scrollTop") == 200
    assert sum(len(payload) > 100_000 for payload in payloads) >= 2


def test_a_judged_request_shows_its_label_in_the_table(page, api):
    ask(page, api, "A film to be judged.")
    texts(page).first.click()
    opens(page, "A film to be judged.")
    wrong = page.get_by_role("button", name="Wrong: it is")
    label = wrong.inner_text().removeprefix("Wrong: it is ")
    wrong.click()

    point_elsewhere(page)
    page.get_by_text(f"the true label is {label}.").wait_for(timeout=SHOWS)
    expect(rows(page).filter(has_text="A film to be judged.").locator(".outcome")).to_contain_text("wrong")

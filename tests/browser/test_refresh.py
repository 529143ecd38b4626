"""What happens while requests come in: what the user does stays, and little is sent."""

from datetime import timedelta
from itertools import count, pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import (
    FOCUSED,
    OPENS,
    SECONDS,
    SHOWS,
    append,
    ask,
    below,
    close,
    headline,
    opened,
    opens,
    point_elsewhere,
    received,
    rows,
    settled,
    stamped,
    texts,
    usual_day,
)
from tests.conftest import post, quiet_page, repeating, wait_until
from tests.monitoring.traffic import usual

pytestmark = pytest.mark.browser
GONE = (  # what the browser and Streamlit say to the console of a server that has gone
    "ERR_CONNECTION_REFUSED",
    "WebSocket",
    "Failed to load resource",
    "Cannot send rerun backMessage",
    "Client Error in reaching server endpoint",
    "Is Streamlit still running?",
)


def top(shown: Locator) -> float:
    """Where it begins on the screen."""
    return float(shown.evaluate("shown => shown.getBoundingClientRect().top"))


def total(page: Page) -> int:
    return int(below(page).inner_text().split(", of ")[1].split(".")[0].replace(",", ""))


def wait_for_more(page: Page, than: int) -> None:
    wait_until(lambda: total(page) > than, "there are more requests", SHOWS / SECONDS)


def test_a_refresh_takes_nothing_away_that_the_user_selected_or_is_typing(page, api):
    ask(page, api, "A kept film.", "A kept hotel. " * 200)
    page.get_by_role("radio", name="24 h").click()
    words = page.get_by_role("textbox", name="Text contains")
    words.fill("a kept")
    words.press("Enter")
    expect(rows(page)).to_have_count(2, timeout=OPENS)
    texts(page).first.click()
    opened(page).wait_for(timeout=OPENS)
    opened(page).evaluate("element => element.scrollTop = 100")
    tried = page.get_by_label("Text", exact=True)
    tried.fill("half a sentence")
    tried.press("Home")
    tried.press("ArrowRight")
    settled(page)
    place, address = top(tried), page.url

    post(api.url + "/predict", {"text": "a kept request, and later"})
    expect(rows(page)).to_have_count(3, timeout=SHOWS)
    tried.press_sequentially("X")
    expect(tried).to_have_value("hXalf a sentence")
    expect(tried).to_be_focused()
    expect(words).to_have_value("a kept")
    expect(page.get_by_role("radio", name="24 h")).to_be_checked()
    expect(page.locator("tr.selected")).to_contain_text("A kept hotel.")
    assert opened(page).evaluate("element => element.scrollTop") == 100
    assert top(tried) == pytest.approx(place, abs=2)
    assert page.url == address

    words.press("End")
    words.press_sequentially(", not sent yet")
    post(api.url + "/predict", {"text": "a kept request, and last"})
    expect(rows(page)).to_have_count(4, timeout=SHOWS)
    expect(words).to_have_value("a kept, not sent yet")
    expect(words).to_be_focused()
    expect(tried).to_have_value("hXalf a sentence")


BUSY = """() => {
    window.asked = [];
    for (const section of window.sections.values()) {
        const draw = section.draw;
        section.draw = number => {
            const start = performance.now();
            draw(number);
            while (performance.now() < start + 200);
            window.asked.push({ name: section.name, start, end: performance.now() });
        };
    }
}"""  # each time that a section asks to be drawn, and as if that took the browser long


def test_a_busy_browser_has_sections_drawn_one_after_the_other_and_what_can_be_read_first(
    visit, api, dashboards, tmp_path
):
    """Of two that ask within the same few milliseconds, Streamlit draws only one."""
    append(tmp_path, stamped(usual(0, 60), every=timedelta(minutes=1)))
    page = visit(dashboards(api, LOG_DIR=str(tmp_path)).url)
    page.locator(".st-key-confidence .main-svg").first.wait_for()
    page.evaluate(BUSY)

    append(tmp_path, stamped(usual(60, 62), every=timedelta(minutes=1)))
    below(page).filter(has_text="of 62.").wait_for(timeout=SHOWS)
    page.wait_for_function("asked.some(({ name }) => name === 'target_drift')")

    asked = page.evaluate("asked")
    names = [of["name"] for of in asked]
    assert names.index("requests") < names.index("quality") < names.index("data_drift") < names.index("target_drift")
    assert all(later["start"] - before["end"] > 20 for before, later in pairwise(asked))


def test_the_focus_and_the_place_in_the_table_stay(visit, api, dashboard):
    page = visit(dashboard.url)
    ask(page, api, *(f"a row, number {number}" for number in range(40)))
    rows(page).nth(30).scroll_into_view_if_needed()
    place = top(texts(page).nth(30))
    before = total(page)
    for name in ("What Accuracy means", "Precision, recall and F1 by label", "Requests"):
        page.get_by_label(name, exact=True).and_(page.locator("button, .scrolled")).focus()
        post(api.url + "/predict/batch", {"items": [{"text": f"beside {name}, {number}"} for number in range(5)]})
        wait_for_more(page, before)
        before = total(page)
        assert page.evaluate(f"() => {{ {FOCUSED} return named(focused()); }}") == name
    row = rows(page).filter(has_text="a row, number 9").first
    assert top(row.get_by_role("button")) == pytest.approx(place, abs=2)


def test_rows_do_not_move_under_the_pointer_and_do_once_it_is_elsewhere(page, api):
    ask(page, api, "Under the pointer.")
    texts(page).first.hover()
    before = total(page)
    post(api.url + "/predict/batch", {"items": [{"text": "Beside the pointer."}, {"text": "Newer than that."}]})
    expect(page.get_by_text("2 newer, shown when the pointer leaves the table.")).to_be_visible(timeout=SHOWS)
    assert total(page) == before + 2
    expect(texts(page).first).to_have_text("Under the pointer.")

    point_elsewhere(page)
    expect(texts(page).first).to_have_text("Newer than that.", timeout=OPENS)
    expect(page.get_by_text("shown when the pointer leaves the table")).to_be_hidden()
    expect(texts(page).nth(2)).to_have_text("Under the pointer.")

    texts(page).first.click()
    opens(page, "Newer than that.")
    point_elsewhere(page)
    ask(page, api, "After a click, and with the pointer elsewhere.")


def test_a_click_opens_exactly_the_row_it_was_on_while_requests_stream_in(page, api):
    numbers = count()

    def send() -> None:
        post(api.url + "/predict", {"text": f"a streamed request, number {next(numbers)}"})

    box = page.locator(".st-key-requests .scrolled")
    box.scroll_into_view_if_needed()
    with repeating(send, 0.2):
        expect(texts(page).first).to_contain_text("a streamed request", timeout=SHOWS)
        for place in (0, 3, 1, 4):
            rows(page).nth(place).locator(".figure").hover(position={"x": 5, "y": 10})
            under = page.locator(".st-key-requests tbody tr:hover button").inner_text()
            page.mouse.down()
            page.mouse.up()
            opens(page, under)
            close(page)


def test_two_tabs_show_each_what_was_selected_there(visit, api, dashboard):
    one, other = visit(dashboard.url), visit(dashboard.url)
    ask(one, api, "A film for two.", "A hotel for two.")
    one.get_by_role("radio", name="1 h", exact=True).click()
    texts(one).first.click()
    texts(other).nth(1).click()
    opens(one, "A hotel for two.")
    opens(other, "A film for two.")

    ask(one, api, "A request for both.")
    point_elsewhere(other)
    expect(texts(other).first).to_have_text("A request for both.", timeout=SHOWS)
    expect(opened(one)).to_have_text("A hotel for two.")
    expect(opened(other)).to_have_text("A film for two.")
    expect(one.get_by_role("radio", name="1 h", exact=True)).to_be_checked()
    expect(other.get_by_role("radio", name="all")).to_be_checked()
    close(one)
    expect(opened(other)).to_have_text("A film for two.")


def test_a_restart_of_the_server_is_said_and_survived(browser, api, dashboards, tmp_path):
    usual_day(tmp_path)
    first = dashboards(api, LOG_DIR=str(tmp_path))
    port = int(first.url.rsplit(":", 1)[1])
    with quiet_page(browser, but=GONE) as page:
        page.goto(first.url)
        expect(headline(page)).to_be_visible(timeout=30 * SECONDS)
        words = page.get_by_role("textbox", name="Text contains")
        words.fill("29")
        words.press("Enter")
        expect(texts(page).first).to_contain_text("299 word", timeout=SHOWS)
        texts(page).nth(2).click()
        expect(opened(page)).to_contain_text("297 word", timeout=OPENS)
        first.stop(9)
        expect(page.get_by_text("the connection to the server is lost")).to_be_visible(timeout=20 * SECONDS)

        append(tmp_path, stamped(usual(2900, 2901), every=timedelta(0)))
        dashboards(api, port=port, LOG_DIR=str(tmp_path))
        point_elsewhere(page)
        expect(texts(page).first).to_contain_text("2900 word", timeout=30 * SECONDS)
        expect(page.get_by_text("Updated ")).to_be_visible()
        expect(words).to_have_value("29")
        expect(opened(page)).to_contain_text("297 word")


def test_a_refresh_of_an_idle_log_sends_little_and_draws_no_chart_again(visit, api, dashboards, tmp_path):
    usual_day(tmp_path)
    page = visit(dashboards(api, LOG_DIR=str(tmp_path)).url)
    settled(page)
    texts(page).first.click()
    opened(page).wait_for(timeout=OPENS)
    payloads = received(page)
    page.evaluate(
        """() => {
            window.redrawn = 0;
            const watch = new MutationObserver(changes => { window.redrawn += changes.length; });
            for (const key of ["accuracy", "lengths", "labels", "confidence", "vocabulary", "section_requests"])
                watch.observe(document.querySelector(`.st-key-${key}`), {childList: true, subtree: true});
        }"""
    )

    updated = page.get_by_text("Updated ")
    times = []
    for _ in range(4):
        times.append(updated.inner_text())
        expect(updated).not_to_have_text(times[-1], timeout=SHOWS)
    sent = sum(len(payload) * 3 // 4 for payload in payloads)
    assert sent / len(times) < 10_000
    assert sent > 0
    assert page.evaluate("window.redrawn") == 0

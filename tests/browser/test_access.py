"""The page for those who read it on a telephone, in the dark, with a keyboard or with a screen reader."""

import re
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import (
    EVERYTHING,
    FOCUSED,
    OPENS,
    SHOWS,
    TOO_WIDE,
    ask,
    headline,
    opened,
    opens,
    settled,
    texts,
)
from tests.conftest import post

pytestmark = pytest.mark.browser
MIXED = "The acting was terrible, but the music is wonderful!"
SCHEMES = ("light", "dark")
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
OUTLINE = f"""() => {{
    {EVERYTHING}
    const found = [...everything()];
    const is = (element, role) => element.getAttribute("role") === role;
    return {{
        headings: found.filter(one => /^H[1-6]$/.test(one.tagName)).map(one => [Number(one.tagName[1]), one.innerText]),
        mains: found.filter(one => one.tagName === "MAIN" || is(one, "main")).length,
        language: document.documentElement.lang,
        tables: found.filter(one => one.tagName === "TABLE").map(one => ({{
            name: one.getAttribute("aria-label") ?? one.caption?.textContent ?? "",
            heads: one.querySelectorAll("th[scope=col]").length,
            rows: one.querySelectorAll("th[scope=row]").length,
            columns: one.tBodies[0]?.rows[0]?.cells.length,
            scopes: [...new Set([...one.querySelectorAll("[scope]")].map(cell => cell.getAttribute("scope")))],
        }})),
    }};
}}"""
IS_BEFORE = """(of, other) =>
    of.getRootNode().host.compareDocumentPosition(other) === Node.DOCUMENT_POSITION_FOLLOWING"""
FOCUS = f"""async () => {{
    {FOCUSED}
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    for (const one of document.getAnimations()) if (one.effect.getComputedTiming().endTime < Infinity) one.finish();
    const found = focused();
    const seen = [];
    for (let one = found; one && seen.length < 6; one = one.parentElement ?? one.getRootNode().host) seen.push(one);
    const look = one => {{
        const style = getComputedStyle(one);
        return [style.outline, style.boxShadow, style.borderColor, style.backgroundColor, style.textDecoration].join();
    }};
    const before = window.focusedBefore;
    window.focusedBefore = {{ seen, looks: seen.map(look) }};
    return {{
        name: named(found),
        role: found?.getAttribute("role") ?? found?.tagName.toLowerCase(),
        unseen: before && before.seen.every((one, place) => look(one) === before.looks[place]),
    }};
}}"""  # what has the focus, and whether what had it before looks as if it had it still


@pytest.fixture
def asked(api):
    """A log whose newest request has words of both kinds."""
    post(api.url + "/predict", {"text": MIXED})


def whole(page: Page) -> None:
    """Make the window as high as the page, so that nothing is out of sight."""
    width = page.evaluate("innerWidth")
    for _ in range(2):  # a higher window changes what is in it
        height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_can_be_read_and_has_no_serious_finding_of_axe_in_both_themes(visit, dashboard, asked, width):
    page = visit(dashboard.url, viewport={"width": width, "height": 900})
    texts(page).first.click()
    opens(page, MIXED)
    settled(page)
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.get_by_role("table", name="Model card").get_by_text("Accuracy").first).to_be_visible()

    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        whole(page)
        assert page.evaluate(TOO_WIDE) == []
        for word in ("wonderful", "terrible"):
            assert opened(page).get_by_text(word, exact=True).evaluate(CONTRAST) >= 4.5
        assert findings(page) == {}


def findings(page: Page) -> dict[tuple[str, str], str]:
    """Of axe-core, the serious and critical ones: what it says, by its rule and where."""
    found = Axe().run(page, options={"resultTypes": ["violations", "incomplete"]}).response
    broken = [rule for rule in found["incomplete"] if "Axe encountered an error" in str(rule["nodes"])]
    assert broken == []
    return {
        (rule["id"], str(node["target"])): node["failureSummary"]
        for rule in found["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    }


def test_headings_landmarks_and_tables_are_in_an_order_that_can_be_read_aloud(visit, dashboard, asked):
    page = visit(dashboard.url)
    texts(page).first.click()
    opened(page).wait_for(timeout=OPENS)
    outline = page.evaluate(OUTLINE)

    assert outline["language"] == "en"
    assert outline["mains"] == 1
    levels = [level for level, _ in outline["headings"]]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    sections = [name.strip() for level, name in outline["headings"] if level == 2]
    assert sections == [
        headline(page).inner_text(),
        "Model quality",
        "Data drift",
        "Target drift",
        "Requests",
        "Audit sample",
        "Try a sentence",
        "The API",
        "Export",
    ]
    assert "The open request" in [name.strip() for level, name in outline["headings"] if level == 3]
    tables = {table["name"]: table for table in outline["tables"]}
    assert {"Requests", "Precision, recall and F1 by label", "The strongest terms"} <= tables.keys()
    for name, table in tables.items():
        assert name
        assert table["heads"] in (table["columns"], 0), name
        assert table["heads"] or table["rows"], name
        assert set(table["scopes"]) <= {"row", "col"}, name

    verdict = page.get_by_role("status", name="Status")
    selection = page.get_by_role("radiogroup", name="Time range").element_handle()
    assert verdict.evaluate(IS_BEFORE, selection)
    element = verdict.element_handle()
    other = page.get_by_role("radio", name="15 min")
    said = headline(page).inner_text()
    other.click()
    expect(headline(page)).not_to_have_text(said, timeout=SHOWS)
    assert verdict.evaluate("(now, before) => now === before", element)


def tab_to(page: Page, name: str, role: str, most: int) -> None:
    """Press Tab until this has the focus; everything that has it on the way must show that."""
    passed: list[tuple[str, str]] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        assert not found["unseen"], f"nothing shows that {passed[-1]} has the focus"
        passed.append((found["role"], found["name"][:40]))
        if name in found["name"] and found["role"] == role:
            return
    pytest.fail(f"{most} Tabs do not lead to {name}, but to {passed}")


def test_all_can_be_done_with_the_keyboard_alone_and_shows_where_it_is(visit, api, dashboard, asked):
    page = visit(dashboard.url)
    ask(page, api, "The third from above.", "The second from above.", "The first from above.")
    settled(page)

    tab_to(page, "15 min", "radio", most=6)
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_role("radio", name="24 h")).to_be_checked(timeout=OPENS)

    tab_to(page, "The first from above.", "button", most=70)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    opens(page, "The third from above.")
    expect(texts(page).nth(2)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    opens(page, "The second from above.")

    tab_to(page, "Close", "button", most=4)
    page.keyboard.press("Enter")
    opened(page).wait_for(state="hidden", timeout=OPENS)

    audit = page.locator(".st-key-section_audit")
    drawn = audit.get_by_text("Sampled predictions")
    before, labels = audit.get_by_text("Not labelled yet").inner_text(), labels_of(drawn)
    tab_to(page, "negative", "button", most=10)
    page.keyboard.press("Enter")
    expect(audit.get_by_text("Not labelled yet")).not_to_have_text(before, timeout=SHOWS)
    expect(drawn).to_contain_text(f"Labelled: {labels + 1}.")


def labels_of(drawn: Locator) -> int:
    (found,) = re.findall("Labelled: ([0-9]+)", drawn.inner_text())
    return int(found)

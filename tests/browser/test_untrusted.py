"""Texts, labels and versions come from outside: whatever is in them, they are shown as they are and do nothing."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OPENS, SECONDS, TOO_WIDE, append, below, choose, close, opened, rows, stamped, texts
from tests.monitoring.conftest import prediction

pytestmark = pytest.mark.browser
CODE = "<script>window.owned = 1</script><img src=x onerror='window.owned = 1'><svg onload='window.owned = 1'>"
LINKS = "![x](http://127.0.0.1:9/x.png) [x](javascript:alert(1)) http://127.0.0.1:9/ www.example.org a@example.org"
MARKDOWN = f"**bold** :red[x] $x$ :material/home: :streamlit: a -> b {LINKS}"
ODD = "\N{RIGHT-TO-LEFT OVERRIDE}abc 🎬 \x00\x07\x1b[31m\x7f\ufffe \u0301\u0489 2026-99-99 99:99 UTC"
HOSTILE = f"{CODE} {MARKDOWN} {ODD}"
LABEL, VERSION, ID = f"a label {MARKDOWN} {CODE}", f"a version {MARKDOWN}", f"an id {MARKDOWN}"


def write(log_dir: Path, label: str, version: str, text: str) -> None:
    lines = [
        prediction(
            request_text=f"{text} {number}",
            predicted_sentiment=label,
            true_sentiment=(label, "positive", None)[number % 3],
            prediction_id=f"{number} {ID}",
            model_version=(version, None)[number % 2],
            audit=number > 50,
        )
        for number in range(60)
    ]
    append(log_dir, stamped(lines, every=timedelta(minutes=1)))


def said(shown: Locator) -> str:
    """Without what prevents that Streamlit makes links and icons of it, and nobody sees."""
    return shown.inner_text().replace("\N{WORD JOINER}", "")


def does_nothing(page: Page, site: str, asked: list[str]) -> None:
    assert page.evaluate("window.owned") is None
    assert [url for url in asked if not url.startswith((f"{site}/", "data:", "blob:"))] == []
    made = "img, script, iframe, object, embed, image, a[href*='127.0.0.1:9'], a[href*=example], a[href^=javascript]"
    expect(page.get_by_test_id("stMain").locator(made)).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_hostile_texts_labels_and_versions_are_shown_as_they_are_and_do_nothing(visit, api, dashboards, tmp_path):
    write(tmp_path, LABEL, VERSION, HOSTILE)
    site = dashboards(api, LOG_DIR=str(tmp_path)).url
    asked: list[str] = []
    page = visit(site, asked, viewport={"width": 400, "height": 900})

    expect(texts(page).first).to_contain_text("window.owned", timeout=20 * SECONDS)
    assert texts(page).first.evaluate("shown => shown.textContent") == f"{HOSTILE} 59"[:300]
    expect(rows(page).first).to_contain_text(LABEL[:100])
    texts(page).nth(1).click()
    opened(page).wait_for(timeout=OPENS)
    assert opened(page).evaluate("shown => shown.textContent") == f"{HOSTILE} 58"
    request = page.locator(".st-key-selected_request")
    answer = said(request.get_by_text(re.compile("^Predicted ")))
    assert answer == f"Predicted {LABEL[:100]}… with confidence 0.900; the true label is positive."
    assert said(request.get_by_role("button", name="Right: ")).startswith(f"Right: {LABEL[:100]}")
    expect(request).to_contain_text(f"by model version {VERSION[:100]}…. Its prediction_id is 58 {ID[:97]}….")
    expect(page.get_by_role("table", name="Precision, recall and F1 by label")).to_contain_text(LABEL)
    expect(page.get_by_role("table", name="Accuracy by model version")).to_contain_text(VERSION)
    audited = page.get_by_role("region", name="Text to be labelled")
    assert audited.evaluate("shown => shown.textContent") == f"{HOSTILE} 53"
    assert said(page.get_by_text("Every selected prediction is")) == f"Every selected prediction is {LABEL[:100]}…."
    expect(page.locator(".st-key-labels .xtick").first).to_contain_text("a label **bold**")
    assert page.evaluate(TOO_WIDE) == []
    does_nothing(page, site, asked)

    close(page)
    choose(page, "Predicted", LABEL)
    choose(page, "Model version", VERSION)
    expect(below(page)).to_contain_text("The newest 30 of 30 requests that match, of 30.", timeout=5 * SECONDS)
    does_nothing(page, site, asked)


def test_the_longest_texts_labels_and_versions_leave_the_page_in_shape(visit, api, dashboards, tmp_path):
    write(tmp_path, "label" * 4_000, "version " * 2_500, "text" * 5_000)
    site = dashboards(api, LOG_DIR=str(tmp_path)).url
    page = visit(site, viewport={"width": 400, "height": 900})

    expect(texts(page).first).to_contain_text("texttext", timeout=20 * SECONDS)
    texts(page).first.click()
    opened(page).wait_for(timeout=OPENS)
    expect(page.locator(".st-key-labels .xtick").first).to_be_visible()
    assert page.evaluate(TOO_WIDE) == []
    assert page.get_by_test_id("stMain").evaluate("element => element.scrollHeight") < 12_000
    close(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)

"""Each state of the system, in the words of the headline and in the tab: its title and its icon."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SECONDS, SHOWS, append, headline, judged_as, opened, stamped, texts, usual_day
from tests.monitoring.traffic import usual

pytestmark = pytest.mark.browser
MINUTE = timedelta(minutes=1)
MARKS = {"Alert": "✕", "Warning": "!", "Unknown": "?", "OK": "✓"}
ICON = "() => decodeURIComponent(document.querySelector('link[rel~=icon]').href)"


def says(page: Page, level: str, said: str, tab: str, seconds: float = 5) -> None:
    """The headline, and the tab beside all others."""
    headline(page).filter(has_text=re.compile(said)).wait_for(timeout=seconds * SECONDS)
    expect(page.get_by_role("status", name="Status").get_by_text(level, exact=True)).to_be_visible()
    expect(page).to_have_title(f"{tab} · Sentiment monitor")
    page.wait_for_function(f"mark => ({ICON})().includes(`>${{mark}}</text>`)", arg=MARKS[level], timeout=SHOWS)
    others = "".join(set(MARKS.values()) - {MARKS[level]})
    assert not re.search(f">[{re.escape(others)}]</text>", page.evaluate(ICON))


def bottom(shown: Locator) -> float:
    box = shown.bounding_box()
    assert box
    return box["y"] + box["height"]


def labelled(first: int, last: int, right: float, **changed) -> list[bytes]:
    return judged_as(usual(first, last, **changed), right)


def test_no_log_then_an_empty_one_then_few_labels_then_enough_show_each_within_5_seconds(
    visit, api, dashboards, tmp_path
):
    log_dir = tmp_path / "logs"
    page = visit(dashboards(api, LOG_DIR=str(log_dir)).url)
    says(page, "Unknown", "^No log yet$", "No log yet")
    expect(page.get_by_text("curl -X POST")).to_be_visible()

    append(log_dir, [])
    says(page, "Unknown", "^The log is empty$", "The log is empty")
    selection, first = page.locator(".st-key-section_selection"), page.get_by_role("heading", name="Try a sentence")
    assert first.bounding_box()["y"] - bottom(selection) < 50, "sections without anything take room"

    append(log_dir, stamped(labelled(0, 10, right=1), every=MINUTE))
    says(page, "Unknown", "^Not enough labels yet$", "Not enough labels yet")
    expect(page.get_by_text("10 of the 30 labels needed.")).to_be_visible()
    expect(page.get_by_text("The newest 10 of 10 requests that match, of 10.")).to_be_visible(timeout=SHOWS)

    append(log_dir, stamped(labelled(10, 200, right=0.9), every=MINUTE))
    says(
        page, "OK", r"^All is well: accuracy 90\.\d%, 200 labels, no significant drift$", "All is well: accuracy 90.5%"
    )


def test_an_accuracy_below_the_threshold_is_a_warning_until_it_is_proven_and_then_an_alarm(
    visit, api, dashboards, tmp_path
):
    append(tmp_path, stamped(labelled(0, 100, right=0.76), every=MINUTE, ago=timedelta(minutes=1)))
    page = visit(dashboards(api, LOG_DIR=str(tmp_path)).url)
    says(
        page,
        "Warning",
        r"^Accuracy is below 80%: 76\.0%, not significant yet, 100 labels$",
        "Accuracy is below 80%: 76.0%",
    )
    expect(page.get_by_text("Label more predictions, those of the audit sample first")).to_be_visible()

    append(tmp_path, stamped(labelled(100, 400, right=0.5), every=timedelta(seconds=0.1)))
    says(
        page,
        "Alert",
        r"^Accuracy is below 80%: 56\.5%, significant since .+, 400 labels$",
        "Accuracy is below 80%: 56.5%",
    )
    expect(page.get_by_text("Read the wrong predictions, see how the texts have changed")).to_be_visible()
    page.get_by_role("link", name="Wrong predictions").click()
    expect(page.get_by_role("heading", name="Requests", exact=True)).to_be_in_viewport()


def test_a_log_in_which_nothing_has_come_for_long_is_stale_until_something_comes_and_a_drift_is_a_warning(
    visit, api, dashboards, tmp_path
):
    usual_day(tmp_path)
    page = visit(dashboards(api, LOG_DIR=str(tmp_path), STALE_MINUTES="50").url)
    says(page, "Unknown", "^No new request for 60 minutes$", "No new request for 60 minutes")
    expect(page.get_by_text("No figure is newer.")).to_be_visible()

    append(tmp_path, stamped(usual(300, 301), every=MINUTE))
    says(page, "OK", "^All is well", "All is well: accuracy 90.0%")

    append(tmp_path, stamped(usual(301, 600, words=900), every=timedelta(seconds=0.1)))
    says(page, "Warning", "^Sentence length has drifted$", "Sentence length has drifted")
    expect(page.get_by_text("Texts are longer than in the reference")).to_be_visible()
    expect(page.get_by_text("Accuracy is not below 80%: 90.0%, 280 labels")).to_be_visible()


def test_a_log_that_cannot_be_read_and_a_killed_api_are_alarms_and_their_return_is_seen(
    visit, start_api, dashboards, tmp_path
):
    usual_day(tmp_path)
    api = start_api()
    page = visit(dashboards(api, LOG_DIR=str(tmp_path), STALE_MINUTES="90").url)
    says(page, "OK", "^All is well", "All is well: accuracy 90.0%")
    expect(page.get_by_text("is ready.")).to_be_visible()

    (tmp_path / "prediction_logs.2.json").mkdir()
    says(page, "Alert", "^The log cannot be read$", "The log cannot be read")
    expect(page.get_by_text("Is a directory")).to_be_visible()
    (tmp_path / "prediction_logs.2.json").rmdir()
    says(page, "OK", "^All is well", "All is well: accuracy 90.0%")

    api.stop(9)
    says(page, "Alert", "^The API is not ready$", "The API is not ready")
    expect(page.get_by_text("Connection refused")).to_be_visible()
    expect(page.get_by_text("Its log says why it is not ready.")).to_be_visible(timeout=SHOWS)
    texts(page).first.click()
    expect(opened(page)).to_contain_text("299 word", timeout=8 * SECONDS)
    expect(page.get_by_text("No explanation")).to_be_visible()

    start_api(port=int(api.url.rsplit(":", 1)[1]))
    says(page, "OK", "^All is well", "All is well: accuracy 90.0%")
    expect(page.get_by_text("is ready.")).to_be_visible(timeout=SHOWS)


def test_while_a_large_log_is_read_for_the_first_time_the_page_says_so_and_then_shows_it(
    visit, api, dashboards, tmp_path
):
    lines = stamped(labelled(0, 2_000, right=0.9, words=5), every=timedelta(seconds=1))
    block, file = b"".join(lines), tmp_path / "prediction_logs.json"
    try:
        with file.open("wb") as log:
            log.writelines([block] * 500)
        page = visit(dashboards(api, LOG_DIR=str(tmp_path)).url)
        says(page, "Unknown", r"^The log is being read: \d+%$", page.title().split(" · ")[0])
        expect(page.get_by_text("The newest 50 of 1,000,000 requests")).to_be_visible(timeout=60 * SECONDS)
    finally:
        file.unlink()

"""What is on the page, in a real Chromium over both real services."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from monitoring.stats.reference import load_profile
from tests.browser.conftest import OPENS, SECONDS, SHOWS, append, ask, opens, rows, stamped, texts, usual_day
from tests.conftest import get, read_lines
from tests.monitoring.traffic import PROFILE, usual

pytestmark = pytest.mark.browser
SECTIONS = {  # what each says, its heading first
    "selection": ["Time range", "Predicted label", "Model version"],
    "verdict": ["40 predictions are of another model than the reference", "Expect less than one false alarm in"],
    "tiles": ["Requests", "340", "Accuracy", "90.0%", "Labels", "82.4% of 340", "Confidence", "Drift", "0 of 4"],
    "quality": [
        "Model quality",
        "Are the answers right?",
        "Calibration",
        "Expected calibration error",
        "By label",
        "95 % interval",
    ],
    "data_drift": [
        "Data drift",
        "Have the texts changed?",
        "Sentence length: no significant difference",
        "of the words of a text",
    ],
    "target_drift": [
        "Target drift",
        "Have the answers changed?",
        "Predicted sentiment: no significant difference",
        "Distance",
    ],
    "versions": ["Model versions", "Which version is better?", "40", "the next version"],
    "requests": ["Requests", "The newest 50 of 340 requests that match, of 340.", "Show more", "Download as CSV"],
    "audit": ["Audit sample", "Sampled predictions in this selection: 60.", "What is the true label"],
    "try": ["Try a sentence", "Predict"],
    "api": ["The API", "is ready.", "Model card"],
    "export": ["Export", "Download as HTML", "Download as JSON"],
}
CHARTS = {
    "accuracy": "Labelled and estimated accuracy over time",
    "reliability": "Accuracy by confidence",
    "lengths": "Shares of texts by number of words, current and reference",
    "vocabulary": "Shares of texts by vocabulary coverage, current and reference",
    "labels": "Shares of predicted sentiments, current and reference",
    "confidence": "Mean confidence over time",
}


def test_every_section_is_there_with_its_figures_and_charts_and_the_card_of_the_model(visit, api, dashboards, tmp_path):
    usual_day(tmp_path)
    others = usual(300, 340, model_version="the next version", audit=True)
    append(tmp_path, stamped(others, every=timedelta(minutes=1)))
    page = visit(dashboards(api, LOG_DIR=str(tmp_path)).url)

    for name, said in SECTIONS.items():
        for text in said:
            section = page.locator(f".st-key-section_{name}")
            expect(section.get_by_text(text).first, f"{name}: {text}").to_be_visible(timeout=10 * SECONDS)
    for key, name in CHARTS.items():
        chart = page.locator(f".st-key-{key}")
        expect(chart.locator(".main-svg").first, key).to_be_visible(timeout=20 * SECONDS)
        expect(chart.get_by_role("figure", name=name), key).to_have_count(1)
    for problem in ("stException", "stAlert"):
        expect(page.get_by_test_id(problem)).to_have_count(0)
    by_version = page.get_by_role("table", name="Accuracy by model version")
    expect(by_version.locator("tbody tr").first).to_contain_text(load_profile(PROFILE).model_version)

    card = json.loads(get(api.url + "/model")[1])
    page.locator("summary").get_by_text("Model card").click()
    shown = page.get_by_role("table", name="Model card")
    expect(shown.get_by_text(card["data"]["description"])).to_be_visible()
    expect(shown.get_by_text(f"{card['metrics']['accuracy']['value']:.1%}").first).to_be_visible()
    expect(page.get_by_text(card["limits"][0])).to_be_visible()

    page.get_by_role("button", name="Show more").click()
    expect(rows(page)).to_have_count(100, timeout=OPENS)
    with page.expect_download() as report:
        page.get_by_role("button", name="Download as JSON").click()
    assert json.loads(report.value.path().read_text("utf-8"))["requests"] == 340
    with page.expect_download() as report:
        page.get_by_role("button", name="Download as HTML").click()
    assert "<h1>Sentiment monitor" in report.value.path().read_text("utf-8")


def test_a_tried_sentence_is_answered_its_judgement_logged_and_its_request_shown(visit, api, dashboard):
    page = visit(dashboard.url)
    page.get_by_label("Text", exact=True).fill("an amazing delight")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_text("Was that right?")).to_contain_text("positive")
    page.get_by_role("button", name="Wrong: it is negative").click()
    expect(page.get_by_text("Thank you: logged as negative.")).to_be_visible()

    asked = read_lines(api.log_dir / "prediction_logs.json")
    (prediction,) = [line for line in asked if line["request_text"] == "an amazing delight"]
    judged = read_lines(api.log_dir / "feedback_logs.json")
    (feedback,) = [line for line in judged if line["prediction_id"] == prediction["prediction_id"]]
    assert feedback["true_sentiment"] == "negative"
    row = rows(page).first.filter(has_text="an amazing delight").filter(has_text="wrong")
    row.wait_for(timeout=SHOWS)


def test_times_are_those_of_the_reader_with_utc_on_hover(visit, api, dashboard):
    page = visit(dashboard.url, timezone_id="Australia/Adelaide", locale="en-GB")
    ask(page, api, "What time is it?")
    now = datetime.now(UTC)

    asked = rows(page).first.locator("time")
    at = datetime.fromisoformat(asked.get_attribute("datetime") or "")
    assert timedelta(0) <= now - at < timedelta(minutes=1)
    assert asked.inner_text() == f"{at.astimezone(ZoneInfo('Australia/Adelaide')):%H:%M:%S}"
    assert asked.get_attribute("title") == f"{at:%Y-%m-%d %H:%M:%S} UTC"
    expect(page.get_by_text("From (Australia/Adelaide)")).to_be_visible()
    texts(page).first.click()
    opens(page, "What time is it?")
    written = page.locator(".st-key-selected_request time")
    assert written.get_attribute("title") == asked.get_attribute("title")
    shown = page.locator(".st-key-section_verdict time, .st-key-pulse time, .st-key-section_versions time")
    assert all(title.endswith(" UTC") for title in shown.evaluate_all("all => all.map(time => time.title)"))
    expect(page.get_by_text("time of the request (Australia/Adelaide)")).to_be_visible()


def test_the_api_documentation_is_served(api):
    assert get(api.url + "/docs")[0] == 200


def test_the_page_works_under_a_base_path(visit, api, dashboards):
    """As behind an ingress: its websocket and its files are under the path too, and nothing is outside it."""
    url = dashboards(api, "/team/sentiment").url
    page = visit(url + "/")
    ask(page, api, "A request from under a base path.")
    assert get(url.removesuffix("/team/sentiment") + "/_stcore/health")[0] == 404

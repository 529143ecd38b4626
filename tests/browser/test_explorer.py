"""The filters of the page: what they leave, in the table, in the page's address and in the file."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SECONDS, append, below, choose, close, headline, opened, opens, texts
from tests.monitoring.conftest import prediction

pytestmark = pytest.mark.browser
ZONE = "America/New_York"
SHOWN = 50  # at first


@dataclass(frozen=True)
class Asked:
    """A request of the log."""

    number: int
    text: str
    ago: timedelta
    predicted: str
    was: str
    confidence: float
    version: str

    @property
    def true(self) -> str | None:
        other = {"positive": "negative", "negative": "positive"}[self.predicted]
        return {"right": self.predicted, "wrong": other, "no label": None}[self.was]


def asked(number: int) -> Asked:
    mood = ("wonderful", "boring", "Wonderful but long")[number % 3]
    return Asked(
        number,
        text='=HYPERLINK("http://127.0.0.1:9/","click")' if number == 5 else f"request {number}: a {mood} film",
        ago=timedelta(minutes=60 * number + 2),
        predicted=("positive", "negative")[number % 2],
        was=("right", "wrong", "no label")[number // 2 % 3],
        confidence=round(0.5 + number / 150, 3),
        version="version a" if number >= 18 else "version b",
    )


ALL = [asked(number) for number in range(72)]  # the newest first


@pytest.fixture(scope="module")
def site(api, dashboards, tmp_path_factory) -> str:
    log_dir, now = tmp_path_factory.mktemp("explored"), datetime.now(UTC)
    lines = [
        prediction(
            timestamp=(now - one.ago).isoformat(),
            request_text=one.text,
            predicted_sentiment=one.predicted,
            true_sentiment=one.true,
            prediction_id=f"id-{one.number}",
            confidence=one.confidence,
            model_version=one.version,
        )
        for one in ALL
    ]
    append(log_dir, reversed(lines))
    return dashboards(api, LOG_DIR=str(log_dir)).url


def shows(page: Page, wanted: Sequence[Asked], seconds: float = 5) -> None:
    """Exactly these, in this order, as many as are shown at first."""
    expect(texts(page)).to_have_text([one.text for one in wanted[:SHOWN]], timeout=seconds * SECONDS)


def type_moment(page: Page, name: str, ago: timedelta) -> None:
    page.get_by_role("spinbutton", name=f"year, {name}").click()
    page.keyboard.type(f"{datetime.now(ZoneInfo(ZONE)) - ago:%Y%m%d%H%M}", delay=10)
    page.keyboard.press("Enter")


def raise_confidence(page: Page, low: float) -> None:
    slider = page.get_by_role("slider", name="Confidence — start")
    slider.focus()
    while float(slider.input_value()) < low:
        page.keyboard.press("ArrowRight")


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_every_filter_narrows_the_table_and_is_in_an_address_that_opens_the_same_view(visit, site):
    page = visit(site, timezone_id=ZONE)
    shows(page, ALL)
    expect(below(page)).to_contain_text("The newest 50 of 72 requests that match, of 72.")

    words = page.get_by_role("textbox", name="Text contains")
    words.fill("WONDERFUL")
    words.press("Enter")
    left = [one for one in ALL if "wonderful" in one.text.casefold()]
    shows(page, left)
    expect(below(page)).to_contain_text(f"{len(left)} requests with these words, of 72.")
    assert address(page) == {"text": ["WONDERFUL"]}

    steps = [
        ("outcome", lambda: choose(page, "Outcome", "wrong", "no label"), lambda one: one.was != "right"),
        ("predicted", lambda: choose(page, "Predicted", "positive"), lambda one: one.predicted == "positive"),
        ("confidence_range", lambda: raise_confidence(page, 0.6), lambda one: one.confidence >= 0.6),
        ("until", lambda: type_moment(page, "Until", timedelta(hours=21)), lambda one: one.ago > timedelta(hours=21)),
        ("from", lambda: type_moment(page, "From", timedelta(hours=60)), lambda one: one.ago < timedelta(hours=60)),
    ]
    for name, narrow, passes in steps:
        narrow()
        before, left = left, [one for one in left if passes(one)]
        assert 1 < len(left) < len(before)
        shows(page, left)
        assert name in address(page)
    texts(page).nth(1).click()
    opens(page, left[1].text)
    expect(page).to_have_url(page.url.split("&request=")[0] + f"&request=id-{left[1].number}")
    assert address(page)["outcome"] == ["wrong", "no label"]

    other = visit(page.url, timezone_id=ZONE)
    shows(other, left)
    expect(opened(other)).to_have_text(left[1].text)
    expect(other.get_by_role("textbox", name="Text contains")).to_have_value("WONDERFUL")
    for key, name in (("outcome", "wrong"), ("outcome", "no label"), ("predicted", "positive")):
        expect(other.locator(f".st-key-{key}")).to_contain_text(name)
    assert other.url == page.url

    close(other)
    assert "request" not in address(other)


def test_the_range_the_label_and_the_version_select_what_all_figures_are_about(visit, site):
    page = visit(site)
    tile = page.get_by_role("list", name="Figures").get_by_role("listitem").first
    expect(tile).to_contain_text("72")

    left = ALL
    steps = [
        ("range", lambda: page.get_by_role("radio", name="24 h").click(), lambda one: one.ago < timedelta(hours=24)),
        (
            "segment_labels",
            lambda: choose(page, "Predicted label", "positive"),
            lambda one: one.predicted == "positive",
        ),
        (
            "segment_versions",
            lambda: choose(page, "Model version", "version b"),
            lambda one: one.version == "version b",
        ),
    ]
    for name, narrow, passes in steps:
        narrow()
        before, left = left, [one for one in left if passes(one)]
        assert 1 < len(left) < len(before)
        shows(page, left)
        expect(tile).to_contain_text(str(len(left)))
        expect(below(page)).to_contain_text(
            f"The newest {len(left)} of {len(left)} requests that match, of {len(left)}."
        )
        assert name in address(page)

    page.reload()
    shows(page, left, seconds=20)
    expect(page.get_by_role("radio", name="24 h")).to_be_checked()
    expect(tile).to_contain_text(str(len(left)))
    choose(page, "Model version", "version a")
    page.get_by_role("radio", name="15 min").click()
    shows(page, [ALL[0]])


def test_nonsense_in_the_address_does_no_harm(visit, site):
    nonsense = {
        "range": "for ever",
        "segment_labels": "<script>",
        "segment_versions": ["nope", "nope"],
        "predicted": "no label at all",
        "outcome": ["maybe", ""],
        "confidence_range": ["much", "more"],
        "from": "yesterday",
        "until": "9999-99-99T99:99",
        "request": "<script>document.title = 1</script>",
        "limit": "many",
        "more": "true",
        "try_text": "$x$",
        "pulse": "{}",
    }
    page = visit(f"{site}/?{urlencode(nonsense, doseq=True)}")
    shows(page, ALL)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect(opened(page)).to_have_count(0)
    expect(page.get_by_role("radio", name="all")).to_be_checked()

    page.goto(f"{site}/?text=%00%ff%F0%9F%8E%AC{'x' * 2000}&confidence_range=7&confidence_range=-1&range=")
    expect(below(page)).to_contain_text("0 requests with these words, of 72.", timeout=20 * SECONDS)
    expect(headline(page)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_file_has_exactly_what_the_filters_leave_and_no_formula(visit, site):
    page = visit(site)
    assert [row["prediction_id"] for row in downloaded(page)] == [f"id-{one.number}" for one in ALL]

    choose(page, "Outcome", "no label")
    left = [one for one in ALL if one.was == "no label"]
    shows(page, left)
    rows = downloaded(page)
    assert [
        (row["request_text"].removeprefix("'"), row["predicted_sentiment"], row["true_sentiment"], row["answer_was"])
        for row in rows
    ] == [(one.text, one.predicted, "", "no label") for one in left]
    assert [float(row["confidence"]) for row in rows] == [one.confidence for one in left]
    assert [row["model_version"] for row in rows] == [one.version for one in left]
    ago = [datetime.now(UTC) - datetime.fromisoformat(row["timestamp"]) for row in rows]
    assert all(abs(found - one.ago) < timedelta(minutes=10) for found, one in zip(ago, left, strict=True))
    assert not any(cell.startswith(tuple("=+-@\t\r")) for row in rows for cell in row.values())
    assert any(row["request_text"].startswith("'=HYPERLINK") for row in rows)


def downloaded(page: Page) -> list[dict[str, str]]:
    with page.expect_download() as file:
        page.get_by_role("button", name="Download as CSV").click()
    assert file.value.suggested_filename == "requests.csv"
    return list(csv.DictReader(io.StringIO(file.value.path().read_text("utf-8"), newline="")))

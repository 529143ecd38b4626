"""What the tests of the page share: services for a whole module, logs of the last hours, and what to look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, TimeoutError

from tests.conftest import ROOT, Server, post, quiet_page, starting_api, starting_dashboard
from tests.monitoring.conftest import append as append_to
from tests.monitoring.traffic import usual

SECONDS = 1_000  # what Playwright counts in
SHOWS = 5 * SECONDS  # a request, after it was answered
OPENS = 2 * SECONDS  # what a click opens or closes
EVERYTHING = """function* everything(node = document.body) {
    if (node.nodeType === 1) yield node;
    if (node.shadowRoot) yield* everything(node.shadowRoot);
    for (const child of node.childNodes) if (child.nodeType === 1) yield* everything(child);
}"""  # all elements in reading order, also those of the components
FOCUSED = """const focused = (found = document.activeElement) =>
    found?.shadowRoot?.activeElement ? focused(found.shadowRoot.activeElement) : found;
const named = element => element?.getAttribute("aria-label") ?? element?.innerText ?? "";
"""  # what has the focus, also in a component, and what something is called
TOO_WIDE = f"""() => {{
    {EVERYTHING}
    const tight = ".scrolled, .text, .value, .below, .title, h1, h2, h3, [data-testid=stMain]";
    return [document.documentElement, ...everything()]
        .filter(element => element.matches(`html, ${{tight}}`) && element.scrollWidth > element.clientWidth)
        .map(element => `${{element.tagName}} ${{element.className}} ${{element.innerText.slice(0, 40)}}`);
}}"""
SHIPPED = ROOT / "api" / "sentiment_model.pkl"


@pytest.fixture(scope="session")
def api(tmp_path_factory) -> Iterator[Server]:
    """The API with the model that ships, for all tests: its log only grows. It has so many requests that one more is
    not worth drawing all charts again."""
    directory = tmp_path_factory.mktemp("api")
    usual_day(directory / "logs")
    with starting_api(SHIPPED, directory) as start:
        yield start()


@pytest.fixture(scope="session")
def dashboard(api, tmp_path_factory) -> Iterator[Server]:
    """One on the log of the API, for all tests."""
    with starting_dashboard(tmp_path_factory.mktemp("dashboard")) as start:
        yield start(api)


@pytest.fixture(scope="module")
def dashboards(tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """Starts dashboards, which run to the end of the module."""
    with starting_dashboard(tmp_path_factory.mktemp("dashboards")) as start:
        yield start


@pytest.fixture
def visit(browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a browser of its own; what its console calls an error fails the test."""
    with ExitStack() as pages:

        def visit(url: str, asked: list[str] | None = None, **options) -> Page:
            page = pages.enter_context(quiet_page(browser, **options))
            if asked is not None:  # every address that the page asks for
                page.on("request", lambda request: asked.append(request.url))
            return loaded(page, url)

        yield visit


@pytest.fixture(scope="module")
def page_of_many(browser, dashboard) -> Iterator[Page]:
    """One page of the dashboard for the tests of a module, since to load it takes a processor five seconds."""
    with quiet_page(browser) as page:
        yield loaded(page, dashboard.url)


@pytest.fixture
def page(page_of_many) -> Iterator[Page]:
    """It, left with nothing selected, no request open, and the pointer elsewhere."""
    yield page_of_many
    if opened(page_of_many).is_visible():
        close(page_of_many)
    page_of_many.get_by_role("radio", name="all").click()
    words = page_of_many.get_by_role("textbox", name="Text contains")
    if words.input_value():
        words.fill("")
        words.press("Enter")
        below(page_of_many).filter(has_text="that match").wait_for(timeout=SHOWS)
    point_elsewhere(page_of_many)


def loaded(page: Page, url: str) -> Page:
    """With its first and its last section."""
    page.goto(url)
    headline(page).wait_for(timeout=30 * SECONDS)
    page.get_by_role("heading", name="The API", exact=True).wait_for(timeout=30 * SECONDS)
    return page


def headline(page: Page) -> Locator:
    """The verdict's first sentence."""
    return page.get_by_role("status", name="Status").get_by_role("heading")


def rows(page: Page) -> Locator:
    """The rows of the table of requests, the newest first."""
    return page.get_by_role("table", name="Requests", exact=True).locator("tbody tr")


def texts(page: Page) -> Locator:
    """What is clicked to open a request."""
    return rows(page).get_by_role("button")


def opened(page: Page) -> Locator:
    """The text of the request that is open."""
    return page.get_by_role("region", name="Text of the request")


def opens(page: Page, text: str) -> None:
    """This request's text shows, and no other, within the time that a click may take. It is looked for in every frame,
    where expect would look after .85 s and then after 1.85 s."""
    opened(page).filter(has_text=text).wait_for(timeout=OPENS)
    assert opened(page).evaluate("shown => shown.textContent") == text


def close(page: Page) -> None:
    """And no request shows, within the same time."""
    page.get_by_role("button", name="Close").click()
    opened(page).wait_for(state="hidden", timeout=OPENS)


def below(page: Page) -> Locator:
    """The sentence under the table that says how many requests there are."""
    return page.locator(".st-key-section_requests").get_by_text("Choose one to see all of it.")


def point_elsewhere(page: Page) -> None:
    page.mouse.move(1, 1)


def choose(page: Page, name: str, *options: str) -> None:
    """Options of a list, which closes when the page is scrolled, as it may still be for the click."""
    box = page.get_by_role("combobox", name=name, exact=True)
    for option in options:
        for _ in range(3):
            box.click()
            try:
                page.get_by_role("option", name=option, exact=True).click(timeout=2 * SECONDS)
                break
            except TimeoutError:
                continue
    page.keyboard.press("Escape")


def ask(page: Page, api: Server, *asked: str) -> None:
    """All texts at once; then they are on top of the table, the last one first."""
    point_elsewhere(page)
    post(api.url + "/predict/batch", {"items": [{"text": text} for text in asked]})
    for place, text in enumerate(reversed(asked)):
        texts(page).nth(place).filter(has_text=text[:100]).wait_for(timeout=SHOWS)


def settled(page: Page) -> None:
    """Wait until all charts of a log with requests and labels are drawn."""
    for key in ("accuracy", "lengths", "labels", "confidence"):
        page.locator(f".st-key-{key} .main-svg").first.wait_for(timeout=20 * SECONDS)


def received(page: Page) -> list[str]:
    """What its websocket brings from now on, as base64; it becomes longer by itself."""
    session, payloads = page.context.new_cdp_session(page), []
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda event: payloads.append(event["response"]["payloadData"]))
    return payloads


def stamped(lines: Iterable[bytes], every: timedelta, ago: timedelta = timedelta(0)) -> list[bytes]:
    """Lines of the log with other times: `every` apart, the last one `ago`."""
    found = list(lines)
    first = datetime.now(UTC) - ago - every * (len(found) - 1)
    return [
        _changed(line, timestamp=(first + every * place).isoformat(timespec="microseconds"))
        for place, line in enumerate(found)
    ]


def judged_as(lines: Iterable[bytes], right: float) -> list[bytes]:
    """The same answers with labels, by which the share `right`, evenly spread, is right."""
    other = {"positive": "negative", "negative": "positive"}
    judged = []
    for number, line in enumerate(lines):
        predicted = json.loads(line)["predicted_sentiment"]
        is_right = int((number + 1) * right) > int(number * right)
        judged.append(_changed(line, true_sentiment=predicted if is_right else other[predicted]))
    return judged


def _drawn(line: bytes) -> bytes:
    """For the audit sample, by an id that the API takes a label for."""
    return _changed(line, audit=True, prediction_id=str(uuid4()))


def _changed(line: bytes, **changed: object) -> bytes:
    return json.dumps(json.loads(line) | changed).encode() + b"\n"


def usual_day(log_dir: Path) -> None:
    """300 requests like those of the reference, the last one an hour ago. Of 280 there is a label, by nine in ten of
    them the answer was right; the others wait for one."""
    lines = [*judged_as(usual(0, 280), right=0.9), *map(_drawn, usual(280, 300))]
    append(log_dir, stamped(lines, every=timedelta(minutes=4), ago=timedelta(hours=1)))


def append(log_dir: Path, lines: Iterable[bytes]) -> None:
    append_to(log_dir / "prediction_logs.json", *lines)

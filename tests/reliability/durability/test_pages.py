"""The page when the API fails, and the API when the page is opened by many."""

import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import get, many, post, serving
from tests.reliability.load import found, under_load

pytestmark = pytest.mark.browser
SLOW_SECONDS = 5.0


class Between(ThreadingHTTPServer):
    """Stands between the dashboard and a real API, and does to its answers what `how` says."""

    daemon_threads = True

    def __init__(self, api: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.api, self.how, self.released = api, "well", threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, address: object) -> None:
        """Who waited for a slow answer has left."""


NONSENSE = {
    "a web page": b"<html><body>It works!</body></html>",
    "a list": b"[1, 2, 3]",
    "half of an object": b'{"status": "rea',
    "nothing": b"",
    "bytes": bytes(range(256)),
    "an endless number": b'{"metrics": {"accuracy": {"value": ' + b"9" * 5_000 + b"}}}",
    "another object": b'{"metrics": [], "labels": 7, "model_version": {"a": null}}',
}


class Handler(BaseHTTPRequestHandler):
    server: Between

    def do_GET(self) -> None:
        how = self.server.how
        if how == "down":
            return self.connection.close()
        if how == "slow":
            self.server.released.wait(SLOW_SECONDS)
        status, body = get(self.server.api + self.path)
        return self._answer(status, NONSENSE.get(how, body.encode()))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def requests_shown(page: Page) -> str:
    return page.locator(".st-key-section_tiles li").filter(has_text="Requests").locator(".value").inner_text()


@pytest.mark.promise(
    "Faults",
    "the API is down, takes 5 s to respond, or responds with nonsense",
    "the page stays up, says so, and remains usable",
)
def test_the_page_stays_up_and_says_what_the_api_does(start_api, start_dashboard, page, publish):
    api = start_api()
    post(api.url + "/predict", {"text": "an amazing film"})
    with serving(Between(api.url)) as between:
        page.goto(start_dashboard(api, API_URL=between.url))
        expect(page.get_by_text(f"The API at {between.url} is ready.")).to_be_visible(timeout=30_000)
        slowest, ways = 0.0, ["down", "slow", *NONSENSE]
        for number, how in enumerate(ways, 2):
            between.how = how
            expect(page.get_by_role("heading", name="The API is not ready")).to_be_visible(timeout=15_000)
            started = time.monotonic()
            post(api.url + "/predict", {"text": "asked past what stands between"})
            expect(page.get_by_text(f"The newest {number} of {number} requests")).to_be_visible(timeout=15_000)
            slowest = max(slowest, time.monotonic() - started)
            assert requests_shown(page) == str(number)
            between.how = "well"
            expect(page.get_by_role("heading", name="The API is not ready")).to_be_hidden(timeout=15_000)

    publish(f"{len(ways)} ways: said each time, and new requests showed within {slowest:.1f} s meanwhile")


@pytest.mark.promise(
    "Faults",
    "20 users open the page at once under load",
    "no request is refused or lost",
)
def test_serving_does_not_feel_twenty_people_who_open_the_page(start_api, start_dashboard, browser, publish):
    api = start_api()
    address = start_dashboard(api)
    people = many(3, 20)
    with under_load(api.url, clients=2) as load, ExitStack() as stack:
        pages = [stack.enter_context(browser.new_context()).new_page() for _ in range(people)]
        for page in pages:
            page.goto(address, wait_until="commit")
        for page in pages:
            expect(page.get_by_role("heading", name="The API", exact=True)).to_be_visible(timeout=300_000)
    check = load.checked(api.log_dir)

    publish(f"{people} browsers: {len(load.refused)} of {len(load.ids):,} requests refused, {found(check, load.ids)}")
    assert load.refused == []
    assert check.is_sound, "\n".join(check.lines())

"""The page /docs and other sites' pages in a real Chromium: what they may ask, and of whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener, urlopen

import pytest

from tests.browser.conftest import SECONDS
from tests.conftest import get, quiet_page, read_lines, serving, starting_api

pytestmark = pytest.mark.browser
ADMIN = "admin-0123456789"


class Stripping(BaseHTTPRequestHandler):
    """A reverse proxy that serves the API under /sentiment, and strips that; it passes on the client's Host."""

    api = ""

    def answer(self) -> None:
        if not self.path.startswith("/sentiment/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        asked = Request(self.api + self.path.removeprefix("/sentiment"), body, dict(self.headers), method=self.command)
        try:
            answer = build_opener().open(asked, timeout=10)
        except HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("content-length", "connection", "date", "server"):
                    self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_HEAD = answer  # noqa: N815  # the library's names

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def stripping(api: str) -> Iterator[str]:
    handler = type("StrippingTo", (Stripping,), {"api": api})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}/sentiment"


@pytest.fixture(scope="module")
def api(small_model, tmp_path_factory):
    with starting_api(small_model, tmp_path_factory.mktemp("api")) as start:
        tokens = {"API_TOKENS": f"boss:admin:{ADMIN}", "ROOT_PATH": "/sentiment"}
        yield start(**tokens, CORS_ORIGINS="http://localhost:1")


@pytest.mark.promise(
    "Access control",
    "an admin opens `/docs`, types a token and tries a route",
    "the browser calls no other server, also behind a proxy that strips a path",
)
@pytest.mark.parametrize("behind_a_proxy", [False, True])
def test_an_admin_reads_and_tries_everything_and_the_browser_asks_nobody_else(browser, api, behind_a_proxy, publish):
    asked: list[str] = []

    def of_this_service_only(route) -> None:
        asked.append(route.request.url)
        route.continue_() if urlsplit(route.request.url).netloc == urlsplit(url).netloc else route.abort()

    with stripping(api.url) as proxy:
        url = proxy if behind_a_proxy else api.url + "/sentiment"
        credentials = {"username": "anybody", "password": ADMIN}
        with quiet_page(browser, http_credentials=credentials) as page:
            page.route("**/*", of_this_service_only)
            page.goto(f"{url}/docs")
            page.get_by_role("button", name="Authorize").click(timeout=20 * SECONDS)
            page.get_by_label("auth-bearer-value").fill(ADMIN)
            page.get_by_label("Apply credentials").click()
            page.get_by_role("button", name="Close", exact=True).click()
            page.locator("#operations-predictions-predict_predict_post").get_by_role("button").first.click()
            page.get_by_role("button", name="Try it out").click()
            page.get_by_role("textbox").last.fill(json.dumps({"text": "amazing"}))
            page.get_by_role("button", name="Execute").click()
            page.get_by_text('"predicted_sentiment": "positive"').first.wait_for(timeout=10 * SECONDS)
            assert page.evaluate("getComputedStyle(document.querySelector('.btn.execute')).backgroundColor") != ""
            assert page.evaluate("document.styleSheets[0].cssRules.length") > 100

    assert {urlsplit(address).netloc for address in asked} == {urlsplit(url).netloc}
    paths = {urlsplit(address).path for address in asked}
    loaded = {"/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json", "/predict"}
    assert {f"/sentiment{path}" for path in loaded} <= paths
    assert paths <= {f"/sentiment{path}" for path in (*loaded, "/docs/favicon.png")}
    where = "behind a proxy" if behind_a_proxy else "at the service"
    publish(f"{where}: {len(asked)} requests, all to this service, and a prediction tried there was answered")


def test_every_route_is_answered_behind_a_proxy_that_strips_its_path(api):
    with stripping(api.url) as url:
        assert get(url + "/readyz") == (200, '{"status":"ready"}')
        for path in ("/model", "/metrics", "/docs", "/openapi.json", "/docs/favicon.png"):
            for method in ("GET", "HEAD"):
                with urlopen(
                    Request(url + path, headers={"Authorization": f"Bearer {ADMIN}"}, method=method), timeout=10
                ) as answer:
                    assert answer.status == 200, (method, path)
                    assert bool(answer.read()) == (method == "GET")


ASK = """async ([url, token]) => {
    const headers = {"Content-Type": "application/json", "Authorization": `Bearer ${token}`};
    try {
        const answer = await fetch(`${url}/predict`, {method: "POST", headers, body: '{"text": "amazing"}'});
        return [answer.status, (await answer.json()).detail?.slice(0, 26) ?? ""];
    } catch (error) { return [0, error.name]; }
}"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>an application</title>")

    def log_message(self, *args: object) -> None:
        pass


def test_a_page_of_an_origin_that_is_named_may_ask_and_no_other(browser, start_api):
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Page)) as server:
        port = server.server_address[1]
        named, other = f"http://localhost:{port}", f"http://127.0.0.1:{port}"
        api = start_api(API_TOKENS=f"app:predict:{ADMIN}", CORS_ORIGINS=named)
        answers = {}
        for origin in (named, other):
            with quiet_page(browser, but=["status of 401", "CORS policy", "net::ERR_FAILED"]) as page:
                page.goto(origin)
                answers[origin] = [page.evaluate(ASK, [api.url, token]) for token in (ADMIN, "wrong-0123456789")]

    assert answers == {
        named: [[200, ""], [401, "The token is not accepted "]],
        other: [[0, "TypeError"], [0, "TypeError"]],
    }
    assert len(read_lines(api.log_dir / "prediction_logs.json")) == 1

"""The page where one must sign in, in a real Chromium, with a real OpenID provider."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from tests.browser.conftest import SECONDS, TOO_WIDE, headline
from tests.browser.test_access import findings
from tests.conftest import free_port, get, many, serving, starting_dashboard, wait_until
from tests.monitoring.conftest import append, prediction
from tests.monitoring.watch.receivers import RefusingProxy

pytestmark = pytest.mark.browser
TEXT, ID = "only who is signed in may read this sentence", str(uuid4())
COOKIE, COOKIE_SECRET = "_streamlit_user", "what signs the cookies of these tests"
USERS: dict[str, dict[str, Any]] = {
    "ann": {"email": "ann@example.org", "email_verified": True},
    "eve": {"email": "eve@example.net", "email_verified": True},
    "mal": {"email": "ann@example.org", "email_verified": False},
    "una": {"email": "ann@example.org"},  # whether it is verified is not said
}
LONG = 30 * SECONDS


@dataclass
class Guarded:
    """A page that asks for a sign-in, and the browsers that look at it."""

    url: str
    provider: str
    browser: Browser
    frames: list[bytes] = field(default_factory=list)  # what the websocket of any of them brought

    @contextmanager
    def browsing(self, **options) -> Iterator[BrowserContext]:
        """A browser without cookies."""
        context = self.browser.new_context(**options)
        context.on("page", lambda page: page.on("websocket", self._listen))
        yield context
        context.close()

    def _listen(self, socket) -> None:
        socket.on("framereceived", lambda frame: self.frames.append(frame if isinstance(frame, bytes) else b""))

    def open(self, context: BrowserContext, path: str = "") -> Page:
        page = context.new_page()
        page.goto(self.url + path)
        return page

    def sign_in(self, page: Page, user: str) -> None:
        page.get_by_role("button", name="Sign in", exact=True).click(timeout=LONG)
        page.get_by_role("button", name=user, exact=True).click(timeout=LONG)

    def has_sent(self, text: str) -> bool:
        return any(text.encode() in frame for frame in self.frames)


@pytest.fixture(scope="module")
def provider(tmp_path_factory) -> Iterator[str]:
    """The address of an OpenID provider that knows the users, and asks for no password."""
    port, output = free_port(), tmp_path_factory.mktemp("provider") / "output.txt"
    users = [word for sub, claims in USERS.items() for word in ("--user-claims", json.dumps({"sub": sub} | claims))]
    with output.open("wb") as sink:
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *users]
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    url = f"http://localhost:{port}"
    wait_until(lambda: get(f"{url}/jwks")[0] == 200, "the provider answers", 60, state=output.read_text)
    yield url
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def guard(provider, browser, running_api, tmp_path_factory):
    """Starts a page, on a log with one request, that is for verified addresses of one domain only."""
    directory = tmp_path_factory.mktemp("guarded")
    append(directory / "logs" / "prediction_logs.json", prediction(request_text=TEXT, prediction_id=ID))
    with starting_dashboard(directory) as start:

        def started(base_path: str = "", **changed: str) -> Guarded:
            port = free_port()
            settings = {
                "LOG_DIR": str(directory / "logs"),
                "OIDC_METADATA_URL": f"{provider}/.well-known/openid-configuration",
                "OIDC_CLIENT_ID": "sentiment-monitor",
                "OIDC_CLIENT_SECRET": "any secret will do",
                "OIDC_COOKIE_SECRET": COOKIE_SECRET,
                "PUBLIC_URL": f"http://localhost:{port}{base_path}",
                "SIGN_IN_ALLOWED": "@example.org",
            }
            return Guarded(start(running_api, base_path, port, **settings | changed).url, provider, browser)

        yield started


@pytest.fixture(scope="module")
def started(guard) -> Guarded:
    found: Guarded = guard()
    return found


@pytest.fixture
def guarded(started) -> Guarded:
    """The same page for all tests of this module, which has sent nothing yet."""
    started.frames.clear()
    return started


def asks(page: Page, sentence: str = "Sign in to see this page.") -> None:
    """To sign in, and shows nothing else."""
    expect(page.get_by_text(sentence)).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    is_bare(page)


def is_bare(page: Page) -> None:
    expect(page.get_by_text("Sentiment monitor", exact=True)).to_be_visible()
    expect(page.get_by_role("status", name="Status")).to_have_count(0)
    expect(page).to_have_title("Sentiment monitor")
    assert TEXT not in page.content()


def shows_all(page: Page) -> None:
    headline(page).wait_for(timeout=LONG)
    page.get_by_role("button", name=TEXT).wait_for(timeout=LONG)


def signed(secret: str, origin: str, **changed: object) -> str:
    """A cookie as Streamlit makes them for who has signed in."""
    claims = {"iss": "the provider", "sub": "ann", "nonce": str(uuid4()), "iat": time.time()} | USERS["ann"]
    value = claims | {"provider": "default", "is_logged_in": True, "origin": origin} | changed
    return create_signed_value(secret, COOKIE, json.dumps(value)).decode()


@pytest.mark.promise(
    "Access control",
    "the page is opened without the required sign-in",
    "nothing of the log reaches that browser",
)
def test_nothing_of_the_log_reaches_who_is_not_signed_in(guarded, publish):
    paths = ["", f"/?request={ID}", "/?text=sentence&range=all"]
    visits = many(2, 60)

    for visit in range(visits):
        with guarded.browsing() as context:
            asks(guarded.open(context, paths[visit % len(paths)]))
    sent = len(guarded.frames)
    assert sent >= visits
    assert not guarded.has_sent(TEXT)
    assert not guarded.has_sent(ID)

    with guarded.browsing() as context:
        page = guarded.open(context)
        guarded.sign_in(page, "ann")
        shows_all(page)
    assert guarded.has_sent(TEXT)
    publish(f"{visits} visits, {sent} websocket messages, none with a text or an id of the log")


@pytest.mark.promise(
    "Access control",
    "a session cookie is forged or altered",
    "it is not accepted",
)
def test_a_cookie_that_this_installation_did_not_sign_is_no_sign_in(guarded, publish):
    real = signed(COOKIE_SECRET, guarded.url)
    claims, *rest = real.rsplit(".", 2)
    other = base64.urlsafe_b64encode(json.dumps({"is_logged_in": True, "origin": guarded.url}).encode()).decode()
    forged = [
        ".".join([other.rstrip("="), *rest]),
        signed("secret", guarded.url),
        signed(COOKIE_SECRET, "http://another.example.org"),
        signed(COOKIE_SECRET.upper(), guarded.url),
        signed("", guarded.url),
        claims,
        other,
        "",
    ]
    for place in range(0, len(real) - 1, 5):
        forged.append(real[:place] + ("B" if real[place] == "A" else "A") + real[place + 1 :])
    tried = many(3, len(forged))
    for cookie in forged[:tried]:
        with guarded.browsing() as context:
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": guarded.url}])
            asks(guarded.open(context))
    assert not guarded.has_sent(TEXT)

    with guarded.browsing() as context:
        context.add_cookies([{"name": COOKIE, "value": real, "url": guarded.url}])
        shows_all(guarded.open(context))
    publish(f"{tried} forged or changed cookies, none let in; the one they were made of is")


@pytest.mark.promise(
    "Access control",
    "a user signs in whose address is not allowed, or not verified",
    "the user is told why access is denied, and can sign in with another account",
)
def test_only_a_verified_address_that_is_allowed_is_let_in_and_others_are_told_why(guarded, publish):
    with guarded.browsing(viewport={"width": 400, "height": 900}) as context:
        page = guarded.open(context)
        asks(page)
        assert findings(page) == {}
        unverified = "address is verified"
        for user, why in (("eve", "which is not among those who may see"), ("mal", unverified), ("una", unverified)):
            guarded.sign_in(page, user)
            expect(page.get_by_text(f"You are signed in as {USERS[user]['email']}")).to_contain_text(why, timeout=LONG)
            is_bare(page)
            assert page.evaluate(TOO_WIDE) == []
            signs_out(page)
            asks(page)
        assert not guarded.has_sent(TEXT)

        guarded.sign_in(page, "ann")
        shows_all(page)
        expect(page.get_by_text("Signed in as ann@example.org")).to_be_visible()
        assert page.evaluate(TOO_WIDE) == []
    publish("an address of another domain and an unverified one refused, with the reason; the third let in")


def signs_out(page: Page) -> None:
    """Here and at the provider."""
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click(timeout=LONG)


@pytest.mark.promise(
    "Access control",
    "a user signs out in one of several tabs, after the cookie was copied",
    "every tab is emptied, and the copy is not accepted",
)
def test_signing_out_ends_every_tab_and_every_copy_of_the_cookie(guarded, publish):
    with guarded.browsing() as context:
        page = guarded.open(context)
        guarded.sign_in(page, "ann")
        shows_all(page)
        copied = [cookie for cookie in context.cookies() if cookie["name"].startswith(COOKIE)]
        tab = guarded.open(context)
        shows_all(tab)

        page.get_by_role("button", name="Sign out").click()
        clicked = time.monotonic()
        asks(tab, "Your sign-in has ended.")
        seconds = time.monotonic() - clicked
        page.get_by_role("button", name="End session").click(timeout=LONG)
        asks(page)
    assert copied
    guarded.frames.clear()
    with guarded.browsing() as context:
        context.add_cookies(copied)
        asks(guarded.open(context), "Your sign-in has ended.")
    assert not guarded.has_sent(TEXT)
    publish(f"the other tab is emptied after {seconds:.1f} s, looking every second; the copied cookie lets nobody in")


@pytest.mark.promise(
    "Access control",
    "`SIGN_IN_HOURS` are over, but the cookie has not expired",
    "it is not accepted",
)
def test_a_sign_in_ends_after_its_hours(guarded, publish):
    for hours, is_over in ((11.9, False), (12, True)):
        cookie = signed(COOKIE_SECRET, guarded.url, iat=time.time() - hours * 3600)
        guarded.frames.clear()
        with guarded.browsing() as context:
            context.add_cookies([{"name": COOKIE, "value": cookie, "url": guarded.url}])
            page = guarded.open(context)
            if is_over:
                asks(page, "Your sign-in has ended.")
                assert not guarded.has_sent(TEXT)
            else:
                shows_all(page)
    publish("let in after 11.9 hours, not after 12")


@pytest.mark.promise(
    "Faults",
    "the environment sets a proxy that cannot reach this machine, where the OpenID provider runs",
    "the provider is called directly, and users can sign in",
)
def test_a_provider_beside_the_page_is_asked_directly_whatever_proxy_there_is(guard, publish):
    with serving(RefusingProxy()) as proxy:
        guarded = guard(**proxy.environment)
        with guarded.browsing() as context:
            page = guarded.open(context)
            guarded.sign_in(page, "ann")
            shows_all(page)
        assert proxy.asked == []
    publish("signed in, and the proxy was asked for nothing")


def test_a_page_under_a_path_can_be_signed_in_to(guard):
    guarded = guard("/team/sentiment")
    with guarded.browsing() as context:
        page = guarded.open(context)
        guarded.sign_in(page, "ann")
        shows_all(page)
        assert page.url.startswith(f"{guarded.url}/")
        signs_out(page)
        asks(page)

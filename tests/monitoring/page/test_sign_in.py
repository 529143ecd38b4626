"""Who may see the page, by the claims of the provider, and what all others see, as Streamlit runs it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from monitoring.page.sign_in import Visitor, check_download, is_among, secrets
from monitoring.settings import Settings
from tests.monitoring import pages
from tests.monitoring.conftest import append
from tests.monitoring.test_settings import SIGN_IN

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GUARDED = Settings(
    oidc_metadata_url="https://login.example.org/.well-known/openid-configuration",
    oidc_client_id="monitor",
    oidc_client_secret="passw0rd",
    oidc_cookie_secret="c00kie" * 6,
    public_url="https://monitor.example.org/sentiment",
)
CLOSED = Settings(**vars(GUARDED) | {"sign_in_allowed": "ann@example.com @example.org"})


def signed_in(settings: Settings = CLOSED, **claims: object) -> Visitor:
    """Somebody with a sign-in of their own of an hour ago, and what else the provider says of them."""
    since = (NOW - timedelta(hours=1)).timestamp()
    own = {"is_logged_in": True, "iss": "https://login.example.org", "sub": "1", "iat": since, "nonce": str(uuid4())}
    return Visitor(settings, own | {"email": "bob@example.org", "email_verified": True} | claims)


def said(visitor: Visitor, now: datetime = NOW) -> str:
    """Why the page is not for them; empty if it is."""
    refusal = visitor.refusal(now)
    return refusal.sentence if refusal else ""


def test_a_page_without_a_provider_is_open_and_knows_nobody():
    visitor = Visitor(Settings(), {"is_logged_in": False})

    assert said(visitor) == ""
    assert Visitor(Settings()).name == ""
    assert secrets(Settings()) == {}


def test_streamlit_is_told_all_that_it_needs_with_its_own_route_under_the_public_address():
    assert secrets(GUARDED) == {
        "auth": {
            "server_metadata_url": "https://login.example.org/.well-known/openid-configuration",
            "client_id": "monitor",
            "client_secret": "passw0rd",
            "cookie_secret": "c00kie" * 6,
            "redirect_uri": "https://monitor.example.org/sentiment/oauth2callback",
        }
    }


@pytest.mark.parametrize("claims", [{}, {"is_logged_in": False}, {"is_logged_in": "yes"}, {"email": "ann@example.com"}])
def test_who_is_not_signed_in_is_asked_to(claims):
    assert said(Visitor(CLOSED, claims)) == "Sign in to see this page."


@pytest.mark.parametrize("email", ["ann@example.com", "Ann@Example.COM", "bob@example.org", "ANY@EXAMPLE.ORG"])
def test_an_address_that_is_named_or_of_a_named_domain_is_let_in(email):
    assert said(signed_in(email=email)) == ""


@pytest.mark.parametrize(
    "email",
    [
        "bob@example.com",
        "ann@example.com.evil.net",
        "bob@sub.example.org",
        "bob@notexample.org",
        "example.org",
        "@example.org",
        "bob@example.org@evil.net",
        "ann@example.com\N{ZERO WIDTH SPACE}",
        "bob@example.or\N{FULLWIDTH LATIN SMALL LETTER G}",
    ],
)
def test_no_other_address_is(email):
    assert said(signed_in(email=email)).endswith("which is not among those who may see this page.")


def test_a_letter_of_another_alphabet_is_not_the_one_that_it_becomes_in_lower_case():
    assert "\N{KELVIN SIGN}".lower() == "k"
    assert not is_among("\N{KELVIN SIGN}ate@example.org", ["kate@example.org"])
    assert is_among("Kate@example.org", ["kate@example.org"])


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_counts_only_if_the_provider_says_that_it_is_verified(verified):
    assert "does not say that this e-mail address is verified" in said(signed_in(email_verified=verified))


def test_a_provider_that_tells_no_address_is_named_as_the_reason():
    assert "does not say which e-mail address is yours" in said(signed_in(email=None, email_verified=None))


def test_with_nobody_named_the_provider_decides_unless_it_says_that_the_address_is_not_verified():
    assert said(signed_in(GUARDED, email="anybody@example.net", email_verified=None)) == ""
    assert said(signed_in(GUARDED, email=None, email_verified=None)) == ""
    assert "verified" in said(signed_in(GUARDED, email_verified=False))


def test_a_sign_in_holds_for_so_many_hours_and_then_a_new_one_is_asked_for():
    visitor = signed_in()

    assert said(visitor, NOW + timedelta(hours=10, minutes=59)) == ""
    refusal = visitor.refusal(NOW + timedelta(hours=11))
    assert refusal == ("Your sign-in has ended. Sign in again to see this page.", True)
    assert "has ended" in said(signed_in(iat=None))


def test_a_sign_in_that_was_ended_is_not_gone_on_with_and_another_one_of_the_same_person_is():
    ended, other = signed_in(), signed_in()
    ended.end()

    assert "has ended" in said(Visitor(CLOSED, dict(ended.claims)))
    assert said(other) == ""


def test_no_file_is_made_for_who_may_not_see_the_page():
    visitor = signed_in(iat=datetime.now(UTC).timestamp())
    check_download(visitor)

    visitor.end()

    with pytest.raises(PermissionError, match="Your sign-in has ended"):
        check_download(visitor)


@given(
    st.dictionaries(
        st.sampled_from(["is_logged_in", "email", "email_verified", "iat", "sub", "name", "iss"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.text(max_size=3)),
    )
)
def test_whatever_claims_there_are_only_a_fresh_verified_named_address_is_let_in(claims):
    if said(Visitor(CLOSED, claims)) == "":
        assert claims["is_logged_in"] is True
        assert claims["email_verified"] is True
        assert is_among(claims["email"], CLOSED.sign_in_allowed.split())
        assert claims["iat"] > (NOW - timedelta(hours=12)).timestamp()


def test_neither_settings_nor_claims_are_shown():
    shown = repr(signed_in())

    assert "passw0rd" not in shown
    assert "c00kie" not in shown
    assert "bob@" not in shown


@pytest.fixture
def page(tmp_path, monkeypatch) -> AppTest:
    """The page on a log with one request, where one must sign in."""
    log = tmp_path / "logs" / "prediction_logs.json"
    append(log, pages.prediction(request_text="for those inside only"))
    for name, value in SIGN_IN.items():
        monkeypatch.setenv(name, value)
    return pages.unseen_page(log, monkeypatch)


def test_who_is_not_signed_in_is_shown_a_button_and_nothing_else(page):
    page.query_params["text"] = "inside"

    page.run()

    assert not page.exception
    assert pages.said(page) == "Sentiment monitor\nSign in to see this page.\nSign in"
    assert [button.label for button in page.button] == ["Sign in"]
    assert not page.get("bidi_component")


def test_no_section_is_drawn_again_for_who_has_signed_out_elsewhere(page):
    page.user = {"is_logged_in": True, "sub": "ann", "iat": datetime.now(UTC).timestamp(), "nonce": str(uuid4())}
    assert pages.shown_texts(pages.run(page)) == ["for those inside only"]
    Visitor(GUARDED, dict(page.user)).end()

    pages.redraw(page, "requests")

    assert "Your sign-in has ended." in pages.said(page)
    assert not page.get("bidi_component")

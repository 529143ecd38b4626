"""The page for those who are not signed in, run as Streamlit runs it."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.monitoring.conftest import append
from tests.monitoring.pages import prediction, said, unseen_page
from tests.monitoring.test_settings import SIGN_IN


@pytest.fixture
def page(tmp_path, monkeypatch) -> AppTest:
    """The page on a log with one request, where one must sign in."""
    log = tmp_path / "logs" / "prediction_logs.json"
    append(log, prediction(request_text="for those inside only"))
    for name, value in SIGN_IN.items():
        monkeypatch.setenv(name, value)
    return unseen_page(log, monkeypatch)


def test_who_is_not_signed_in_is_shown_a_button_and_nothing_else(page):
    page.query_params["text"] = "inside"

    page.run()

    assert not page.exception
    assert said(page) == "Sentiment monitor\nSign in to see this page.\nSign in"
    assert [button.label for button in page.button] == ["Sign in"]
    assert not page.get("bidi_component")

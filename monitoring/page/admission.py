"""Draws the page for those who are not let in, and who it is that is."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from monitoring.page.sign_in import Refusal, Visitor
from monitoring.settings import Settings

TITLE = "Sentiment monitor"


def admitted(settings: Settings) -> Visitor:
    """Who looks at the page. For who may not see it, the run ends here, with a page to sign in."""
    visitor = Visitor(settings, st.user.to_dict())
    if refusal := visitor.refusal(datetime.now(UTC)):
        draw_refusal(visitor, refusal)
        st.stop()
    return visitor


def check(visitor: Visitor) -> None:
    """Where not the whole page is drawn: it will be, if the visitor may see nothing of it any more."""
    if visitor.refusal(datetime.now(UTC)):
        st.rerun()


def check_download(visitor: Visitor) -> None:
    """A file is made when its button is clicked, in no session's run. Raises PermissionError."""
    if refusal := visitor.refusal(datetime.now(UTC)):
        raise PermissionError(refusal.sentence)


def draw_refusal(visitor: Visitor, refusal: Refusal) -> None:
    with st.container(key="sign_in", width=480):
        st.title(TITLE)
        st.text(refusal.sentence)
        if refusal.may_sign_in:
            st.button("Sign in", key="sign_in_button", type="primary", on_click=st.login)
        else:
            _draw_sign_out(visitor)


def draw_title(visitor: Visitor) -> None:
    if not visitor.name:
        st.title(TITLE)
        return
    with st.container(key="top", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(TITLE, width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.text(f"Signed in as {visitor.name}", width="content")
            _draw_sign_out(visitor)


def _draw_sign_out(visitor: Visitor) -> None:
    st.button("Sign out", key="sign_out_button", on_click=_sign_out, args=(visitor,))


def _sign_out(visitor: Visitor) -> None:
    visitor.end()
    st.logout()

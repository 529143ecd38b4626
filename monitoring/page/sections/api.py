"""The API: whether it is ready, and the card of its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from monitoring.page.api.model_card import card_headline, card_limits, card_rows
from monitoring.page.api.poller import ApiState
from monitoring.page.components import plain_table
from monitoring.page.elements import plain
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State


def section(state: State) -> Section:
    return Section("api", lambda: _draw(state.settings.api_url, state.seen.api), lambda: Content(state.seen.api))


def _draw(url: str, api: ApiState) -> None:
    st.header("The API", anchor="api")
    if api.problem is None:
        st.caption(f"Checking whether the API at {plain(url)} is ready.")
        return
    said = "refuses this dashboard" if api.refused else "is not ready" if api.problem else "is ready"
    st.caption(f"The API at {plain(url)} {said}.")
    if api.card:
        st.caption(plain(card_headline(api.card)))
        _draw_card(api.card)


def _draw_card(card: Mapping[str, Any]) -> None:
    rows, limits = card_rows(card), card_limits(card)
    if rows or limits:
        note = "In brackets: the 95 % interval, if the card has one."
        with st.expander("Model card"):
            listed = {"title": "Limits", "items": limits} if limits else None
            data = {"caption": "Model card", "head": None, "rows": rows, "note": note, "list": listed}
            plain_table(key="card", data=data)

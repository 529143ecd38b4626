"""Draws what concerns the API: whether it is ready, its model, and a box to try a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from monitoring.page.api.model_card import card_headline, card_limits, card_rows
from monitoring.page.api.poller import ApiState
from monitoring.page.components import plain_table
from monitoring.page.elements import named, plain

MOST_CHARS = 50_000  # which fit into one message of the browser; one that is longer would close its websocket


def draw_api(url: str, state: ApiState) -> None:
    st.header("The API", anchor="api")
    if state.problem is None:
        st.caption(f"Asking {plain(url)} whether it is ready.")
        return
    said = "refuses this dashboard" if state.refused else "is not ready" if state.problem else "is ready"
    st.caption(f"The API at {plain(url)} {said}.")
    if state.card:
        st.caption(plain(card_headline(state.card)))
        _draw_card(state.card)


def _draw_card(card: Mapping[str, Any]) -> None:
    rows, limits = card_rows(card), card_limits(card)
    if rows or limits:
        note = "In brackets the 95 % interval, where the card has one."
        with st.expander("Model card"):
            listed = {"title": "Limits", "items": limits} if limits else None
            data = {"caption": "Model card", "head": None, "rows": rows, "note": note, "list": listed}
            plain_table(key="card", data=data)


def draw_try_form() -> str | None:
    """The text to try, once the user sends it."""
    st.header("Try a sentence", anchor="try")
    with st.form("try"):
        text = st.text_area("Text", key="try_text", placeholder="The movie was amazing!", max_chars=MOST_CHARS)
        sent = st.form_submit_button("Predict")
    return text if sent else None


def draw_answer(answer: Mapping[str, Any], labels: list[str], judge: Callable[[str], None]) -> None:
    """The answer to the tried sentence; `judge` is called with its true label when the user gives one."""
    predicted = str(answer["predicted_sentiment"])
    st.write(f"Predicted **{named(predicted)}** with confidence {answer['confidence']:.3f}. Was that right?")
    choices = [predicted, *(label for label in labels if label != predicted)]
    with st.container(horizontal=True):
        for label in choices:
            text = f"Right: {named(label)}" if label == predicted else f"Wrong: it is {named(label)}"
            st.button(text, key=f"judge-answer-{label}", on_click=judge, args=(label,))

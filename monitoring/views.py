"""Draws the page: one draw_* function a section. Statistics come in as values; nothing is computed or judged here.

Texts and labels come from outside: they are shown in tables, charts and as plain text, never as Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from monitoring.alert import Alert
from monitoring.components import card_table
from monitoring.model_card import card_headline, card_limits, card_rows


def plain(text: object) -> str:
    """Text from outside, so that Streamlit's Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&])", r"\\\1", " ".join(str(text).split()))


def draw_alert(alert: Alert) -> None:
    box = {"alert": st.error, "warning": st.warning, "unknown": st.info, "ok": st.success}[alert.level]
    box(f"**{plain(alert.title)}.** {plain(alert.detail)}")


def draw_api_state(url: str, problem: str | None, card: Mapping[str, Any] | None) -> None:
    st.subheader("The API")
    if problem:
        draw_alert(Alert("alert", "The API is not ready", f"{problem} What the log holds is shown above."))
        return
    st.success(f"The API at {plain(url)} is ready.")
    if card:
        st.caption(plain(card_headline(card)))
        _draw_card(card)


def _draw_card(card: Mapping[str, Any]) -> None:
    rows, limits = card_rows(card), card_limits(card)
    if rows or limits:
        with st.expander("Model card"):
            card_table(key="card_table", data={"rows": rows, "limits": limits})


def draw_try_form() -> str | None:
    """The text to try, once the user sends it."""
    st.subheader("Try a sentence")
    with st.form("try"):
        text = st.text_area("Text", key="try_text", placeholder="The movie was amazing!")
        sent = st.form_submit_button("Predict")
    return text if sent else None


def draw_answer(answer: Mapping[str, Any], labels: list[str], judge: Callable[[str], None]) -> None:
    """The answer to the tried sentence; `judge` is called with its true label when the user gives one."""
    predicted = str(answer["predicted_sentiment"])
    st.write(f"Predicted **{plain(predicted)}** with confidence {answer['confidence']:.3f}. Was that right?")
    choices = [predicted, *(label for label in labels if label != predicted)]
    for column, label in zip(st.columns(len(choices)), choices, strict=True):
        text = f"Right: {plain(label)}" if label == predicted else f"Wrong: it is {plain(label)}"
        column.button(text, key=f"judge-{label}", on_click=judge, args=(label,))

"""A form to try a sentence, and buttons to log whether the prediction was right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from monitoring.page import session
from monitoring.page.api.client import ApiUnavailable
from monitoring.page.elements import draw_judgement, named, plain
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State

MOST_CHARS = 50_000  # a longer text does not fit into one message of the browser, which closes the websocket


def section(state: State) -> Section:
    return Section("try", lambda: _draw(state), lambda: Content(state.seen.api.labels))


def _draw(state: State) -> None:
    st.header("Try a sentence", anchor="try")
    with st.form("try"):
        text = st.text_area("Text", key="try_text", placeholder="The movie was amazing!", max_chars=MOST_CHARS)
        sent = st.form_submit_button("Predict")
    if sent:
        session.forget_answer()
        try:
            session.keep_answer(state.client.predict(text))
        except ApiUnavailable as error:
            st.error(plain(error))
    answer = session.answer()
    if answer is None:
        return
    name = answer["prediction_id"]
    if (label := session.given(name)) is not None:
        st.success(f"Thank you: logged as {named(label)}.")
    else:
        _draw_answer(answer, state.seen.api.labels, partial(state.judge, name))
    session.draw_problem(name)


def _draw_answer(answer: Mapping[str, Any], labels: list[str], judge: Callable[[str], None]) -> None:
    """The prediction for the tried sentence. `judge` is called with the true label that the user gives."""
    predicted = str(answer["predicted_sentiment"])
    st.write(f"Predicted **{named(predicted)}** with confidence {answer['confidence']:.3f}. Was that right?")
    with st.container(horizontal=True):
        draw_judgement("judge-answer", predicted, labels, judge)

"""The audit sample: randomly selected predictions, to be labelled by an expert."""

from __future__ import annotations

import streamlit as st

from monitoring.analysis.notes import audit_sentence
from monitoring.page import session
from monitoring.page.components import coloured_text
from monitoring.page.elements import named, plain, text_of
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State
from monitoring.stats.feedback import Audit
from monitoring.store.requests import Requests

AUDIT = (
    "Predictions are sampled at random when they are made. Their labels measure the accuracy of all predictions. "
    "Labels of predictions that users choose may be biased."
)
LEFT_OUT = "The log does not have this text (LOG_TEXT=hashed). Ask the client that sent the request:"


def section(state: State) -> Section:
    def content() -> Content:
        audit = state.seen.analysis.trust.audit if state.seen.analysis else None
        said = audit and (audit.drawn, audit.labelled, audit.accuracy, tuple(audit.waiting["row"][:1]))
        return Content((said, state.seen.api.labels))

    def draw() -> None:
        analysis, snapshot = state.seen.analysis, state.seen.snapshot
        if analysis and snapshot:
            _draw(state, analysis.trust.audit, snapshot.requests)

    return Section("audit", draw, content)


def _draw(state: State, audit: Audit, requests: Requests) -> None:
    """The sample, and the oldest of its predictions that has no label."""
    st.header("Audit sample", anchor="audit", help=AUDIT)
    st.caption(plain(audit_sentence(audit)))
    oldest = next(iter(requests.read(audit.waiting["row"].to_numpy()[:1])), None)
    if oldest is None or oldest.line.prediction_id is None:
        return
    line, key = oldest.line, oldest.line.prediction_id
    coloured_text(key="audit_text", data={"name": "Text to be labelled", "pieces": [text_of(line)], "terms": []})
    if line.is_left_out:
        st.caption(plain(f"{LEFT_OUT} its prediction_id is {key}."))
    choices = sorted({*state.seen.api.labels, line.predicted_sentiment})
    st.caption(f"Not labelled yet: {len(audit.waiting):,}. This is the oldest. What is the true label of this text?")
    with st.container(horizontal=True):
        for label in choices:
            st.button(named(label), key=f"audit-{key}-{label}", on_click=state.judge, args=(key, label))
    session.draw_problem(key)

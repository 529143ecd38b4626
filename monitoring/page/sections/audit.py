"""Draws the audit sample: answers drawn at random, to be labelled by somebody who knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from monitoring.analysis.notes import audit_sentence
from monitoring.log.format import Prediction
from monitoring.page.components import coloured_text
from monitoring.page.elements import named, plain, text_of
from monitoring.stats.feedback import Audit

AUDIT = (
    "Some answers are marked at random when they are given. Labels of these are unlike those that users choose to "
    "give: they say how good all answers are."
)

LEFT_OUT = "The log does not have its text (LOG_TEXT=hashed). To know it, ask where the request came from:"


def draw_audit(
    audit: Audit, oldest: Prediction | None, labels: Sequence[str], judge: Callable[[str, str], None]
) -> None:
    """The `oldest` audited answer without a label; `judge` is called with its id and its true label."""
    st.header("Audit sample", anchor="audit", help=AUDIT)
    st.caption(plain(audit_sentence(audit)))
    if oldest is None or oldest.prediction_id is None:
        return
    text = {"name": "Text to be labelled", "pieces": [text_of(oldest)], "terms": []}
    coloured_text(key="audit_text", data=text)
    key = oldest.prediction_id
    if oldest.is_left_out:
        st.caption(plain(f"{LEFT_OUT} its prediction_id is {key}."))
    choices = sorted({*labels, oldest.predicted_sentiment})
    st.caption(f"{len(audit.waiting):,} wait for a label, the oldest first. What is the true label of this text?")
    with st.container(horizontal=True):
        for label in choices:
            st.button(named(label), key=f"audit-{key}-{label}", on_click=judge, args=(key, label))

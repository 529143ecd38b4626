"""Draws the audit sample: answers drawn at random, to be labelled by somebody who knows."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from monitoring.feedback import Audit
from monitoring.remarks import audit_sentence
from monitoring.views import plain


def draw_audit(audit: Audit, labels: list[str], judge: Callable[[str, str], None]) -> None:
    """The oldest audited answer without a label; `judge` is called with its id and its true label."""
    st.subheader("Audit sample")
    st.caption(plain(audit_sentence(audit)))
    if audit.waiting.empty:
        return
    request = audit.waiting.iloc[0]
    st.text(request["request_text"])
    key = request["prediction_id"]
    choices = sorted({*labels, str(request["predicted_sentiment"])})
    st.caption(f"{len(audit.waiting):,} wait for a label, the oldest first. What is the true label of this text?")
    for column, label in zip(st.columns(max(len(choices), 4)), choices, strict=False):
        column.button(plain(label), key=f"audit-{key}-{label}", on_click=judge, args=(key, label))

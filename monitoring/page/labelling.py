"""The labels that the user gives on the page, to be logged by the API."""

from __future__ import annotations

import streamlit as st

from monitoring.page import elements
from monitoring.page.api.client import ApiClient, ApiUnavailable


def judge(client: ApiClient, prediction_id: str, label: str) -> None:
    """Log the label. Streamlit may run this again for one click, if something comes between."""
    if given(prediction_id) == label:
        return
    try:
        client.feedback(prediction_id, label)
        _labels()[prediction_id] = label
    except ApiUnavailable as error:
        st.session_state["label_problem"] = (prediction_id, str(error))


def given(prediction_id: str) -> str | None:
    """The label that this user has given for an answer."""
    return _labels().get(prediction_id)


def forget(prediction_id: str) -> None:
    """It is a new answer."""
    _labels().pop(prediction_id, None)


def draw_problem(prediction_id: str | None) -> None:
    """Why the label for this answer was not logged, once."""
    of_answer, problem = st.session_state.get("label_problem", (None, ""))
    if of_answer is not None and of_answer == prediction_id:
        del st.session_state["label_problem"]
        st.error(elements.plain(problem))


def _labels() -> dict[str, str]:
    """By the id of the answer."""
    labels: dict[str, str] = st.session_state.setdefault("labels_given", {})
    return labels

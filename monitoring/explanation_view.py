"""Draws one request and what its words contributed to the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from monitoring.alert import Alert
from monitoring.components import coloured_text
from monitoring.explanation import Explanation, Piece, difference, pieces, sides, strongest_terms
from monitoring.log_format import Prediction
from monitoring.views import draw_alert, plain


def draw_request(
    request: Prediction, explanation: Explanation | str, labels: Sequence[str], close: Callable[[], None]
) -> None:
    """The request as it was logged, and its explanation or the sentence why there is none."""
    with st.container(border=True):
        heading, button = st.columns([5, 1], vertical_alignment="center")
        heading.markdown("#### The selected request")
        button.button("Close", key="close_request", on_click=close, width="stretch")
        st.markdown(_answer(request))
        st.caption(_origin(request))
        if isinstance(explanation, str):
            draw_alert(Alert("unknown", "No explanation", explanation))
        elif sentence := difference(request, explanation):
            draw_alert(Alert("warning", "Another model explains", sentence))
        coloured_text(key="coloured_text", data=component_data(request, explanation, labels))
        if isinstance(explanation, Explanation) and not any(
            piece.side for piece in pieces(request.request_text, explanation.tokens)
        ):
            st.caption(_why_without_colours(explanation))


def component_data(request: Prediction, explanation: Explanation | str, labels: Sequence[str]) -> dict[str, Any]:
    """What the component shows, as JSON: a piece or term of which the model says something as [text, side, strength,
    figure], any other as its text. Small, since a text of 20,000 characters has thousands of pieces, and all go to the
    browser whenever the page is refreshed."""
    name = f"{request.prediction_id} {request.timestamp}"
    if isinstance(explanation, str):
        return {"request": name, "pieces": [request.request_text], "sides": None, "terms": []}
    return {
        "request": name,
        "pieces": [_compact(piece) for piece in pieces(request.request_text, explanation.tokens)],
        "sides": sides(explanation, labels),
        "terms": [_compact(term) for term in strongest_terms(explanation.terms)],
    }


def _compact(piece: Piece) -> str | list[str | float | None]:
    return [piece.text, piece.side, piece.strength, piece.figure] if piece.figure else piece.text


def _answer(request: Prediction) -> str:
    confidence = "" if request.confidence != request.confidence else f" with confidence {request.confidence:.3f}"
    label = request.true_sentiment
    truth = "not known" if label is None else f"**{plain(label)}**"
    return f"Answered **{plain(request.predicted_sentiment)}**{confidence}; the true label is {truth}."


def _origin(request: Prediction) -> str:
    version = request.model_version
    by = f"model version {plain(version)}" if version else "a model version that the log does not name"
    return f"At {request.timestamp:%Y-%m-%d %H:%M:%S} UTC, by {by}."


def _why_without_colours(explanation: Explanation) -> str:
    if explanation.terms:
        return "Where in the text these terms stand is not known, so nothing is coloured."
    return "The model knows no word of this text, so nothing is coloured."

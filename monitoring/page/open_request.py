"""The open request, and what its words contributed to the prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from monitoring.alarms.alert import Alert
from monitoring.log.format import Prediction
from monitoring.page.api.explanation import Explanation, Piece, difference, pieces, sides, strongest_terms
from monitoring.page.components import coloured_text
from monitoring.page.elements import clipped, draw_alerts, draw_judgement, named, plain, text_of

MOST_CHOICES = 10  # buttons


def draw(
    request: Prediction,
    explanation: Explanation | str,
    labels: Sequence[str],
    close: Callable[[], None],
    judge: Callable[[str], None],
) -> None:
    """The request as it was logged, and its explanation or the sentence why there is none. `judge` is called with the
    true label that the user gives."""
    with st.container(border=True, key="selected_request"):
        heading, button = st.columns([5, 1], vertical_alignment="center")
        heading.subheader("The open request")
        button.button("Close", key="close_request", on_click=close, width="stretch")
        st.markdown(_answer(request))
        if isinstance(explanation, Explanation) and explanation.probabilities:
            st.caption(plain(_probabilities(explanation)))
        if isinstance(explanation, str):
            draw_alerts([Alert("unknown", "No explanation", explanation)], "explanation_alert")
        elif sentence := difference(request, explanation):
            draw_alerts([Alert("warning", "Explained by another model", sentence)], "explanation_alert")
        coloured_text(key="coloured_text", data=component_data(request, explanation, labels))
        _draw_judgement(request, labels, judge)
        if isinstance(explanation, Explanation) and not any(
            piece.side for piece in pieces(request.request_text, explanation.tokens)
        ):
            st.caption(_why_without_colours(explanation))


def component_data(request: Prediction, explanation: Explanation | str, labels: Sequence[str]) -> dict[str, Any]:
    """What the component shows, as JSON. A piece or term with a contribution is [text, side, strength, figure], any
    other is its text. Compact, because a text of 20,000 characters has thousands of pieces, which are sent again at
    each redraw."""
    name, origin = f"{request.prediction_id} {request.timestamp}", _origin(request)
    if isinstance(explanation, str):
        return {"request": name, "origin": origin, "pieces": [text_of(request)], "sides": None, "terms": []}
    return {
        "request": name,
        "origin": origin,
        "pieces": [_compact(piece) for piece in pieces(request.request_text, explanation.tokens)],
        "sides": sides(explanation, labels),
        "terms": [_compact(term) for term in strongest_terms(explanation.terms)],
    }


def _compact(piece: Piece) -> str | list[str | float | None]:
    return [piece.text, piece.side, piece.strength, piece.figure] if piece.figure else piece.text


def _answer(request: Prediction) -> str:
    confidence = "" if request.confidence != request.confidence else f" with confidence {request.confidence:.3f}"
    label = request.true_sentiment
    truth = "not known" if label is None else f"**{named(label)}**"
    return f"Predicted **{named(request.predicted_sentiment)}**{confidence}; the true label is {truth}."


def _origin(request: Prediction) -> str:
    version = request.model_version
    by = f"model version {clipped(version)}" if version else "an unnamed model version"
    name = f" Its prediction_id is {clipped(request.prediction_id)}." if request.prediction_id else ""
    return f"At {request.timestamp:%Y-%m-%d %H:%M:%S} UTC, by {by}.{name}"


def _probabilities(explanation: Explanation) -> str:
    listed = [f"{label} {probability:.3f}" for label, probability in explanation.probabilities.items()]
    return f"Probabilities: {', '.join(listed)}."


def _draw_judgement(request: Prediction, labels: Sequence[str], judge: Callable[[str], None]) -> None:
    """Buttons to give the true label."""
    if request.prediction_id is None:
        st.caption("It has no prediction_id in the log, so it cannot be labelled.")
        return
    with st.container(horizontal=True, key="judgement"):
        draw_judgement("judge-request", request.predicted_sentiment, labels, judge, MOST_CHOICES)


def _why_without_colours(explanation: Explanation) -> str:
    if explanation.terms:
        return "The positions of these terms in the text are not known, so nothing is coloured."
    return "The model knows no word of this text, so nothing is coloured."

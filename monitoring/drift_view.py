"""Draws how traffic differs from the reference: lengths, vocabulary and its words, predicted labels, confidence."""

from __future__ import annotations

from itertools import islice

import pandas as pd
import streamlit as st

from monitoring.analysis import Analysis
from monitoring.drift import Drift, label_counts
from monitoring.figures import confidence_over_time, share_names, shares_in_bins, shares_of_labels, shares_of_lengths
from monitoring.reference import Reference
from monitoring.remarks import window_note
from monitoring.views import plain
from monitoring.words import MovedWord

MAX_SHOWN = 5  # requests with words that moved


def draw_drift(analysis: Analysis, reference: Reference | None) -> None:
    left, right = st.columns([3, 2])
    with left:
        draw_lengths(analysis, reference)
    with right:
        draw_labels(analysis, reference)
    draw_vocabulary(analysis, reference)
    draw_confidence(analysis, reference)


def draw_lengths(analysis: Analysis, reference: Reference | None) -> None:
    st.subheader("Sentence length")
    words = analysis.requests["words"]
    median = f"Median {words.median():.0f} words"
    if reference is None:
        st.caption(f"{median}.")
        return
    _say("Sentence length", analysis.drifts.get("length"), "longer", "shorter")
    figure = shares_of_lengths(words, reference)
    st.plotly_chart(figure, key="lengths", alt="Shares of texts by number of words, current and reference")
    st.caption(f"{median}, in the reference {reference.length_median:.0f}. {plain(reference.source)}")


def draw_labels(analysis: Analysis, reference: Reference | None) -> None:
    st.subheader("Predicted sentiment")
    current = label_counts(analysis.requests)
    if len(current) == 1:
        (label,) = current
        st.caption(f"Every selected answer is {plain(label)}.")
    _say("Predicted sentiment", analysis.drifts.get("prediction"), "", "")
    figure = shares_of_labels(current, reference.label_counts if reference else None)
    st.plotly_chart(figure, key="labels", alt="Shares of answers by predicted sentiment, current and reference")


def draw_vocabulary(analysis: Analysis, reference: Reference | None) -> None:
    st.subheader("Vocabulary")
    known = analysis.requests["known_share"].dropna()
    edges, counts = (reference.known_edges, reference.known_counts) if reference else (None, None)
    if edges is None or counts is None or known.empty:
        st.caption("Neither side or only one says which share of its words the model knows, so nothing is compared.")
        return
    _say("Vocabulary", analysis.drifts.get("vocabulary"), "more known", "less known")
    title = "share of a text's words that the model knows"
    figure = shares_in_bins(share_names(edges), title, known, edges, counts)
    st.plotly_chart(figure, key="vocabulary", alt="Shares of texts by share of known words, current and reference")
    draw_moved_words(analysis.moved_words)


def draw_moved_words(moved: list[MovedWord]) -> None:
    """Words and texts come from outside: they are shown in tables only."""
    if not moved:
        st.caption("No word is found in clearly more or fewer texts than in the reference.")
        return
    st.markdown("**Words that moved**: found in clearly more or fewer texts than in the reference")
    table = pd.DataFrame(
        {
            "word": [word.word for word in moved],
            "texts now": [f"{word.current_share:.1%}" for word in moved],
            "in the reference": [f"{word.reference_share:.1%}" for word in moved],
            "confidence with it": [_confidence(word.mean_confidence) for word in moved],
            "without it": [_confidence(word.mean_confidence_without) for word in moved],
        }
    )
    st.dataframe(table, hide_index=True, key="moved_words", alt="Words that moved")
    with st.expander("Requests with these words"):
        examples = {request.request_text: request for word in moved for request in word.examples}.values()
        texts = [(line.request_text, line.predicted_sentiment, line.confidence) for line in islice(examples, MAX_SHOWN)]
        table = pd.DataFrame(texts, columns=["text", "predicted", "confidence"])
        st.dataframe(table, hide_index=True, key="moved_examples", alt="Requests with the words that moved")


def _confidence(mean: float | None) -> str:
    return "not known" if mean is None else f"{mean:.3f}"


def draw_confidence(analysis: Analysis, reference: Reference | None) -> None:
    st.subheader("Confidence over time")
    if analysis.confidence_by_time.empty:
        st.caption("The log has no confidences in this time range.")
        return
    _say("Confidence", analysis.drifts.get("confidence"), "surer", "less sure")
    figure = confidence_over_time(analysis.confidence_by_time, reference.confidence_mean if reference else None)
    st.plotly_chart(figure, key="confidence", alt="Mean confidence of the answers over time")


def _say(subject: str, drift: Drift | None, more: str, less: str) -> None:
    """The effect first, then whether it can be chance."""
    if drift is None:
        return
    alert = window_note(subject, drift)
    effect = ""
    if drift.shift is not None and alert.level != "unknown":
        effect = f"By {abs(drift.shift):.2f} standard deviations {more if drift.shift > 0 else less}. "
    st.caption(plain(f"{alert.title}. {effect}{alert.detail}"))

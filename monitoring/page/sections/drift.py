"""How the selected requests differ from the reference: data drift in their texts, target drift in the predictions."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pandas as pd
import streamlit as st

from monitoring.analysis.notes import window_note
from monitoring.analysis.results import Analysis, Drifts
from monitoring.page.elements import BARE, draw_heading, draw_table, named, plain, the_zone
from monitoring.page.redraw import Section
from monitoring.page.state import State
from monitoring.report.charts import (
    confidence_over_time,
    share_names,
    shares_in_bins,
    shares_of_labels,
    shares_of_lengths,
)
from monitoring.stats.drift import Drift, label_counts
from monitoring.stats.reference import Reference
from monitoring.stats.tables import quantiles

MAX_SHOWN = 5  # requests with changed words
DRIFT = (
    "The texts differ from the reference, which describes the training data. The distance is the total variation: 0 "
    "for identical distributions, 1 for disjoint ones. p is the probability of such a difference without any drift. An "
    "alert is raised only for significant drift, at a stated false-alarm rate."
)
TARGET_DRIFT = (
    "The shares of the predicted labels differ from the reference. Either the world has changed, or the model no "
    "longer understands the texts."
)
VOCABULARY = "The share of a text's words that the model knows. With lower coverage predictions are less reliable."
WORDS = "Words that occur in significantly more or fewer texts than in the reference."
CONFIDENCE = "The model's probability for its prediction, averaged over each time step."


def data_section(state: State) -> Section:
    def draw() -> None:
        if analysis := state.seen.analysis:
            _draw_data_drift(analysis, state.seen.reference)

    return Section("data_drift", draw, state.growing, slow=True)


def target_section(state: State) -> Section:
    def draw() -> None:
        if analysis := state.seen.analysis:
            _draw_target_drift(analysis, state.seen.reference)

    return Section("target_drift", draw, state.growing, slow=True)


def _draw_data_drift(analysis: Analysis, reference: Reference | None) -> None:
    draw_heading("Data drift", "data-drift", "Have the texts changed?", DRIFT)
    drifts = analysis.drifts
    left, right = st.columns(2)
    with left:
        _draw_lengths(analysis.tables.lengths, drifts, reference)
    with right:
        _draw_vocabulary(analysis.tables.known, drifts, reference)
    _draw_moved_words(drifts)


def _draw_target_drift(analysis: Analysis, reference: Reference | None) -> None:
    draw_heading("Target drift", "target-drift", "Have the answers changed?", TARGET_DRIFT)
    left, right = st.columns([2, 3])
    with left:
        _draw_labels(analysis, reference)
    with right:
        _draw_confidence(analysis, reference)


def _draw_lengths(lengths: pd.DataFrame, drifts: Drifts, reference: Reference | None) -> None:
    st.subheader("Sentence length")
    (median,) = quantiles(lengths["words"].to_numpy(), lengths["n"].to_numpy(), [0.5])
    if reference is None:
        st.caption(f"Median {median:.0f} words.")
        return
    _say("Sentence length", drifts.by_subject.get("length"), "length")
    figure = shares_of_lengths(lengths, reference)
    st.plotly_chart(figure, key="lengths", alt="Shares of texts by number of words, current and reference", config=BARE)
    st.caption(f"Median {median:.0f} words, in the reference {reference.length_median:.0f}. {plain(reference.source)}")


def _draw_vocabulary(known: pd.DataFrame, drifts: Drifts, reference: Reference | None) -> None:
    st.subheader("Vocabulary coverage", help=VOCABULARY)
    known = known[known["known_share"].notna()]
    edges, counts = (reference.known_edges, reference.known_counts) if reference else (None, None)
    if edges is None or counts is None or known.empty:
        st.caption("The log or the reference has no vocabulary coverage, so it cannot be compared.")
        return
    _say("Vocabulary coverage", drifts.by_subject.get("vocabulary"), "coverage")
    title = "vocabulary coverage of a text"
    figure = shares_in_bins(share_names(edges), title, known, "known_share", edges, counts)
    alt = "Shares of texts by vocabulary coverage, current and reference"
    st.plotly_chart(figure, key="vocabulary", alt=alt, config=BARE)
    mean = np.average(known["known_share"], weights=known["n"])
    st.caption(f"On average the model knows {mean:.1%} of the words of a text.")


def _draw_moved_words(drifts: Drifts) -> None:
    moved = drifts.moved_words
    st.subheader("Changed word frequencies", help=WORDS)
    if drifts.texts_left_out:
        st.caption("The log does not have the latest texts (LOG_TEXT=hashed), so their words cannot be compared.")
    elif not moved:
        st.caption("No word occurs in significantly more or fewer of the latest texts than in the reference.")
    if not moved:
        return
    rows = [
        (
            word.word,
            f"{word.current_share:.1%}",
            f"{word.reference_share:.1%}",
            _confidence(word.mean_confidence),
            _confidence(word.mean_confidence_without),
        )
        for word in moved
    ]
    head = ("word", "share of texts", "in the reference", "mean confidence with it", "without it")
    draw_table("moved_words", "Changed word frequencies", head, rows)
    with st.expander("Requests with these words"):
        examples = {request.request_text: request for word in moved for request in word.examples}.values()
        texts = [
            (line.request_text, line.predicted_sentiment, _confidence(line.confidence))
            for line in islice(examples, MAX_SHOWN)
        ]
        draw_table("moved_examples", "Requests with these words", ("text", "predicted", "confidence"), texts)


def _confidence(mean: float | None) -> str:
    return "not known" if mean is None or np.isnan(mean) else f"{mean:.3f}"


def _draw_labels(analysis: Analysis, reference: Reference | None) -> None:
    st.subheader("Predicted sentiment")
    current = label_counts(analysis.tables.answers)
    if len(current) == 1:
        (label,) = current
        st.caption(f"Every selected prediction is {named(label)}.")
    _say("Predicted sentiment", analysis.drifts.by_subject.get("prediction"))
    figure = shares_of_labels(current, reference.label_counts if reference else None)
    alt = "Shares of predicted sentiments, current and reference"
    st.plotly_chart(figure, key="labels", alt=alt, config=BARE)


def _draw_confidence(analysis: Analysis, reference: Reference | None) -> None:
    st.subheader("Confidence over time", help=CONFIDENCE)
    if analysis.over_time.confidence.empty:
        st.caption("The log has no confidences in this time range.")
        return
    _say("Confidence", analysis.drifts.by_subject.get("confidence"), "confidence")
    mean = reference.confidence_mean if reference else None
    figure = confidence_over_time(analysis.over_time.confidence, mean, the_zone())
    st.plotly_chart(figure, key="confidence", alt="Mean confidence over time", config=BARE)


def _say(subject: str, drift: Drift | None, mean: str = "") -> None:
    """The effect size, and whether it is significant. `mean` names what has a mean."""
    if drift is None:
        return
    alert = window_note(subject, drift)
    effect = "" if alert.level == "unknown" else in_words(drift.shift, mean)
    st.caption(plain(f"{alert.title}. {effect}{alert.detail}"))


def in_words(shift: float | None, mean: str) -> str:
    """A sentence that says how far the mean is from the reference, unless that rounds to 0.00."""
    if shift is None or round(abs(shift), 2) == 0:
        return ""
    return (
        f"The mean {mean} is {abs(shift):.2f} standard deviations {'above' if shift > 0 else 'below'} the reference. "
    )

"""Draws the selection that all of the page is about: predicted labels and model versions; the time is chosen above."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from monitoring.analysis import Segment


def choose(predictions: pd.DataFrame, since: datetime | None) -> Segment:
    """What the user has selected of `predictions`."""
    labels, versions = st.columns(2)
    return Segment(
        since,
        _chosen(labels, "Predicted label", "segment_labels", predictions["predicted_sentiment"]),
        _chosen(versions, "Model version", "segment_versions", predictions["model_version"]),
    )


def _chosen(place: DeltaGenerator, title: str, key: str, values: pd.Series) -> tuple[str, ...]:
    """Only values that the log has are offered, and what is selected already."""
    options = sorted({*values.dropna().unique(), *st.session_state.get(key, [])})
    return tuple(place.multiselect(title, options, key=key, placeholder="all", persist_state="page"))

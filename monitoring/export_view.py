"""Draws the buttons that download what is on the page."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from monitoring.analysis import Analysis, Segment
from monitoring.reference import Reference
from monitoring.report import to_html, to_json
from monitoring.settings import Settings


def draw_export(analysis: Analysis, reference: Reference | None, settings: Settings, segment: Segment) -> None:
    """A file is made when its button is clicked, not before."""
    st.subheader("Export")
    html, figures = st.columns(2)
    html.download_button(
        "Download as HTML",
        lambda: to_html(analysis, reference, settings, segment, datetime.now(UTC)),
        "sentiment-monitor.html",
        "text/html",
        on_click="ignore",
        key="export_html",
    )
    figures.download_button(
        "Download as JSON",
        lambda: to_json(analysis, segment, datetime.now(UTC)),
        "sentiment-monitor.json",
        "application/json",
        on_click="ignore",
        key="export_json",
    )

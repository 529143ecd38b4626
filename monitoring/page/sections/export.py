"""Draws the buttons that download what is on the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from monitoring.analysis.results import Analysis
from monitoring.report.document import to_html, to_json
from monitoring.settings import Settings
from monitoring.stats.reference import Reference


def draw_export(analysis: Callable[[], Analysis], reference: Reference | None, settings: Settings) -> None:
    """A file is made of the analysis as it is when its button is clicked, and not before."""
    st.header("Export", anchor="export")
    with st.container(horizontal=True):
        st.download_button(
            "Download as HTML",
            lambda: to_html(analysis(), reference, settings, datetime.now(UTC)),
            "sentiment-monitor.html",
            "text/html",
            on_click="ignore",
            key="export_html",
        )
        st.download_button(
            "Download as JSON",
            lambda: to_json(analysis(), datetime.now(UTC)),
            "sentiment-monitor.json",
            "application/json",
            on_click="ignore",
            key="export_json",
        )

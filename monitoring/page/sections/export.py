"""Buttons that download the page as files."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from monitoring.analysis.results import Analysis
from monitoring.page import sign_in
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State
from monitoring.report.document import to_html, to_json


def section(state: State) -> Section:
    def draw() -> None:
        if analysis := state.seen.analysis:
            _draw(state, analysis)

    return Section("export", draw, lambda: Content(state.seen.analysis is None))


def _draw(state: State, analysis: Analysis) -> None:
    """A file is made when its button is clicked, of what is there then."""
    reference = state.seen.reference

    def newest() -> Analysis:
        sign_in.check_download(state.visitor)
        return state.seen.analysis or analysis

    st.header("Export", anchor="export")
    with st.container(horizontal=True):
        st.download_button(
            "Download as HTML",
            lambda: to_html(newest(), reference, state.settings, datetime.now(UTC)),
            "sentiment-monitor.html",
            "text/html",
            on_click="ignore",
            key="export_html",
        )
        st.download_button(
            "Download as JSON",
            lambda: to_json(newest(), datetime.now(UTC)),
            "sentiment-monitor.json",
            "application/json",
            on_click="ignore",
            key="export_json",
        )

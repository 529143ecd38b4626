"""The selection: which requests all figures are about."""

from __future__ import annotations

import streamlit as st

from monitoring.page import session
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State


def section(state: State) -> Section:
    def content() -> Content:
        """A new label or version is a new option."""
        snapshot = state.seen.snapshot
        names = snapshot.requests.names if snapshot else None
        return Content(names and (len(names.texts), id(names)))

    return Section("selection", lambda: _draw(state), content)


def _draw(state: State) -> None:
    labels, versions = state.names()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Time range", list(session.RANGES), default="all", required=True, key=session.RANGE, bind="query-params",
            on_change=st.rerun,
        )  # fmt: skip
        for title, key, options in (
            ("Predicted label", session.LABELS, labels),
            ("Model version", session.VERSIONS, versions),
        ):
            offered = sorted({*options, *session.chosen(key)})
            st.multiselect(
                title, offered, key=key, placeholder="all", bind="query-params", on_change=st.rerun, width=240
            )
    if state.selection != session.selection():
        state.look()

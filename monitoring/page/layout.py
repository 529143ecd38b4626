"""The page, top to bottom.

Every few seconds only the pulse is redrawn. It tells the browser which sections are out of date, and the browser asks
for these again (redraw.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from monitoring.analysis.selection import Selection
from monitoring.page import sign_in, sources
from monitoring.page.components import pulse
from monitoring.page.redraw import Sections
from monitoring.page.sections import (
    api,
    audit,
    drift,
    export,
    quality,
    requests,
    selection,
    tiles,
    try_sentence,
    verdict,
    versions,
)
from monitoring.page.sign_in import Visitor
from monitoring.page.sources import Seen
from monitoring.page.state import State
from monitoring.settings import Settings

STYLE = Path(__file__).with_name("page.css")


class Page:
    """The page of one user, from one run of all of it to the next."""

    def __init__(
        self, settings: Settings, visitor: Visitor, read: Callable[[Settings, Selection], Seen] = sources.look
    ) -> None:
        self._state = State(settings, visitor, read)
        self._is_fresh = True
        self._sections = Sections(
            verdict.section(self._state),
            selection.section(self._state),
            tiles.section(self._state),
            quality.section(self._state),
            drift.data_section(self._state),
            drift.target_section(self._state),
            versions.section(self._state),
            requests.section(self._state),
            audit.section(self._state),
            try_sentence.section(self._state),
            api.section(self._state),
            export.section(self._state),
            check=partial(sign_in.check, visitor),
        )

    def draw(self) -> None:
        st.html(STYLE)
        sign_in.draw_title(self._state.visitor)
        top = st.container()
        status, selected, *others = self._sections.names
        self._sections.draw(selected)  # first: the URL may only now have set the selection
        with top:
            st.fragment(self._draw_pulse, key="pulse", run_every=self._state.settings.refresh_seconds)()
            self._is_fresh = False
            self._sections.draw(status)
        for name in others:
            self._sections.draw(name)

    def _draw_pulse(self) -> None:
        """Looks again, and tells the browser which sections are out of date."""
        state = self._state
        sign_in.check(state.visitor)
        if not self._is_fresh:
            state.look()
        headline = verdict.data_of(state)["items"][0]
        title = headline["title"]
        short = title.split(", ")[0] if ": " in title else title
        pulse(
            key="pulse",
            data={
                "every": state.settings.refresh_seconds,
                "level": headline["level"],
                "title": f"{short} · Sentiment monitor",
                "text": f"Updated {state.seen_at:%Y-%m-%d %H:%M:%S} UTC",
                "wanted": self._sections.wanted(),
            },
        )

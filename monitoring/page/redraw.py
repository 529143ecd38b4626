"""The sections of the page for one user, of which only those are drawn again that show less than there is.

Each is a fragment of its own. What asks for it to be drawn again is the browser (pulse.js, listener.js), which is told
what is wanted and what was drawn: so nothing that the user selected or is typing is lost, and no click is overtaken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import streamlit as st

from monitoring.page import elements
from monitoring.page.components import listener

logger = logging.getLogger("dashboard")
ENOUGH_SECONDS, ENOUGH_SHARE = 15.0, 0.01  # later, or with so many more requests, charts are drawn again
REPORT = "The log of this service says more."


class Content(NamedTuple):
    """What a section shows. Of what only grows, `requests` say how much there is, so that it is drawn again when there
    is enough more of it; for the rest these are None, and every change counts."""

    shown: Any
    requests: int | None = None
    grown: Any = None


class Section(NamedTuple):
    """What draws a section, and what there is to draw; `slow` is what takes the browser long to draw."""

    name: str
    draw: Callable[[], None]
    content: Callable[[], Content]
    slow: bool = False


class Drawn(NamedTuple):
    """What a section shows since `at`, in seconds of a steady clock, drawn for the `number`th time."""

    content: Content
    at: float
    number: int = 1


class Sections:
    """All of them, in the order of the page."""

    def __init__(self, *sections: Section, check: Callable[[], None] = lambda: None) -> None:
        """Before anything of a section is drawn, `check` is asked, and may end the run."""
        self._check = check
        self._sections = {section.name: section for section in sections}
        self._drawn: dict[str, Drawn] = {}
        by_pace = sorted(sections, key=lambda section: section.slow)
        self._place = {section.name: place for place, section in enumerate(by_pace)}

    @property
    def names(self) -> Sequence[str]:
        return list(self._sections)

    def draw(self, name: str) -> None:
        """Now, and from then on whenever it asks for it."""
        section = self._sections[name]
        st.fragment(lambda: self._draw(section), key=name)()

    def wanted(self) -> dict[str, int]:
        """For each section how often it must have been drawn to show what there is."""
        now = time.monotonic()
        return {
            name: drawn.number + is_old(drawn, _content(section), now)
            for name, section in self._sections.items()
            if (drawn := self._drawn.get(name))
        }

    def _draw(self, section: Section) -> None:
        """One that fails takes nothing else away."""
        self._check()
        name = section.name
        with st.container(key=f"section_{name}"):
            try:
                section.draw()
            except Exception as error:
                logger.exception("a part of the page cannot be drawn: %s", name)
                st.error(elements.plain(f"This part of the page cannot be drawn. {reason(error)} {REPORT}"))
            number = self._drawn[name].number + 1 if name in self._drawn else 1
            self._drawn[name] = Drawn(_content(section), time.monotonic(), number)
            told = {"name": name, "drawn": number, "place": self._place[name]}
            listener(key=f"listener_{name}", data=told, on_old_change=_nothing)


def is_old(drawn: Drawn, now: Content, at: float) -> bool:
    """Whether what was drawn must be drawn again."""
    before = drawn.content
    if before.shown != now.shown or (before.requests is None) != (now.requests is None):
        return True
    if before.requests is None or now.requests is None or before.grown is now.grown:
        return False
    enough = abs(now.requests - before.requests) >= ENOUGH_SHARE * before.requests
    return enough or at > drawn.at + ENOUGH_SECONDS


def reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}."


def _content(section: Section) -> Content:
    try:
        return section.content()
    except Exception as error:  # which drawing it will say
        return Content(repr(error))


def _nothing() -> None:
    """A section that asks to be drawn is drawn, and there is no more to do."""

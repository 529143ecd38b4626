"""The sections of the page for one user. Only those that are out of date are redrawn.

Each section is a fragment. The browser asks for it to be redrawn (pulse.js, listener.js): it knows what is out of date
and what has been drawn. So the user loses no selection, no click and no text that is being typed.
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
ENOUGH_SECONDS, ENOUGH_SHARE = 15.0, 0.01  # charts are redrawn after this time, or with this share of new requests


class Content(NamedTuple):
    """What a section shows. Every change of `shown` makes it out of date. A section whose data grows with each request
    also has `requests`, their number, and `grown`, the data: it is out of date when enough requests have been added."""

    shown: Any
    requests: int | None = None
    grown: Any = None


class Section(NamedTuple):
    """`draw` draws the section, and `content` says what it would show now. `slow` sections take the browser long to
    render, and are redrawn last."""

    name: str
    draw: Callable[[], None]
    content: Callable[[], Content]
    slow: bool = False


class Drawn(NamedTuple):
    """What a section shows. `at` is when it was drawn, in seconds of the monotonic clock; `number` counts how often."""

    content: Content
    at: float
    number: int = 1


class Sections:
    """All sections, in the order of the page."""

    def __init__(self, *sections: Section, check: Callable[[], None] = lambda: None) -> None:
        """`check` is called before a section is drawn. It may end the run."""
        self._check = check
        self._sections = {section.name: section for section in sections}
        self._drawn: dict[str, Drawn] = {}
        by_pace = sorted(sections, key=lambda section: section.slow)
        self._place = {section.name: place for place, section in enumerate(by_pace)}

    @property
    def names(self) -> Sequence[str]:
        return list(self._sections)

    def draw(self, name: str) -> None:
        """Draw the section now, and again whenever the browser asks for it."""
        section = self._sections[name]
        st.fragment(lambda: self._draw(section), key=name)()

    def wanted(self) -> dict[str, int]:
        """By section, how often it must have been drawn to be up to date."""
        now = time.monotonic()
        return {
            name: drawn.number + is_old(drawn, _content(section), now)
            for name, section in self._sections.items()
            if (drawn := self._drawn.get(name))
        }

    def _draw(self, section: Section) -> None:
        """A section that fails shows why; all others are still drawn."""
        self._check()
        name = section.name
        with st.container(key=f"section_{name}"):
            try:
                section.draw()
            except Exception as error:
                logger.exception("a part of the page cannot be drawn: %s", name)
                st.error(
                    elements.plain(f"This part of the page cannot be drawn. {elements.reason(error)} {elements.REPORT}")
                )
            number = self._drawn[name].number + 1 if name in self._drawn else 1
            self._drawn[name] = Drawn(_content(section), time.monotonic(), number)
            told = {"name": name, "drawn": number, "place": self._place[name]}
            listener(key=f"listener_{name}", data=told, on_old_change=_nothing)


def is_old(drawn: Drawn, now: Content, at: float) -> bool:
    """Whether the section must be redrawn, at the time `at`."""
    before = drawn.content
    if before.shown != now.shown or (before.requests is None) != (now.requests is None):
        return True
    if before.requests is None or now.requests is None or before.grown is now.grown:
        return False
    enough = abs(now.requests - before.requests) >= ENOUGH_SHARE * before.requests
    return enough or at > drawn.at + ENOUGH_SECONDS


def _content(section: Section) -> Content:
    try:
        return section.content()
    except Exception as error:  # drawing the section will fail too, and say so
        return Content(repr(error))


def _nothing() -> None:
    """The trigger itself makes Streamlit redraw the section."""

"""What all sections of the page share. Texts and labels come from outside: they are shown by components as plain text,
in charts, and escaped, never as Markdown or HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from monitoring.alarms.alert import Alert
from monitoring.log.format import Prediction
from monitoring.page.components import plain_table, verdict

BARE = {"displayModeBar": False}


def plain(text: object) -> str:
    """Text from outside, so that Streamlit's Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&])", r"\\\1", " ".join(str(text).split()))


def text_of(request: Prediction) -> str:
    """The text, or that it is left out of the log."""
    if not request.is_left_out:
        return request.request_text
    return f"(not in the log: {'1 word' if request.words == 1 else f'{request.words:,} words'})"


def named(label: object) -> str:
    """The same of a label, which may have no character: that would leave nothing to see or to click on. Nor does it
    become a link, an icon or an arrow: of these Streamlit makes some of escaped text, too."""
    return plain(MADE_OF_TEXT.sub("\\g<0>\N{WORD JOINER}", clipped(str(label)))) or "(empty)"


def clipped(text: str, most: int = 100) -> str:
    """As much of a label or a version as there is room for."""
    return text if len(text) <= most else f"{text[:most]}…"


MADE_OF_TEXT = re.compile(r":(?=material/|streamlit:|//)|www(?=\.)|@|<(?=[-=])|[~>](?==)|-(?=[->])", re.IGNORECASE)


def draw_alerts(alerts: Sequence[Alert], key: str) -> None:
    """One line or more each, with its state in colour and words."""
    items = [
        {
            "level": alert.level,
            "title": alert.title,
            "lines": [clipped(alert.detail, 1000)],
            "action": alert.action,
            "link": None,
        }
        for alert in alerts
    ]
    if items:
        verdict(key=key, data={"items": items, "headline": False})


def draw_table(
    key: str,
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    note: str = "",
    *,
    has_times: bool = False,
) -> None:
    """A table of texts from anywhere, or of times in UTC for the reader's zone; `caption` is for readers who do not see
    it."""
    cells = [[clipped(cell, 300) for cell in row] for row in rows]
    data = {"caption": caption, "head": list(head), "rows": cells, "note": clipped(note, 1000)}
    plain_table(key=key, data=data | {"hasTimes": has_times})


def draw_note(key: str, text: str) -> None:
    """A sentence with times in it."""
    plain_table(key=key, data={"caption": "", "head": None, "rows": [], "note": text})


def the_zone() -> tzinfo:
    """The zone of time of this user's browser."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC

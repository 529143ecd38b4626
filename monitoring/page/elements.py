"""What all sections of the page share.

Texts and labels are untrusted. They are shown as plain text by components, in charts, or escaped, never as Markdown or
HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from monitoring.alarms.alert import Alert
from monitoring.log.format import Prediction
from monitoring.page.components import plain_table, verdict

BARE = {"displayModeBar": False}  # of a plot
REPORT = "See the log of this service."


def plain(text: object) -> str:
    """The text, escaped for Streamlit's Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&])", r"\\\1", " ".join(str(text).split()))


def text_of(request: Prediction) -> str:
    """The text, or a note that the log does not have it."""
    if not request.is_left_out:
        return request.request_text
    return f"(not in the log: {'1 word' if request.words == 1 else f'{request.words:,} words'})"


def named(label: object) -> str:
    """The label, escaped. An empty label is shown as "(empty)", so that it can be seen and clicked. Word joiners keep
    Streamlit from making links, icons and arrows, which it also makes of escaped text."""
    return plain(MADE_OF_TEXT.sub("\\g<0>\N{WORD JOINER}", clipped(str(label)))) or "(empty)"


def clipped(text: str, most: int = 100) -> str:
    """At most `most` characters of a label or a version, and an ellipsis."""
    return text if len(text) <= most else f"{text[:most]}…"


MADE_OF_TEXT = re.compile(r":(?=material/|streamlit:|//)|www(?=\.)|@|<(?=[-=])|[~>](?==)|-(?=[->])", re.IGNORECASE)


def draw_alerts(alerts: Sequence[Alert], key: str) -> None:
    """Each alert with its level in colour and words."""
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
    """A table of untrusted texts, or of UTC times, which are shown in the user's time zone. `caption` is for screen
    readers."""
    cells = [[clipped(cell, 300) for cell in row] for row in rows]
    data = {"caption": caption, "head": list(head), "rows": cells, "note": clipped(note, 1000)}
    plain_table(key=key, data=data | {"hasTimes": has_times})


def draw_heading(title: str, anchor: str, question: str, help: str | None = None) -> None:
    """A section's title, and under it the question that the section answers."""
    st.header(title, anchor=anchor, help=help)
    st.caption(question)


def draw_note(key: str, text: str) -> None:
    """A sentence whose UTC times are shown in the user's time zone."""
    plain_table(key=key, data={"caption": "", "head": None, "rows": [], "note": text})


def reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}."


def draw_judgement(
    key: str, predicted: str, labels: Sequence[str], judge: Callable[[str], None], most: int | None = None
) -> None:
    """A button for the predicted label and one for each other label, at most `most`. `judge` is called with the label
    that the user clicks."""
    for label in [predicted, *(label for label in labels if label != predicted)][:most]:
        text = f"Right: {named(label)}" if label == predicted else f"Wrong: it is {named(label)}"
        st.button(text, key=f"{key}-{label}", on_click=judge, args=(label,))


def the_zone() -> tzinfo:
    """The time zone of this user's browser; UTC if it is not known."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC

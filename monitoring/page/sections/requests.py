"""Draws the explorer: filters, which are in the page's address, and the requests that pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

import streamlit as st

from monitoring.analysis.search import MOST_CSV_ROWS, OUTCOMES, Filters, Found, find, outcome, to_csv
from monitoring.analysis.selection import Segment
from monitoring.page.components import request_table
from monitoring.page.elements import clipped, text_of
from monitoring.reader import Snapshot
from monitoring.store.requests import Request

ROWS = 50  # that are shown at first, and more each time that more are asked for
CLIPPED = 300  # characters of a text in the table


def draw_filters(labels: Sequence[str], zone: tzinfo) -> None:
    """What is chosen here is in the session's state, and in the address."""
    text, label, was = st.columns([3, 2, 2])
    text.text_input("Text contains", key="text", placeholder="any text", bind="query-params", live=False, help=_SEARCH)
    options = sorted({*labels, *st.session_state.get("predicted", [])})
    label.multiselect("Predicted", options, key="predicted", placeholder="any", bind="query-params")
    was.multiselect("Answer was", OUTCOMES, key="outcome", placeholder="any", bind="query-params")
    confidence, since, until = st.columns([3, 2, 2])
    confidence.slider("Confidence", 0.0, 1.0, (0.0, 1.0), 0.01, key="confidence_range", bind="query-params")
    since.datetime_input(f"From ({zone})", None, key="from", bind="query-params", step=60)
    until.datetime_input(f"Until ({zone})", None, key="until", bind="query-params", step=60)


_SEARCH = (
    "In any case, of letters or of other requests: the newest 20,000 that pass the other filters are looked through."
)


_LEFT_OUT = "The log does not have the texts of {} (LOG_TEXT=hashed), so no words can be found in them."


def chosen_filters(zone: tzinfo) -> Filters:
    """As the user has set them."""
    state = st.session_state
    confidence = state.get("confidence_range", (0.0, 1.0))
    return Filters(
        text=state.get("text") or "",
        labels=tuple(state.get("predicted", ())),
        outcomes=tuple(state.get("outcome", ())),
        confidence=(min(confidence), max(confidence)),  # the address may give them the other way round
        since=_moment(state.get("from"), zone),
        until=_moment(state.get("until"), zone),
    )


def _moment(local: datetime | None, zone: tzinfo) -> datetime | None:
    return None if local is None else local.replace(tzinfo=zone).astimezone(UTC)


class Searched(NamedTuple):
    """What was found last: of what, until when it will do though the log has changed, in seconds of a steady clock."""

    of: tuple[Any, ...]
    snapshot: Snapshot
    until: float
    found: Found


def search(snapshot: Snapshot, segment: Segment, filters: Filters, limit: int) -> Found:
    """What passes; computed again only when the user asks for something else, requests have left the time of the
    segment, or the log has changed: for some words, which many texts are read for, after ten times as long as that
    took."""
    known: Searched | None = st.session_state.get("search")
    of, now = (segment.labels, segment.versions, filters, limit), time.monotonic()
    since = () if filters.text else (segment.since,)
    if known and known.of == (*of, *since) and (known.snapshot is snapshot or now < known.until):
        return known.found
    found = find(snapshot.requests, segment, filters, limit)
    until = time.monotonic() + 10 * (time.monotonic() - now) if filters.text else now
    st.session_state["search"] = Searched((*of, *since), snapshot, until, found)
    return found


def signature(found: Found) -> tuple[Any, ...]:
    """Differs whenever the browser must be told."""
    shown = [(row, line.true_sentiment) for row, line in found.requests]
    return shown, found.matching, found.searched


def draw_table(found: Found, chosen: Request | None, choose: Callable[[], None]) -> None:
    """The requests that pass, the newest first; a click on one calls `choose`, for `clicked` to say which it was."""
    request_table(
        key="requests",
        data={
            "rows": [_row(request) for request in found.requests],
            "selected": str(chosen.row) if chosen else None,
            "view": repr((chosen and chosen.row, *_view())),
        },
        on_chosen_change=choose,
    )


def _view() -> tuple[Any, ...]:
    """What the user has asked for."""
    names = ("range", "segment_labels", "segment_versions", "text", "predicted", "outcome", "confidence_range")
    return tuple(repr(st.session_state.get(name)) for name in (*names, "from", "until", "limit"))


def _row(request: Request) -> dict[str, Any]:
    row, line = request
    return {
        "key": str(row),
        "time": f"{line.timestamp:%Y-%m-%d %H:%M:%S} UTC",
        "text": text_of(line)[:CLIPPED],
        "predicted": clipped(line.predicted_sentiment),
        "true": line.true_sentiment and clipped(line.true_sentiment),
        "outcome": outcome(line),
        "confidence": None if line.confidence != line.confidence else line.confidence,
        "version": line.model_version and clipped(line.model_version),
    }


def draw_below(found: Found, total: int, more: Callable[[], None], everything: Callable[[], Sequence[Request]]) -> None:
    """How many there are, more of them, and all of them as a file, outside of any session."""
    shown, matching, searched = len(found.requests), found.matching, found.searched
    sentence = f"The newest {shown:,} of {matching:,} requests that match, of {total:,}."
    if searched is not None:
        looked = "" if searched >= matching else f", in the newest {searched:,} of {matching:,}"
        requests = "1 request" if shown == 1 else f"{shown:,} requests"
        sentence = f"{requests} with these words{looked}, of {total:,}."
    st.caption(f"{sentence} Choose one to see all of it.")
    if found.left_out:
        st.caption(_LEFT_OUT.format("1 of these" if found.left_out == 1 else f"{found.left_out:,} of these"))
    with st.container(horizontal=True):
        if shown >= st.session_state.get("limit", ROWS):
            st.button("Show more", key="more", on_click=more)
        st.download_button(
            "Download as CSV",
            lambda: to_csv(everything()),
            "requests.csv",
            "text/csv",
            on_click="ignore",
            key="csv",
            help=f"What passes the filters, the newest {MOST_CSV_ROWS:,} at most; no cell is a formula.",
        )

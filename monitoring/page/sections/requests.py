"""The requests: filters, the table of those that match, and the one that the user has opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from monitoring.analysis.search import MOST_CSV_ROWS, OUTCOMES, Filters, Found, find, outcome, to_csv
from monitoring.analysis.selection import Selected
from monitoring.page import open_request, session, sign_in, sources
from monitoring.page.components import request_table
from monitoring.page.elements import clipped, text_of
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State
from monitoring.reader import Snapshot
from monitoring.store.requests import Request

CLIPPED = 300  # characters of a text in the table
_SEARCH = "Ignores case. The newest 20,000 requests that match the other filters are searched."
_LEFT_OUT = "The log does not have the texts of {} (LOG_TEXT=hashed), so no words can be found in them."


def section(state: State) -> Section:
    def content() -> Content:
        found, chosen = _found(state), session.opened(state.seen.snapshot)
        return Content((found and _signature(found), chosen, chosen and state.seen.api.labels))

    return Section("requests", lambda: _draw(state), content)


def _draw(state: State) -> None:
    session.open_linked(state.seen.snapshot)
    opened = session.opened(state.seen.snapshot)
    _draw_found(state, opened)
    if opened is None:
        st.empty()  # removes the closed request at once, and not only at the end of the run
        return
    line = opened.line
    with st.container():
        explained = sources.explained(state.client, line)
        judge = partial(state.judge, str(line.prediction_id))
        open_request.draw(line, explained, state.seen.api.labels, session.close, judge)
        session.draw_problem(line.prediction_id)


def _draw_found(state: State, opened: Request | None) -> None:
    analysis, snapshot = state.seen.analysis, state.seen.snapshot
    if analysis is None or snapshot is None:
        return

    def everything() -> Sequence[Request]:
        sign_in.check_download(state.visitor)
        return find(snapshot.requests, analysis.selected, filters, MOST_CSV_ROWS).requests

    st.header("Requests", anchor="requests")
    _draw_filters(state.names()[0], state.zone)
    filters = _filters(state.zone)
    found = _search(snapshot, analysis.selected, filters, session.limit())
    _draw_table(found, opened, click=lambda: session.click(state.seen.snapshot))
    _draw_below(found, analysis.tables.n, everything)


def _draw_filters(labels: Sequence[str], zone: tzinfo) -> None:
    """The filters are kept in the URL."""
    text, label, was = st.columns([3, 2, 2])
    text.text_input(
        "Text contains", key=session.TEXT, placeholder="any text", bind="query-params", live=False, help=_SEARCH
    )
    options = sorted({*labels, *session.chosen(session.PREDICTED)})
    label.multiselect("Predicted", options, key=session.PREDICTED, placeholder="any", bind="query-params")
    was.multiselect("Outcome", OUTCOMES, key=session.OUTCOME, placeholder="any", bind="query-params")
    confidence, since, until = st.columns([3, 2, 2])
    confidence.slider("Confidence", 0.0, 1.0, (0.0, 1.0), 0.01, key=session.CONFIDENCE, bind="query-params")
    since.datetime_input(f"From ({zone})", None, key=session.SINCE, bind="query-params", step=60)
    until.datetime_input(f"Until ({zone})", None, key=session.UNTIL, bind="query-params", step=60)


def _filters(zone: tzinfo) -> Filters:
    return Filters(
        text=session.text(),
        labels=session.chosen(session.PREDICTED),
        outcomes=session.chosen(session.OUTCOME),
        confidence=session.confidence(),
        since=_moment(session.local_time(session.SINCE), zone),
        until=_moment(session.local_time(session.UNTIL), zone),
    )


def _moment(local: datetime | None, zone: tzinfo) -> datetime | None:
    return None if local is None else local.replace(tzinfo=zone).astimezone(UTC)


class Searched(NamedTuple):
    """The last search. It may be shown until `until`, by the monotonic clock, although the log has changed since."""

    of: tuple[Any, ...]
    snapshot: Snapshot
    until: float
    found: Found


def _found(state: State) -> Found | None:
    analysis, snapshot = state.seen.analysis, state.seen.snapshot
    if analysis is None or snapshot is None:
        return None
    return _search(snapshot, analysis.selected, _filters(state.zone), session.limit())


def _search(snapshot: Snapshot, selected: Selected, filters: Filters, limit: int) -> Found:
    """The requests that match. Searched again only when the user asks for other requests, the time range has moved, or
    the log has changed. A search for words reads many texts, so after a change of the log it waits ten times as long as
    the last one took."""
    known: Searched | None = session.last_search()
    of, now = (selected.labels, selected.versions, filters, limit), time.monotonic()
    since = () if filters.text else (selected.since,)
    if known and known.of == (*of, *since) and (known.snapshot is snapshot or now < known.until):
        return known.found
    found = find(snapshot.requests, selected, filters, limit)
    until = time.monotonic() + 10 * (time.monotonic() - now) if filters.text else now
    session.keep_search(Searched((*of, *since), snapshot, until, found))
    return found


def _signature(found: Found) -> tuple[Any, ...]:
    """Differs whenever the browser must redraw."""
    shown = [(row, line.true_sentiment) for row, line in found.requests]
    return shown, found.matching, found.searched


def _draw_table(found: Found, opened: Request | None, click: Callable[[], None]) -> None:
    """The newest first. A click opens or closes a request."""
    request_table(
        key=session.TABLE,
        data={
            "rows": [_row(request) for request in found.requests],
            "selected": str(opened.row) if opened else None,
            "view": repr((opened and opened.row, *session.view())),
        },
        on_chosen_change=click,
    )


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


def _draw_below(found: Found, total: int, everything: Callable[[], Sequence[Request]]) -> None:
    """How many requests match, a button for more, and one to download `everything`, outside of any session."""
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
        if shown >= session.limit():
            st.button("Show more", key="more", on_click=session.list_more)
        st.download_button(
            "Download as CSV",
            lambda: to_csv(everything()),
            "requests.csv",
            "text/csv",
            on_click="ignore",
            key="csv",
            help=f"The newest {MOST_CSV_ROWS:,} matching requests at most. Cells that look like formulas are escaped.",
        )

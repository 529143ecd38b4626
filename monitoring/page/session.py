"""The request that the user has opened: it is in the session's state, and by its id in the page's address."""

from __future__ import annotations

import streamlit as st

from monitoring.reader import Snapshot
from monitoring.store.requests import Request

NOWHERE = -1  # the row of a request that the log has no more


def opened(snapshot: Snapshot | None) -> Request | None:
    """As the log has it now, until the user closes it. One that has gone, since it is another log, stays open, without
    a row."""
    request: Request | None = st.session_state.get("opened")
    if request is None or snapshot is None:
        return request
    now, name = _request(snapshot, request.row), request.line.prediction_id
    if now and _same(now, request):
        return now
    others = [] if name is None else snapshot.requests.of_id(name)
    return next((now for now in others if _same(now, request)), request._replace(row=NOWHERE))


def click(clicked: str, snapshot: Snapshot | None) -> None:
    """Open the request of the row that `clicked` begins with; close it if it is open. Streamlit may run this again for
    one click, if something comes between."""
    if st.session_state.get("click") == clicked and " " in clicked:
        return
    st.session_state["click"] = clicked
    row, before = int(clicked.split()[0]), opened(snapshot)
    _open(None if before and before.row == row else _request(snapshot, row))


def close() -> None:
    _open(None)


def open_linked(snapshot: Snapshot | None) -> None:
    """The request that the page's address names, when the page is opened."""
    if snapshot is None or st.session_state.get("linked"):
        return
    st.session_state["linked"] = True
    if linked := st.query_params.get("request"):
        _open(next(iter(snapshot.requests.of_id(linked)), None))


def _open(request: Request | None) -> None:
    st.session_state["opened"] = request
    if request is not None and request.line.prediction_id is not None:
        st.query_params["request"] = request.line.prediction_id
    else:
        st.query_params.pop("request", None)


def _request(snapshot: Snapshot | None, row: int) -> Request | None:
    """The one of this row, if the log has so many: it may be another one than when the browser was told."""
    if snapshot is None or not 0 <= row < snapshot.requests.rows:
        return None
    return next(iter(snapshot.requests.read([row])), None)


def _same(one: Request, other: Request) -> bool:
    """Whether both are the same line, but for a label that came later."""
    return one.line._replace(true_sentiment=None) == other.line._replace(true_sentiment=None)

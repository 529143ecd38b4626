"""What one user has selected, opened and labelled. Only this module knows the keys of Streamlit's session state.

The keys of the filters and of the open request are also the names of the URL's query parameters.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from monitoring.analysis.selection import Selection
from monitoring.page import elements
from monitoring.page.api.client import ApiClient, ApiUnavailable
from monitoring.reader import Snapshot
from monitoring.store.requests import Request

RANGES = {
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "24 h": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "all": None,
}
RANGE, LABELS, VERSIONS = "range", "segment_labels", "segment_versions"  # widgets of the selection
TEXT, PREDICTED, OUTCOME = "text", "predicted", "outcome"  # widgets of the request filters
CONFIDENCE, SINCE, UNTIL = "confidence_range", "from", "until"
TABLE = "requests"  # the component that lists the requests
ROWS = 50  # listed at first, and added each time that the user asks for more
NOWHERE = -1  # the row of a request that the log no longer has
_LIMIT, _SEARCH, _ANSWER = "limit", "search", "answer"
_OPENED, _CLICK, _LINKED, _REQUEST = "opened", "click", "linked", "request"
_GIVEN, _PROBLEM = "labels_given", "label_problem"


# The selection and the filters


def range_name() -> str:
    """The selected time range, one of RANGES."""
    name: str = st.session_state.get(RANGE) or "all"
    return name


def selection() -> Selection:
    return Selection(RANGES[range_name()], chosen(LABELS), chosen(VERSIONS))


def chosen(key: str) -> tuple[str, ...]:
    """The chosen options of a multiselect."""
    return tuple(st.session_state.get(key, ()))


def text() -> str:
    """The text to search for."""
    return st.session_state.get(TEXT) or ""


def confidence() -> tuple[float, float]:
    """The lowest and the highest confidence. A URL may give them in either order."""
    ends = st.session_state.get(CONFIDENCE, (0.0, 1.0))
    return min(ends), max(ends)


def local_time(key: str) -> datetime | None:
    """SINCE or UNTIL, naive, in the time zone of the browser."""
    local: datetime | None = st.session_state.get(key)
    return local


def limit() -> int:
    """The number of requests to list."""
    rows: int = st.session_state.get(_LIMIT, ROWS)
    return rows


def list_more() -> None:
    st.session_state[_LIMIT] = limit() + ROWS


def view() -> tuple[str, ...]:
    """Differs whenever the user asks for other requests."""
    keys = (RANGE, LABELS, VERSIONS, TEXT, PREDICTED, OUTCOME, CONFIDENCE, SINCE, UNTIL, _LIMIT)
    return tuple(repr(st.session_state.get(key)) for key in keys)


def last_search() -> Any:
    return st.session_state.get(_SEARCH)


def keep_search(search: Any) -> None:
    st.session_state[_SEARCH] = search


# The open request


def opened(snapshot: Snapshot | None) -> Request | None:
    """The open request as the log has it now, until the user closes it. A request that the log no longer has, because
    it is another log, stays open with the row NOWHERE."""
    request: Request | None = st.session_state.get(_OPENED)
    if request is None or snapshot is None:
        return request
    now, name = _request(snapshot, request.row), request.line.prediction_id
    if now and _same(now, request):
        return now
    others = [] if name is None else snapshot.requests.of_id(name)
    return next((now for now in others if _same(now, request)), request._replace(row=NOWHERE))


def click(snapshot: Snapshot | None) -> None:
    """Open the request that was clicked in the table, or close it if it is open. Streamlit may call this twice for one
    click, so the same click is handled once. A click is "<row> <time>"."""
    clicked = str(st.session_state[TABLE]["chosen"])
    if st.session_state.get(_CLICK) == clicked and " " in clicked:
        return
    st.session_state[_CLICK] = clicked
    row, before = int(clicked.split()[0]), opened(snapshot)
    _open(None if before and before.row == row else _request(snapshot, row))


def close() -> None:
    _open(None)


def open_linked(snapshot: Snapshot | None) -> None:
    """Open the request that the URL names, once in a session."""
    if snapshot is None or st.session_state.get(_LINKED):
        return
    st.session_state[_LINKED] = True
    if linked := st.query_params.get(_REQUEST):
        _open(next(iter(snapshot.requests.of_id(linked)), None))


def _open(request: Request | None) -> None:
    st.session_state[_OPENED] = request
    if request is not None and request.line.prediction_id is not None:
        st.query_params[_REQUEST] = request.line.prediction_id
    else:
        st.query_params.pop(_REQUEST, None)


def _request(snapshot: Snapshot | None, row: int) -> Request | None:
    """The request of this row, if the log has so many rows. It may differ from the one that the browser shows."""
    if snapshot is None or not 0 <= row < snapshot.requests.rows:
        return None
    return next(iter(snapshot.requests.read([row])), None)


def _same(one: Request, other: Request) -> bool:
    """Whether both are the same line. A label may have been added since."""
    return one.line._replace(true_sentiment=None) == other.line._replace(true_sentiment=None)


# The tried sentence


def answer() -> dict[str, Any] | None:
    """The prediction for the tried sentence."""
    found: dict[str, Any] | None = st.session_state.get(_ANSWER)
    return found


def forget_answer() -> None:
    st.session_state.pop(_ANSWER, None)


def keep_answer(found: dict[str, Any]) -> None:
    """Keep a new prediction, which has no label yet."""
    _labels().pop(found["prediction_id"], None)
    st.session_state[_ANSWER] = found


# The labels that the user gives, which the API logs


def judge(client: ApiClient, prediction_id: str, label: str) -> None:
    """Log the label. Streamlit may call this twice for one click, so the same label is logged once."""
    if given(prediction_id) == label:
        return
    try:
        client.feedback(prediction_id, label)
        _labels()[prediction_id] = label
    except ApiUnavailable as error:
        st.session_state[_PROBLEM] = (prediction_id, str(error))


def given(prediction_id: str) -> str | None:
    """The label that this user has given to a prediction."""
    return _labels().get(prediction_id)


def draw_problem(prediction_id: str | None) -> None:
    """Draw, once, why the label of this prediction was not logged."""
    of_prediction, problem = st.session_state.get(_PROBLEM, (None, ""))
    if of_prediction is not None and of_prediction == prediction_id:
        del st.session_state[_PROBLEM]
        st.error(elements.plain(problem))


def _labels() -> dict[str, str]:
    """By prediction_id."""
    labels: dict[str, str] = st.session_state.setdefault(_GIVEN, {})
    return labels

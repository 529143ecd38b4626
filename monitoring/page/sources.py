"""The data sources of the page. Each is asked no more often than needed, whatever the number of browsers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from monitoring.alarms.alert import Alert
from monitoring.analysis.cache import AnalysisCache
from monitoring.analysis.results import Analysis
from monitoring.analysis.selection import Selection
from monitoring.log.format import Prediction
from monitoring.page import elements
from monitoring.page.api.client import ApiClient, ApiUnavailable
from monitoring.page.api.explanation import Explanation
from monitoring.page.api.poller import ApiState, ApiWatch
from monitoring.reader import Snapshot, open_reader
from monitoring.settings import Settings
from monitoring.stats.reference import CSV_PATH, Reference, ReferenceUnavailable, load_profile, with_csv

logger = logging.getLogger("dashboard")
UNWATCHED_SECONDS = 30.0  # far less than the ten minutes for which a rotated segment is kept at least
PATIENCE_SECONDS = 1.0  # how long the page waits for the first read of the log and the first answer of the API
ALLOW = "Give this service read access. Nothing is lost: new requests appear as soon as the log can be read."


@dataclass(frozen=True)
class Seen:
    """`snapshot` is None while the log is read for the first time, of which the share `read` is done, and when the log
    cannot be read. `analysis` is then None too, and also when no request is selected. `problems` say why."""

    reference: Reference | None = None
    snapshot: Snapshot | None = None
    analysis: Analysis | None = None
    read: float = 1.0
    problems: Sequence[Alert] = ()
    api: ApiState = field(default_factory=ApiState)


class Log:
    """The reader of a log, and its analyses. Safe to share between threads."""

    def __init__(self, settings: Settings, reference: Reference | None) -> None:
        self.analyses = AnalysisCache(reference, settings)
        self.reader = open_reader(settings, reference, checkpoint="dashboard")
        self._first_read, self._closed = threading.Event(), threading.Event()
        threading.Thread(target=self._follow, name="log", daemon=True).start()

    def close(self) -> None:
        """Stop following the log. Sessions that still have this Log can look."""
        self._closed.set()

    def look(self, wait: float = PATIENCE_SECONDS) -> Snapshot | None:
        """The log as it is now, or None if its first read is not done after `wait` seconds. Raises OSError."""
        return self.reader.refresh() if self._first_read.wait(wait) else None

    def _follow(self) -> None:
        """Read the log whether or not a browser looks: a rotated segment must be counted before it may be deleted."""
        while not self._closed.is_set():
            with suppress(OSError):  # the page shows the error when it looks itself
                self.reader.refresh()
            self._first_read.set()
            self._closed.wait(UNWATCHED_SECONDS)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=Log.close)
def the_log(settings: Settings, digest: str | None, _reference: Reference | None) -> Log:
    """One for all sessions, so that each line is read once. `digest` is that of `_reference`: a new reference makes a
    new Log."""
    return Log(settings, _reference)


@st.cache_resource(show_spinner=False)
def profile_of_training(path: Path, changed: float) -> Reference:
    """The model's reference. `changed`, the modification time of the file, makes a new file be read."""
    return load_profile(path)


@st.cache_resource(show_spinner=False)
def profile_of_data_set(path: Path, changed: tuple[float, float], _profile: Reference) -> Reference:
    """`_profile` with the lengths and labels of the user's own data set at `path`."""
    return with_csv(_profile, path)


@st.cache_resource(show_spinner=False, on_release=ApiWatch.close)
def api_watch(url: str, seconds: float, _client: ApiClient) -> ApiWatch:
    """One poller of the API at `url` for all sessions. `_client` holds a token, which must stay out of a cache key."""
    return ApiWatch(_client, seconds)


@st.cache_resource(max_entries=100, show_spinner=False)  # not copied, since nobody changes it
def explanation_of(url: str, text: str, request: tuple[str, ...], _client: ApiClient) -> Explanation:
    """The explanation of a request's text by the API at `url`. Raises ApiUnavailable."""
    return _client.explain(text)


@st.cache_resource(ttl=10, max_entries=100, show_spinner=False)
def explanation_or_reason(url: str, text: str, request: tuple[str, ...], _client: ApiClient) -> Explanation | str:
    """As explanation_of. A reason why there is none is cached too, for ten seconds."""
    try:
        return explanation_of(url, text, request, _client)
    except ApiUnavailable as error:
        return str(error)


def explained(client: ApiClient, request: Prediction) -> Explanation | str:
    """The explanation of the request, or a sentence that says why there is none."""
    if request.is_left_out:
        return "The log does not have the text (LOG_TEXT=hashed), so its words cannot be explained."
    named = (str(request.prediction_id), str(request.timestamp))
    return explanation_or_reason(client.url, request.request_text, named, client)


def begin(settings: Settings) -> None:
    """Read the log before a browser looks: a rotated segment must be counted before it may be deleted."""
    threading.Thread(target=lambda: _log_beside(settings, _the_reference(settings)[0]), daemon=True).start()


def _log_beside(settings: Settings, reference: Reference | None) -> Log:
    return the_log(settings, reference.digest if reference else None, reference)


def _read(settings: Settings, selection: Selection) -> Seen:
    reference, problems = _the_reference(settings)
    client = ApiClient(settings.api_url, settings.api_token)
    api = api_watch(settings.api_url, settings.refresh_seconds, client).state(PATIENCE_SECONDS)
    log = _log_beside(settings, reference)
    try:
        snapshot = log.look()
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}." if error.strerror else "Its files change while they are read."
        unreadable = Alert("alert", "The log cannot be read", reason, "log", action=ALLOW)
        return Seen(reference, problems=[unreadable, *problems], api=api)
    if snapshot is None:
        return Seen(reference, read=log.reader.progress, problems=problems, api=api)
    return Seen(reference, snapshot, log.analyses.of(snapshot, selection), problems=problems, api=api)


def look(settings: Settings, selection: Selection, read: Callable[[Settings, Selection], Seen] = _read) -> Seen:
    """Everything the page shows, as it is now. Never raises: the page must go on looking, so an error of `read` is one
    of the problems."""
    try:
        return read(settings, selection)
    except Exception as error:
        logger.exception("the page cannot be updated")
        title = "This page cannot be updated"
        return Seen(problems=[Alert("alert", title, elements.reason(error), "log", action=elements.REPORT)])


def _the_reference(settings: Settings) -> tuple[Reference | None, list[Alert]]:
    """The reference, and what is wrong with it."""
    path, csv_path = settings.reference_path, CSV_PATH
    profile = None
    try:
        profile = profile_of_training(path, _changed(path))
        if csv_path.exists():
            return profile_of_data_set(csv_path, (_changed(csv_path), _changed(path)), profile), []
    except ReferenceUnavailable as error:
        return profile, [Alert("warning", "The reference cannot be used", str(error), "reference")]
    return profile, []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # reading it raises the reason
        return 0.0

"""Where the page has its data from: each source is asked no more often than needed, whatever the number of browsers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from weakref import ref

import streamlit as st

from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Monitor
from monitoring.analysis.cache import Analyses
from monitoring.analysis.selection import Selection
from monitoring.log.format import Prediction
from monitoring.page.api.client import ApiClient, ApiUnavailable
from monitoring.page.api.explanation import Explanation
from monitoring.page.api.poller import ApiWatch
from monitoring.page.seen import Seen
from monitoring.reader import LogReader, Snapshot
from monitoring.settings import Settings
from monitoring.stats.reference import CSV_PATH, Reference, ReferenceUnavailable, load_profile, with_csv
from monitoring.store.checkpoint import Checkpoint

UNWATCHED_SECONDS = 30.0  # far less than the ten minutes in which nothing that was closed is deleted
PATIENCE_SECONDS = 1.0  # for what the page can do without
ALLOW = "Let this service read it. Nothing is lost: what is written meanwhile shows as soon as it can be read."


class Log:
    """The reader of a log, what it is compared with, and the analyses that are made of it. Threads may share it."""

    def __init__(self, settings: Settings, reference: Reference | None) -> None:
        monitor = Monitor(reference, settings.accuracy_threshold, settings.false_alarm_budget, settings.min_labels)
        self.analyses = Analyses(reference, settings)
        self.reader = LogReader(settings.log_dir.absolute(), monitor, Checkpoint(settings.state_dir / "dashboard"))
        self._first_read = threading.Event()
        threading.Thread(target=_follow, args=(ref(self.reader), self._first_read), daemon=True).start()

    def look(self, wait: float = PATIENCE_SECONDS) -> Snapshot | None:
        """The log as it is now, or None while it is being read for the first time, after so many seconds. Raises
        OSError."""
        return self.reader.refresh() if self._first_read.wait(wait) else None


def _follow(reader: ref[LogReader], first_read: threading.Event) -> None:
    """Read what there is, and then what comes while nobody looks: what is closed is to be counted before it may be
    deleted. Until the reader is no more."""
    while there := reader():
        with suppress(OSError):  # the page will say so when it looks itself
            there.refresh()
        first_read.set()
        del there
        time.sleep(UNWATCHED_SECONDS)


@st.cache_resource(max_entries=1, show_spinner=False)
def the_log(settings: Settings, digest: str | None, _reference: Reference | None) -> Log:
    """One for all sessions: each line is read once, however many browsers look. `digest` is that of `_reference`: with
    another one everything is judged anew."""
    return Log(settings, _reference)


@st.cache_resource(show_spinner=False)
def profile_of_training(path: Path, changed: float) -> Reference:
    """The model's profile; `changed`, the file's time of change, makes a new file be read."""
    return load_profile(path)


@st.cache_resource(show_spinner=False)
def profile_of_data_set(path: Path, changed: tuple[float, float], _profile: Reference) -> Reference:
    """`_profile` with the lengths and labels of the user's own data set."""
    return with_csv(_profile, path)


@st.cache_resource(show_spinner=False)
def api_watch(url: str, seconds: float, _client: ApiClient) -> ApiWatch:
    """What asks the API at `url` for everybody. `_client` holds a token, which is no part of a key."""
    return ApiWatch(_client, seconds)


@st.cache_resource(max_entries=100, show_spinner=False)  # a resource is not copied, nor changed by anybody
def explanation_of(url: str, text: str, request: tuple[str, ...], _client: ApiClient) -> Explanation:
    """What the API at `url` says about the text of a request. Raises ApiUnavailable."""
    return _client.explain(text)


@st.cache_resource(ttl=10, max_entries=100, show_spinner=False)
def explanation_or_reason(url: str, text: str, request: tuple[str, ...], _client: ApiClient) -> Explanation | str:
    """As explanation_of; why there is none is remembered too, but not for long."""
    try:
        return explanation_of(url, text, request, _client)
    except ApiUnavailable as error:
        return str(error)


def explained(client: ApiClient, request: Prediction) -> Explanation | str:
    """The explanation of the request, or the sentence why there is none."""
    if request.is_left_out:
        return "The log does not have the text (LOG_TEXT=hashed), so that nothing can be said of its words."
    named = (str(request.prediction_id), str(request.timestamp))
    return explanation_or_reason(client.url, request.request_text, named, client)


def begin(settings: Settings) -> None:
    """Read the log before anybody looks: what is closed is to be counted before it may be deleted."""
    threading.Thread(target=lambda: _log_beside(settings, _the_reference(settings)[0]), daemon=True).start()


def _log_beside(settings: Settings, reference: Reference | None) -> Log:
    return the_log(settings, reference.digest if reference else None, reference)


def look(settings: Settings, selection: Selection) -> Seen:
    """Everything the page shows, as it is now."""
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


def _the_reference(settings: Settings) -> tuple[Reference | None, list[Alert]]:
    """What traffic is compared with, and why there is none, or not all of it."""
    path, csv_path = settings.reference_path, CSV_PATH
    profile = None
    try:
        profile = profile_of_training(path, _changed(path))
        if csv_path.exists():
            return profile_of_data_set(csv_path, (_changed(csv_path), _changed(path)), profile), []
    except ReferenceUnavailable as error:
        return profile, [Alert("warning", "There is nothing to compare with", str(error), "reference")]
    return profile, []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # reading it will say why
        return 0.0

"""Where the page has its data from, each source asked no more often than needed, and a sentence where it has none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from monitoring import views
from monitoring.alert import Alert
from monitoring.analysis import Analysis, Segment, analyse
from monitoring.api_client import ApiClient, ApiUnavailable
from monitoring.explanation import Explanation
from monitoring.log_format import Prediction
from monitoring.log_reader import LogReader, Snapshot
from monitoring.monitor import Monitor
from monitoring.reference import CSV_PATH, Reference, ReferenceUnavailable, load_profile, with_csv
from monitoring.settings import Settings

WORDS_SECONDS = 30.0  # new ones are looked for no more often: it takes a second


@st.cache_resource(max_entries=2, show_spinner=False)
def log_reader(
    directory: Path,
    profile: str | None,
    accuracy_threshold: float,
    budget: float,
    min_labels: int,
    _reference: Reference | None,
) -> LogReader:
    """One reader for all sessions: each line is read once, however many browsers look. `profile` is the digest of
    `_reference`: with another one everything is judged anew."""
    return LogReader(directory, Monitor(_reference, accuracy_threshold, budget, min_labels))


@st.cache_resource
def profile_of_training(path: Path, changed: float) -> Reference:
    """The model's profile; `changed`, the file's time of change, makes a new file be read."""
    return load_profile(path)


@st.cache_resource
def profile_of_data_set(path: Path, changed: tuple[float, float], _profile: Reference) -> Reference:
    """`_profile` with the lengths and labels of the user's own data set."""
    return with_csv(_profile, path)


@st.cache_data(ttl=10)
def model_card(api_url: str) -> dict[str, Any]:
    return ApiClient(api_url).model_card()


def labels_of_model(api_url: str) -> list[str]:
    """The labels that the card names, if any. Raises ApiUnavailable."""
    labels = model_card(api_url).get("labels")
    return [str(label) for label in labels] if isinstance(labels, list) else []


@st.cache_resource(max_entries=100, show_spinner=False)  # a resource is not copied, nor changed by anybody
def explanation_of(api_url: str, text: str, request: tuple[str, ...]) -> Explanation:
    """What the API says about the text of a request. Raises ApiUnavailable."""
    return ApiClient(api_url).explain(text)


@st.cache_resource(ttl=10, max_entries=100, show_spinner=False)
def explanation_or_reason(api_url: str, text: str, request: tuple[str, ...]) -> Explanation | str:
    """As explanation_of; why there is none is remembered too, but not for long."""
    try:
        return explanation_of(api_url, text, request)
    except ApiUnavailable as error:
        return str(error)


def explained(api_url: str, request: Prediction) -> tuple[Explanation | str, list[str]]:
    """The explanation of the request, or the sentence why there is none, and the model's labels, as far as known."""
    name = (str(request.prediction_id), str(request.timestamp))
    explanation = explanation_or_reason(api_url, request.request_text, name)
    return explanation, labels_or_none(api_url) if isinstance(explanation, Explanation) else []


def labels_or_none(api_url: str) -> list[str]:
    """The labels that the card names, none if the API does not say."""
    try:
        return labels_of_model(api_url)
    except ApiUnavailable:
        return []


class Known(NamedTuple):
    """What was computed for this user last: of what, and until when its words that moved will do."""

    snapshot: Snapshot
    key: tuple[Any, ...]
    analysis: Analysis
    words_until: float


def the_analysis(
    snapshot: Snapshot, segment: Segment, reference: Reference | None, settings: Settings
) -> Analysis | None:
    """What is to be said about the selected requests, None if there are none; computed again only when they or the log
    have changed."""
    digest, now = reference.digest if reference else None, time.monotonic()
    selection = (segment.labels, segment.versions, digest, settings.accuracy_threshold)
    requests = segment.of(snapshot)
    if requests.empty:
        return None
    key = (len(requests), *selection)
    known: Known | None = st.session_state.get("analysis")
    if known and known.snapshot is snapshot and known.key == key:
        return known.analysis
    words, until = None, now + WORDS_SECONDS
    if known and known.key[1:] == selection and now < known.words_until:
        words, until = known.analysis.moved_words, known.words_until
    found = analyse(snapshot, segment, reference, settings, words)
    st.session_state["analysis"] = Known(snapshot, key, found, until)
    return found


def the_reference(settings: Settings) -> Reference | None:
    """What traffic is compared with, or None after a sentence that says why there is nothing."""
    path, csv_path = settings.reference_path, CSV_PATH
    profile = None
    try:
        profile = profile_of_training(path, _changed(path))
        if csv_path.exists():
            return profile_of_data_set(csv_path, (_changed(csv_path), _changed(path)), profile)
    except ReferenceUnavailable as error:
        st.warning(views.plain(error))
    return profile


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def the_log(settings: Settings, reference: Reference | None) -> Snapshot | None:
    """The log as it is now, or None after a sentence that says why it cannot be read."""
    directory, digest = settings.log_dir.absolute(), reference.digest if reference else None
    try:
        return log_reader(
            directory,
            digest,
            settings.accuracy_threshold,
            settings.false_alarm_budget,
            settings.min_labels,
            reference,
        ).refresh()
    except OSError as error:
        views.draw_alert(Alert("alert", "The log cannot be read", f"{error.strerror}: {error.filename}"))
        return None

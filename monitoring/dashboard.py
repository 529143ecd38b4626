"""The page, top to bottom: reads the log, asks the statistics, and has the sections drawn.

Everything that changes by itself is in a fragment, which Streamlit runs again every few seconds without touching
the rest of the page, so that nothing the user selected or is typing is lost.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from monitoring import (
    audit_view,
    drift_view,
    explanation_view,
    export_view,
    quality,
    quality_view,
    recent_view,
    remarks,
    segment_view,
    sources,
    views,
)
from monitoring.alert import Alert
from monitoring.analysis import Analysis
from monitoring.api_client import ApiClient, ApiUnavailable
from monitoring.log_reader import Snapshot
from monitoring.reference import Reference
from monitoring.settings import Settings, SettingsError

RANGES = {
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "24 h": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "all": None,
}


def the_settings() -> Settings:
    try:
        return Settings.from_env(os.environ)
    except SettingsError as error:
        st.error(views.plain(error))
        st.stop()


def draw_monitoring(settings: Settings, time_range: str, client: ApiClient) -> None:
    """Everything that the log tells, and the request that the user has selected in it."""
    recent_view.notice_click()
    verdict, notes = st.container(), st.container()
    with notes:
        profile = sources.the_reference(settings)
    with verdict:
        snapshot = sources.the_log(settings, profile)
    if snapshot is None:
        return
    segment = segment_view.choose(snapshot.predictions, since(time_range))
    analysis = sources.the_analysis(snapshot, segment, profile, settings)
    with notes:
        log_alerts = remarks.log_alerts(snapshot.unreadable_lines, snapshot.unmatched_feedback)
        for alert in analysis.notes if analysis else log_alerts:
            views.draw_alert(alert)
    sections, request = st.container(), recent_view.selected()
    if request is None:
        st.empty()  # takes away at once what was shown here, and not only at the end
    else:  # drawn before the sections above it, which take longer, and which the user has seen already
        with st.container():
            explanation, labels = sources.explained(settings.api_url, request)
            explanation_view.draw_request(snapshot.latest(request), explanation, labels, recent_view.close)
    if not analysis:
        with verdict:
            views.draw_alert(nothing_to_show(settings, snapshot, time_range))
        return
    with sections:
        draw_analysis(settings, analysis, profile, verdict)
    waiting = analysis.audit.waiting
    labels = [] if waiting.empty else sources.labels_or_none(settings.api_url)
    audit_view.draw_audit(analysis.audit, labels, lambda key, label: judge(client, key, label))
    if not waiting.empty:
        draw_problem(waiting["prediction_id"].iloc[0])
    export_view.draw_export(analysis, profile, settings, segment)


def since(time_range: str) -> datetime | None:
    span = RANGES[time_range]
    return datetime.now(UTC) - span if span else None


def nothing_to_show(settings: Settings, snapshot: Snapshot, time_range: str) -> Alert:
    """Why there is nothing to show."""
    if not snapshot.files:
        return Alert("unknown", "No log yet", f"There is none in {settings.log_dir.absolute()}; the API makes it.")
    if snapshot.predictions.empty:
        return Alert("unknown", "The log is empty", "The first request will show here by itself.")
    latest = snapshot.predictions["timestamp"].iloc[-1]
    detail = f"The latest one was at {latest:%Y-%m-%d %H:%M:%S} UTC."
    if snapshot.since(since(time_range)).empty:
        return Alert("unknown", f"No requests in the last {time_range}", detail)
    return Alert("unknown", "No requests match the selection", detail)


def draw_analysis(settings: Settings, analysis: Analysis, profile: Reference | None, verdict: Any) -> None:
    """The verdict and the sections."""
    with verdict:
        for alert in analysis.alerts:
            views.draw_alert(alert)
        st.caption(views.plain(analysis.budget))
    statistics, recent = st.container(), st.container()
    with recent:  # first, so that a tick goes as soon as the request that it is for
        recent_view.draw_recent(analysis.requests.assign(outcome=quality.outcomes(analysis.requests)))
    with statistics:
        quality_view.draw_quality(analysis, settings, profile)
        drift_view.draw_drift(analysis, profile)
        quality_view.draw_calibration(analysis)
        quality_view.draw_versions(analysis)


def draw_api(settings: Settings) -> None:
    """Whether the API is ready, as it says itself over the network."""
    problem = card = None
    try:
        ApiClient(settings.api_url).ready()
        card = sources.model_card(settings.api_url)
    except ApiUnavailable as error:
        problem = str(error)
    views.draw_api_state(settings.api_url, problem, card)


def draw_try(settings: Settings) -> None:
    """A box to try a sentence, and buttons to say whether the answer was right."""
    client = ApiClient(settings.api_url)
    text = views.draw_try_form()
    try:
        if text is not None:
            st.session_state.pop("answer", None)
            given = client.predict(text)
            judged().pop(given["prediction_id"], None)
            st.session_state["answer"] = given
        answer = st.session_state.get("answer")
        if answer and (label := judged().get(answer["prediction_id"])):
            st.success(f"Thank you: logged as {views.plain(label)}.")
        elif answer:
            labels = sources.labels_of_model(settings.api_url)
            views.draw_answer(answer, labels, lambda label: judge(client, answer["prediction_id"], label))
    except ApiUnavailable as error:
        st.error(views.plain(error))
    if "answer" in st.session_state:
        draw_problem(st.session_state["answer"]["prediction_id"])


def judged() -> dict[str, str]:
    """The labels that this user has given, by the id of the answer."""
    labels: dict[str, str] = st.session_state.setdefault("judged", {})
    return labels


def judge(client: ApiClient, prediction_id: str, label: str) -> None:
    """Log a label that the user has given. Streamlit may run this again for one click, if a refresh comes between."""
    if judged().get(prediction_id) == label:
        return
    try:
        client.feedback(prediction_id, label)
        judged()[prediction_id] = label
    except ApiUnavailable as error:
        st.session_state["judge_problem"] = (prediction_id, str(error))


def draw_problem(prediction_id: str) -> None:
    """Why the label for this answer was not logged, once."""
    of_answer, problem = st.session_state.get("judge_problem", (None, ""))
    if of_answer == prediction_id:
        del st.session_state["judge_problem"]
        st.error(views.plain(problem))


def main() -> None:
    st.set_page_config(page_title="Sentiment monitor", page_icon="📈", layout="wide")
    settings = the_settings()
    st.title("Sentiment monitor")
    time_range = st.segmented_control(
        "Time range", list(RANGES), default="all", required=True, key="range", bind="query-params"
    )
    every = settings.refresh_seconds
    st.fragment(draw_monitoring, run_every=every)(settings, time_range, ApiClient(settings.api_url))
    st.fragment(draw_api, run_every=every)(settings)
    st.fragment(draw_try)(settings)


main()

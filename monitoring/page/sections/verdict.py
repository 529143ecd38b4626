"""The status: alerts and notes, the most urgent first, each with what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from monitoring.alarms.alert import Alert, Level
from monitoring.alarms.verdict import OF_DRIFT
from monitoring.analysis.notes import log_alerts
from monitoring.page.api.poller import api_alert
from monitoring.page.components import verdict
from monitoring.page.redraw import Content, Section
from monitoring.page.sources import Seen
from monitoring.page.state import State
from monitoring.reader import Snapshot
from monitoring.settings import Settings
from monitoring.stats.quality import Proportion

ORDER: Sequence[Level] = ("alert", "warning", "unknown", "ok")  # the most urgent first
LINKS = {  # where the page shows more, by the name of an alert
    "accuracy": ("Wrong predictions", "#requests"),
    "validation": ("Model quality", "#model-quality"),
    "drift": ("Data drift", "#data-drift"),
    "labels": ("Audit sample", "#audit"),
    "api": ("The API", "#api"),
}


EXAMPLE = """curl -X POST "http://localhost:8000/predict" -H "Content-Type: application/json" \\
  -d '{"text": "The movie was amazing!", "true_sentiment": "positive"}'"""


def section(state: State) -> Section:
    return Section("verdict", lambda: _draw(state), lambda: Content(data_of(state)))


def _draw(state: State) -> None:
    """The status, and while the log is empty an example request."""
    verdict(key="verdict", data=data_of(state))
    if state.seen.snapshot is not None and state.seen.snapshot.requests.latest is None:
        st.code(EXAMPLE, language="bash")


def data_of(state: State) -> dict[str, Any]:
    return verdict_data(state.seen, state.settings, f"time range {state.range}", state.seen_at)


def verdict_data(seen: Seen, settings: Settings, window: str, now: datetime) -> dict[str, Any]:
    """What the component shows, as JSON. The items are in order of urgency, and the first one is the headline. `window`
    names the selected time range."""
    found = [*seen.problems, *filter(None, [api_alert(seen.api)])]
    if seen.snapshot is None:
        found += [] if any(alert.name == "log" for alert in found) else [_being_read(seen.read)]
    elif seen.analysis is None:
        found.append(nothing_to_show(settings, seen.snapshot, window))
        found += log_alerts(seen.snapshot.unreadable_lines, seen.snapshot.unmatched_feedback)
    else:
        found += [*seen.analysis.alarms.alerts, *seen.analysis.alarms.notes, *_stale(seen.snapshot, settings, now)]
    return {
        "headline": True,
        "items": _items(found, seen.analysis.quality.accuracy if seen.analysis else None, settings.accuracy_threshold),
        "note": seen.analysis.alarms.budget if seen.analysis else "",
    }


def nothing_to_show(settings: Settings, snapshot: Snapshot, window: str) -> Alert:
    """Why there is no request to show."""
    if not snapshot.files:
        detail = f"There is none in {settings.log_dir.absolute()}. The API creates it with the first request."
        return Alert("unknown", "No log yet", detail, "empty", action=SEND)
    if snapshot.requests.latest is None:
        return Alert(
            "unknown", "The log is empty", "The first request will appear here automatically.", "empty", action=SEND
        )
    detail = f"The latest request was at {snapshot.requests.latest:%Y-%m-%d %H:%M:%S} UTC."
    return Alert("unknown", f"No requests match the selection, {window}", detail, "selection", action=WIDEN)


SEND = "Send a request, or try a sentence at the end of this page."
WIDEN = "Select a longer time range, or more labels and versions."
WAIT = "Wait. The figures will appear automatically."
REACH = "Check that requests reach the API, and that it writes its log where this service reads it."


def _being_read(share: float) -> Alert:
    detail = "The whole log is read once, and after that only new lines."
    return Alert("unknown", f"The log is being read: {share:.0%}", detail, "reading", action=WAIT)


def _stale(snapshot: Snapshot, settings: Settings, now: datetime) -> list[Alert]:
    """That the latest request is too long ago."""
    latest = snapshot.requests.latest
    if latest is None or now - latest < timedelta(minutes=settings.stale_minutes):
        return []
    since = duration(now - latest)
    detail = f"The latest request was at {latest:%Y-%m-%d %H:%M:%S} UTC. No figure is newer."
    return [Alert("unknown", f"No new request for {since}", detail, "stale", action=REACH)]


def duration(span: timedelta) -> str:
    """In the largest unit of which there are at least two."""
    units = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1)))
    unit, length = next(((unit, length) for unit, length in units if span >= 2 * length), units[-1])
    return f"{span // length} {unit}"


def _items(alerts: Sequence[Alert], accuracy: Proportion | None, threshold: float) -> list[dict[str, Any]]:
    drifted = [alert for alert in alerts if alert.name in OF_DRIFT and alert.level == "warning"]
    items = [_item(alert, accuracy, threshold) for alert in alerts if alert not in drifted]
    items += [_drift(drifted)] if drifted else []
    items.sort(key=lambda item: ORDER.index(item["level"]))
    return [_all_is_well(accuracy), *items] if all(item["level"] == "ok" for item in items) else items


def _item(alert: Alert, accuracy: Proportion | None, threshold: float) -> dict[str, Any]:
    title, link = alert.title, LINKS.get(alert.name)
    if alert.name == "accuracy" and accuracy and alert.level != "unknown":
        significant = {"alert": "significant", "warning": "not significant yet", "ok": ""}[alert.level]
        significant = f"{significant} since {alert.since:%Y-%m-%d %H:%M} UTC" if alert.since else significant
        shown = f"{accuracy.value:.1%}" if alert.level != "alert" or accuracy.value < threshold else ""
        title = f"{title}: {', '.join(filter(None, [shown, significant, f'{accuracy.n:,} labels']))}"
    if alert.name == "accuracy" and alert.level in ("unknown", "warning"):  # more labels would decide
        link = LINKS["labels"]
    return {"level": alert.level, "title": title, "lines": _lines(alert), "action": alert.action, "link": link}


def _lines(alert: Alert) -> list[str]:
    """The detail without the false-alarm rate, which the note gives for all alerts."""
    said = alert.detail.replace(alert.promise, "").strip() if alert.promise else alert.detail
    return [said] if said else []


def _drift(drifted: Sequence[Alert]) -> dict[str, Any]:
    """All drift alerts as one item, because they usually have one cause."""
    subjects = [alert.title.removesuffix(" has drifted") for alert in drifted]
    subjects = [subjects[0], *(subject.lower() for subject in subjects[1:])]
    listed = f"{', '.join(subjects[:-1])} and {subjects[-1]} have" if len(subjects) > 1 else f"{subjects[0]} has"
    return {
        "level": "warning",
        "title": f"{listed} drifted",
        "lines": [line for alert in drifted for line in _lines(alert)],
        "action": drifted[0].action,
        "link": LINKS["drift"],
    }


def _all_is_well(accuracy: Proportion | None) -> dict[str, Any]:
    figures = f": accuracy {accuracy.value:.1%}, {accuracy.n:,} labels, no significant drift" if accuracy else ""
    return {"level": "ok", "title": f"All is well{figures}", "lines": [], "action": "", "link": None}

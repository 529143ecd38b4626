"""The status: alerts and notes, the most urgent first, each with what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from monitoring.alarms.alert import Alert, Level
from monitoring.alarms.verdict import OF_DRIFT
from monitoring.analysis.notes import log_alerts
from monitoring.analysis.results import Analysis
from monitoring.page.api.poller import api_alert
from monitoring.page.components import verdict
from monitoring.page.redraw import Content, Section
from monitoring.page.seen import Seen
from monitoring.page.state import State
from monitoring.reader import Snapshot
from monitoring.settings import Settings
from monitoring.stats.quality import Proportion

ORDER: Sequence[Level] = ("alert", "warning", "unknown", "ok")  # the worst first
LINKS = {  # where the page shows more, by the name of an alert
    "accuracy": ("Wrong answers", "#requests"),
    "validation": ("Accuracy", "#answers"),
    "drift": ("Texts", "#texts"),
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
    """What the component shows, as JSON: items in order of urgency, of which the first is the headline. `window` says
    which time is selected."""
    found = [*seen.problems, *filter(None, [api_alert(seen.api)])]
    if seen.snapshot is None:
        found += [] if any(alert.name == "log" for alert in found) else [_being_read(seen.read)]
    elif seen.analysis is None:
        found.append(nothing_to_show(settings, seen.snapshot, window))
        found += log_alerts(seen.snapshot.unreadable_lines, seen.snapshot.unmatched_feedback)
    else:
        found += [*seen.analysis.alerts, *seen.analysis.notes, *_stale(seen.snapshot, settings, now)]
    return {
        "headline": True,
        "items": _items(found, seen.analysis, settings.accuracy_threshold),
        "note": seen.analysis.budget if seen.analysis else "",
    }


def nothing_to_show(settings: Settings, snapshot: Snapshot, window: str) -> Alert:
    """Why no request is selected."""
    if not snapshot.files:
        detail = f"There is none in {settings.log_dir.absolute()}; the API makes it with the first request."
        return Alert("unknown", "No log yet", detail, "empty", action=SEND)
    if snapshot.requests.latest is None:
        return Alert("unknown", "The log is empty", "The first request will show here by itself.", "empty", action=SEND)
    detail = f"The latest one was at {snapshot.requests.latest:%Y-%m-%d %H:%M:%S} UTC."
    return Alert("unknown", f"No requests match the selection, {window}", detail, "selection", action=WIDEN)


SEND = "Send a request, or a text in the box at the end of this page."
WIDEN = "Select more time, or more labels and versions."
WAIT = "Wait: the figures will show by themselves."
REACH = "See whether requests reach the API, and whether it writes its log where this service reads it."


def _being_read(share: float) -> Alert:
    detail = "All of it is read once; later only what is new."
    return Alert("unknown", f"The log is being read: {share:.0%}", detail, "reading", action=WAIT)


def _stale(snapshot: Snapshot, settings: Settings, now: datetime) -> list[Alert]:
    """That nothing has come for long."""
    latest = snapshot.requests.latest
    if latest is None or now - latest < timedelta(minutes=settings.stale_minutes):
        return []
    since = duration(now - latest)
    detail = f"The latest one was at {latest:%Y-%m-%d %H:%M:%S} UTC; all figures are of what came before."
    return [Alert("unknown", f"No new request for {since}", detail, "stale", action=REACH)]


def duration(span: timedelta) -> str:
    """In the unit in which it is a number that one can remember."""
    units = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1)))
    unit, length = next(((unit, length) for unit, length in units if span >= 2 * length), units[-1])
    return f"{span // length} {unit}"


def _items(alerts: Sequence[Alert], analysis: Analysis | None, threshold: float) -> list[dict[str, Any]]:
    accuracy = analysis.accuracy if analysis else None
    drifted = [alert for alert in alerts if alert.name in OF_DRIFT and alert.level == "warning"]
    items = [_item(alert, accuracy, threshold) for alert in alerts if alert not in drifted]
    items += [_drift(drifted)] if drifted else []
    items.sort(key=lambda item: ORDER.index(item["level"]))
    return [_all_is_well(accuracy), *items] if all(item["level"] == "ok" for item in items) else items


def _item(alert: Alert, accuracy: Proportion | None, threshold: float) -> dict[str, Any]:
    title, link = alert.title, LINKS.get(alert.name)
    if alert.name == "accuracy" and accuracy and alert.level != "unknown":
        proven = {"alert": "proven", "warning": "not proven yet", "ok": ""}[alert.level]
        proven = f"{proven} since {alert.since:%Y-%m-%d %H:%M} UTC" if alert.since else proven
        shown = f"{accuracy.value:.1%}" if alert.level != "alert" or accuracy.value < threshold else ""
        title = f"{title}: {', '.join(filter(None, [shown, proven, f'{accuracy.n:,} labels']))}"
    if alert.name == "accuracy" and alert.level in ("unknown", "warning"):  # more labels would tell
        link = LINKS["labels"]
    return {"level": alert.level, "title": title, "lines": _lines(alert), "action": alert.action, "link": link}


def _lines(alert: Alert) -> list[str]:
    """What it says, but for the promise, which the note makes for all of them."""
    said = alert.detail.replace(alert.promise, "").strip() if alert.promise else alert.detail
    return [said] if said else []


def _drift(drifted: Sequence[Alert]) -> dict[str, Any]:
    """All drift that is proven, as one item: it is one story."""
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
    figures = f": accuracy {accuracy.value:.1%}, {accuracy.n:,} labels, no drift proven" if accuracy else ""
    return {"level": "ok", "title": f"All is well{figures}", "lines": [], "action": "", "link": None}

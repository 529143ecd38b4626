"""`python -m monitoring.watch check`: prints the status once and returns it as an exit code. Writes no files."""

from __future__ import annotations

from contextlib import suppress

from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Monitor, StateUnusable
from monitoring.analysis.notes import log_alerts
from monitoring.analysis.observer import Look, observer_of
from monitoring.settings import Settings
from monitoring.watch.state_file import Refused, StateFile

FINE, ALERT, NOT_ENOUGH, CANNOT_TELL = range(4)


def check(settings: Settings) -> tuple[int, list[str]]:
    """The exit code and the lines to print."""
    monitor, observer, problems = observer_of(settings)
    _resume(monitor, settings)
    lines = [f"warning: {problem}" for problem in problems]
    try:
        look = observer.look()
    except OSError as error:
        return CANNOT_TELL, [*lines, f"The log cannot be read: {error.strerror}: {error.filename or settings.log_dir}"]
    if not look.snapshot.files:
        return CANNOT_TELL, [*lines, f"There is no log in {settings.log_dir}: no file is named prediction_logs*.json."]
    snapshot = look.snapshot
    found = [*look.verdict, *log_alerts(snapshot.unreadable_lines, snapshot.unmatched_feedback)]
    return _exit_code(look), [*lines, *map(_line, found)]


def _resume(monitor: Monitor, settings: Settings) -> None:
    """Resume from the alerting service's state. Without a usable one, the log is read from the start."""
    with suppress(OSError, Refused, StateUnusable):
        state = StateFile(settings.state_dir).read()
        if state:
            monitor.restore(state.get("monitor"))


def _exit_code(look: Look) -> int:
    if look.standing:
        return ALERT
    accuracy = next(alert.level for alert in look.verdict if alert.name == "accuracy")
    return FINE if accuracy == "ok" else NOT_ENOUGH


def _line(alert: Alert) -> str:
    return f"{alert.level}: {alert.title}. {alert.detail}".replace("\n", " ")

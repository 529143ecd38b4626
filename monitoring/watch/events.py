"""Builds the events to send from changes of state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitoring.alarms.alert import Alert
from monitoring.alarms.phrases import when
from monitoring.alarms.sequential import Episode, Mark
from monitoring.alarms.signals import OF_LABELS
from monitoring.analysis.observer import Look, Observer
from monitoring.watch import changes
from monitoring.watch.changes import Change, Event, State

LOG = "log"
UNREADABLE = "The log cannot be read"


@dataclass(frozen=True)
class EventBuilder:
    """`source` is the name of this installation."""

    source: str
    observer: Observer

    def event(self, change: Change, look: Look, latest: Event | None) -> Event:
        """The event for a change in `look`; `latest` is the alert's last event."""
        _, episode, state = change
        alert = self._alert(change, look)
        end = episode.cleared if state == "resolved" and episode.cleared else episode.raised
        opened = latest.started_at if state == "resolved" and latest and latest.state == "firing" else None
        return self._event(alert, state, episode.raised, opened or changes.iso(episode.raised.time), end.time)

    def log_unreadable(self, why: str, since: float) -> Event:
        detail = f"{why}. New requests are not evaluated until the log can be read again."
        alert = Alert("alert", UNREADABLE, detail, LOG, proven=True)
        return self._event(alert, "firing", Mark(0, since), changes.iso(since), since)

    def log_readable(self, latest: Event, now: float) -> Event:
        raised = Mark(0, datetime.fromisoformat(latest.started_at).timestamp())
        alert = Alert("alert", UNREADABLE, "The log can be read again.", LOG, proven=True)
        return self._event(alert, "resolved", raised, latest.started_at, now)

    def _event(self, alert: Alert, state: State, raised: Mark, started_at: str, at: float) -> Event:
        return Event(
            id=changes.event_id(self.source, alert.name, state, raised),
            state=state,
            name=alert.name,
            title=alert.title,
            detail=alert.detail,
            level=alert.level,
            source=self.source,
            started_at=started_at,
            at=changes.iso(at),
        )

    def _alert(self, change: Change, look: Look) -> Alert:
        """The verdict's alert. If the alarm is over, its detail says when it was raised and cleared."""
        name, episode, state = change
        firing = look.standing.get(name)
        if firing and state == "firing" and episode.cleared is None:
            return firing
        past = look.snapshot.signals[name]._replace(alarm=episode, group=0)
        verdict = self.observer.verdict(look.accuracy, {**look.snapshot.signals, name: past})
        alert = next(alert for alert in verdict if alert.name == name and alert.proven)
        return Alert(alert.level, alert.title, _past(name, episode), name, proven=True)


def _past(name: str, episode: Episode) -> str:
    if episode.cleared is None or not episode.raised.number:
        return "After reading the log from the start, it is no longer significant."
    what = "label" if name in OF_LABELS else "request"
    raised = f"It became significant at {what} #{episode.raised.number:,} ({when(episode.raised)})"
    return f"{raised} and was resolved at {what} #{episode.cleared.number:,} ({when(episode.cleared)})."

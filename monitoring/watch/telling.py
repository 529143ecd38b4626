"""Puts changes of state into words: the events that are sent."""

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
class Teller:
    """`source` names this installation."""

    source: str
    observer: Observer

    def event(self, change: Change, look: Look, told: Event | None) -> Event:
        """The event of a change that `look` found, after `told`, the last one of this alert."""
        _, episode, state = change
        alert = self._words(change, look)
        end = episode.cleared if state == "resolved" and episode.cleared else episode.raised
        opened = told.started_at if state == "resolved" and told and told.state == "firing" else None
        return self._made(alert, state, episode.raised, opened or changes.iso(episode.raised.time), end.time)

    def log_unreadable(self, why: str, since: float) -> Event:
        detail = f"{why}. What happens now is seen only when it can be read again."
        alert = Alert("alert", UNREADABLE, detail, LOG, proven=True)
        return self._made(alert, "firing", Mark(0, since), changes.iso(since), since)

    def log_readable(self, told: Event, now: float) -> Event:
        raised = Mark(0, datetime.fromisoformat(told.started_at).timestamp())
        alert = Alert("alert", UNREADABLE, "It can be read again.", LOG, proven=True)
        return self._made(alert, "resolved", raised, told.started_at, now)

    def _made(self, alert: Alert, state: State, raised: Mark, started_at: str, at: float) -> Event:
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

    def _words(self, change: Change, look: Look) -> Alert:
        """What the verdict says of an alarm that stands; of one that does not any more, when it was."""
        name, episode, state = change
        stands = look.standing.get(name)
        if stands and state == "firing" and episode.cleared is None:
            return stands
        past = look.snapshot.signals[name]._replace(alarm=episode, group=0)
        verdict = self.observer.verdict(look.accuracy, {**look.snapshot.signals, name: past})
        alert = next(alert for alert in verdict if alert.name == name and alert.proven)
        return Alert(alert.level, alert.title, _past(name, episode), name, proven=True)


def _past(name: str, episode: Episode) -> str:
    if episode.cleared is None or not episode.raised.number:
        return "The log, read from its start, does not prove it any more."
    what = "label" if name in OF_LABELS else "request"
    raised = f"It was certain at {what} #{episode.raised.number:,} ({when(episode.raised)})"
    cleared = f"proven to be over at {what} #{episode.cleared.number:,} ({when(episode.cleared)})"
    return f"{raised} and {cleared}."

"""Checks the log repeatedly and records the changes in the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from monitoring.alarms.monitor import Monitor, StateUnusable
from monitoring.analysis.observer import Look, Observer
from monitoring.watch import changes
from monitoring.watch.changes import Change, Event
from monitoring.watch.events import LOG, EventBuilder
from monitoring.watch.ledger import Ledger
from monitoring.watch.state_file import Refused, StateFile

LOOKS_BEFORE_ALERT = 3  # a single look may fail while the log is being moved
logger = logging.getLogger("watch")


class Follower:
    """`last` is the last successful look, taken at `looked_at` (seconds since 1970). `readable` is whether the latest
    look succeeded. Other threads may read these attributes."""

    def __init__(self, source: str, monitor: Monitor, observer: Observer, ledger: Ledger) -> None:
        self.last: Look | None = None
        self.looked_at = 0.0
        self.readable = True
        self._monitor, self._observer, self._ledger = monitor, observer, ledger
        self._builder = EventBuilder(source, observer)
        self._restarted = True  # the monitor has not resumed from a saved state
        self._failed: list[float] = []  # the times of failed looks since the last successful one

    def restore(self, file: StateFile) -> None:
        """Resume from the saved state. If it is unusable, move it aside and read the log from the start."""
        try:
            state = file.read()
            if state is None:
                return
            self._ledger.load(state)
            if state["monitor"] is not None:
                self._monitor.restore(state["monitor"])
                self._restarted = False
        except (Refused, StateUnusable) as why:
            self._refuse(file, str(why))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._refuse(file, f"it is damaged ({error!r})")
        except OSError as error:
            logger.error("cannot read %s (%s); reading the log from the start", file.path, error.strerror)

    def _refuse(self, file: StateFile, why: str) -> None:
        self._ledger.monitor = None
        try:
            where = f"moved to {file.move_aside().name}"
        except OSError as error:
            where = f"left in place ({error.strerror})"
        logger.error("cannot use %s: %s; it was %s; reading the log from the start", file.path, why, where)

    def look(self) -> None:
        """Take one look and save the result to disk."""
        try:
            look = self._observer.look()
        except OSError as error:
            self._cannot_read(error)
            return
        self.readable, self.looked_at = True, time.time()
        self._failed.clear()
        events = self._events(look)
        if events or look is not self.last:
            self._ledger.record(events, changes.newest(look.snapshot.signals), self._monitor.state())
            _log(events)
        self._ledger.save()  # in case the previous attempt failed
        self.last, self._restarted = look, False

    def _events(self, look: Look) -> list[Event]:
        latest = self._ledger.latest
        events = [self._builder.event(change, look, latest.get(change.name)) for change in self._changes(look)]
        if LOG in self._ledger.firing:
            events.append(self._builder.log_readable(latest[LOG], self.looked_at))
        return events

    def _changes(self, look: Look) -> Iterable[Change]:
        signals, firing = look.snapshot.signals, self._ledger.firing
        if self._restarted:
            return changes.after_restart(firing.keys(), signals)
        return changes.since(self._ledger.known, firing.keys(), signals)

    def _cannot_read(self, error: OSError) -> None:
        why = f"{error.strerror}: {error.filename}"
        if self.readable:
            logger.warning("the log cannot be read: %s", why)
        self.readable = False
        self._failed.append(time.time())
        if len(self._failed) >= LOOKS_BEFORE_ALERT and LOG not in self._ledger.firing:
            event = self._builder.log_unreadable(why, self._failed[0])
            self._ledger.record([event], self._ledger.known, self._ledger.monitor)
            _log([event])
        self._failed = self._failed[:LOOKS_BEFORE_ALERT]


def _log(events: list[Event]) -> None:
    for event in events:
        level = logging.INFO if event.state == "resolved" else logging.WARNING
        logger.log(level, "%s: %s. %s", event.state, event.title, event.detail)

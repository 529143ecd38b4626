"""Follows the log, look after look, and puts what has changed into the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from monitoring.alarms.monitor import Monitor, StateUnusable
from monitoring.analysis.observer import Look, Observer
from monitoring.watch import changes
from monitoring.watch.changes import Change, Event
from monitoring.watch.ledger import Ledger
from monitoring.watch.state_file import Refused, StateFile
from monitoring.watch.telling import LOG, Teller

LOOKS_BEFORE_ALERT = 3  # one look may fail while the log is being moved
logger = logging.getLogger("watch")


class Follower:
    """`last` is the last look that succeeded, at `looked_at` (seconds since 1970), and `readable` says whether the
    newest one did; other threads may read them."""

    def __init__(self, source: str, monitor: Monitor, observer: Observer, ledger: Ledger) -> None:
        self.last: Look | None = None
        self.looked_at = 0.0
        self.readable = True
        self._monitor, self._observer, self._ledger = monitor, observer, ledger
        self._teller = Teller(source, observer)
        self._anew = True  # the monitor has not gone on from what it was
        self._failed: list[float] = []  # when looks failed, since the last one that did not

    def restore(self, file: StateFile) -> None:
        """Go on from what was saved. What cannot be used is said and moved aside, and the log read from its start."""
        try:
            state = file.read()
            if state is None:
                return
            self._ledger.load(state)
            if state["monitor"] is not None:
                self._monitor.restore(state["monitor"])
                self._anew = False
        except (Refused, StateUnusable) as why:
            self._refuse(file, str(why))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._refuse(file, f"it is damaged ({error!r})")
        except OSError as error:
            logger.error("%s cannot be read (%s); the log is read from its start", file.path, error.strerror)

    def _refuse(self, file: StateFile, why: str) -> None:
        self._ledger.monitor = None
        try:
            where = f"moved to {file.move_aside().name}"
        except OSError as error:
            where = f"left there ({error.strerror})"
        logger.error("%s is not gone on from: %s; it was %s, and the log is read from its start", file.path, why, where)

    def look(self) -> None:
        """Take one look, and have on disk what it found."""
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
            _say(events)
        self._ledger.save()  # if it could not be before
        self.last, self._anew = look, False

    def _events(self, look: Look) -> list[Event]:
        told = self._ledger.told
        events = [self._teller.event(change, look, told.get(change.name)) for change in self._changes(look)]
        if LOG in self._ledger.standing:
            events.append(self._teller.log_readable(told[LOG], self.looked_at))
        return events

    def _changes(self, look: Look) -> Iterable[Change]:
        signals, standing = look.snapshot.signals, self._ledger.standing
        return changes.anew(standing, signals) if self._anew else changes.since(self._ledger.known, standing, signals)

    def _cannot_read(self, error: OSError) -> None:
        why = f"{error.strerror}: {error.filename}"
        if self.readable:
            logger.warning("the log cannot be read: %s", why)
        self.readable = False
        self._failed.append(time.time())
        if len(self._failed) >= LOOKS_BEFORE_ALERT and LOG not in self._ledger.standing:
            event = self._teller.log_unreadable(why, self._failed[0])
            self._ledger.record([event], self._ledger.known, self._ledger.monitor)
            _say([event])
        self._failed = self._failed[:LOOKS_BEFORE_ALERT]


def _say(events: list[Event]) -> None:
    for event in events:
        level = logging.INFO if event.state == "resolved" else logging.WARNING
        logger.log(level, "%s: %s. %s", event.state, event.title, event.detail)

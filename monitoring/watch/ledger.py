"""The durable state of the alerting service: the monitor's state, the events so far and those still to deliver.

An event is on disk before it is sent, and stays until a receiver acknowledges it. A crash between the acknowledgement
and the write to disk repeats the event: delivery is at least once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from monitoring.watch.changes import Event
from monitoring.watch.state_file import StateFile

MOST_WAITING = 1_000  # events of one channel; beyond that, the oldest are dropped
logger = logging.getLogger("watch")


class Ledger:
    """Thread-safe. `latest` has the last event of each alert, `known` the number of each signal's newest alarm."""

    def __init__(self, file: StateFile, channels: Sequence[str]) -> None:
        self.latest: dict[str, Event] = {}
        self.known: dict[str, int] = {}
        self.monitor: dict[str, Any] | None = None
        self.durable = True
        self.file, self._channels = file, tuple(channels)
        self._waiting: dict[str, list[Event]] = {channel: [] for channel in channels}
        self._written: dict[str, Any] | None = None
        self._lock = threading.RLock()

    def load(self, document: Mapping[str, Any]) -> None:
        """Resume from a saved state; the events of channels that no longer exist are dropped. Raises KeyError,
        TypeError, ValueError or AttributeError, and is then unchanged."""
        latest = {str(name): Event.parse(event) for name, event in document["told"].items()}
        known = {str(name): int(number) for name, number in document["known"].items()}
        waiting = {
            channel: [Event.parse(event) for event in document["waiting"].get(channel, [])]
            for channel in self._channels
        }
        self.monitor, self.latest, self.known, self._waiting = document["monitor"], latest, known, waiting

    @property
    def firing(self) -> dict[str, Event]:
        """The events of the alerts that are firing, by name."""
        with self._lock:
            return {name: event for name, event in self.latest.items() if event.state == "firing"}

    def record(self, events: Sequence[Event], known: Mapping[str, int], monitor: dict[str, Any] | None) -> None:
        """Record the result of one look and save it."""
        with self._lock:
            self.monitor, self.known = deepcopy(monitor), dict(known)  # the monitor goes on changing parts of it
            for event in events:
                self.latest[event.name] = event
                for channel, waiting in self._waiting.items():
                    waiting.append(event)
                    self._drop_oldest(channel, waiting)
            self.save()

    def _drop_oldest(self, channel: str, waiting: list[Event]) -> None:
        while len(waiting) > MOST_WAITING:
            logger.error("%s: %d events are pending; dropped the oldest: %s", channel, len(waiting), waiting.pop(0))

    def waiting(self, channel: str) -> list[Event]:
        """The events that the channel has not delivered, oldest first."""
        with self._lock:
            return list(self._waiting[channel])

    def next_for(self, channel: str) -> Event | None:
        """The oldest event that the channel has not delivered."""
        return next(iter(self.waiting(channel)), None)

    def delivered(self, channel: str, event: Event) -> None:
        """Remove the event from the channel's queue."""
        with self._lock:
            self._waiting[channel] = [other for other in self._waiting[channel] if other.id != event.id]
            self.save()

    def save(self) -> None:
        """Write the state if it has changed. A failure is logged once; the next call tries again."""
        with self._lock:
            document = self._document()
            if document == self._written:
                return
            try:
                self.file.write(document)
            except OSError as error:
                self._log_once(error)
            else:
                self._written, self.durable = document, True

    def _document(self) -> dict[str, Any]:
        return {
            "monitor": self.monitor,
            "told": {name: event.document() for name, event in self.latest.items()},
            "known": self.known,
            "waiting": {channel: [e.document() for e in events] for channel, events in self._waiting.items()},
        }

    def _log_once(self, error: OSError) -> None:
        if self.durable:
            logger.error(
                "the state cannot be written to %s (%s); a restart would resume from the last saved state and could "
                "repeat notifications",
                self.file.directory,
                error.strerror,
            )
        self.durable = False

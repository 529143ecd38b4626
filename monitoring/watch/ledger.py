"""What the watch must not forget: how far the log was taken in, what was told, and what is still to be delivered.

Every change is on disk before it is sent, and is taken off only once it was delivered: so it is told once over
restarts, but for a crash in the moment between the receiver's answer and the disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from monitoring.watch.changes import Event
from monitoring.watch.state_file import StateFile

MOST_WAITING = 1_000  # events of one channel; beyond that the oldest are given up
logger = logging.getLogger("watch")


class Ledger:
    """Threads may share it. `told` has the last event of each alert, `known` the newest alarm of each signal."""

    def __init__(self, file: StateFile, channels: Sequence[str]) -> None:
        self.told: dict[str, Event] = {}
        self.known: dict[str, int] = {}
        self.monitor: dict[str, Any] | None = None
        self.durable = True
        self.file, self._channels = file, tuple(channels)
        self._waiting: dict[str, list[Event]] = {channel: [] for channel in channels}
        self._written: dict[str, Any] | None = None
        self._lock = threading.RLock()

    def load(self, document: Mapping[str, Any]) -> None:
        """Go on from what was saved; channels that are no more lose what waits for them. Raises KeyError, TypeError,
        ValueError or AttributeError, and is then as it was."""
        told = {str(name): Event.parse(event) for name, event in document["told"].items()}
        known = {str(name): int(number) for name, number in document["known"].items()}
        waiting = {
            channel: [Event.parse(event) for event in document["waiting"].get(channel, [])]
            for channel in self._channels
        }
        self.monitor, self.told, self.known, self._waiting = document["monitor"], told, known, waiting

    @property
    def standing(self) -> set[str]:
        """The names of the alerts that were told and not yet cleared."""
        return {name for name, event in self.told.items() if event.state == "firing"}

    def firing(self) -> list[Event]:
        with self._lock:
            return [event for event in self.told.values() if event.state == "firing"]

    def record(self, events: Sequence[Event], known: Mapping[str, int], monitor: dict[str, Any] | None) -> None:
        """Take in what one look found, and save it."""
        with self._lock:
            self.monitor, self.known = deepcopy(monitor), dict(known)  # parts of it are the monitor's own
            for event in events:
                self.told[event.name] = event
                for channel, waiting in self._waiting.items():
                    waiting.append(event)
                    self._give_up_the_oldest(channel, waiting)
            self.save()

    def _give_up_the_oldest(self, channel: str, waiting: list[Event]) -> None:
        while len(waiting) > MOST_WAITING:
            logger.error("%s: %d events wait; given up: %s", channel, len(waiting), waiting.pop(0))

    def waiting(self, channel: str) -> list[Event]:
        """What was not delivered there, the oldest first."""
        with self._lock:
            return list(self._waiting[channel])

    def next_for(self, channel: str) -> Event | None:
        """The oldest event that was not delivered there."""
        return next(iter(self.waiting(channel)), None)

    def delivered(self, channel: str, event: Event) -> None:
        """Forget that it is to be sent there."""
        with self._lock:
            self._waiting[channel] = [other for other in self._waiting[channel] if other.id != event.id]
            self.save()

    def save(self) -> None:
        """Write what has changed since it was last written. If that fails it is said, once, and tried again."""
        with self._lock:
            document = self._document()
            if document == self._written:
                return
            try:
                self.file.write(document)
            except OSError as error:
                self._say_once(error)
            else:
                self._written, self.durable = document, True

    def _document(self) -> dict[str, Any]:
        return {
            "monitor": self.monitor,
            "told": {name: event.document() for name, event in self.told.items()},
            "known": self.known,
            "waiting": {channel: [e.document() for e in events] for channel, events in self._waiting.items()},
        }

    def _say_once(self, error: OSError) -> None:
        if self.durable:
            logger.error(
                "the state cannot be written to %s (%s); until it can, a restart reads the log from where it was last "
                "written, and may tell what was told already",
                self.file.directory,
                error.strerror,
            )
        self.durable = False

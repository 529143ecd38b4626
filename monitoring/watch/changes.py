"""Finds the changes of state to notify: each alarm that was raised or cleared, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from monitoring.alarms.sequential import Episode, Mark
from monitoring.alarms.signals import WEIGHTS, Status

State = Literal["firing", "resolved"]
PAYLOAD_VERSION = 1


@dataclass(frozen=True)
class Event:
    """A change of state as it is sent. `id` is a hash of the source, the alert, the observation that raised it and the
    state, so the same change always has the same id. `started_at` is when the alert was raised, `at` when this change
    happened. Both are times of the log, ISO 8601 in UTC."""

    id: str
    state: State
    name: str
    title: str
    detail: str
    level: str
    source: str
    started_at: str
    at: str
    version: int = PAYLOAD_VERSION

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Event:
        """Raises KeyError, TypeError or ValueError if `document` is not an event."""
        event = cls(**{name: document[name] for name in cls.__annotations__})
        texts = [value for name, value in asdict(event).items() if name != "version"]
        if not all(isinstance(text, str) for text in texts) or event.state not in ("firing", "resolved"):
            raise ValueError("not an event")
        datetime.fromisoformat(event.started_at), datetime.fromisoformat(event.at)
        return event

    def document(self) -> dict[str, Any]:
        return asdict(self)


class Change(NamedTuple):
    """The signal `name` raised or cleared the alarm `episode`."""

    name: str
    episode: Episode
    state: State


def newest(signals: Mapping[str, Status]) -> dict[str, int]:
    """The number of the observation that raised the latest alarm of each signal; 0 for none."""
    return {
        name: status.episodes[-1].raised.number if status.episodes else 0
        for name, status in signals.items()
        if name in WEIGHTS
    }


def since(known: Mapping[str, int], firing: Set[str], signals: Mapping[str, Status]) -> Iterator[Change]:
    """The changes after a moment at which `newest` returned `known` and the alerts named in `firing` were firing."""
    for name in newest(signals):
        last = known.get(name, 0)
        for episode in signals[name].episodes:
            number = episode.raised.number
            if number > last:
                yield Change(name, episode, "firing")
            if episode.cleared and (number > last or (number == last and name in firing)):
                yield Change(name, episode, "resolved")


def after_restart(firing: Set[str], signals: Mapping[str, Status]) -> Iterator[Change]:
    """The differences between the alerts in `firing` and a monitor that read the log from the start. Its observation
    numbers cannot be compared with earlier ones. Alarms that were raised and cleared in the past are not reported."""
    for name in newest(signals):
        status = signals[name]
        if status.alarm and name not in firing:
            yield Change(name, status.alarm, "firing")
        elif name in firing and not status.alarm:
            now = Mark(0, datetime.now(UTC).timestamp())
            cleared = status.episodes[-1] if status.episodes else Episode(now, now, 0, cleared=now)
            yield Change(name, cleared, "resolved")


def event_id(source: str, name: str, state: State, raised: Mark) -> str:
    parts = [source, name, state, str(raised.number), repr(raised.time)]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def iso(time: float) -> str:
    """Seconds since 1970 in the log's time format."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")

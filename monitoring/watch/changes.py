"""Which changes of state somebody is to be told of: each alert that is raised or cleared, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """A change of state as it is sent. `id` is made of the alert, the observation that raised it and the state, so that
    the same change has the same one however often it is found. `started_at` is when the alert was raised, `at` when
    this change took place: times of the log, ISO 8601 in UTC."""

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
        """Raises KeyError, TypeError or ValueError for what is no event."""
        event = cls(**{name: document[name] for name in cls.__annotations__})
        texts = [value for name, value in asdict(event).items() if name != "version"]
        if not all(isinstance(text, str) for text in texts) or event.state not in ("firing", "resolved"):
            raise ValueError("not an event")
        datetime.fromisoformat(event.started_at), datetime.fromisoformat(event.at)
        return event

    def document(self) -> dict[str, Any]:
        return asdict(self)


class Change(NamedTuple):
    """The alarm `episode` of the signal `name` was raised or cleared."""

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


def since(known: Mapping[str, int], standing: set[str], signals: Mapping[str, Status]) -> Iterator[Change]:
    """What was raised and cleared after `newest` was `known` and the alarms of `standing` stood."""
    for name in newest(signals):
        last = known.get(name, 0)
        for episode in signals[name].episodes:
            number = episode.raised.number
            if number > last:
                yield Change(name, episode, "firing")
            if episode.cleared and (number > last or (number == last and name in standing)):
                yield Change(name, episode, "resolved")


def anew(standing: set[str], signals: Mapping[str, Status]) -> Iterator[Change]:
    """What stands otherwise than it was told, by a monitor that began anew: its numbers compare with none before, and
    what it found to have been raised and cleared long ago is no news."""
    for name in newest(signals):
        status = signals[name]
        if status.alarm and name not in standing:
            yield Change(name, status.alarm, "firing")
        elif name in standing and not status.alarm:
            now = Mark(0, datetime.now(UTC).timestamp())
            cleared = status.episodes[-1] if status.episodes else Episode(now, now, 0, cleared=now)
            yield Change(name, cleared, "resolved")


def event_id(source: str, name: str, state: State, raised: Mark) -> str:
    parts = [source, name, state, str(raised.number), repr(raised.time)]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]


def iso(time: float) -> str:
    """Seconds since 1970 as the log writes times."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")

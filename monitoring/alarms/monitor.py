"""Feeds what the log gains to the signals that are watched for ever, each observation once, over restarts too.

Requests and labels count in order of arrival. Repeats are no evidence: a text that was seen lately says nothing new
about what people send, nor does its label about how often answers are right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.alarms.signals import FIT, Status, signals
from monitoring.log.encoding import NO_ID, Names
from monitoring.log.files.folder import is_closed
from monitoring.log.files.tailed_file import Position, TailedFile
from monitoring.log.lines import Labels
from monitoring.stats.reference import Reference
from monitoring.store.arrivals import Arrivals, Events
from monitoring.store.columns import Columns

REMEMBERED_TEXTS = 10_000  # a text is a repeat if it was among so many different ones before
STATE_VERSION = 1
NO_ROW = BEFORE = -1
LATER = np.iinfo(np.int64).max
Array = npt.NDArray[Any]


class Label(NamedTuple):
    """A label whose prediction has not come yet, when it came in seconds, and whether it was not taken in before."""

    value: int
    time: float
    is_new: bool


EARLY = np.dtype([("key", "u8"), ("value", "u2"), ("time", "f8"), ("is_new", "?")])


class Judged(NamedTuple):
    """Rows and their first labels: at which place among the events they meet, and as Label."""

    place: Array
    row: Array
    value: Array
    time: Array
    is_new: Array


@dataclass
class Counts:
    """What the monitor has seen: numbers of observations, and of those that could be no evidence."""

    requests: int = 0
    labels: int = 0
    repeated_requests: int = 0
    repeated_labels: int = 0
    other_versions: int = 0
    unknown_labels: int = 0


class RecentTexts:
    """Which of the last REMEMBERED_TEXTS different texts have been seen, by their hashes."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._order: deque[int] = deque()

    @property
    def hashes(self) -> Array:
        """The oldest first."""
        return np.array(self._order, dtype=np.uint64)

    def are_new(self, texts: Array) -> Array:
        """Which of them were not among these when they came, one after the other; from then on they are."""
        seen, order = self._seen, self._order
        found = np.ones(len(texts), dtype=np.bool_)
        for place, text in enumerate(texts.tolist()):
            if text in seen:
                found[place] = False
                continue
            seen.add(text)
            order.append(text)
            if len(order) > REMEMBERED_TEXTS:
                seen.remove(order.popleft())
        return found


class Monitor:
    """The signals of one log; not for several threads at once. `fingerprint` names what they were set up with."""

    def __init__(
        self, reference: Reference | None, accuracy_threshold: float, budget: float, min_labels: int = 30
    ) -> None:
        self.counts = Counts()
        self.fingerprint = _digest(repr((reference and reference.digest, accuracy_threshold, budget, min_labels)))
        self._reference = reference
        self._watched = signals(reference, accuracy_threshold, budget, min_labels)
        self._positions: dict[str, Position] = {}
        self._begin()

    def _begin(self) -> None:
        """What is known of the log's rows, which are read again after a restart."""
        self._judged = np.zeros(0, dtype=np.bool_)  # the rows whose first label was taken in
        self._early: dict[int, Label] = {}
        self._texts, self._labelled_texts = RecentTexts(), RecentTexts()

    def statuses(self) -> Mapping[str, Status]:
        return {name: watched.status() for name, watched in self._watched.items()}

    def update(self, arrived: Arrivals) -> None:
        """Take in what the log gained. Raises OSError."""
        taken_in: Mapping[str, int] = {}
        if arrived.restarted:
            taken_in = self._known_offsets(arrived.files)
            self._begin()
        self._judged = _longer(self._judged, arrived.table.rows)
        labels, taken = arrived.labels(), np.zeros(arrived.table.rows - arrived.first, dtype=np.bool_)
        for events in arrived.events(taken_in):
            self._take(events, labels, taken, arrived)
        there = {file.name: file.position for file in arrived.files if not file.gone}
        self._positions |= there
        for name in [name for name in self._positions if is_closed(name) and name not in there]:
            del self._positions[name]

    def _known_offsets(self, files: Sequence[TailedFile]) -> dict[str, int]:
        """Up to where each file holds what has been taken in before, perhaps under another name, or compressed."""
        closed = {name: position.offset for name, position in self._positions.items() if is_closed(name)}
        others = [position for name, position in self._positions.items() if name not in closed]
        return {
            file.name: closed[file.name]
            if file.name in closed
            else max((position.offset for position in others if position.holds(file.path)), default=0)
            for file in files
        }

    def _take(self, events: Events, labels: Labels, taken: Array, arrived: Arrivals) -> None:
        """Take in some events; `taken` says which new rows have been, and is told of the others."""
        places = np.flatnonzero(~events.is_label)
        requests = events.part(places)
        rows = arrived.table.take(requests.number)
        self._observe(rows, requests, arrived.names)
        own = self._own_labels(rows, requests, places, arrived.repeated)
        self._judged[own.row] = True
        later = self._later_labels(events, labels, taken, arrived)
        taken[requests.number - arrived.first] = True
        self._judge(Judged(*(np.concatenate(parts) for parts in zip(own, later, strict=True))), arrived)

    def _observe(self, rows: Columns, requests: Events, names: Names) -> None:
        """Take in requests as evidence of drift."""
        fresh, is_new, time = self._texts.are_new(rows.text), requests.is_new, requests.time
        of_reference = self._of_reference(rows.version, names)
        numbers = self.counts.requests + np.cumsum(is_new)
        used = is_new & fresh & of_reference
        self.counts.requests += int(is_new.sum())
        self.counts.repeated_requests += int((is_new & ~fresh).sum())
        self.counts.other_versions += int((is_new & ~of_reference).sum()) if self._reference else 0
        if self._reference is None:
            return
        for name, values in (("length", rows.words), ("vocabulary", rows.known_share), ("confidence", rows.confidence)):
            known = used & ~np.isnan(values)
            self._feed(name, values[known], numbers=numbers[known], time=time[known])
        labels = self._reference.label_counts
        answers = np.array([name in labels for name in names.texts], dtype=np.bool_)[rows.predicted]
        self.counts.unknown_labels += int((used & ~answers).sum())
        known = used & answers
        self._feed(
            "prediction",
            [names.texts[number] for number in rows.predicted[known].tolist()],
            numbers=numbers[known],
            time=time[known],
        )

    def _of_reference(self, version: Array, names: Names) -> Array:
        if self._reference is None:
            return np.zeros(len(version), dtype=np.bool_)
        ours = self._reference.model_version
        return np.array([name in (None, ours) for name in names.texts], dtype=np.bool_)[version]

    def _own_labels(self, rows: Columns, requests: Events, places: Array, repeated: Array) -> Judged:
        """The labels that requests were sent with, and those that came before them."""
        first = ~np.isin(requests.number, repeated)
        sent = np.flatnonzero(first & (rows.true > 0))
        came = requests.part(sent)
        found = [Judged(places[sent], came.number, rows.true[sent], came.time, came.is_new)]
        for place in np.flatnonzero(first & (rows.key != NO_ID)).tolist() if self._early else []:
            label = self._early.pop(int(rows.key[place]), None)
            if label and rows.true[place] == 0:
                is_new = label.is_new or requests.is_new[place]
                found.append(_one(places[place], requests.number[place], label.value, label.time, is_new))
        return Judged(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _later_labels(self, events: Events, labels: Labels, taken: Array, arrived: Arrivals) -> Judged:
        """The first labels of rows that have none; those of rows that are still to come are kept for these."""
        places = np.flatnonzero(events.is_label)
        came = events.part(places)
        keys, values = labels.key[came.number], labels.true[came.number]
        _, first = np.unique(keys, return_index=True)
        first.sort()
        row = arrived.rows_of.first(keys[first], NO_ROW)
        met = _meetings(row, events, taken, arrived.first)
        for place in first[met == LATER].tolist():
            label = Label(int(values[place]), float(came.time[place]), bool(came.is_new[place]))
            self._early.setdefault(int(keys[place]), label)
        there = np.flatnonzero(met != LATER)
        use = there[~self._judged[row[there]]]
        first, row, met = first[use], row[use], met[use]
        self._judged[row] = True
        is_new = came.is_new[first] | ((met > places[first]) & events.is_new[met])
        return Judged(np.maximum(places[first], met), row, values[first], came.time[first], is_new)

    def _judge(self, judged: Judged, arrived: Arrivals) -> None:
        """Take in first labels as evidence of how often answers are right; later ones are corrections."""
        judged = Judged(*(column[np.argsort(judged.place, kind="stable")] for column in judged))
        rows = arrived.table.take(judged.row, "text", "predicted", "version", "confidence")
        fresh, is_new = self._labelled_texts.are_new(rows.text), judged.is_new
        numbers = self.counts.labels + np.cumsum(is_new)
        self.counts.labels += int(is_new.sum())
        self.counts.repeated_labels += int((is_new & ~fresh).sum())
        wrong = (judged.value != rows.predicted).astype(np.int64)
        used = is_new & fresh
        self._feed("accuracy", wrong[used], numbers=numbers[used], time=judged.time[used])
        used &= self._of_reference(rows.version, arrived.names)
        self._feed("validation", wrong[used], numbers=numbers[used], time=judged.time[used])
        used &= ~np.isnan(rows.confidence)
        self._feed(FIT, rows.confidence[used], wrong[used], numbers=numbers[used], time=judged.time[used])

    def _feed(self, name: str, *values: Any, numbers: Array, time: Array) -> None:
        watched = self._watched.get(name)
        if watched and len(numbers):
            watched.signal.update(watched.bins(*values), numbers, time)

    def state(self) -> dict[str, Any]:
        """What a restart needs, for JSON: how far the log was taken in, and what the signals remember."""
        return {
            "version": STATE_VERSION,
            "fingerprint": self.fingerprint,
            "counts": vars(self.counts),
            "positions": {name: list(position) for name, position in sorted(self._positions.items())},
            "signals": {name: watched.signal.state() for name, watched in self._watched.items()},
        }

    def memory(self) -> dict[str, Array]:
        """What it knows of the log's rows, to go on without reading them again, as arrays."""
        early = np.array([(key, *label) for key, label in self._early.items()], dtype=EARLY)
        return {
            "judged": self._judged,
            "early": early,
            "texts": self._texts.hashes,
            "labelled_texts": self._labelled_texts.hashes,
        }

    def recall(self, memory: Mapping[str, Array]) -> None:
        """Go on with what it knew."""
        self._begin()
        self._judged = memory["judged"].astype(np.bool_)
        self._early = {int(key): Label(int(of), float(at), bool(new)) for key, of, at, new in memory["early"].tolist()}
        self._texts.are_new(memory["texts"])
        self._labelled_texts.are_new(memory["labelled_texts"])

    def restore(self, state: Any) -> None:
        """Go on from `state`, of a monitor that has seen nothing yet. Raises StateUnusable, and is then as it was."""
        try:
            if (state["version"], state["fingerprint"]) != (STATE_VERSION, self.fingerprint):
                raise StateUnusable("it was written with another profile, other settings or by another version")
            counts = Counts(**{name: int(state["counts"][name]) for name in vars(Counts())})
            positions = {
                name: Position(int(inode), int(offset), int(seen), str(digest))
                for name, (inode, offset, seen, digest) in state["positions"].items()
            }
            saved = {name: state["signals"][name] for name in self._watched}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StateUnusable(f"it is damaged ({error!r})") from error
        before = {name: watched.signal.state() for name, watched in self._watched.items()}
        try:
            for name, watched in self._watched.items():
                watched.signal.restore(saved[name])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            for name, watched in self._watched.items():
                watched.signal.restore(before[name])
            raise StateUnusable(f"it is damaged ({error!r})") from error
        self.counts, self._positions = counts, positions


class StateUnusable(Exception):
    """A clause that says why a saved state cannot be gone on from."""


def _meetings(row: Array, events: Events, taken: Array, first: int) -> Array:
    """At which place among the events each row is taken in: BEFORE all of them, or LATER, also for no row."""
    met = np.where(row == NO_ROW, LATER, BEFORE)
    coming = np.flatnonzero(row >= first)
    coming = coming[~taken[row[coming] - first]]
    places = np.flatnonzero(~events.is_label)
    places = places[np.argsort(events.number[places])]
    found = np.searchsorted(events.number[places], row[coming])
    within = found < len(places)
    within[within] = events.number[places[found[within]]] == row[coming[within]]
    met[coming] = LATER
    met[coming[within]] = places[found[within]]
    return met


def _one(place: int, row: int, value: int, time: float, is_new: bool) -> Judged:
    return Judged(np.array([place]), np.array([row]), np.array([value]), np.array([time]), np.array([is_new]))


def _longer(flags: Array, n: int) -> Array:
    """`flags` with more that are not set, up to n."""
    return np.concatenate([flags, np.zeros(n - len(flags), dtype=np.bool_)])


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()

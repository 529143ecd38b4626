"""Feeds each new request and label of the log to the alarm signals, exactly once, also over restarts.

Requests and labels count in order of arrival. Repeats are no evidence: a text that was seen lately says nothing new
about the inputs, and its label says nothing new about accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from monitoring.alarms.first_labels import FirstLabels, Judged
from monitoring.alarms.recent_texts import RecentTexts
from monitoring.alarms.signals import FIT, Status, signals
from monitoring.log.encoding import Names
from monitoring.log.positions import Positions
from monitoring.stats.reference import Reference
from monitoring.store.arrivals import Arrivals, Events

STATE_VERSION = 1
Array = npt.NDArray[Any]


@dataclass
class Counts:
    """How many observations the monitor has taken in, and how many of them were no evidence."""

    requests: int = 0
    labels: int = 0
    repeated_requests: int = 0
    repeated_labels: int = 0
    other_versions: int = 0
    unknown_labels: int = 0


class Monitor:
    """The signals of one log, for a single thread. `fingerprint` identifies the reference and the settings."""

    def __init__(
        self, reference: Reference | None, accuracy_threshold: float, budget: float, min_labels: int = 30
    ) -> None:
        self.counts = Counts()
        self.fingerprint = _digest(repr((reference and reference.digest, accuracy_threshold, budget, min_labels)))
        self._reference = reference
        self._watched = signals(reference, accuracy_threshold, budget, min_labels)
        self._positions = Positions()
        self._forget_rows()

    def _forget_rows(self) -> None:
        """Rows of the log are read again after a restart; the signals must not see them twice."""
        self._first_labels = FirstLabels()
        self._texts, self._labelled_texts = RecentTexts(), RecentTexts()

    def statuses(self) -> Mapping[str, Status]:
        """The status of each signal, by name."""
        return {name: watched.status() for name, watched in self._watched.items()}

    def update(self, arrived: Arrivals) -> None:
        """Take in new requests and labels. Raises OSError."""
        taken_in: Mapping[str, int] = {}
        if arrived.restarted:
            taken_in = self._positions.offsets(arrived.files)
            self._forget_rows()
        for events, judged in self._first_labels.meet(arrived, taken_in):
            self._observe(events.part(np.flatnonzero(~events.is_label)), arrived)
            self._judge(judged, arrived)
        self._positions.advance(arrived.files)

    def _observe(self, requests: Events, arrived: Arrivals) -> None:
        """Take in requests as evidence of data drift and target drift."""
        names, is_new, time = arrived.names, requests.is_new, requests.time
        rows = arrived.table.take(requests.number, "text", "version", "words", "known_share", "confidence", "predicted")
        fresh, of_reference = self._texts.are_new(rows.text), self._of_reference(rows.version, names)
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
        predicted = [names.texts[number] for number in rows.predicted[known].tolist()]
        self._feed("prediction", predicted, numbers=numbers[known], time=time[known])

    def _judge(self, judged: Judged, arrived: Arrivals) -> None:
        """Take in first labels as evidence of accuracy."""
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

    def _of_reference(self, version: Array, names: Names) -> Array:
        """Which requests (n,) may be compared with the reference: of its model, or of no named model."""
        if self._reference is None:
            return np.zeros(len(version), dtype=np.bool_)
        ours = self._reference.model_version
        return np.array([name in (None, ours) for name in names.texts], dtype=np.bool_)[version]

    def _feed(self, name: str, *values: Any, numbers: Array, time: Array) -> None:
        watched = self._watched.get(name)
        if watched and len(numbers):
            watched.signal.update(watched.bins(*values), numbers, time)

    def state(self) -> dict[str, Any]:
        """What a restart needs, for JSON: the positions in the log, and the state of the signals."""
        return {
            "version": STATE_VERSION,
            "fingerprint": self.fingerprint,
            "counts": vars(self.counts),
            "positions": self._positions.state(),
            "signals": {name: watched.signal.state() for name, watched in self._watched.items()},
        }

    def restore(self, state: Any) -> None:
        """Resume from `state`; this monitor must not have taken in anything. Raises StateUnusable, and then nothing
        has changed."""
        try:
            if (state["version"], state["fingerprint"]) != (STATE_VERSION, self.fingerprint):
                raise StateUnusable("it was written with another profile, other settings or by another version")
            counts = Counts(**{name: int(state["counts"][name]) for name in vars(Counts())})
            positions = Positions.of(state["positions"])
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

    def memory(self) -> dict[str, Array]:
        """What the monitor knows of the log's rows, as arrays by name. With it a restart need not read them again."""
        return {
            **self._first_labels.memory(),
            "texts": self._texts.hashes,
            "labelled_texts": self._labelled_texts.hashes,
        }

    def recall(self, memory: Mapping[str, Array]) -> None:
        """Replace what the monitor knows of the log's rows by `memory`."""
        self._forget_rows()
        self._first_labels.recall(memory)
        self._texts.are_new(memory["texts"])
        self._labelled_texts.are_new(memory["labelled_texts"])


class StateUnusable(Exception):
    """A saved state cannot be resumed from; the message is a clause that says why."""


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()

"""Feeds what the log gains to the signals that are watched for ever, each observation once, over restarts too.

Requests and labels count in order of arrival. Repeats are no evidence: a text that was seen lately says nothing new
about what people send, nor does its label about how often answers are right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from monitoring.log_format import Feedback, Prediction
from monitoring.log_tail import Arrivals
from monitoring.reference import Reference
from monitoring.sequential import Ints
from monitoring.signals import FIT, Status, signals
from monitoring.tailed_file import Position

REMEMBERED_TEXTS = 10_000  # a text is a repeat if it was among so many different ones before
STATE_VERSION = 1


class Answer(NamedTuple):
    """What must be known of a prediction to judge a label that comes later."""

    predicted_sentiment: str
    confidence: float
    text: int
    of_reference: bool


class Label(NamedTuple):
    """A label, when it came, and whether it has not been taken in before."""

    value: str
    time: float
    is_new: bool


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

    def is_new(self, text: int) -> bool:
        """Whether it is not among them; it is from then on."""
        if text in self._seen:
            return False
        self._seen.add(text)
        self._order.append(text)
        if len(self._order) > REMEMBERED_TEXTS:
            self._seen.remove(self._order.popleft())
        return True


class Observations:
    """Values of one signal with the marks of their observations, gathered to be taken in at once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.numbers: list[int] = []
        self.times: list[float] = []

    def add(self, value: Any, number: int, time: float) -> None:
        self.values.append(value)
        self.numbers.append(number)
        self.times.append(time)


class Monitor:
    """The signals of one log; not for several threads at once. `fingerprint` names what they were set up with."""

    def __init__(
        self, reference: Reference | None, accuracy_threshold: float, budget: float, min_labels: int = 30
    ) -> None:
        self.counts = Counts()
        self.fingerprint = _digest(repr((reference and reference.digest, accuracy_threshold, budget, min_labels)))
        self._reference = reference
        self._labels = frozenset(reference.label_counts) if reference else frozenset()
        self._watched = signals(reference, accuracy_threshold, budget, min_labels)
        self._positions: dict[str, Position] = {}
        self._offsets: dict[str, int] = {}  # up to where files have been taken in already, while they are read again
        self._answers: dict[str, Answer] = {}
        self._labelled: set[str] = set()
        self._early: dict[str, Label] = {}  # labels whose predictions have not come yet
        self._texts, self._labelled_texts = RecentTexts(), RecentTexts()

    def statuses(self) -> Mapping[str, Status]:
        return {name: watched.status() for name, watched in self._watched.items()}

    def update(self, arrived: Arrivals) -> None:
        """Take in what the log gained. Raises OSError."""
        if arrived.restarted:
            self._offsets = self._known_offsets(arrived)
        found = {name: Observations() for name in self._watched}
        for event, time, is_new in self._in_order(arrived):
            if isinstance(event, Prediction):
                self._take_prediction(event, time, is_new, found)
            else:
                self._take_label(event.prediction_id, Label(event.true_sentiment, time, is_new), found)
        for name, observations in found.items():
            self._feed(name, observations)
        for batch in arrived.batches:
            self._positions[batch.file.path.name] = batch.file.position

    def _known_offsets(self, arrived: Arrivals) -> dict[str, int]:
        """Up to where each file holds what has been taken in before."""
        paths = [batch.file.path for batch in arrived.batches]
        return {
            path.name: position.offset
            for path in paths
            if (position := self._positions.get(path.name)) and position.holds(path)
        }

    def _in_order(self, arrived: Arrivals) -> Iterator[tuple[Prediction | Feedback, float, bool]]:
        """The rows of all files by time, each file in its own order however its clock jumped, with their times in
        seconds and whether they have not been taken in before."""
        events: list[Prediction | Feedback] = []
        times, order, is_new = [], [], []
        for batch in arrived.batches:
            if not batch.rows:
                continue
            own = np.array([row.timestamp.timestamp() for row in batch.rows])
            events += batch.rows
            times.append(own)
            order.append(np.maximum.accumulate(own))
            is_new.append(np.array(batch.ends) > self._offsets.get(batch.file.path.name, 0))
        if not events:
            return
        all_times, all_new = np.concatenate(times).tolist(), np.concatenate(is_new).tolist()
        for place in np.argsort(np.concatenate(order), kind="stable").tolist():
            yield events[place], all_times[place], all_new[place]

    def _take_prediction(self, row: Prediction, time: float, is_new: bool, into: dict[str, Observations]) -> None:
        text = hash_of(row.request_text)
        of_reference = self._reference is not None and row.model_version in (None, self._reference.model_version)
        answer = Answer(row.predicted_sentiment, row.confidence, text, of_reference)
        fresh = self._texts.is_new(text)
        if is_new:
            self.counts.requests += 1
            self.counts.repeated_requests += not fresh
            self.counts.other_versions += self._reference is not None and not of_reference
            if fresh and of_reference:
                self._observe(row, self.counts.requests, time, into)
        key = row.prediction_id
        if key is not None and key in self._answers:
            return
        early = None
        if key is not None:
            self._answers[key] = answer
            early = self._early.pop(key, None)
        if row.true_sentiment is not None:
            self._judge(key, answer, Label(row.true_sentiment, time, is_new), into)
        elif early:
            self._judge(key, answer, early._replace(is_new=early.is_new or is_new), into)

    def _observe(self, row: Prediction, number: int, time: float, into: dict[str, Observations]) -> None:
        into["length"].add(row.words, number, time)
        if "vocabulary" in into and not isnan(row.known_share):
            into["vocabulary"].add(row.known_share, number, time)
        if not isnan(row.confidence):
            into["confidence"].add(row.confidence, number, time)
        if row.predicted_sentiment not in self._labels:
            self.counts.unknown_labels += 1
        elif "prediction" in into:
            into["prediction"].add(row.predicted_sentiment, number, time)

    def _take_label(self, key: str, label: Label, into: dict[str, Observations]) -> None:
        answer = self._answers.get(key)
        if answer is None:
            self._early.setdefault(key, label)
        elif key not in self._labelled:
            self._judge(key, answer, label, into)

    def _judge(self, key: str | None, answer: Answer, label: Label, into: dict[str, Observations]) -> None:
        """Take in the first label of an answer; later ones are corrections."""
        if key is not None:
            self._labelled.add(key)
        fresh = self._labelled_texts.is_new(answer.text)
        if not label.is_new:
            return
        self.counts.labels += 1
        self.counts.repeated_labels += not fresh
        if not fresh:
            return
        wrong, number, time = int(label.value != answer.predicted_sentiment), self.counts.labels, label.time
        into["accuracy"].add(wrong, number, time)
        if answer.of_reference:
            into["validation"].add(wrong, number, time)
            if not isnan(answer.confidence):
                into[FIT].add((answer.confidence, wrong), number, time)

    def _feed(self, name: str, observations: Observations) -> None:
        if not observations.values:
            return
        watched = self._watched[name]
        if name == FIT:
            confidence, wrong = zip(*observations.values, strict=True)
            bins: Ints = watched.bins(np.array(confidence), np.array(wrong))
        else:
            bins = watched.bins(observations.values)
        numbers, times = np.array(observations.numbers), np.array(observations.times)
        watched.signal.update(bins, numbers, times)

    def state(self) -> dict[str, Any]:
        """What a restart needs, for JSON: how far the log was taken in, and what the signals remember."""
        return {
            "version": STATE_VERSION,
            "fingerprint": self.fingerprint,
            "counts": vars(self.counts),
            "positions": {name: list(position) for name, position in sorted(self._positions.items())},
            "signals": {name: watched.signal.state() for name, watched in self._watched.items()},
        }

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


def hash_of(text: str) -> int:
    """The same in every process, unlike Python's own."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()

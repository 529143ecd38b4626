"""Matches labels with requests: the first label of each request, in order of arrival.

Only the first label is evidence; later labels are corrections. A label may arrive with its request, after it, or
before it. A label that arrives first waits for its request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.log.encoding import NO_ID
from monitoring.log.lines import Labels
from monitoring.store.arrivals import Arrivals, Events

NO_ROW = BEFORE = -1
LATER = np.iinfo(np.int64).max
Array = npt.NDArray[Any]


class EarlyLabel(NamedTuple):
    """A label that waits for its request: its value, its time in seconds since 1970, and whether it is new evidence."""

    value: int
    time: float
    is_new: bool


EARLY = np.dtype([("key", "u8"), ("value", "u2"), ("time", "f8"), ("is_new", "?")])


class Judged(NamedTuple):
    """Requests with their first labels, arrays (n,): the index of the event that completes the pair, the request's
    row, the label, its time in seconds since 1970, and whether the pair is new evidence."""

    place: Array
    row: Array
    value: Array
    time: Array
    is_new: Array


class FirstLabels:
    """Which requests have had their first label, and which labels wait for their request."""

    def __init__(self) -> None:
        self._judged = np.zeros(0, dtype=np.bool_)  # by row
        self._early: dict[int, EarlyLabel] = {}  # by the key of the prediction_id

    def meet(self, arrived: Arrivals, taken_in: Mapping[str, int]) -> Iterator[tuple[Events, Judged]]:
        """The new events in batches, each with the requests that get their first label in it, in order of events.
        `taken_in` gives the offset by file name up to which lines are old evidence."""
        labels, rows = arrived.labels(), arrived.table.rows
        self._judged = np.concatenate([self._judged, np.zeros(rows - len(self._judged), dtype=np.bool_)])
        taken = np.zeros(rows - arrived.first, dtype=np.bool_)  # new rows that were in a batch
        for events in arrived.events(taken_in):
            places = np.flatnonzero(~events.is_label)
            requests = events.part(places)
            own = self._own(requests, places, arrived)
            self._judged[own.row] = True
            later = self._later(events, labels, taken, arrived)
            taken[requests.number - arrived.first] = True
            judged = Judged(*(np.concatenate(parts) for parts in zip(own, later, strict=True)))
            order = np.argsort(judged.place, kind="stable")
            yield events, Judged(*(column[order] for column in judged))

    def _own(self, requests: Events, places: Array, arrived: Arrivals) -> Judged:
        """Requests that were sent with a label, and requests whose label waits for them."""
        rows = arrived.table.take(requests.number, "key", "true")
        first = ~np.isin(requests.number, arrived.repeated)
        sent = np.flatnonzero(first & (rows.true > 0))
        came = requests.part(sent)
        found = [Judged(places[sent], came.number, rows.true[sent], came.time, came.is_new)]
        for place in np.flatnonzero(first & (rows.key != NO_ID)).tolist() if self._early else []:
            label = self._early.pop(int(rows.key[place]), None)
            if label and rows.true[place] == 0:
                is_new = label.is_new or requests.is_new[place]
                found.append(_one(places[place], requests.number[place], label.value, label.time, is_new))
        return Judged(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _later(self, events: Events, labels: Labels, taken: Array, arrived: Arrivals) -> Judged:
        """Requests that get their first label from a line of feedback. A label without a request starts to wait."""
        places = np.flatnonzero(events.is_label)
        came = events.part(places)
        keys, values = labels.key[came.number], labels.true[came.number]
        _, first = np.unique(keys, return_index=True)
        first.sort()
        row = arrived.rows_of.first(keys[first], NO_ROW)
        met = _meetings(row, events, taken, arrived.first)
        for place in first[met == LATER].tolist():
            label = EarlyLabel(int(values[place]), float(came.time[place]), bool(came.is_new[place]))
            self._early.setdefault(int(keys[place]), label)
        there = np.flatnonzero(met != LATER)
        use = there[~self._judged[row[there]]]
        first, row, met = first[use], row[use], met[use]
        self._judged[row] = True
        is_new = came.is_new[first] | ((met > places[first]) & events.is_new[met])
        return Judged(np.maximum(places[first], met), row, values[first], came.time[first], is_new)

    def memory(self) -> dict[str, Array]:
        """What it remembers, as arrays by name."""
        early = np.array([(key, *label) for key, label in self._early.items()], dtype=EARLY)
        return {"judged": self._judged, "early": early}

    def recall(self, memory: Mapping[str, Array]) -> None:
        """Replace what it remembers by `memory`."""
        self._judged = memory["judged"].astype(np.bool_)
        self._early = {
            int(key): EarlyLabel(int(value), float(time), bool(is_new))
            for key, value, time, is_new in memory["early"].tolist()
        }


def _meetings(row: Array, events: Events, taken: Array, first: int) -> Array:
    """The index of the event that brings each row: BEFORE for rows of earlier batches, LATER for rows of later batches
    and for NO_ROW."""
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

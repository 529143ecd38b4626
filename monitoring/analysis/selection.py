"""Selects requests by time range, predicted label and model version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.log.encoding import Names, microseconds
from monitoring.reader import Snapshot
from monitoring.stats.tables import Tables, tables_of
from monitoring.store.columns import Columns
from monitoring.store.tally import ALWAYS

Array = npt.NDArray[Any]


class Selection(NamedTuple):
    """What a user selects: the last `span` of time, predicted labels and versions. None and empty select all."""

    span: timedelta | None = None
    labels: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    def at(self, now: datetime) -> Selected:
        """The selection with its time range ending `now`."""
        return Selected(None if self.span is None else now - self.span, self.labels, self.versions)


@dataclass(frozen=True)
class Selected:
    """A selection at one moment: requests from `since` on, with these predicted labels and of these versions. None and
    empty select all."""

    since: datetime | None = None
    labels: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def start(self) -> int:
        """`since` in microseconds since 1970."""
        return ALWAYS if self.since is None else microseconds(self.since)

    def count(self, snapshot: Snapshot) -> Tables:
        """The tables of the selected requests."""
        tally = snapshot.requests.count(self.since, snapshot.whole)
        return tables_of(tally, snapshot.requests.names, self.labels, self.versions)

    def mask(self, columns: Columns, names: Names) -> Array:
        """Which requests (n,) are selected."""
        wanted = columns.time >= self.start
        if self.labels:
            wanted &= np.isin(columns.predicted, names.numbers(self.labels))
        if self.versions:
            wanted &= np.isin(columns.version, names.numbers(self.versions))
        return wanted

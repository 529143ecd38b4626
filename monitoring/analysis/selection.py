"""Which requests the figures are about: those of a range of time, of some predicted labels, of some model versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.log.encoding import Names, microseconds
from monitoring.reader import Snapshot
from monitoring.stats.tables import Counted, counted
from monitoring.store.columns import Columns
from monitoring.store.tally import ALWAYS


class Selection(NamedTuple):
    """What a user has selected: the last `span` of time, predicted labels and versions; None and nothing select all."""

    span: timedelta | None = None
    labels: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Segment:
    """From `since` on, with these predicted labels and of these model versions; None and nothing select all."""

    since: datetime | None = None
    labels: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def start(self) -> int:
        """`since` in microseconds since 1970."""
        return ALWAYS if self.since is None else microseconds(self.since)

    def count(self, snapshot: Snapshot) -> Counted:
        """The tables of the selected requests."""
        tally = snapshot.requests.count(self.since, snapshot.whole)
        return counted(tally, snapshot.requests.names, self.labels, self.versions)

    def mask(self, columns: Columns, names: Names) -> Array:
        """Which requests are selected."""
        wanted = columns.time >= self.start
        if self.labels:
            wanted &= np.isin(columns.predicted, names.numbers(self.labels))
        if self.versions:
            wanted &= np.isin(columns.version, names.numbers(self.versions))
        return wanted

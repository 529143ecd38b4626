"""What one look at the log and the API has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.alarms.alert import Alert
from monitoring.analysis.results import Analysis
from monitoring.page.api.poller import ApiState
from monitoring.reader import Snapshot
from monitoring.stats.reference import Reference


@dataclass(frozen=True)
class Seen:
    """`snapshot` is None while the log is read for the first time, of which the share `read` is done, and when the log
    cannot be read. `analysis` is then None too, and also when no request is selected. `problems` say why."""

    reference: Reference | None = None
    snapshot: Snapshot | None = None
    analysis: Analysis | None = None
    read: float = 1.0
    problems: Sequence[Alert] = ()
    api: ApiState = field(default_factory=ApiState)

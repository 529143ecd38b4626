"""What one refresh of the page has read."""

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
    """What there is to show: `snapshot` is None while the log is being read, of which the share `read` is done, and
    when it cannot be read; `analysis` is None also when no request is selected. `problems` says what is missing."""

    reference: Reference | None = None
    snapshot: Snapshot | None = None
    analysis: Analysis | None = None
    read: float = 1.0
    problems: Sequence[Alert] = ()
    api: ApiState = field(default_factory=ApiState)

"""An alert as data. The page, the alerting service and reports show it in their own ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Level = Literal["alert", "warning", "unknown", "ok"]


@dataclass(frozen=True)
class Alert:
    """`name` identifies the signal for machines. A `proven` alert is significant, `since` this time, and worth
    notifying somebody. `action` is what to do next; `promise` is the part of `detail` that gives the false-alarm
    rate."""

    level: Level
    title: str
    detail: str
    name: str = ""
    proven: bool = False
    action: str = ""
    since: datetime | None = None
    promise: str = ""

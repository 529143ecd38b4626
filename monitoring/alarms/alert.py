"""An alert, as data: what the page, watch and reports tell in their own ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Level = Literal["alert", "warning", "unknown", "ok"]


@dataclass(frozen=True)
class Alert:
    """`name` is that of what was watched, for machines; a `proven` one is worth calling somebody for, and `since` is
    when it was certain. `action` is what to do next, `promise` the
    part of `detail` that says how rarely it is wrong."""

    level: Level
    title: str
    detail: str
    name: str = ""
    proven: bool = False
    action: str = ""
    since: datetime | None = None
    promise: str = ""

"""Times, intervals and p-values in words."""

from __future__ import annotations

from datetime import UTC, datetime

from monitoring.alarms.sequential import Episode, Mark
from monitoring.stats.quality import Proportion


def interval(proportion: Proportion) -> str:
    return f"{proportion.low:.1%} – {proportion.high:.1%}"


def figure(proportion: Proportion | None) -> str:
    """A share with its interval and the number of labels behind it."""
    return f"{proportion.value:.1%} ({interval(proportion)}, n = {proportion.n:,})" if proportion else "no labels"


def when(mark: Mark) -> str:
    return f"{moment(mark):%Y-%m-%d %H:%M} UTC"


def moment(mark: Mark) -> datetime:
    return datetime.fromtimestamp(mark.time, UTC)


def since(alarm: Episode, what: str, unit: str) -> str:
    """A sentence about `what`, such as "The drift"; `unit` is what the alarm counts, "request" or "label"."""
    started = f"{what} started about {unit} #{alarm.started.number:,} ({when(alarm.started)})"
    return f"{started} and became significant at #{alarm.raised.number:,} ({when(alarm.raised)})."


def _p(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"

"""Summaries over rounds: medians, and ratios taken within each round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

Rounds = list[dict[str, dict[str, Any]]]  # of each round: turn, load, figures
RATE = "requests_per_second"


def median_of(values: Iterable[float]) -> float:
    return float(statistics.median(values))


def median(rounds: Rounds, turn: str, load: str, figure: str = RATE) -> float:
    return median_of(measured[turn][load][figure] for measured in rounds)


def ratio(rounds: Rounds, turn: str, other: str, load: str = "short") -> float:
    """The rate relative to another turn of the same round, because a machine's speed varies between rounds."""
    return median_of(measured[turn][load][RATE] / measured[other][load][RATE] for measured in rounds)


def ratio_by_processor_time(rounds: Rounds, turn: str, other: str, load: str = "short") -> float | None:
    """The same for requests per processor second."""
    both = [(measured[turn][load], measured[other][load]) for measured in rounds]
    if not all(one["server_cores"] for pair in both for one in pair):
        return None  # nothing said how long the processors were used
    return median_of(of_a_core(figures) / of_a_core(others) for figures, others in both)


def of_a_core(figures: dict[str, Any]) -> float:
    return float(figures[RATE] / figures["server_cores"])


def tail(rounds: Rounds, turn: str, load: str) -> float:
    """The mean 99th percentile."""
    return median_of(measured[turn][load]["p99_ms"] / measured[turn][load]["mean_ms"] for measured in rounds)


def moved(rounds: Rounds, turn: str, load: str, alone: str = "short") -> float:
    """How much higher the 99th percentile is than with the other load, in milliseconds."""
    return median_of(measured[turn][load]["p99_ms"] - measured[turn][alone]["p99_ms"] for measured in rounds)


def total(rounds: Rounds, figure: str, turn: str = "", load: str = "") -> int:
    """A figure summed over the rounds, for one turn and load or for all, including side connections."""
    return sum(
        int(part.get(figure, 0))
        for measured in rounds
        for name, loads in measured.items()
        for what, figures in loads.items()
        if turn in ("", name) and load in ("", what)
        for part in (figures, figures.get("other", {}))
    )


def files_with_lines(rounds: Rounds, turn: str, load: str = "short") -> int:
    """The smallest number of log files that grew in a round."""
    return min(sum(map(bool, measured[turn][load]["lines"].values())) for measured in rounds)


def busiest(rounds: Rounds, turn: str, load: str = "short") -> float:
    """The largest share of lines in one log file."""
    every = [measured[turn][load]["lines"].values() for measured in rounds]
    return median_of(max(lines) / sum(lines) for lines in every)


def most(rounds: Rounds, figure: str) -> float:
    """The maximum of a figure."""
    return max(float(part[figure]) for measured in rounds for loads in measured.values() for part in loads.values())


def medians(rounds: Rounds) -> dict[str, dict[str, dict[str, float]]]:
    """The median of every single-number figure, by turn and load."""
    return {
        turn: {
            load: {
                name: median(rounds, turn, load, name)
                for name, value in figures.items()
                if isinstance(value, float | int)
            }
            for load, figures in loads.items()
        }
        for turn, loads in rounds[0].items()
    }

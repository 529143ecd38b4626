"""Scenarios: how their streams are run and summarized."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

from benchmarks.evidence.rules import Alarm

Alarms = dict[str, Alarm]  # by method: the number of the observation, counted from 1, of the first alarm
Figures = dict[str, float]


class Detection(NamedTuple):
    """Streams of `length` observations that change after the first `change` of them, or never."""

    name: str
    run: Callable[[int], Alarms]  # from the number of the stream
    length: int
    change: int | None = None
    streams: int | None = None  # if fewer are enough, or all that there is time for


class Measurement(NamedTuple):
    """Figures of each stream, to be averaged."""

    name: str
    run: Callable[[int], Figures]
    streams: int | None = None


@dataclass(frozen=True)
class Result:
    """One method's results on a scenario. `false` streams had an alarm before the change. Delays are in observations
    after the change, over the other streams; None where too few of them had an alarm."""

    streams: int
    false: int
    median: int | None = None
    ninety: int | None = None

    @property
    def false_share(self) -> float:
        return self.false / self.streams if self.streams else math.nan


def result(alarms: Sequence[Alarm], change: int | None) -> Result:
    """Summary of one method's first alarms."""
    end = math.inf if change is None else change
    places = [math.inf if alarm is None else alarm for alarm in alarms]
    false = sum(alarm is not None and alarm <= end for alarm in alarms)
    if change is None:
        return Result(len(alarms), false)
    delays = sorted(place - change for place in places if place > change)
    return Result(len(alarms), false, quantile(delays, 0.5), quantile(delays, 0.9))


def quantile(delays: Sequence[float], part: float) -> int | None:
    """The smallest of the sorted delays that this many do not exceed."""
    if not delays:
        return None
    delay = delays[math.ceil(part * len(delays)) - 1]
    return int(delay) if math.isfinite(delay) else None


def results(outcomes: Iterable[Alarms], change: int | None) -> dict[str, Result]:
    by_method: dict[str, list[Alarm]] = {}
    for alarms in outcomes:
        for method, alarm in alarms.items():
            by_method.setdefault(method, []).append(alarm)
    return {method: result(alarms, change) for method, alarms in by_method.items()}


def means(outcomes: Sequence[Figures]) -> Figures:
    """The mean of every figure, and the number of streams."""
    names = {name: None for figures in outcomes for name in figures}
    averages = {name: float(np.mean([f[name] for f in outcomes if name in f])) for name in names}
    return averages | {"streams": float(len(outcomes))}


class Runner:
    """Runs streams in several processes."""

    def __init__(self, jobs: int, end: float = math.inf) -> None:
        """`end` (time.monotonic) is when optional streams are no longer started."""
        self._jobs = jobs
        self._end = end
        self._pool = get_context("fork").Pool(jobs) if jobs > 1 else None

    def run(self, function: Callable[[int], Any], streams: int, may_be_fewer: bool = False) -> list[Any]:
        """Outcomes of the first `streams` streams. With `may_be_fewer`, only a first batch starts after `end`."""
        if not may_be_fewer:
            return self._map(function, range(streams))
        outcomes: list[Any] = []
        while len(outcomes) < streams and (not outcomes or time.monotonic() < self._end):
            outcomes += self._map(function, range(len(outcomes), min(streams, len(outcomes) + self._jobs)))
        return outcomes

    def _map(self, function: Callable[[int], Any], streams: range) -> list[Any]:
        if self._pool is None:
            return [function(stream) for stream in streams]
        return self._pool.map(function, streams, chunksize=max(1, len(streams) // (16 * self._jobs)))

    def close(self) -> None:
        """Kill the processes."""
        if self._pool:
            self._pool.terminate()

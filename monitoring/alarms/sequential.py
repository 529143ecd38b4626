"""Alarms with a bounded false-alarm rate: the mixture Shiryaev-Roberts e-detector.

For each alternative k, M_k <- (M_k + 1) * LR_k(x). The alarm is raised when the weighted mean of M_k reaches a
threshold A. As long as every E[LR_k] <= 1, M - t is a supermartingale. So n observations raise a false alarm with
probability at most n / A, however often one looks, and the expected number is n / A (Shin, Ramdas and Rinaldo 2022,
"E-detectors"; the statistic is that of Shiryaev 1963 and Roberts 1966).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Mark(NamedTuple):
    """An observation: its `number`, counted from 1, and its `time` in seconds since 1970."""

    number: int
    time: float


class Episode(NamedTuple):
    """An alarm: the observation that raised it, and the estimated first observation of the change."""

    raised: Mark
    started: Mark
    component: int  # the column of the alternative that fits best
    cleared: Mark | None = None


class Detector:
    """The e-detector over K alternatives with `weights` (K,), which sum to 1.

    M_k after t observations is exp(S_t) * (exp(-S_0) + … + exp(-S_{t-1})), where S are the cumulative sums of log LR_k.
    Both sums are accumulated one observation at a time, so any division of a stream into updates gives the same bits.
    """

    def __init__(self, weights: Sequence[float] | Floats, threshold: float) -> None:
        self._log_weights = np.log(np.asarray(weights, dtype=np.float64))
        self._log_threshold = float(np.log(threshold))
        self.reset()

    def reset(self) -> None:
        """Forget all observations."""
        size = len(self._log_weights)
        self._sums = np.zeros(size)
        self._starts = np.full(size, -np.inf)
        self._lowest = np.full(size, np.inf)
        self._lowest_marks = np.zeros((size, 2))

    @property
    def log_evidence(self) -> float:
        """log(mean M / A); 0 or more raises the alarm."""
        return float(np.logaddexp.reduce(self._log_weights + self._sums + self._starts)) - self._log_threshold

    def update(self, log_ratios: Floats, numbers: Ints, times: Floats, first: int = 0) -> int | None:
        """Take in log LR_k of T observations, (T, K), with their numbers and times, (T,) each. Returns the index of the
        observation that raises the alarm, at least `first`, or None. Observations after it are not taken in."""
        if not len(log_ratios):
            return None
        sums = np.add.accumulate(np.vstack([self._sums, log_ratios]))
        starts = np.logaddexp.accumulate(np.vstack([self._starts, -sums[:-1]]))[1:]
        parts = np.exp(np.minimum(sums[1:] + starts + (self._log_weights - self._log_threshold), 0.0))
        reached = first + np.flatnonzero(parts[first:].sum(axis=1) >= 1)
        taken = int(reached[0]) + 1 if len(reached) else len(log_ratios)
        self._mark_lowest(sums[:taken], numbers, times)
        self._sums, self._starts = sums[taken].copy(), starts[taken - 1].copy()
        return taken - 1 if len(reached) else None

    def _mark_lowest(self, sums: Floats, numbers: Ints, times: Floats) -> None:
        """The likelihood of a change is largest where the sum was lowest; the next observation is the first changed
        one."""
        rows = np.argmin(sums, axis=0)
        lowest = sums[rows, np.arange(sums.shape[1])]
        lower = lowest < self._lowest
        marks = np.column_stack([numbers[rows], times[rows]])
        self._lowest = np.where(lower, lowest, self._lowest)
        self._lowest_marks = np.where(lower[:, None], marks, self._lowest_marks)

    def change(self) -> tuple[int, Mark]:
        """The alternative with the most evidence, and the first observation after the likeliest change to it: the
        maximum likelihood estimate, as for CUSUM (Page 1954)."""
        best = int(np.argmax(self._sums - self._lowest))
        number, time = self._lowest_marks[best].tolist()
        return best, Mark(int(number), time)

    def state(self) -> dict[str, Any]:
        """All that is remembered, for JSON. Floats are restored bit by bit."""
        if np.isinf(self._starts).all():
            return {}
        return {
            "sums": self._sums.tolist(),
            "starts": self._starts.tolist(),
            "lowest": self._lowest.tolist(),
            "marks": self._lowest_marks.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError if `state` is not the state of a detector of this size."""
        self.reset()
        if state == {}:
            return
        size = len(self._log_weights)
        found = [np.asarray(state[name], dtype=np.float64) for name in ("sums", "starts", "lowest", "marks")]
        if [array.shape for array in found] != [(size,), (size,), (size,), (size, 2)]:
            raise ValueError("the state is of another detector")
        if not all(np.isfinite(array).all() for array in found):
            raise ValueError("the state is not finite")
        self._sums, self._starts, self._lowest, self._lowest_marks = found


@dataclass(frozen=True)
class Ratios:
    """Log likelihood ratios of one test: row b for an observation in bin b, one column per alternative.

    `raising` (B, K) is against "nothing has changed". After an alarm for alternative k, clearing[group[k]] (B, C) is
    against "the change is still there". `weights` and `group` are (K,).
    """

    raising: Floats
    weights: Floats
    group: Ints
    clearing: list[Floats]


CLEARING_THRESHOLD = 1_000.0  # at most one alarm in so many observations is cleared wrongly
KEPT_EPISODES = 20
AT_ONCE = 4_096  # observations; those after a raised or cleared alarm are evaluated again


class Signal:
    """One stream of observations. Evidence raises an alarm, and only evidence clears it."""

    def __init__(self, ratios: Ratios, threshold: float, minimum: int = 1) -> None:
        """The first `minimum` - 1 observations raise no alarm."""
        self.threshold = threshold
        self._minimum = minimum
        self.n = 0
        self.episodes: list[Episode] = []
        self._ratios = ratios
        self._raising = Detector(ratios.weights, threshold)
        self._clearing: Detector | None = None

    @property
    def alarm(self) -> Episode | None:
        """The standing alarm, or None."""
        return self.episodes[-1] if self.episodes and self.episodes[-1].cleared is None else None

    @property
    def group(self) -> int | None:
        """The group of the standing alarm's alternative, or None."""
        return int(self._ratios.group[self.alarm.component]) if self.alarm else None

    @property
    def evidence(self) -> float:
        """The evidence for a change as a share of the threshold: mean M / A, and 1 while an alarm stands."""
        return 1.0 if self.alarm else float(np.exp(min(self._raising.log_evidence, 0.0)))

    def update(self, bins: Ints, numbers: Ints, times: Floats) -> None:
        """Take in observations by bin, (T,), with their numbers and times, (T,) each."""
        while len(bins):
            step = self._clear if self.alarm else self._raise
            end = step(bins[:AT_ONCE], numbers[:AT_ONCE], times[:AT_ONCE])
            taken = min(AT_ONCE, len(bins)) if end is None else end + 1
            self.n += taken
            bins, numbers, times = bins[taken:], numbers[taken:], times[taken:]

    def _raise(self, bins: Ints, numbers: Ints, times: Floats) -> int | None:
        first = max(self._minimum - 1 - self.n, 0)
        end = self._raising.update(self._ratios.raising[bins], numbers, times, first)
        if end is not None:
            component, started = self._raising.change()
            raised = Mark(int(numbers[end]), float(times[end]))
            self.episodes = [*self.episodes, Episode(raised, started, component)][-KEPT_EPISODES:]
            self._clearing = self._clearing_detector(component)
        return end

    def _clear(self, bins: Ints, numbers: Ints, times: Floats) -> int | None:
        standing, detector = self.episodes[-1], self._clearing
        assert detector is not None
        table = self._ratios.clearing[self._ratios.group[standing.component]]
        end = detector.update(table[bins], numbers, times)
        if end is not None:
            self.episodes[-1] = standing._replace(cleared=Mark(int(numbers[end]), float(times[end])))
            self._raising.reset()
            self._clearing = None
        return end

    def _clearing_detector(self, component: int) -> Detector:
        size = self._ratios.clearing[self._ratios.group[component]].shape[1]
        return Detector(np.full(size, 1 / size), CLEARING_THRESHOLD)

    def state(self) -> dict[str, Any]:
        """All that is remembered, for JSON."""
        return {
            "n": self.n,
            "raising": self._raising.state(),
            "clearing": self._clearing.state() if self._clearing else None,
            "episodes": self.episodes,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises KeyError, TypeError, IndexError or ValueError if `state` is not the state of this signal."""
        self._raising.restore(state["raising"])
        self.n = int(state["n"])
        self.episodes = [self._episode(*parts) for parts in state["episodes"]]
        self._clearing = None
        if self.alarm:
            self._clearing = self._clearing_detector(self.alarm.component)
            self._clearing.restore(state["clearing"])

    def _episode(self, raised: Any, started: Any, component: Any, cleared: Any) -> Episode:
        known = range(len(self._ratios.group))
        return Episode(_mark(raised), _mark(started), known[component], None if cleared is None else _mark(cleared))


def _mark(parts: Sequence[float]) -> Mark:
    number, time = parts
    return Mark(int(number), float(time))

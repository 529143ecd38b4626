"""Goals of the alarms, with their bounds and results, and the limits that every run must meet."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.evidence import estimates, labels, requests, rules, words
from benchmarks.evidence import whole_log as log

PUBLISHED_STREAMS = 300
LATER = 1_000  # requests after which another domain is found at least, though that is no goal
Form = Literal["share", "delay", "figure"]
FORMS: dict[Form, str] = {"share": "{:.1%}", "delay": "{:,.0f}", "figure": "{:.4f}"}


@dataclass(frozen=True)
class Goal:
    """`bounds` is the goal. `limit` is the worst accepted result: the bound, or the published result where the bound
    was missed."""

    name: str
    value: float | None  # None: it was not measured; inf: never reached
    bounds: tuple[float, float]
    form: Form
    streams: int
    limit: float | None = None

    @property
    def met(self) -> bool | None:
        return None if self.value is None else self.bounds[0] <= self.value <= self.bounds[1]

    @property
    def holds(self) -> bool:
        """Whether the value is within the limits; fewer streams give wider limits."""
        if self.value is None:
            return True
        low, high = self.bounds[0], self.limit or self.bounds[1]
        if self.form == "share":
            return low - self._slack(low) <= self.value <= high + self._slack(high)
        wider = 1 + 0.15 * math.sqrt(PUBLISHED_STREAMS / self.streams)
        return low / wider <= self.value <= high * wider

    def _slack(self, share: float) -> float:
        """Three standard errors, plus one stream."""
        return 3 * math.sqrt(max(share * (1 - share), 0) / self.streams) + 1 / self.streams

    @property
    def bound(self) -> str:
        low, high = self.bounds
        form = FORMS[self.form]
        if low in (0, -math.inf):
            return f"≤ {form.format(high)}"
        if self.form == "share" and high == 1:
            return f"≥ {form.format(low)}"
        return f"{form.format(low)} to {form.format(high)}"

    @property
    def measured(self) -> str:
        if self.value is None:
            return "not measured"
        return "never" if math.isinf(self.value) else FORMS[self.form].format(self.value)


class Results:
    """The saved results of a run, and the goals computed from them."""

    def __init__(self, results: dict[str, Any]) -> None:
        self._detections = results["detections"]
        self._measurements = results["measurements"]

    def false(self, name: str, scenarios: Iterable[str], method: str, bound: float) -> Goal:
        """The largest share of streams with a false alarm."""
        found = [m for scenario in scenarios if (m := self.of(scenario, method))]
        shares = [m["false"] / m["streams"] for m in found]
        return Goal(name, worst(shares, max), (0, bound), "share", min((m["streams"] for m in found), default=1))

    def delay(
        self, name: str, scenario: str, method: str, which: str, bound: float, limit: float | None = None
    ) -> Goal:
        found = self.of(scenario, method)
        value = (math.inf if found[which] is None else found[which]) if found else None
        return Goal(name, value, (0, bound), "delay", found["streams"] if found else 1, limit)

    def of(self, scenario: str, method: str) -> Any:
        return self._detections.get(scenario, {"methods": {}})["methods"].get(method)

    def figures(self, measurement: str, start: str) -> list[float]:
        """The figures whose names begin like this; n = 100 does not match n = 1000."""
        found: dict[str, float] = self._measurements.get(measurement, {})
        return [
            value
            for name, value in found.items()
            if name.startswith(start) and not name.removeprefix(start)[:1].isdigit()
        ]

    def streams(self, measurement: str) -> int:
        return int(self._measurements.get(measurement, {}).get("streams", 1))

    def error(self, name: str, measurement: str, starts: str, bound: float) -> Goal:
        """The largest of the figures whose names begin like this."""
        value = worst(self.figures(measurement, starts), max)
        return Goal(name, value, (0, bound), "figure", self.streams(measurement))

    def share(
        self, name: str, measurement: str, starts: str, low: float = 0.0, high: float = 1.0, each: int = 1
    ) -> Goal:
        """The smallest of these figures if it should be large, else the largest; `each` is the number per stream."""
        value = worst(self.figures(measurement, starts), min if low else max)
        return Goal(name, value, (low, high), "share", self.streams(measurement) * each)


def worst(values: Iterable[float | None], pick: Any) -> float | None:
    known = [value for value in values if value is not None]
    return float(pick(known)) if known else None


def goals(results: dict[str, Any]) -> list[Goal]:
    of = Results(results)
    return [*of_labels(of), *of_requests(of), *of_estimates(of), *of_feedback(of), *of_the_log(of)]


def of_labels(of: Results) -> list[Goal]:
    stable = [labels.stable_name(accuracy) for accuracy in labels.STABLE]
    fall, to_85, to_70 = (labels.fall_name(0.92, after) for after in (0.80, 0.85, 0.70))
    red, far = labels.fall_name(0.90, 0.70), labels.fall_name(0.90, 0.60)
    worse = "“accuracy regression”"
    return [
        of.false("accuracy .82 to .90, 10,000 labels: “below 80 %” raised", stable[:4], rules.ACCURACY, 0.01),
        of.false(f"accuracy .82 to .92, 10,000 labels: {worse} raised", stable, rules.VALIDATION, 0.02),
        of.delay(f".92 → .80: {worse}, median labels", fall, rules.VALIDATION, "median", 150, limit=165),
        of.delay(f".92 → .80: {worse}, 90 %", fall, rules.VALIDATION, "ninety", 280),
        of.delay(f".92 → .85: {worse}, median labels", to_85, rules.VALIDATION, "median", 350, limit=400),
        of.delay(f".92 → .70: {worse}, median labels", to_70, rules.VALIDATION, "median", 55, limit=65),
        of.delay(".90 → .70: “below 80 %”, median labels", red, rules.ACCURACY, "median", 360),
        of.delay(".90 → .70: “below 80 %”, 90 %", red, rules.ACCURACY, "ninety", 600),
        of.delay(".90 → .60: “below 80 %”, median labels", far, rules.ACCURACY, "median", 110, limit=120),
    ]


def of_requests(of: Results) -> list[Goal]:
    half, one, quarter = (requests.length_name(shift) for shift in (0.5, 1.0, 0.25))
    to_60 = f"{requests.OURS_LABELS}, n = 500"
    windows, elsewhere = requests.WINDOWS_EACH, "5 % from another domain: alarm, median requests"
    repeated = "windows in which texts repeat 2, 5, 10 times: most flagged"
    return [
        of.false("no drift, 200,000 requests: any drift alarm", [requests.UNDRIFTED], requests.ANY, 0.01),
        of.delay("length + .5 sd: median requests", half, requests.OURS, "median", 200),
        of.delay("length + .5 sd: 90 %", half, requests.OURS, "ninety", 330),
        of.delay("length + 1 sd: median requests", one, requests.OURS, "median", 50),
        of.delay("length + .25 sd: median requests", quarter, requests.OURS, "median", 1_200),
        *flagged_windows(of),
        of.share("a label .50 → .60: windows of 500 flagged", requests.SHARE_WINDOWS, to_60, 0.95, each=windows),
        of.share(repeated, requests.REPEATED, requests.OURS_WINDOW, high=0.015, each=windows),
        of.share(
            "5 % from another domain: share of the 10 listed words that are the domain's",
            words.MOVED,
            words.OF_DOMAIN,
            0.70,
        ),
        of.delay(elsewhere, requests.ELSEWHERE, requests.OURS, "median", 400, LATER),
    ]


def flagged_windows(of: Results) -> list[Goal]:
    """For each size, the share must be near the nominal one, neither more nor less."""
    sizes = [size for size in requests.WINDOW_SIZES if size >= 100]
    return [
        of.share(
            f"windows of {size:,}, no drift: flagged",
            requests.WINDOWS,
            f"{requests.OURS_WINDOW}, n = {size}",
            0.005,
            0.015,
            requests.WINDOWS_EACH,
        )
        for size in sizes
    ]


def of_estimates(of: Results) -> list[Goal]:
    error, holds = "mean absolute error, n = {}", "interval holds, n = {}"
    inside, harder = estimates.IN_DISTRIBUTION, estimates.SHIFTED
    calibrated, also_calibrated, flips, _ = (doubt.name for doubt in labels.doubts())
    each = estimates.WINDOWS_EACH
    return [
        of.error("estimated accuracy, n = 500: mean absolute error", inside, error.format(500), 0.011),
        of.error("estimated accuracy, n = 2,000: mean absolute error", inside, error.format(2000), 0.006),
        of.share("estimated accuracy, n = 500: interval holds", inside, holds.format(500), 0.94, 0.97, each),
        of.share("estimated accuracy, n = 2,000: interval holds", inside, holds.format(2000), 0.94, 0.97, each),
        of.error("harder texts (.82), n = 500: mean absolute error", harder, error.format(500), 0.014),
        of.error("harder texts (.82), n = 2,000: mean absolute error", harder, error.format(2000), 0.008),
        of.delay("12 % of true labels flipped: estimate grey, median labels", flips, labels.DOUBT, "median", 130),
        of.delay("12 % of true labels flipped: estimate grey, 90 %", flips, labels.DOUBT, "ninety", 240),
        of.false("estimate grey though right, 10,000 labels", [calibrated, also_calibrated], labels.DOUBT, 0.01),
    ]


def of_feedback(of: Results) -> list[Goal]:
    biased, audit, few = estimates.BIASED, estimates.AUDIT, estimates.CALIBRATED
    seen, each = f"skew seen in {estimates.FEEDBACK}", estimates.RUNS_EACH
    return [
        of.share("biased feedback: skew seen in 200 labels", biased, f"{seen} labels of users", 0.99, each=each),
        of.share("random labels: skew seen", biased, f"{seen} random", high=0.02, each=each),
        of.share("audit sample among biased feedback: interval holds", audit, "interval", 0.94, each=each),
        of.share("100 and 250 labels: interval holds", few, "interval", 0.935, each=each),
        of.share("the same, truths flipped: interval holds", estimates.UNCALIBRATED, "interval", 0.935, each=each),
        of.error("100 and 250 labels: width beside Wilson's", few, "width", 0.91),
    ]


def of_the_log(of: Results) -> list[Goal]:
    same = "labels up to 1,000 requests late: same alarm as the signal alone gives"
    together = "everything together through the log, 200,000 requests and 10,000 labels: any alarm"
    return [
        of.share(same, log.SAME, rules.VALIDATION, 1.0),
        of.false(together, [log.END_TO_END], log.ANY_ALARM, 0.02),
    ]

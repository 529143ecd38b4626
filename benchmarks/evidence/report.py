"""docs/internals/evidence.md, generated from the results of a run."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.evidence import estimates, labels, requests, words
from benchmarks.evidence import whole_log as log
from benchmarks.evidence.goals import Goal, goals
from benchmarks.markdown import table

VERDICTS = {True: "yes", False: "**no**", None: ""}
INTRODUCTION = """# Evidence

How often the alarms of this product are wrong and how soon they come, measured on simulated traffic whose truth is
known. `make evidence` runs the code of `monitoring/` as it ships, and the rules that are in use elsewhere, on the
same streams, with fixed seeds, and prints this page; the figures are in
[`benchmarks/results/evidence.json`](../../benchmarks/results/evidence.json).

**What an alarm means.** All signals together share one budget, `FALSE_ALARM_BUDGET` = 2 %: the chance that any of
them is raised in 200,000 requests and 10,000 labels although nothing is wrong. It is an upper bound that is proven,
not only measured (the mixture Shiryaev-Roberts e-detector and Ville's inequality), and it holds however often one
looks. A signal with the share w of the budget is raised when its evidence reaches A = n / (0.02 w): about 1.7 million
for labels, 50 million and more for requests. Where a goal below was set with an A of 100,000 for one signal alone,
that costs labels: it is why “worse than when it shipped” is a little later than its goals, and a fall to 0.85 most
so.

**What it cannot do.**

- *Concept drift is invisible without labels.* Where the same texts now mean something else, the estimate from
  confidences stays where it was; labels turn it grey.
- *Requests that depend on each other* (one topic after the other) break the independence that every bound here
  assumes. The rows on correlated lengths show what then happens: alarms about traffic that has not changed in the
  long run.
- *Feedback from users is biased.* Whoever is wronged complains. The page says when labels do not look like the
  traffic, but weighting them is no cure; the audit sample is.
- Shifts of less than a tenth of a standard deviation are not called drift at all, so a tenth is not found, on
  purpose.

**Where the streams come from.** Lengths, confidences and shares of known words are drawn from the reference profile
that ships with the model, evenly within its bins (lengths on a logarithmic scale), so that no data set is needed;
labels are right as often as confidences of that profile are. Each stream gets a reference of its own, drawn anew from
the same distribution with as many texts (and, where confidence matters, a calibration curve measured anew): no
reference is exact. Length shifts are in standard deviations of the logarithm of the length, of the real distribution.
Delays count observations from the change on, over the streams without an alarm before it; “false alarms” is the share
of streams with one. Alarms of other rules are counted once, too: the first one.

**What it is compared with.** River's detectors and Evidently's drift tests at their defaults, by their own packages:
Evidently on windows of 200 requests one after the other, in fewer streams, since it is slow. NannyML's rule
for performance is restated here, since its package needs 92 others and an older Python: chunks of 200 labels, an
alarm when the accuracy of one is more than three standard deviations below the mean of the chunks of the validation.
The two 80 % rules are what dashboards do that compare a figure with a threshold, from the first and from the
hundredth label on. Ours and NannyML's are told the accuracy that was validated, the others are not. KS is a
two-sample test with 10,000 reference texts.
"""


def document(results: dict[str, Any]) -> str:
    parts = [
        INTRODUCTION,
        sentence(results),
        "## Goals\n",
        "“≤” and “≥” are what was set out to be reached, misses are told as they are; “of” counts streams, or windows, "
        "or drawings of labels.\n",
        goals_table(goals(results)),
        *label_parts(results),
        *request_parts(results),
        *estimate_parts(results),
        *log_parts(results),
    ]
    return re.sub(r"(\d)%", r"\1 %", "\n".join(parts))


def sentence(results: dict[str, Any]) -> str:
    machine, options = results["machine"], results["options"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"Commit {results['revision']} on {machine['date']}: seed {options['seed']}, Python {machine['python']}, "
        f"{packages}. How many streams a figure is of is said beside it.\n"
    )


def goals_table(reached: list[Goal]) -> str:
    rows = [[goal.name, goal.bound, goal.measured, f"{goal.streams:,}", VERDICTS[goal.met]] for goal in reached]
    return table(["goal", "bound", "measured", "of", "met"], rows, numbers=(1, 2, 3))


def label_parts(results: dict[str, Any]) -> list[str]:
    falls = [labels.fall_name(*fall) for fall in labels.FALLS + labels.OFF_GRID]
    stays, harder, *doubts = (doubt.name for doubt in labels.doubts())
    return [
        "## Accuracy that stays\n",
        f"Share of streams with a false alarm in {labels.LABELS:,} labels, by the true accuracy:\n",
        stable_table(results),
        "## Accuracy that falls\n",
        f"After {labels.GOOD_LABELS:,} good labels, watched for {labels.LABELS_AFTER:,} more.\n",
        *(part for name in falls for part in section(results, name)),
        "## Confidence that no longer means what it says\n",
        f"First {labels.LABELS:,} labels of answers whose confidence is right, then streams where it stops to be.\n",
        *(part for name in (stays, harder, *doubts) for part in section(results, name)),
    ]


def stable_table(results: dict[str, Any]) -> str:
    of = [results["detections"][labels.stable_name(accuracy)]["methods"] for accuracy in labels.STABLE]
    rows = [[name, str(m["streams"]), *(false_share(each[name]) for each in of)] for name, m in of[0].items()]
    return table(["method", "streams of each", *(f"{a:.2f}" for a in labels.STABLE)], rows, numbers=range(1, 9))


def request_parts(results: dict[str, Any]) -> list[str]:
    names = [detection.name for detection in requests.scenarios()]
    return [
        "## Requests without labels\n",
        f"Streams that change do so after {requests.GOOD_REQUESTS:,} requests, and are watched for "
        f"{requests.REQUESTS_AFTER:,} more.\n",
        *(part for name in names for part in section(results, name)),
        "## Windows\n",
        "Share of windows called different from the reference. Ours by p < 0.01; by chance that is 1 %. Below "
        f"50 requests nothing is called different. Of each size {requests.WINDOWS_EACH} windows a stream, those "
        f"of the other rules are of the first {requests.STREAMS_OF_OTHERS} streams.\n\n"
        "Texts of the other domain are those of `make demo`, which are written to be unlike film reviews.\n",
        *(part for m in requests.measurements() + words.measurements() for part in figures_section(results, m.name)),
    ]


def estimate_parts(results: dict[str, Any]) -> list[str]:
    parts = [figures_section(results, measurement.name) for measurement in estimates.measurements()]
    return ["## Accuracy with few labels or none\n", *(part for of_one in parts for part in of_one)]


def log_parts(results: dict[str, Any]) -> list[str]:
    names = [detection.name for detection in log.scenarios()]
    return [
        "## Through a real log file\n",
        "Written line by line as the service writes it, and followed by the code that follows it in `monitoring/`.\n\n"
        "No false alarm in n streams only says that fewer than 3 / n of them have one (95 % confidence). That it is 2 "
        "% at most is proven by the bound, and shown by 150 streams and more.\n",
        *(part for name in names for part in section(results, name)),
        *(part for m in log.measurements() for part in figures_section(results, m.name)),
    ]


def section(results: dict[str, Any], name: str) -> list[str]:
    return [f"### {heading(name)}\n", detection_table(results["detections"][name])]


def figures_section(results: dict[str, Any], name: str) -> list[str]:
    return [f"### {heading(name)}\n", figures_table(results["measurements"][name])]


def heading(name: str) -> str:
    return name[0].upper() + name[1:]


def detection_table(detection: dict[str, Any]) -> str:
    """method | streams | false alarms | median delay | 90 % delay; without a change there are no delays."""
    methods, change = detection["methods"], detection["change"]
    head = ["method", "streams", "false alarms"]
    rows = [[name, f"{m['streams']}", false_share(m)] for name, m in methods.items()]
    if change is None:
        return table(head, rows, numbers=(1, 2))
    after = detection["length"] - change
    delays = [[delay(m, which, after) for which in ("median", "ninety")] for m in methods.values()]
    both = [row + of_row for row, of_row in zip(rows, delays, strict=True)]
    return table([*head, "median delay", "90 % delay"], both, numbers=(1, 2, 3, 4))


def false_share(method: dict[str, Any]) -> str:
    return f"{method['false'] / method['streams']:.1%}"


def delay(method: dict[str, Any], which: str, after: int) -> str:
    if method["false"] == method["streams"]:
        return ""
    return f"> {after:,}" if method[which] is None else f"{method[which]:,}"


def figures_table(figures: dict[str, float]) -> str:
    rows = [[name, figure(name, value)] for name, value in figures.items() if name != "streams"]
    return table([f"mean of {figures['streams']:.0f} streams", ""], rows, numbers=(1,))


def figure(name: str, value: float) -> str:
    return f"{value:.4f}" if "error" in name or "width" in name else f"{value:.1%}"

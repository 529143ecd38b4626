"""docs/internals/evidence.md, generated from the results of a run."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.evidence import estimates, labels, requests, words
from benchmarks.evidence import whole_log as log
from benchmarks.evidence.goals import Goal, goals
from benchmarks.markdown import table

VERDICTS = {True: "yes", False: "**no**", None: ""}
# The names of scenarios seed their streams, so they stay; these are the headings of some of them.
HEADINGS = {
    labels.doubts()[0].name: "Calibrated confidence",
    labels.doubts()[1].name: "Calibrated confidence, harder texts (0.82)",
    labels.doubts()[2].name: "12% of the true labels are flipped",
    requests.UNDRIFTED: "No drift, 200,000 requests",
    requests.UNDRIFTED_SHORT: "No drift, 10,000 requests, length",
    requests.SHARE_NAME: "The share of a predicted label rises from 0.50 to 0.60",
    requests.VOCABULARY_NAME: "Vocabulary coverage falls by 0.50 sd",
    requests.ELSEWHERE: "5% of the traffic is from another domain",
    requests.correlated_name(0.3): "Lengths of consecutive requests correlate by 0.3, 200,000 requests",
    requests.correlated_name(0.6): "Lengths of consecutive requests correlate by 0.6, 200,000 requests",
    words.MOVED: "Words that changed in 2,000 texts, 5% of them from another domain",
    estimates.FLIPPED_ESTIMATE: "Estimated accuracy, 12% of the true labels flipped",
    estimates.UNCALIBRATED: "Few labels, 12% of the true labels flipped",
    estimates.BIASED: "Feedback from users who mostly report wrong predictions",
    estimates.AUDIT: "Audit sample beside such feedback",
    log.END_TO_END: "All signals together: 200,000 requests and 10,000 labels through the log",
    log.SAME: "Late labels raise the same alarm as the signal alone",
}
INTRODUCTION = """# Evidence

How often the alarms are wrong and how soon they come, measured on synthetic traffic with known truth. `make evidence`
runs the code of `monitoring/` and other methods in use on the same streams, with fixed seeds, and prints this page.
The figures are in [`benchmarks/results/evidence.json`](../../benchmarks/results/evidence.json).

**What an alarm means.** All signals share one budget, `FALSE_ALARM_BUDGET` = 2 %: the probability that any of them
is raised over 200,000 requests and 10,000 labels although nothing is wrong. This is a mathematical bound (mixture
Shiryaev-Roberts e-detector, Ville's inequality), not only a measurement. It holds however often you check. A signal
with the share w of the budget is raised when its evidence reaches A = n / (0.02 w): about 1.7 million for labels, 50
million and more for requests. Some goals assumed A = 100,000 per signal. The shared budget needs a higher A, hence
the slightly longer delays of “accuracy regression”, most of all for a fall to 0.85.

**Limits.**

- *Concept drift is invisible without labels.* If the same texts now mean something else, the estimate from
  confidences does not change. Labels turn it grey.
- *Dependent requests* (one topic after the other) violate the independence that every bound here assumes. The rows
  on correlated lengths show the effect: alarms about traffic that has not changed in the long run.
- *User feedback is biased.* Users who got a wrong prediction complain more often. The page reports when labels do not
  look like the traffic. Weighting them is no cure; the audit sample is.
- *Small shifts*, of less than a tenth of a standard deviation, are not called drift, on purpose.

**The streams.** Lengths, confidences and vocabulary coverage are drawn from the reference that ships with the model,
uniformly within its bins (lengths on a logarithmic scale), so no data set is needed. Labels are right as often as the
reference's confidences are. Each stream has its own reference, because no reference is exact: drawn from the same
distribution with as many texts and, where confidence matters, with a newly measured calibration curve. Length shifts
are in standard deviations of the logarithm of the length, of the true distribution. Delays count observations from the
change on, over the streams without an earlier alarm. “False alarms” is the share of streams with one. Of other
methods, too, only the first alarm counts.

**The other methods.** River's detectors and Evidently's drift tests run from their own packages, with their
defaults. Evidently gets consecutive windows of 200 requests, in fewer streams, because it is slow. NannyML's package
needs 92 others and an older Python, so its rule for performance is reimplemented: chunks of 200 labels, an alarm when
the accuracy of one is more than three standard deviations below the mean of the validation chunks. The two 80 % rules
are what dashboards with a fixed threshold do, from the first and from the hundredth label on. Ours and NannyML's get
the validated accuracy, the others do not. KS is a two-sample test with 10,000 reference texts.
"""


def document(results: dict[str, Any]) -> str:
    parts = [
        INTRODUCTION,
        sentence(results),
        "## Goals\n",
        "“Bound” is the goal; missed goals are marked. “Of” counts streams, windows or samples of labels.\n",
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
        f"{packages}. The number of streams is beside each figure.\n"
    )


def goals_table(reached: list[Goal]) -> str:
    rows = [[goal.name, goal.bound, goal.measured, f"{goal.streams:,}", VERDICTS[goal.met]] for goal in reached]
    return table(["goal", "bound", "measured", "of", "met"], rows, numbers=(1, 2, 3))


def label_parts(results: dict[str, Any]) -> list[str]:
    falls = [labels.fall_name(*fall) for fall in labels.FALLS + labels.OFF_GRID]
    stays, harder, *doubts = (doubt.name for doubt in labels.doubts())
    return [
        "## Stable accuracy\n",
        f"Share of streams with a false alarm in {labels.LABELS:,} labels, by the true accuracy:\n",
        stable_table(results),
        "## Falling accuracy\n",
        f"After {labels.GOOD_LABELS:,} labels at the first accuracy, {labels.LABELS_AFTER:,} labels at the second.\n",
        *(part for name in falls for part in section(results, name)),
        "## Miscalibrated confidence\n",
        f"First {labels.LABELS:,} labels with calibrated confidence, then streams in which calibration is lost.\n",
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
        f"Changes happen after {requests.GOOD_REQUESTS:,} requests; {requests.REQUESTS_AFTER:,} more follow.\n",
        *(part for name in names for part in section(results, name)),
        "## Windows\n",
        "Share of windows called different from the reference. Ours uses p < 0.01, so 1 % is expected by chance. Fewer "
        f"than 50 requests are never called different. There are {requests.WINDOWS_EACH} windows of each size per "
        f"stream; the other methods use the first {requests.STREAMS_OF_OTHERS} streams.\n\n"
        "Texts of the other domain are those of `make demo`, written to be unlike film reviews.\n",
        *(part for m in requests.measurements() + words.measurements() for part in figures_section(results, m.name)),
    ]


def estimate_parts(results: dict[str, Any]) -> list[str]:
    parts = [figures_section(results, measurement.name) for measurement in estimates.measurements()]
    return ["## Accuracy with few labels or none\n", *(part for of_one in parts for part in of_one)]


def log_parts(results: dict[str, Any]) -> list[str]:
    names = [detection.name for detection in log.scenarios()]
    return [
        "## Through a real log file\n",
        "Written line by line as the service writes it, and read by the code of `monitoring/`.\n\n"
        "No false alarm in n streams only shows a rate below 3 / n (95 % confidence). The bound guarantees at most "
        "2 %; 150 streams and more confirm it.\n",
        *(part for name in names for part in section(results, name)),
        *(part for m in log.measurements() for part in figures_section(results, m.name)),
    ]


def section(results: dict[str, Any], name: str) -> list[str]:
    return [f"### {heading(name)}\n", detection_table(results["detections"][name])]


def figures_section(results: dict[str, Any], name: str) -> list[str]:
    return [f"### {heading(name)}\n", figures_table(results["measurements"][name])]


def heading(name: str) -> str:
    return HEADINGS.get(name, name[0].upper() + name[1:])


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

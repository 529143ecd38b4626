"""The verdict: alerts, as data, from the statistics and the thresholds. The page only draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitoring.drift import Drift
from monitoring.quality import Proportion

MIN_REQUESTS = 50  # below that nothing is called drift
MIN_DISTANCE = 0.10  # a smaller difference is not worth a warning, however certain it is
MAX_P_VALUE = 0.01

Level = Literal["alert", "warning", "unknown", "ok"]


@dataclass(frozen=True)
class Alert:
    level: Level
    title: str
    detail: str


def accuracy_alert(accuracy: Proportion | None, threshold: float, min_labels: int) -> Alert:
    """Whether the share of right answers is below `threshold`; with fewer than `min_labels` labels, neither."""
    n = accuracy.n if accuracy else 0
    if accuracy is None or not enough_labels(n, min_labels):
        return Alert(
            "unknown",
            "Not enough labels yet",
            f"{n} of the {min_labels} labels that a verdict needs. Send true_sentiment with a request, "
            "or label answers with /feedback or at the end of this page.",
        )
    figures = f"{accuracy.value:.1%} of {n:,} labelled answers were right (95 % interval {interval(accuracy)})"
    percent = f"{threshold * 100:g}%"
    if accuracy.value < threshold:
        return Alert("alert", f"Accuracy is below {percent}", f"{figures}. Look at the wrong answers below.")
    return Alert("ok", f"Accuracy is not below {percent}", f"{figures}.")


def enough_labels(n: int, min_labels: int) -> bool:
    """Whether `n` labels can carry a figure of accuracy."""
    return n >= min_labels


def drift_alert(subject: str, drift: Drift) -> Alert:
    """Whether `subject` differs from the reference by more than chance and by more than a trifle."""
    if drift.n < MIN_REQUESTS:
        return Alert(
            "unknown",
            f"{subject}: not enough requests yet",
            f"{drift.n} of the {MIN_REQUESTS} requests that a comparison needs.",
        )
    figures = f"Distance {drift.distance:.2f} from the reference (0 the same, 1 nothing in common), n = {drift.n:,}."
    if drift.p_value < MAX_P_VALUE and drift.distance >= MIN_DISTANCE:
        return Alert("warning", f"{subject} has drifted", figures)
    return Alert("ok", f"{subject}: no drift", figures)


def log_alerts(unreadable_lines: int, unmatched_feedback: int) -> list[Alert]:
    """What in the log could not be used."""
    alerts = []
    if unreadable_lines:
        lines = "1 line" if unreadable_lines == 1 else f"{unreadable_lines:,} lines"
        alerts.append(Alert("warning", f"{lines} of the log could not be read", "Skipped; all others are counted."))
    if unmatched_feedback:
        labels = "1 label belongs" if unmatched_feedback == 1 else f"{unmatched_feedback:,} labels belong"
        alerts.append(Alert("warning", f"{labels} to no prediction in the log", "Not used in any figure."))
    return alerts


def interval(proportion: Proportion) -> str:
    return f"{proportion.low:.1%} – {proportion.high:.1%}"

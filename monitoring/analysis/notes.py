"""Notes about figures that raise no alarm: selected requests, feedback, estimates, versions, and the log itself."""

from __future__ import annotations

from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Counts
from monitoring.alarms.phrases import _p, interval, since
from monitoring.alarms.signals import Status
from monitoring.stats.drift import MIN_TEXTS, Drift
from monitoring.stats.feedback import SKEW_P_VALUE, Audit, Skew
from monitoring.stats.quality import Proportion
from monitoring.stats.reference import Reference
from monitoring.stats.versions import Difference, VersionQuality
from monitoring.stats.versions import verdict as direction

MIN_DISTANCE = 0.05  # a smaller difference does not matter, even if it is significant
MAX_P_VALUE = 0.01


def window_note(subject: str, drift: Drift) -> Alert:
    """Whether the selected requests differ from the reference significantly, and by enough to matter."""
    if drift.n < MIN_TEXTS:
        return Alert(
            "unknown",
            f"{subject}: not enough requests yet",
            f"{drift.n} of the {MIN_TEXTS} distinct texts needed for a comparison.",
        )
    figures = f"Distance {drift.distance:.2f} from the reference (0 = identical, 1 = disjoint), n = {drift.n:,}"
    if drift.p_value < MAX_P_VALUE and drift.distance >= MIN_DISTANCE:
        return Alert(
            "warning", f"{subject} differs significantly from the reference", f"{figures}, {_p(drift.p_value)}."
        )
    return Alert("ok", f"{subject}: no significant difference", f"{figures}.")


def log_alerts(unreadable_lines: int, unmatched_feedback: int) -> list[Alert]:
    """Which lines of the log could not be used."""
    alerts = []
    if unreadable_lines:
        lines = "1 line" if unreadable_lines == 1 else f"{unreadable_lines:,} lines"
        alerts.append(
            Alert("warning", f"{lines} of the log could not be read", "Skipped. All other lines are counted.")
        )
    if unmatched_feedback:
        labels = "1 label belongs" if unmatched_feedback == 1 else f"{unmatched_feedback:,} labels belong"
        alerts.append(Alert("warning", f"{labels} to no prediction in the log", "Not used in any figure."))
    return alerts


def version_alerts(counts: Counts, reference: Reference | None) -> list[Alert]:
    """Predictions that cannot be compared with the reference: of another model, or with other labels."""
    alerts = []
    if reference and counts.other_versions:
        other = "1 prediction is" if counts.other_versions == 1 else f"{counts.other_versions:,} predictions are"
        detail = f"The reference is that of model {reference.model_version}. It is compared with no other model."
        alerts.append(Alert("warning", f"{other} of another model than the reference", detail))
    if counts.unknown_labels:
        unknown = "1 prediction has" if counts.unknown_labels == 1 else f"{counts.unknown_labels:,} predictions have"
        detail = "Target drift ignores such predictions. Retrain, or use the reference of your own model."
        alerts.append(Alert("warning", f"{unknown} a label that is not in the reference", detail))
    return alerts


def feedback_notes(skew: Skew | None, accuracy: Proportion | None, post_stratified: float | None) -> list[Alert]:
    """Whether the labelled predictions are a random sample of all predictions."""
    if skew is None or skew.p_value >= SKEW_P_VALUE or accuracy is None:
        return []
    weighted = ""
    if post_stratified is not None:
        weighted = (
            f" Weighted by label and confidence it is {post_stratified:.1%}, which corrects only part of the bias."
        )
    detail = (
        f"Labels over-represent {skew.description} (n = {skew.n_labelled:,}, {_p(skew.p_value)}), so their accuracy "
        f"may differ from that of all predictions.{weighted} The audit sample does not have this bias."
    )
    return [Alert("warning", "The labelled predictions are not a random sample", detail)]


def estimate_note(
    estimated: Proportion | None, doubted: bool, status: Status | None, with_audit: Proportion | None
) -> str:
    """The accuracy estimated from confidence, and whether labels contradict it."""
    if estimated is None:
        return ""
    if doubted and status and status.alarm:
        return (
            f"Labels contradict the estimate. {since(status.alarm, 'The contradiction', 'label')} "
            "Accuracy can no longer be estimated from confidence, only measured with labels."
        )
    combined = (
        f" Together with the audit sample: {with_audit.value:.1%} ({interval(with_audit)})." if with_audit else ""
    )
    return (
        f"Estimated from the confidence of all {estimated.n:,} predictions: {estimated.value:.1%} "
        f"({interval(estimated)}). The estimate assumes that confidence is as well calibrated as before release; the "
        f"labels do not contradict that.{combined}"
    )


def audit_sentence(audit: Audit) -> str:
    """The accuracy of the audit sample, or how it will be measured."""
    drawn = f"Sampled predictions in this selection: {audit.drawn:,}. Labelled: {audit.labelled:,}."
    if audit.accuracy is None:
        return f"{drawn} Audit accuracy uses them in order, up to the first unlabelled one; that keeps it unbiased."
    return (
        f"{drawn} Audit accuracy over the {audit.accuracy.n:,} oldest, up to the first unlabelled one: "
        f"{audit.accuracy.value:.1%} ({interval(audit.accuracy)}). It is unbiased."
    )


def version_sentence(earlier: VersionQuality, later: VersionQuality, difference: Difference | None) -> str:
    """Whether the later of two versions is significantly better."""
    one, other = (version.version or "the unnamed version" for version in (later, earlier))
    if difference is None:
        return f"{one} and {other} cannot be compared yet: one of them has no labels."
    found = f"{difference.value:+.1%} (95 % interval {difference.low:+.1%} to {difference.high:+.1%})"
    verdict = {
        "higher": f"{one} is significantly better than {other}",
        "lower": f"{one} is significantly worse than {other}",
    }.get(direction(difference), f"{one} and {other} do not differ significantly")
    return f"{verdict}: the difference in accuracy is {found}."

"""What is to be said about figures that are no alarms: windows, feedback, estimates, versions, and the log itself."""

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

MIN_DISTANCE = 0.05  # a smaller difference is not worth a word, however certain it is
MAX_P_VALUE = 0.01


def window_note(subject: str, drift: Drift) -> Alert:
    """Whether the selected requests differ from the reference by more than chance and by more than a trifle."""
    if drift.n < MIN_TEXTS:
        return Alert(
            "unknown",
            f"{subject}: not enough requests yet",
            f"{drift.n} of the {MIN_TEXTS} different texts that a comparison needs.",
        )
    figures = f"Distance {drift.distance:.2f} from the reference (0 the same, 1 nothing in common), n = {drift.n:,}"
    if drift.p_value < MAX_P_VALUE and drift.distance >= MIN_DISTANCE:
        return Alert("warning", f"{subject} differs from the reference", f"{figures}, {_p(drift.p_value)}.")
    return Alert("ok", f"{subject}: no difference to speak of", f"{figures}.")


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


def version_alerts(counts: Counts, reference: Reference | None) -> list[Alert]:
    """Answers that the reference says nothing about: of another model, or with labels that it does not know."""
    alerts = []
    if reference and counts.other_versions:
        answers = "1 answer is" if counts.other_versions == 1 else f"{counts.other_versions:,} answers are"
        detail = f"The reference profile is that of model {reference.model_version}; they are not compared with it."
        alerts.append(Alert("warning", f"{answers} of another model than the reference", detail))
    if counts.unknown_labels:
        answers = "1 answer has" if counts.unknown_labels == 1 else f"{counts.unknown_labels:,} answers have"
        detail = "Not part of the watch over predicted sentiment; train again, or bring the model's own profile."
        alerts.append(Alert("warning", f"{answers} a label that the reference does not know", detail))
    return alerts


def feedback_notes(skew: Skew | None, accuracy: Proportion | None, post_stratified: float | None) -> list[Alert]:
    """Whether the labels that were given are those of answers like all others."""
    if skew is None or skew.p_value >= SKEW_P_VALUE or accuracy is None:
        return []
    weighted = ""
    if post_stratified is not None:
        weighted = f" Weighted like all requests it is {post_stratified:.1%}, which corrects only a part of that."
    detail = (
        f"Labels are given more often to {skew.description} (n = {skew.n_labelled:,}, {_p(skew.p_value)}), so the "
        f"labelled accuracy may be far from that of all answers.{weighted} The audit sample is free of that."
    )
    return [Alert("warning", "The feedback does not look like the traffic", detail)]


def estimate_note(
    estimated: Proportion | None, doubted: bool, status: Status | None, with_audit: Proportion | None
) -> str:
    """What the accuracy estimated from confidence is worth."""
    if estimated is None:
        return ""
    if doubted and status and status.alarm:
        return (
            f"Labels contradict the estimate: {since(status.alarm, 'label')} "
            "Confidence no longer says how often answers are right, so only labels can tell."
        )
    combined = (
        f" Together with the audit sample: {with_audit.value:.1%} ({interval(with_audit)})." if with_audit else ""
    )
    return (
        f"Estimated from the confidence of all {estimated.n:,} answers: {estimated.value:.1%} ({interval(estimated)}), "
        f"if confidence still means what it did when the model was shipped; no label contradicts that.{combined}"
    )


def audit_sentence(audit: Audit) -> str:
    """What the audit sample says, and what it still needs."""
    drawn = (
        f"{audit.drawn:,} of the selected answers were drawn at random for an audit, {audit.labelled:,} have a label."
    )
    if audit.accuracy is None:
        return f"{drawn} Accuracy counts from the oldest on, without gaps, so that it is unbiased however labels come."
    return (
        f"{drawn} The {audit.accuracy.n:,} oldest, labelled without a gap, were right in {audit.accuracy.value:.1%} "
        f"({interval(audit.accuracy)}): unbiased, whoever gave the labels."
    )


def version_sentence(earlier: VersionQuality, later: VersionQuality, difference: Difference | None) -> str:
    """Whether the later of two versions is better."""
    one, other = (version.version or "the version without a name" for version in (later, earlier))
    if difference is None:
        return f"Whether {one} is better than {other} cannot be told yet: one of them has no labels."
    found = f"{difference.value:+.1%} ({difference.low:+.1%} to {difference.high:+.1%})"
    verdict = {
        "higher": f"{one} is better than {other}",
        "lower": f"{one} is worse than {other}",
    }.get(direction(difference), f"Whether {one} is better than {other} cannot be told yet")
    return f"{verdict}: the difference in accuracy is {found}, 95 % interval."

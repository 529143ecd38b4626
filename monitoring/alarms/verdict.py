"""The status: alerts, as data, from the statistics and the thresholds. Page, watch and reports only show them.

An `alert` or a drift `warning` is raised by a sequential test of all requests, at a stated false-alarm rate. Only
that is called significant. A figure of the selected requests may be random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring.alarms.alert import Alert
from monitoring.alarms.phrases import interval, moment, since
from monitoring.alarms.signals import OF_LABELS, WEIGHTS, Status
from monitoring.settings import Settings
from monitoring.stats.drift import MIN_TEXTS
from monitoring.stats.quality import Proportion
from monitoring.stats.reference import Reference

SUBJECTS: Mapping[str, tuple[str, str, str]] = {  # a signal's title, and what more and less of it means
    "length": ("Sentence length", "Texts are longer", "Texts are shorter"),
    "vocabulary": ("Vocabulary coverage", "The model knows more of the words", "The model knows fewer of the words"),
    "confidence": ("Confidence", "The model is more confident", "The model is less confident"),
}
OF_DRIFT = (*SUBJECTS, "prediction")

BELOW = "Read the wrong predictions, see how the texts have changed, and roll back to the previous version or retrain."
MAYBE_BELOW = "Label more predictions, those of the audit sample first: each label narrows the interval."
WORSE = "Read the wrong predictions, and compare the model versions."
DRIFTED = "Read the new texts, and label some of them: only labels show whether accuracy has dropped."
LABEL = "Send true_sentiment with a request or to /feedback, or label predictions of the audit sample."


def verdict(
    accuracy: Proportion | None, signals: Mapping[str, Status], settings: Settings, reference: Reference | None
) -> list[Alert]:
    """All alerts, the accuracy first. `accuracy` is that of the selected predictions."""
    found = [accuracy_alert(accuracy, settings.accuracy_threshold, settings.min_labels, signals["accuracy"])]
    if reference:
        validated = reference.validation_correct / reference.validation_n
        worse = validation_alert(signals["validation"], validated)
        found += [worse] if worse else []
        found += signal_alerts(signals, sorted(reference.label_counts)) or [no_drift(signals)]
    return found


def accuracy_alert(accuracy: Proportion | None, threshold: float, min_labels: int, status: Status) -> Alert:
    """Whether accuracy is below `threshold`: significantly, by the signal, or only in `accuracy`, that of the selected
    predictions. With fewer than `min_labels` labels only the signal counts."""
    n, percent, figures = accuracy.n if accuracy else 0, f"{threshold * 100:g}%", ""
    if accuracy:
        figures = f"{accuracy.value:.1%} of {n:,} labelled predictions were right (95 % interval {interval(accuracy)})"
    if status.alarm:
        raised, promise = moment(status.alarm.raised), _rate(status, "labels")
        detail = f"{since(status.alarm, 'The drop', 'label')} {promise}"
        if accuracy and accuracy.value < threshold:
            detail = f"{figures}. {detail}"
        elif accuracy:
            detail = f"{detail} Overall, {figures}."
        return Alert("alert", f"Accuracy is below {percent}", detail, "accuracy", True, BELOW, raised, promise)
    if accuracy is None or not enough_labels(n, min_labels):
        return Alert(
            "unknown",
            "Not enough labels yet",
            f"{n} of the {min_labels} labels needed.",
            "accuracy",
            action=LABEL,
        )
    if accuracy.value < threshold:
        detail = f"{figures}. That is not significant yet: it may be random or short-lived. {_how_far(status)}"
        return Alert("warning", f"Accuracy is below {percent}", detail, "accuracy", action=MAYBE_BELOW)
    return Alert("ok", f"Accuracy is not below {percent}", f"{figures}.", "accuracy")


def validation_alert(status: Status, validated: float) -> Alert | None:
    """Whether accuracy is lower than before release, `validated`."""
    if not status.alarm:
        return None
    detail = f"Accuracy was {validated:.1%} on unseen texts before release, and is significantly lower now."
    detail = f"{detail} {since(status.alarm, 'The regression', 'label')}"
    title = "Accuracy regression"
    raised, promise = moment(status.alarm.raised), _rate(status, "labels")
    return Alert("warning", title, f"{detail} {promise}", "validation", True, WORSE, raised, promise)


def signal_alerts(signals: Mapping[str, Status], labels: Sequence[str]) -> list[Alert]:
    """The drift alarms that are raised. `labels` are those of the reference, in order."""
    alerts = []
    for name, status in signals.items():
        if not status.alarm or status.group is None:
            continue
        if name in SUBJECTS:
            title, more, less = SUBJECTS[name]
            what = (more, less)[status.group % 2]
        elif name == "prediction":
            title, direction = "Predicted sentiment", ("more", "less")[status.group % 2]
            what = f"Predictions are {direction} often {labels[status.group // 2]}"
        else:
            continue
        raised, promise = moment(status.alarm.raised), _rate(status, "requests")
        detail = f"{what} than in the reference. {since(status.alarm, 'The drift', 'request')} {promise}"
        alerts.append(Alert("warning", f"{title} has drifted", detail, name, True, DRIFTED, raised, promise))
    return alerts


def no_drift(signals: Mapping[str, Status]) -> Alert:
    """That no drift alarm is raised, or that there are too few requests."""
    n = signals["length"].n
    if n < MIN_TEXTS:
        detail = f"{n} of the {MIN_TEXTS} distinct texts needed for a comparison with the reference."
        return Alert("unknown", "Not enough requests yet to detect drift", detail, "drift")
    names = [title.lower() for name, (title, _, _) in SUBJECTS.items() if name in signals] + ["predicted sentiment"]
    detail = f"Monitored: {', '.join(names[:-1])} and {names[-1]}, over {n:,} distinct texts."
    return Alert("ok", "No significant drift", detail, "drift")


def false_alarms_per_day(signals: Mapping[str, Status], requests: float, labels: float) -> float:
    """The upper bound of the mean number of false alarms a day, with these numbers of requests and labels a day."""
    return sum(
        (labels if name in OF_LABELS else requests) / status.threshold
        for name, status in signals.items()
        if name in WEIGHTS
    )


def budget_sentence(signals: Mapping[str, Status], requests: float, labels: float) -> str:
    """How rarely to expect a false alarm at the present traffic, in requests and labels a day."""
    rate = false_alarms_per_day(signals, requests, labels)
    traffic = f"at {requests:,.0f} requests and {labels:,.0f} labels a day"
    if rate <= 0:
        return ""
    days = 1 / rate
    often = f"{days / 365:,.0f} years" if days > 730 else f"{days:,.0f} days"
    return f"Expect less than one false alarm in {often if days >= 2 else f'{days * 24:,.0f} hours'}, {traffic}."


def enough_labels(n: int, min_labels: int) -> bool:
    """Whether `n` labels are enough to show an accuracy."""
    return n >= min_labels


def _rate(status: Status, kind: str) -> str:
    """The false-alarm rate of the alarm's threshold."""
    return f"At most one false alarm of this kind in {status.threshold:,.0f} {kind}."


def _how_far(status: Status) -> str:
    share = "less than 0.01%" if status.evidence < 0.0001 else f"{min(status.evidence, 0.9999):.2%}"
    return f"The evidence of {status.n:,} labels is {share} of the alarm threshold."

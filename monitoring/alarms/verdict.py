"""The verdict: alerts, as data, from the statistics and the thresholds. The page, watch and reports only tell them.

An `alert` or a drift `warning` is raised by a signal that is watched for ever, and so with a stated false-alarm rate;
what is merely seen in the selected requests, and may be chance, is never called proven.
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
    "length": ("Sentence length", "texts are longer", "texts are shorter"),
    "vocabulary": ("Vocabulary", "more words are known to the model", "fewer words are known to the model"),
    "confidence": ("Confidence", "the model is surer", "the model is less sure"),
}
OF_DRIFT = (*SUBJECTS, "prediction")

BELOW = "Read the wrong answers, see what has changed in the texts, and go back to the version before, or train again."
MAYBE_BELOW = "Label more answers, those of the audit sample first: each makes this more certain."
WORSE = "Read the wrong answers, and compare the versions of the model."
DRIFTED = "See which texts are new, and label some of them: only labels tell whether answers suffer."
LABEL = "Send true_sentiment with a request or to /feedback, or label answers of the audit sample."


def verdict(
    accuracy: Proportion | None, signals: Mapping[str, Status], settings: Settings, reference: Reference | None
) -> list[Alert]:
    """Everything that is to be said, the accuracy first; `accuracy` is that of the selected answers."""
    found = [accuracy_alert(accuracy, settings.accuracy_threshold, settings.min_labels, signals["accuracy"])]
    if reference:
        validated = reference.validation_correct / reference.validation_n
        worse = validation_alert(signals["validation"], validated)
        found += [worse] if worse else []
        found += signal_alerts(signals, sorted(reference.label_counts)) or [no_drift(signals)]
    return found


def accuracy_alert(accuracy: Proportion | None, threshold: float, min_labels: int, status: Status) -> Alert:
    """Whether answers are right less often than `threshold`: proven by the signal, or only seen in `accuracy`, the
    share of right answers among the selected ones. With fewer than `min_labels` labels only the signal can tell."""
    n, percent, figures = accuracy.n if accuracy else 0, f"{threshold * 100:g}%", ""
    if accuracy:
        figures = f"{accuracy.value:.1%} of {n:,} labelled answers were right (95 % interval {interval(accuracy)})"
    if status.alarm:
        raised, promise = moment(status.alarm.raised), _rate(status, "labels")
        detail = f"Proven: {since(status.alarm, 'label')} {promise}"
        if accuracy and accuracy.value < threshold:
            detail = f"{figures}. {detail}"
        elif accuracy:
            detail = f"{detail} Taken together, {figures}."
        return Alert("alert", f"Accuracy is below {percent}", detail, "accuracy", True, BELOW, raised, promise)
    if accuracy is None or not enough_labels(n, min_labels):
        return Alert(
            "unknown",
            "Not enough labels yet",
            f"{n} of the {min_labels} labels that a verdict needs.",
            "accuracy",
            action=LABEL,
        )
    if accuracy.value < threshold:
        detail = f"{figures}: not proven, it may be chance or a short spell; {_how_far(status)}."
        return Alert("warning", f"Accuracy is below {percent}", detail, "accuracy", action=MAYBE_BELOW)
    return Alert("ok", f"Accuracy is not below {percent}", f"{figures}.", "accuracy")


def validation_alert(status: Status, validated: float) -> Alert | None:
    """Whether answers are right less often than when the model was shipped, `validated`."""
    if not status.alarm:
        return None
    detail = f"Proven: it was {validated:.1%} on texts the model had not seen, and {since(status.alarm, 'label')}"
    title = "Accuracy is worse than when the model was shipped"
    raised, promise = moment(status.alarm.raised), _rate(status, "labels")
    return Alert("warning", title, f"{detail} {promise}", "validation", True, WORSE, raised, promise)


def signal_alerts(signals: Mapping[str, Status], labels: Sequence[str]) -> list[Alert]:
    """The alarms of drift that stand; `labels` are the reference's, in order."""
    alerts = []
    for name, status in signals.items():
        if not status.alarm or status.group is None:
            continue
        if name in SUBJECTS:
            title, more, less = SUBJECTS[name]
            what = (more, less)[status.group % 2]
        elif name == "prediction":
            title, direction = "Predicted sentiment", ("more", "less")[status.group % 2]
            what = f"the answer is {direction} often {labels[status.group // 2]}"
        else:
            continue
        raised, promise = moment(status.alarm.raised), _rate(status, "requests")
        detail = f"Proven: {what} than in the reference; {since(status.alarm, 'request')} {promise}"
        alerts.append(Alert("warning", f"{title} has drifted", detail, name, True, DRIFTED, raised, promise))
    return alerts


def no_drift(signals: Mapping[str, Status]) -> Alert:
    """That no alarm of drift stands, or that there is too little to tell."""
    n = signals["length"].n
    if n < MIN_TEXTS:
        detail = f"{n} of the {MIN_TEXTS} different texts that a comparison with the reference needs."
        return Alert("unknown", "Not enough requests yet to speak of drift", detail, "drift")
    names = [title.lower() for name, (title, _, _) in SUBJECTS.items() if name in signals] + ["predicted sentiment"]
    detail = f"Watched: {', '.join(names[:-1])} and {names[-1]}, over {n:,} different texts."
    return Alert("ok", "No drift is proven", detail, "drift")


def false_alarms_per_day(signals: Mapping[str, Status], requests: float, labels: float) -> float:
    """At most so many false alarms a day are expected on average, with these numbers of requests and labels a day."""
    return sum(
        (labels if name in OF_LABELS else requests) / status.threshold
        for name, status in signals.items()
        if name in WEIGHTS
    )


def budget_sentence(signals: Mapping[str, Status], requests: float, labels: float) -> str:
    """How rarely the page will be wrong at the present traffic, in requests and labels a day."""
    rate = false_alarms_per_day(signals, requests, labels)
    traffic = f"at {requests:,.0f} requests and {labels:,.0f} labels a day"
    if rate <= 0:
        return ""
    days = 1 / rate
    often = f"{days / 365:,.0f} years" if days > 730 else f"{days:,.0f} days"
    return f"Expect less than one false alarm in {often if days >= 2 else f'{days * 24:,.0f} hours'}, {traffic}."


def enough_labels(n: int, min_labels: int) -> bool:
    """Whether `n` labels can carry a figure of accuracy."""
    return n >= min_labels


def _rate(status: Status, kind: str) -> str:
    """What the alarm's threshold promises."""
    return f"At most one false alarm of this kind in {status.threshold:,.0f} {kind}."


def _how_far(status: Status) -> str:
    share = "less than 0.01%" if status.evidence < 0.0001 else f"{min(status.evidence, 0.9999):.2%}"
    return f"the evidence of {status.n:,} labels reaches {share} of what an alarm needs"

"""The Prometheus metrics of the alerting service. A test compares them with the table in docs/alerting.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.alarms.signals import WEIGHTS
from monitoring.analysis.observer import Look
from monitoring.settings import Settings
from monitoring.stats.quality import Proportion
from monitoring.watch.follow import Follower
from monitoring.watch.ledger import Ledger
from monitoring.watch.notifications import Sender

PREFIX = "sentiment_monitor_"
MOST_LABELS = 20  # clients choose the labels, and each makes a time series
Value = float | Mapping[str, float]


class WatchMetrics(Collector):
    """Computed at each scrape. An unknown value has no sample."""

    def __init__(self, settings: Settings, follower: Follower, ledger: Ledger, senders: Sequence[Sender]) -> None:
        self._settings, self._follower, self._ledger, self._senders = settings, follower, ledger, senders

    def collect(self) -> Iterator[Metric]:
        if self._follower.last:
            yield from _of_quality(self._follower.last, self._settings.accuracy_threshold)
            yield from _of_signals(self._follower.last)
            yield from _of_log(self._follower.last)
            yield gauge("last_look_timestamp_seconds", "Time of the last successful look.", self._follower.looked_at)
        if self._follower.last or not self._follower.readable:
            yield gauge("log_readable", "1 if the last look could read the log, else 0.", self._follower.readable)
        yield gauge("state_writable", "1 if the state is on disk, else 0.", self._ledger.durable)
        yield from self._of_notifications()

    def _of_notifications(self) -> Iterator[Metric]:
        pending = {sender.name: float(len(self._ledger.waiting(sender.name))) for sender in self._senders}
        failures = {sender.name: float(sender.failures) for sender in self._senders}
        delivered = {sender.name: float(sender.delivered) for sender in self._senders}
        yield gauge("pending_notifications", "Events that the receiver has not acknowledged yet.", pending, "channel")
        yield counter("notification_failures", "Failed delivery attempts.", failures, "channel")
        yield counter("notifications", "Events that the receiver has acknowledged.", delivered, "channel")


def _of_quality(look: Look, threshold: float) -> Iterator[Metric]:
    yield gauge("accuracy_threshold_ratio", "ACCURACY_THRESHOLD.", threshold)
    yield gauge(
        "labelled_answers", "Predictions in the log that have a label.", look.accuracy.n if look.accuracy else 0
    )
    if look.accuracy:
        yield gauge("accuracy_ratio", "Share of the labelled predictions that are correct.", look.accuracy.value)
        yield gauge("accuracy_low_ratio", "Lower limit of the 95 % confidence interval.", look.accuracy.low)
        yield gauge("accuracy_high_ratio", "Upper limit of the 95 % confidence interval.", look.accuracy.high)
    few = look.by_label[:MOST_LABELS]
    precision, recall = {q.label: q.precision for q in few}, {q.label: q.recall for q in few}
    yield gauge("precision_ratio", "Precision of each label.", _values(precision), "label")
    yield gauge("recall_ratio", "Recall of each label.", _values(recall), "label")


def _values(of_label: Mapping[str, Proportion | None]) -> dict[str, float]:
    return {label: found.value for label, found in of_label.items() if found}


def _of_signals(look: Look) -> Iterator[Metric]:
    signals = {name: status for name, status in look.snapshot.signals.items() if name in WEIGHTS}
    evidence = {name: status.evidence for name, status in signals.items()}
    alarm = {name: float(status.alarm is not None) for name, status in signals.items()}
    threshold = {name: status.threshold for name, status in signals.items()}
    yield gauge("evidence_ratio", "Evidence for a change; 1 raises the alarm.", evidence, "signal")
    yield gauge("alarm", "1 while a change is significant, else 0.", alarm, "signal")
    yield gauge("alarm_threshold", "Expected number of observations until one false alarm.", threshold, "signal")


def _of_log(look: Look) -> Iterator[Metric]:
    snapshot, counts = look.snapshot, look.snapshot.counts
    yield counter("requests", "Requests read from the log.", counts.requests)
    yield counter("labels", "Labels read from the log.", counts.labels)
    yield gauge("unreadable_lines", "Lines of the log that are not valid.", snapshot.unreadable_lines)
    yield gauge("unmatched_labels", "Labels whose prediction is not in the log.", snapshot.unmatched_feedback)


def gauge(name: str, help_text: str, value: Value, label: str = "") -> Metric:
    return _filled(GaugeMetricFamily(PREFIX + name, help_text, labels=[label] if label else None), value)


def counter(name: str, help_text: str, value: Value, label: str = "") -> Metric:
    return _filled(CounterMetricFamily(PREFIX + name, help_text, labels=[label] if label else None), value)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, value: Value) -> Metric:
    for label, number in value.items() if isinstance(value, Mapping) else [(None, value)]:
        family.add_metric([] if label is None else [label], number)
    return family

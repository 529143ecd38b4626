"""Everything that is said about the selected requests, as values: the page draws them, reports write them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from monitoring import calibration, drift, estimate, feedback, quality, versions, words
from monitoring.alert import Alert
from monitoring.alerts import budget_sentence, verdict
from monitoring.calibration import CalibrationError, ReliabilityBin
from monitoring.drift import Drift
from monitoring.feedback import Audit, Skew
from monitoring.log_reader import Snapshot
from monitoring.monitor import Counts
from monitoring.quality import LabelQuality, Proportion
from monitoring.reference import Reference
from monitoring.remarks import log_alerts, version_alerts
from monitoring.settings import Settings
from monitoring.signals import FIT, Status
from monitoring.timeline import accuracy_by_time, confidence_by_time
from monitoring.versions import Difference, VersionQuality
from monitoring.words import MovedWord

SECONDS_AN_HOUR, SECONDS_A_DAY = 3_600, 86_400


@dataclass(frozen=True)
class Segment:
    """Which requests are selected: from `since` on, with these predicted labels and of these model versions; None and
    nothing select all."""

    since: datetime | None = None
    labels: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    def of(self, snapshot: Snapshot) -> pd.DataFrame:
        found = snapshot.since(self.since)
        if self.labels:
            found = found[found["predicted_sentiment"].isin(self.labels)]
        if self.versions:
            found = found[found["model_version"].isin(self.versions)]
        return found


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side: the difference of their accuracies, the later one's less the earlier one's."""

    earlier: VersionQuality
    later: VersionQuality
    difference: Difference | None


@dataclass(frozen=True)
class Analysis:
    """`alerts` are the verdict, `notes` what could not be used. `drifts` compares the selected requests with the
    reference by subject; one is missing where there is nothing to compare. `estimate_doubted`: labels contradict it."""

    requests: pd.DataFrame
    repeats: int
    alerts: list[Alert]
    notes: list[Alert]
    budget: str
    signals: Mapping[str, Status]
    counts: Counts
    accuracy: Proportion | None
    labels: list[LabelQuality]
    estimated: Proportion | None
    estimate_doubted: bool
    with_audit: Proportion | None
    skew: Skew | None
    post_stratified: float | None
    audit: Audit
    drifts: Mapping[str, Drift]
    moved_words: list[MovedWord]
    reliability: list[ReliabilityBin]
    calibration_error: CalibrationError | None
    versions: list[VersionQuality]
    comparison: Comparison | None
    confidence_by_time: pd.DataFrame
    accuracy_by_time: pd.DataFrame


def analyse(
    snapshot: Snapshot,
    segment: Segment,
    reference: Reference | None,
    settings: Settings,
    moved_words: list[MovedWord] | None = None,
) -> Analysis:
    """`segment` must select a request at least. `moved_words` are taken as they are if they are given: they take longer
    to find than all the rest."""
    requests = segment.of(snapshot)
    different = drift.distinct(requests)
    comparable = drift.of_reference(requests, reference) if reference else requests.iloc[:0]
    accuracy, by_version = quality.accuracy(requests), versions.by_version(requests)
    return Analysis(
        requests=requests,
        repeats=len(requests) - len(different),
        alerts=verdict(accuracy, snapshot.signals, settings, reference),
        notes=[
            *log_alerts(snapshot.unreadable_lines, snapshot.unmatched_feedback),
            *version_alerts(snapshot.counts, reference),
        ],
        budget=budget_sentence(snapshot.signals, *_traffic_per_day(snapshot.predictions)),
        signals=snapshot.signals,
        counts=snapshot.counts,
        accuracy=accuracy,
        labels=quality.by_label(requests),
        estimated=estimate.estimated_accuracy(comparable["confidence"].to_numpy(), reference) if reference else None,
        estimate_doubted=FIT in snapshot.signals and snapshot.signals[FIT].alarm is not None,
        with_audit=estimate.few_labels_accuracy(comparable, reference) if reference else None,
        skew=feedback.skew(requests),
        post_stratified=feedback.post_stratified_accuracy(requests),
        audit=feedback.audit_sample(requests),
        drifts=_drifts(drift.distinct(comparable), reference, by_label=not segment.labels) if reference else {},
        moved_words=_moved_words(comparable, reference) if moved_words is None else moved_words,
        reliability=calibration.reliability(requests),
        calibration_error=calibration.calibration_error(requests),
        versions=by_version,
        comparison=_comparison(by_version),
        confidence_by_time=confidence_by_time(requests),
        accuracy_by_time=accuracy_by_time(requests, reference),
    )


def _drifts(different: pd.DataFrame, reference: Reference, *, by_label: bool) -> dict[str, Drift]:
    found: dict[str, Drift | None] = {
        "length": drift.length_drift(different, reference),
        "vocabulary": drift.vocabulary_drift(different, reference),
        "confidence": drift.confidence_drift(different, reference),
        "prediction": drift.label_drift(different, reference) if by_label else None,
    }
    return {name: result for name, result in found.items() if result is not None}


def _moved_words(comparable: pd.DataFrame, reference: Reference | None) -> list[MovedWord]:
    return words.moved_words(comparable, reference.words) if reference else []


def _comparison(by_version: list[VersionQuality]) -> Comparison | None:
    """The two versions that answered last."""
    if len(by_version) < 2:
        return None
    earlier, later = sorted(by_version, key=lambda version: version.last)[-2:]
    if not earlier.accuracy or not later.accuracy:
        return Comparison(earlier, later, None)
    return Comparison(earlier, later, versions.difference(later.accuracy, earlier.accuracy))


def _traffic_per_day(predictions: pd.DataFrame) -> tuple[float, float]:
    """Requests and labels a day over the last day of the log, or since its start, but an hour at least: a burst is no
    traffic that lasts."""
    if predictions.empty:
        return 0.0, 0.0
    last = predictions["timestamp"].iloc[-1]
    recent = predictions[predictions["timestamp"] > last - pd.Timedelta(days=1)]
    span = (last - recent["timestamp"].iloc[0]).total_seconds()
    days = min(max(span, SECONDS_AN_HOUR), SECONDS_A_DAY) / SECONDS_A_DAY
    return len(recent) / days, int(recent["true_sentiment"].notna().sum()) / days

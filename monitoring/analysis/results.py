"""Everything that is said about the selected requests, as values: the page draws them, reports write them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Counts
from monitoring.alarms.signals import FIT, Status
from monitoring.alarms.verdict import budget_sentence, verdict
from monitoring.analysis.notes import log_alerts, version_alerts
from monitoring.analysis.selection import Selected
from monitoring.log.encoding import NO_ID
from monitoring.reader import Snapshot
from monitoring.settings import Settings
from monitoring.stats import calibration, drift, estimate, feedback, quality, versions, words
from monitoring.stats.calibration import CalibrationError, ReliabilityBin
from monitoring.stats.drift import Drift
from monitoring.stats.feedback import Audit, Skew
from monitoring.stats.quality import LabelQuality, Proportion
from monitoring.stats.reference import Reference
from monitoring.stats.tables import Tables, named
from monitoring.stats.timeline import accuracy_by_time, confidence_by_time, traffic_by_time
from monitoring.stats.versions import Difference, VersionQuality
from monitoring.stats.words import MovedWord
from monitoring.store.columns import Columns
from monitoring.store.requests import Requests

SECONDS_AN_HOUR, SECONDS_A_DAY = 3_600, 86_400
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side: the difference of their accuracies, the later one's less the earlier one's."""

    earlier: VersionQuality
    later: VersionQuality
    difference: Difference | None


@dataclass(frozen=True)
class Analysis:
    """`alerts` are the verdict, `notes` what could not be used. `drifts` compares the selected requests with the
    reference by subject; one is missing where there is nothing to compare. `estimate_doubted`: labels contradict it.
    `texts_left_out`: the log does not have the latest one."""

    selected: Selected
    tables: Tables
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
    texts_left_out: bool
    reliability: list[ReliabilityBin]
    calibration_error: CalibrationError | None
    versions: list[VersionQuality]
    comparison: Comparison | None
    confidence_by_time: pd.DataFrame
    accuracy_by_time: pd.DataFrame
    traffic_by_time: pd.DataFrame


def analyse(
    snapshot: Snapshot,
    selected: Selected,
    reference: Reference | None,
    settings: Settings,
    moved_words: list[MovedWord] | None = None,
) -> Analysis:
    """`moved_words` are taken as they are if they are given: they take longer to find than all the rest."""
    tables, drawn = selected.count(snapshot), _drawn(snapshot, selected)
    answers, steps = tables.answers, tables.steps
    comparable = drift.of_reference(answers, reference) if reference else answers.iloc[:0]
    accuracy, by_version = quality.accuracy(answers), versions.by_version(answers, tables.spans)
    if moved_words is None:
        moved_words = find_moved_words(snapshot, selected, reference)
    return Analysis(
        selected=selected,
        tables=tables,
        alerts=verdict(accuracy, snapshot.signals, settings, reference),
        notes=[
            *log_alerts(snapshot.unreadable_lines, snapshot.unmatched_feedback),
            *version_alerts(snapshot.counts, reference),
        ],
        budget=budget_sentence(snapshot.signals, *_traffic_per_day(snapshot.requests)),
        signals=snapshot.signals,
        counts=snapshot.counts,
        accuracy=accuracy,
        labels=quality.by_label(answers),
        estimated=estimate.estimated_accuracy(comparable, reference) if reference else None,
        estimate_doubted=FIT in snapshot.signals and snapshot.signals[FIT].alarm is not None,
        with_audit=_few_labels_accuracy(snapshot, selected, drawn, comparable, reference) if reference else None,
        skew=feedback.skew(answers),
        post_stratified=feedback.post_stratified_accuracy(answers),
        audit=feedback.audit_sample(drawn),
        drifts=_drifts(tables, comparable, reference, by_label=not selected.labels) if reference else {},
        moved_words=moved_words,
        texts_left_out=_texts_left_out(snapshot, selected),
        reliability=calibration.reliability(answers),
        calibration_error=calibration.calibration_error(answers),
        versions=by_version,
        comparison=_comparison(by_version),
        confidence_by_time=confidence_by_time(steps),
        accuracy_by_time=accuracy_by_time(steps, reference),
        traffic_by_time=traffic_by_time(steps, tables.step),
    )


def find_moved_words(snapshot: Snapshot, selected: Selected, reference: Reference | None) -> list[MovedWord]:
    """Of the latest texts that can be compared, which are read from disk."""
    if reference is None:
        return []
    requests, versions = snapshot.requests, snapshot.requests.names.numbers([reference.model_version])

    def wanted(columns: Columns) -> Array:
        comparable = np.isin(columns.version, [0, *versions])
        return selected.mask(columns, requests.names) & comparable & (columns.previous < selected.start)

    latest = requests.read(requests.newest(wanted, words.MAX_TEXTS)[::-1])
    return words.moved_words([request.line for request in latest], reference.words)


def _texts_left_out(snapshot: Snapshot, selected: Selected) -> bool:
    requests = snapshot.requests
    latest = requests.read(requests.newest(lambda of: selected.mask(of, requests.names), 1))
    return any(request.line.is_left_out for request in latest)


def _drawn(snapshot: Snapshot, selected: Selected) -> pd.DataFrame:
    """The selected answers of the audit sample, in order of time; those without a prediction_id cannot be labelled, and
    do not count."""
    requests, names = snapshot.requests, snapshot.requests.names
    rows, columns = requests.columns_where(
        lambda of: of.audit & (of.key != NO_ID) & selected.mask(of, names), "predicted", "true", "version", "confidence"
    )
    return pd.DataFrame(
        {
            "row": rows,
            "time": columns.time,
            "predicted_sentiment": named(columns.predicted, names),
            "true_sentiment": named(columns.true, names),
            "model_version": named(columns.version, names),
            "confidence": columns.confidence,
            "n": 1,
        }
    )


def _few_labels_accuracy(
    snapshot: Snapshot, selected: Selected, drawn: pd.DataFrame, comparable: pd.DataFrame, reference: Reference
) -> Proportion | None:
    drawn = drift.of_reference(drawn, reference)
    first = feedback.audited(drawn)
    if len(first) < estimate.MIN_LABELS:
        return None
    if len(first) < len(drawn):  # what came later is not what the labelled part is a sample of
        requests, names = snapshot.requests, snapshot.requests.names
        versions = [0, *names.numbers([reference.model_version])]
        comparable = requests.confidences_before(
            int(drawn["row"].iloc[len(first)]), lambda of: selected.mask(of, names) & np.isin(of.version, versions)
        )
    return estimate.few_labels_accuracy(first, comparable, reference)


def _drifts(tables: Tables, comparable: pd.DataFrame, reference: Reference, *, by_label: bool) -> dict[str, Drift]:
    found: dict[str, Drift | None] = {
        "length": drift.length_drift(drift.of_reference(tables.lengths, reference), reference),
        "vocabulary": drift.vocabulary_drift(drift.of_reference(tables.known, reference), reference),
        "confidence": drift.confidence_drift(comparable, reference),
        "prediction": drift.label_drift(comparable, reference) if by_label else None,
    }
    return {name: result for name, result in found.items() if result is not None}


def _comparison(by_version: list[VersionQuality]) -> Comparison | None:
    """The two versions that answered last."""
    if len(by_version) < 2:
        return None
    earlier, later = sorted(by_version, key=lambda version: version.last)[-2:]
    if not earlier.accuracy or not later.accuracy:
        return Comparison(earlier, later, None)
    return Comparison(earlier, later, versions.difference(later.accuracy, earlier.accuracy))


def _traffic_per_day(requests: Requests) -> tuple[float, float]:
    """Requests and labels a day over the last day of the log, or since its start, but an hour at least: a burst is no
    traffic that lasts."""
    times, labels = requests.last_day()
    if not len(times):
        return 0.0, 0.0
    seconds = float(np.ptp(times)) / 1e6
    days = min(max(seconds, SECONDS_AN_HOUR), SECONDS_A_DAY) / SECONDS_A_DAY
    return len(times) / days, labels / days

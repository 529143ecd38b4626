"""The figures and notes about the selected requests, as values for the page and for reports."""

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
    """Two versions, and the accuracy of the later one minus that of the earlier one."""

    earlier: VersionQuality
    later: VersionQuality
    difference: Difference | None


@dataclass(frozen=True)
class Alarms:
    """The alerts and what they rest on: `signals` and `counts` of the whole log, and the `budget` of false alarms in a
    sentence. `notes` say what in the log could not be used."""

    alerts: list[Alert]
    notes: list[Alert]
    budget: str
    signals: Mapping[str, Status]
    counts: Counts


@dataclass(frozen=True)
class Quality:
    """How often the selected predictions are right. `accuracy`, `by_label`, `reliability` and `calibration_error` are
    of those with a label. `estimated` is from confidence alone, `with_audit` also from the audit sample; `fit` is the
    signal that doubts such estimates. `comparison` is of the two latest versions."""

    accuracy: Proportion | None
    by_label: list[LabelQuality]
    estimated: Proportion | None
    with_audit: Proportion | None
    fit: Status | None
    reliability: list[ReliabilityBin]
    calibration_error: CalibrationError | None
    versions: list[VersionQuality]
    comparison: Comparison | None

    @property
    def estimate_doubted(self) -> bool:
        """Whether labels contradict the estimates."""
        return self.fit is not None and self.fit.alarm is not None


@dataclass(frozen=True)
class Trust:
    """Whether labels represent all selected predictions: their skew, the accuracy weighted against it, and the audit
    sample."""

    skew: Skew | None
    post_stratified: float | None
    audit: Audit


@dataclass(frozen=True)
class Drifts:
    """How the selected requests differ from the reference. `by_subject` lacks what cannot be compared.
    `texts_left_out`: the log does not have the latest text, so no words are found in it."""

    by_subject: Mapping[str, Drift]
    moved_words: list[MovedWord]
    texts_left_out: bool


@dataclass(frozen=True)
class OverTime:
    """Figures by time step, with the columns that stats/timeline.py gives them."""

    accuracy: pd.DataFrame
    confidence: pd.DataFrame
    traffic: pd.DataFrame


@dataclass(frozen=True)
class Analysis:
    """All figures and notes about the `selected` requests, of which `tables` are the counts."""

    selected: Selected
    tables: Tables
    alarms: Alarms
    quality: Quality
    trust: Trust
    drifts: Drifts
    over_time: OverTime


def analyse(
    snapshot: Snapshot,
    selected: Selected,
    reference: Reference | None,
    settings: Settings,
    moved_words: list[MovedWord] | None = None,
) -> Analysis:
    """The analysis of the selected requests. Finding `moved_words` takes longer than all the rest, so they may be
    given."""
    tables, drawn = selected.count(snapshot), _drawn(snapshot, selected)
    comparable = drift.of_reference(tables.answers, reference) if reference else tables.answers.iloc[:0]
    of_quality = _quality(snapshot, selected, tables, drawn, comparable, reference)
    if moved_words is None:
        moved_words = find_moved_words(snapshot, selected, reference)
    by_label = not selected.labels
    return Analysis(
        selected=selected,
        tables=tables,
        alarms=_alarms(snapshot, of_quality.accuracy, reference, settings),
        quality=of_quality,
        trust=Trust(
            feedback.skew(tables.answers),
            feedback.post_stratified_accuracy(tables.answers),
            feedback.audit_sample(drawn),
        ),
        drifts=Drifts(
            _by_subject(tables, comparable, reference, by_label=by_label) if reference else {},
            moved_words,
            _texts_left_out(snapshot, selected),
        ),
        over_time=OverTime(
            accuracy_by_time(tables.steps, reference),
            confidence_by_time(tables.steps),
            traffic_by_time(tables.steps, tables.step),
        ),
    )


def _alarms(snapshot: Snapshot, accuracy: Proportion | None, reference: Reference | None, settings: Settings) -> Alarms:
    return Alarms(
        alerts=verdict(accuracy, snapshot.signals, settings, reference),
        notes=[
            *log_alerts(snapshot.unreadable_lines, snapshot.unmatched_feedback),
            *version_alerts(snapshot.counts, reference),
        ],
        budget=budget_sentence(snapshot.signals, *_traffic_per_day(snapshot.requests)),
        signals=snapshot.signals,
        counts=snapshot.counts,
    )


def _quality(
    snapshot: Snapshot,
    selected: Selected,
    tables: Tables,
    drawn: pd.DataFrame,
    comparable: pd.DataFrame,
    reference: Reference | None,
) -> Quality:
    by_version = versions.by_version(tables.answers, tables.spans)
    return Quality(
        accuracy=quality.accuracy(tables.answers),
        by_label=quality.by_label(tables.answers),
        estimated=estimate.estimated_accuracy(comparable, reference) if reference else None,
        with_audit=_few_labels_accuracy(snapshot, selected, drawn, comparable, reference) if reference else None,
        fit=snapshot.signals.get(FIT),
        reliability=calibration.reliability(tables.answers),
        calibration_error=calibration.calibration_error(tables.answers),
        versions=by_version,
        comparison=_comparison(by_version),
    )


def find_moved_words(snapshot: Snapshot, selected: Selected, reference: Reference | None) -> list[MovedWord]:
    """The moved words of the latest comparable texts, which are read from disk."""
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
    """The selected predictions of the audit sample, in order of time. Those without a prediction_id are left out, since
    they cannot be labelled."""
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
    if len(first) < len(drawn):  # the labelled part is a sample of what came before its end
        requests, names = snapshot.requests, snapshot.requests.names
        versions = [0, *names.numbers([reference.model_version])]
        comparable = requests.confidences_before(
            int(drawn["row"].iloc[len(first)]), lambda of: selected.mask(of, names) & np.isin(of.version, versions)
        )
    return estimate.few_labels_accuracy(first, comparable, reference)


def _by_subject(tables: Tables, comparable: pd.DataFrame, reference: Reference, *, by_label: bool) -> dict[str, Drift]:
    found: dict[str, Drift | None] = {
        "length": drift.length_drift(drift.of_reference(tables.lengths, reference), reference),
        "vocabulary": drift.vocabulary_drift(drift.of_reference(tables.known, reference), reference),
        "confidence": drift.confidence_drift(comparable, reference),
        "prediction": drift.label_drift(comparable, reference) if by_label else None,
    }
    return {name: result for name, result in found.items() if result is not None}


def _comparison(by_version: list[VersionQuality]) -> Comparison | None:
    """The two versions with the latest predictions."""
    if len(by_version) < 2:
        return None
    earlier, later = sorted(by_version, key=lambda version: version.last)[-2:]
    if not earlier.accuracy or not later.accuracy:
        return Comparison(earlier, later, None)
    return Comparison(earlier, later, versions.difference(later.accuracy, earlier.accuracy))


def _traffic_per_day(requests: Requests) -> tuple[float, float]:
    """Requests and labels a day, over the last day of the log. A shorter log counts from its start, but as one hour at
    least, because a burst is not lasting traffic."""
    times, labels = requests.last_day()
    if not len(times):
        return 0.0, 0.0
    seconds = float(np.ptp(times)) / 1e6
    days = min(max(seconds, SECONDS_AN_HOUR), SECONDS_A_DAY) / SECONDS_A_DAY
    return len(times) / days, labels / days

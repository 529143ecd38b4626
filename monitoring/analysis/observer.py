"""Looks at the whole log for commands without a browser: the verdict, and the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring.alarms import verdict
from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Monitor
from monitoring.alarms.signals import Status
from monitoring.reader import LogReader, Snapshot, open_reader
from monitoring.settings import Settings
from monitoring.stats import quality
from monitoring.stats.quality import LabelQuality, Proportion
from monitoring.stats.reference import CSV_PATH, Reference, ReferenceUnavailable, load_profile, with_csv
from monitoring.stats.tables import tables_of


@dataclass(frozen=True)
class Look:
    """The result of one look. The figures are of all predictions in the log that have a label."""

    snapshot: Snapshot
    accuracy: Proportion | None
    by_label: list[LabelQuality]
    verdict: list[Alert]

    @property
    def standing(self) -> dict[str, Alert]:
        """The significant alerts, by name."""
        return {alert.name: alert for alert in self.verdict if alert.proven}


class Observer:
    """Looks at the log through `reader`, whose monitor may have been restored."""

    def __init__(self, settings: Settings, reference: Reference | None, reader: LogReader) -> None:
        self.reference, self._settings, self._reader = reference, settings, reader
        self._last: Look | None = None

    def look(self) -> Look:
        """The log as it is now; the same object as before if nothing has changed. Raises OSError if the log cannot be
        read."""
        next(self._settings.log_dir.iterdir(), None)  # raises for a missing folder, which the reader takes for empty
        snapshot = self._reader.refresh()
        if self._last is None or snapshot is not self._last.snapshot:
            self._last = self._judge(snapshot)
        return self._last

    def _judge(self, snapshot: Snapshot) -> Look:
        answers = tables_of(snapshot.whole, snapshot.requests.names).answers
        accuracy, by_label = quality.accuracy(answers), quality.by_label(answers)
        return Look(snapshot, accuracy, by_label, self.verdict(accuracy, snapshot.signals))

    def verdict(self, accuracy: Proportion | None, signals: Mapping[str, Status]) -> list[Alert]:
        """The alerts for this accuracy and these signals."""
        return verdict.verdict(accuracy, signals, self._settings, self.reference)


def observer_of(settings: Settings) -> tuple[Monitor, Observer, list[str]]:
    """An observer of the log, its monitor, and sentences about what is missing of the reference."""
    reference, problems = the_reference(settings)
    reader = open_reader(settings, reference)
    return reader.monitor, Observer(settings, reference, reader), problems


def the_reference(settings: Settings) -> tuple[Reference | None, list[str]]:
    """The reference, or the usable part of it, and sentences about what is missing of it."""
    profile = None
    try:
        profile = load_profile(settings.reference_path)
        return (with_csv(profile, CSV_PATH) if CSV_PATH.exists() else profile), []
    except ReferenceUnavailable as error:
        return profile, [str(error)]

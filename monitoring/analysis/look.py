"""One look at the log: the verdict on all of it, and the figures behind the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring.alarms import verdict
from monitoring.alarms.alert import Alert
from monitoring.alarms.monitor import Monitor
from monitoring.alarms.signals import Status
from monitoring.reader import LogReader, Snapshot
from monitoring.settings import Settings
from monitoring.stats import quality
from monitoring.stats.quality import LabelQuality, Proportion
from monitoring.stats.reference import CSV_PATH, Reference, ReferenceUnavailable, load_profile, with_csv
from monitoring.stats.tables import counted


@dataclass(frozen=True)
class Look:
    """What one look found. The figures are of all answers in the log whose true label is known."""

    snapshot: Snapshot
    accuracy: Proportion | None
    by_label: list[LabelQuality]
    verdict: list[Alert]

    @property
    def standing(self) -> dict[str, Alert]:
        """The proven alerts, by name."""
        return {alert.name: alert for alert in self.verdict if alert.proven}


class Observer:
    """Looks at the log of `settings` with a monitor that may have been restored."""

    def __init__(self, settings: Settings, reference: Reference | None, monitor: Monitor) -> None:
        self.reference, self._settings = reference, settings
        self._reader = LogReader(settings.log_dir, monitor)
        self._last: Look | None = None

    def look(self) -> Look:
        """The same object as before if nothing has changed. Raises OSError when the log cannot be read."""
        next(self._settings.log_dir.iterdir(), None)  # a pattern finds nothing in a folder that is missing or closed
        snapshot = self._reader.refresh()
        if self._last is None or snapshot is not self._last.snapshot:
            self._last = self._judge(snapshot)
        return self._last

    def _judge(self, snapshot: Snapshot) -> Look:
        answers = counted(snapshot.whole, snapshot.requests.names).answers
        accuracy, by_label = quality.accuracy(answers), quality.by_label(answers)
        return Look(snapshot, accuracy, by_label, self.verdict(accuracy, snapshot.signals))

    def verdict(self, accuracy: Proportion | None, signals: Mapping[str, Status]) -> list[Alert]:
        return verdict.verdict(accuracy, signals, self._settings, self.reference)


def observer_of(settings: Settings) -> tuple[Monitor, Observer, list[str]]:
    """What looks at the log, and sentences about what it must do without."""
    reference, problems = the_reference(settings)
    monitor = Monitor(reference, settings.accuracy_threshold, settings.false_alarm_budget, settings.min_labels)
    return monitor, Observer(settings, reference, monitor), problems


def the_reference(settings: Settings) -> tuple[Reference | None, list[str]]:
    """What traffic is compared with, as far as it can be used, and why not."""
    profile = None
    try:
        profile = load_profile(settings.reference_path)
        return (with_csv(profile, CSV_PATH) if CSV_PATH.exists() else profile), []
    except ReferenceUnavailable as error:
        return profile, [str(error)]

"""The alerting service's metrics as Prometheus gets them, and their table in docs/alerting.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.analysis.observer import observer_of
from monitoring.settings import Settings
from monitoring.watch.follow import Follower
from monitoring.watch.ledger import Ledger
from monitoring.watch.metrics import MOST_LABELS, WatchMetrics
from monitoring.watch.notifications import Sender, Webhook
from monitoring.watch.state_file import StateFile
from tests.conftest import ROOT
from tests.monitoring.conftest import append, feedback, prediction
from tests.monitoring.traffic import judged, usual, write

DOCUMENTED = re.findall(
    r"^\| `(sentiment_monitor_\w+)(?:\{(\w+)\})?` \| (gauge|counter) \|",
    (ROOT / "docs" / "alerting.md").read_text(),
    re.M,
)


class Watched:
    """The alerting service without its process, and its metrics as Prometheus gets them."""

    def __init__(self, settings: Settings) -> None:
        monitor, observer, _ = observer_of(settings)
        self.ledger = Ledger(StateFile(settings.state_dir), ["webhook"])
        self.follower = Follower("shop", monitor, observer, self.ledger)
        self.sender = Sender(Webhook("http://127.0.0.1:9"), self.ledger)
        self.registry = CollectorRegistry()
        self.registry.register(WatchMetrics(settings, self.follower, self.ledger, [self.sender]))

    def samples(self) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...], float]]:
        """Name, kind, labels and value of each."""
        text = generate_latest(self.registry).decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                yield sample.name, family.type, tuple(sample.labels.items()), sample.value

    def value(self, name: str, *labels: tuple[str, str]) -> Any:
        """None if there is no such sample."""
        found = {(name, labels): value for name, _, labels, value in self.samples()}
        return found.get((f"sentiment_monitor_{name}", labels))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(log_dir=tmp_path / "logs", state_dir=tmp_path / "state")


def test_the_table_in_the_documentation_has_every_metric_with_its_label_and_kind(settings):
    write(settings.log_dir, judged(0, 200, right=0.5))
    watched = Watched(settings)
    watched.follower.look()

    found = {(name, "".join(label for label, _ in labels), kind) for name, kind, labels, _ in watched.samples()}
    assert len(DOCUMENTED) == len(set(DOCUMENTED))
    assert set(DOCUMENTED) == found


def test_names_and_units_are_as_prometheus_wants_them():
    for name, _, kind in DOCUMENTED:
        assert name.endswith("_total") == (kind == "counter")
        assert not re.search("percent|milli|_ms$", name)


def test_the_figures_are_those_of_the_log(settings):
    write(settings.log_dir, [*judged(0, 200, right=0.75), b"no JSON\n"])
    append(settings.log_dir / "feedback_logs.json", feedback("nobody", "positive"))
    watched = Watched(settings)
    watched.follower.look()

    assert watched.value("accuracy_ratio") == 0.75
    assert 0.68 < watched.value("accuracy_low_ratio") < 0.75 < watched.value("accuracy_high_ratio") < 0.81
    assert watched.value("labelled_answers") == watched.value("labels_total") == 200
    assert watched.value("accuracy_threshold_ratio") == 0.8
    assert watched.value("precision_ratio", ("label", "positive")) == 0.75
    assert watched.value("recall_ratio", ("label", "negative")) == 0
    assert watched.value("precision_ratio", ("label", "negative")) is None  # it was never predicted
    assert (watched.value("unreadable_lines"), watched.value("unmatched_labels")) == (1, 1)
    assert watched.value("last_look_timestamp_seconds") > 1.7e9


def test_an_alarm_is_1_and_its_evidence_what_it_needs(settings):
    write(settings.log_dir, judged(0, 200, right=0.5) + usual(200, 300))
    watched = Watched(settings)
    watched.follower.look()

    assert (
        watched.value("alarm", ("signal", "accuracy")) == watched.value("evidence_ratio", ("signal", "accuracy")) == 1
    )
    assert watched.value("alarm", ("signal", "length")) == 0
    assert 0 < watched.value("evidence_ratio", ("signal", "length")) < 0.01
    assert watched.value("alarm_threshold", ("signal", "accuracy")) > 1_000_000
    assert watched.value("pending_notifications", ("channel", "webhook")) == 1


def test_before_the_first_look_nothing_is_claimed(settings):
    watched = Watched(settings)

    assert watched.value("log_readable") is None
    assert watched.value("accuracy_ratio") is None
    assert watched.value("state_writable") == 1


def test_a_log_that_cannot_be_read_is_0_and_the_figures_stay(settings):
    write(settings.log_dir, judged(0, 200, right=0.75))
    watched = Watched(settings)
    watched.follower.look()
    before = watched.value("last_look_timestamp_seconds")
    (settings.log_dir / "prediction_logs.1.json").mkdir()
    watched.follower.look()

    assert watched.value("log_readable") == 0
    assert watched.value("accuracy_ratio") == 0.75
    assert watched.value("last_look_timestamp_seconds") == before


def test_a_state_that_cannot_be_written_is_0(settings, tmp_path):
    (tmp_path / "file").write_text("")
    write(settings.log_dir, judged(0, 10, right=0.75))
    watched = Watched(replace(settings, state_dir=tmp_path / "file" / "state"))
    watched.follower.look()

    assert watched.value("state_writable") == 0


def test_senders_of_labels_cannot_make_any_number_of_series(settings):
    lines = [
        prediction(prediction_id=f"id-{number}", request_text=f"{number}", true_sentiment=f"label {number}")
        for number in range(100)
    ]
    write(settings.log_dir, lines)
    watched = Watched(settings)
    watched.follower.look()

    recalls = [name for name, *_ in watched.samples() if name == "sentiment_monitor_recall_ratio"]
    assert len(recalls) == MOST_LABELS

"""The events that the alerting service records for a growing log, across restarts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitoring.analysis.observer import observer_of
from monitoring.settings import Settings
from monitoring.watch.changes import Event
from monitoring.watch.follow import Follower
from monitoring.watch.ledger import Ledger
from monitoring.watch.state_file import StateFile
from tests.monitoring.traffic import judged, usual, write

BAD, GOOD = 0.5, 0.95


class Watch:
    """The alerting service without its process: each new one on the same folders is a restart."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.file = settings, StateFile(settings.state_dir)
        monitor, observer, _ = observer_of(settings)
        self.ledger = Ledger(self.file, ["webhook"])
        self.follower = Follower(settings.watch_name, monitor, observer, self.ledger)
        self.follower.restore(self.file)

    def look(self, times: int = 1) -> list[tuple[str, str]]:
        """Name and state of all pending events, after so many looks."""
        for _ in range(times):
            self.follower.look()
        return [(event.name, event.state) for event in self.waiting()]

    def waiting(self) -> list[Event]:
        return self.ledger.waiting("webhook")

    def saved(self) -> dict[str, Any]:
        document = self.file.read()
        assert document
        return document

    def deliver(self) -> None:
        while event := self.ledger.next_for("webhook"):
            self.ledger.delivered("webhook", event)


@pytest.fixture
def settings(tmp_path) -> Settings:
    write(tmp_path / "logs", [])
    return Settings(log_dir=tmp_path / "logs", state_dir=tmp_path / "state")


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (judged(0, 200, right=BAD), "accuracy"),
        (judged(0, 400, right=0.8, model=None), "validation"),
        (usual(0, 400, words=900), "length"),
        (usual(0, 400, known_share=0.6), "vocabulary"),
        (usual(0, 400, confidence=0.55), "confidence"),
        (usual(0, 400, predicted_sentiment="negative"), "prediction"),
    ],
)
def test_each_alarm_is_raised_by_what_the_log_says(settings, lines, name):
    watch = Watch(settings)
    assert watch.look() == []

    write(settings.log_dir, lines)

    assert (name, "firing") in watch.look()


def test_usual_traffic_raises_none(settings):
    write(settings.log_dir, usual(0, 1000))

    assert Watch(settings).look() == []


def test_an_alarm_is_notified_once_and_so_is_its_end(settings):
    watch = Watch(settings)
    write(settings.log_dir, judged(0, 200, right=BAD))
    assert watch.look(3) == [("accuracy", "firing")]
    watch.deliver()

    write(settings.log_dir, judged(200, 1200, right=GOOD))
    assert watch.look(3) == [("accuracy", "resolved")]


def test_the_end_names_the_beginning(settings):
    watch = Watch(settings)
    write(settings.log_dir, judged(0, 200, right=BAD))
    watch.look()
    write(settings.log_dir, judged(200, 1200, right=GOOD))
    watch.look()
    firing, resolved = watch.waiting()

    assert (firing.title, resolved.title) == ("Accuracy is below 80%", "Accuracy is below 80%")
    assert resolved.started_at == firing.started_at == firing.at < resolved.at
    assert firing.id != resolved.id
    assert "became significant at" in firing.detail
    assert re.fullmatch(
        r"It became significant at label #\d+ \(.* UTC\) and was resolved at label #\d+ \(.* UTC\)\.", resolved.detail
    )


def test_what_was_raised_and_cleared_between_two_looks_is_notified_too(settings):
    watch = Watch(settings)
    watch.look()
    write(settings.log_dir, judged(0, 200, right=BAD) + judged(200, 1200, right=GOOD))

    assert watch.look() == [("accuracy", "firing"), ("accuracy", "resolved")]


def test_the_first_look_notifies_of_what_is_firing_and_not_of_what_is_over(settings):
    write(settings.log_dir, judged(0, 200, right=BAD) + judged(200, 1200, right=GOOD))
    assert Watch(settings).look() == []

    write(settings.log_dir, judged(1200, 1400, right=BAD))
    assert Watch(replace(settings, state_dir=settings.state_dir / "other")).look() == [("accuracy", "firing")]


def test_a_restart_goes_on_where_it_was(settings):
    write(settings.log_dir, judged(0, 200, right=BAD))
    first = Watch(settings)
    first.look()
    before = first.saved()
    again = Watch(settings)

    assert again.look() == [("accuracy", "firing")]  # it was not delivered yet
    assert again.saved() == before
    again.deliver()
    assert Watch(settings).look() == []


def test_what_happened_while_nothing_ran_is_notified_by_the_next_one(settings):
    Watch(settings).look()
    write(settings.log_dir, judged(0, 200, right=BAD) + judged(200, 1200, right=GOOD))

    assert Watch(settings).look() == [("accuracy", "firing"), ("accuracy", "resolved")]


def test_the_same_change_has_the_same_id_however_often_it_is_found(settings):
    write(settings.log_dir, judged(0, 200, right=BAD))
    one, other = Watch(settings), Watch(replace(settings, state_dir=settings.state_dir / "other"))
    one.look()
    other.look()

    assert [event.id for event in one.waiting()] == [event.id for event in other.waiting()]


def test_the_events_of_a_channel_that_no_longer_exists_are_dropped(settings):
    write(settings.log_dir, judged(0, 200, right=BAD))
    Watch(settings).look()
    monitor, observer, _ = observer_of(settings)
    ledger = Ledger(StateFile(settings.state_dir), ["alertmanager"])
    Follower("shop", monitor, observer, ledger).restore(StateFile(settings.state_dir))

    assert ledger.waiting("alertmanager") == []
    assert set(ledger.firing) == {"accuracy"}


def damaged(document: dict, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def changed(document: dict, path: Path) -> None:
    document["state"]["monitor"]["counts"]["labels"] += 1
    path.write_text(json.dumps(document))


def older(document: dict, path: Path) -> None:
    path.write_text(json.dumps(document | {"version": 0}))


def another_files(document: dict, path: Path) -> None:
    path.write_text('{"hello": [1, 2]}')


def binary(document: dict, path: Path) -> None:
    path.write_bytes(bytes(range(256)))


@pytest.mark.parametrize("damage", [damaged, changed, older, another_files, binary])
def test_a_state_that_cannot_be_used_is_moved_aside_and_the_log_read_again(settings, damage, caplog):
    write(settings.log_dir, judged(0, 200, right=BAD))
    first = Watch(settings)
    first.look()
    good = first.saved()
    damage(json.loads(first.file.path.read_bytes()), first.file.path)
    content = first.file.path.read_bytes()
    again = Watch(settings)

    (aside,) = settings.state_dir.glob("watch.json.refused-*")
    assert aside.read_bytes() == content
    problem = {older: "it has version 0", another_files: "it is not a state of the alerting service"}
    said = f"cannot use {first.file.path}: {problem.get(damage, 'it is damaged: ')}"
    assert said in caplog.text
    assert f"; it was moved to {aside.name}; reading the log from the start" in caplog.text
    assert again.look() == [("accuracy", "firing")]  # nothing says that it was notified
    assert again.saved()["monitor"] == good["monitor"]


def test_with_other_settings_the_log_is_read_again_but_nothing_is_notified_twice(settings, caplog):
    write(settings.log_dir, judged(0, 200, right=BAD))
    first = Watch(settings)
    first.look()
    first.deliver()
    again = Watch(replace(settings, false_alarm_budget=0.01))

    assert again.look() == []
    assert "written with another profile, other settings or by another version" in caplog.text

    write(settings.log_dir, judged(200, 1200, right=GOOD))
    assert again.look() == [("accuracy", "resolved")]


def test_an_alarm_that_new_settings_do_not_raise_is_resolved(settings):
    write(settings.log_dir, judged(0, 200, right=BAD))
    first = Watch(settings)
    first.look()
    first.deliver()

    assert Watch(replace(settings, accuracy_threshold=0.3)).look() == [("accuracy", "resolved")]


@pytest.mark.parametrize("how", ["moved", "truncated", "replaced"])
def test_rotating_the_log_while_it_is_followed_notifies_of_nothing_again(settings, how):
    log = settings.log_dir / "prediction_logs.json"
    watch = Watch(settings)
    write(settings.log_dir, judged(0, 200, right=BAD))
    watch.look()
    watch.deliver()
    if how == "moved":
        log.rename(settings.log_dir / "old.json")
    elif how == "truncated":
        log.write_bytes(b"")
    else:
        other = settings.log_dir / "new"
        other.write_bytes(b"")
        other.replace(log)

    assert watch.look(2) == []
    write(settings.log_dir, judged(200, 1200, right=GOOD))
    assert watch.look() == [("accuracy", "resolved")]
    assert Watch(settings).look() == [("accuracy", "resolved")]


def test_a_log_that_cannot_be_read_is_an_alert_after_three_looks_and_over_with_the_first_that_can(settings):
    write(settings.log_dir, judged(0, 10, right=GOOD))
    log = settings.log_dir / "prediction_logs.json"
    watch = Watch(settings)
    watch.look()
    log.rename(settings.log_dir / "moved.json")
    log.mkdir()

    assert watch.look(2) == []
    assert not watch.follower.readable
    assert watch.look(5) == [("log", "firing")]
    assert "Is a directory" in watch.waiting()[0].detail

    log.rmdir()
    (settings.log_dir / "moved.json").rename(log)
    assert watch.look(2) == [("log", "firing"), ("log", "resolved")]
    assert watch.waiting()[1].started_at == watch.waiting()[0].started_at


def test_that_the_log_could_not_be_read_is_remembered_over_a_restart(settings):
    missing = replace(settings, log_dir=settings.log_dir / "missing")
    first = Watch(missing)
    first.look(3)
    first.deliver()

    assert Watch(missing).look(5) == []
    write(missing.log_dir, judged(0, 200, right=BAD) + judged(200, 1200, right=GOOD))
    assert Watch(missing).look() == [("log", "resolved")]


def test_without_a_state_folder_it_goes_on_and_says_so_once(settings, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    watch = Watch(replace(settings, state_dir=tmp_path / "file" / "state"))
    write(settings.log_dir, judged(0, 200, right=BAD))

    assert watch.look() == [("accuracy", "firing")]
    write(settings.log_dir, judged(200, 210, right=BAD))
    watch.look()
    assert not watch.ledger.durable
    assert caplog.text.count("the state cannot be written to") == 1

    (tmp_path / "file").unlink()
    watch.look()
    assert watch.ledger.durable
    assert Watch(watch.settings).look() == [("accuracy", "firing")]


def test_without_a_profile_accuracy_is_watched_alone(settings, tmp_path):
    watch = Watch(replace(settings, reference_path=tmp_path / "missing.json"))
    write(settings.log_dir, judged(0, 200, right=BAD))

    assert watch.look() == [("accuracy", "firing")]

"""The monitor on real log files: what counts as evidence, what does not, and that nothing counts twice."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alarms.monitor import Monitor, StateUnusable
from monitoring.reader import LogReader
from monitoring.stats.reference import load_profile
from monitoring.store.arrivals import EVENTS_AT_ONCE
from tests.conftest import ROOT
from tests.monitoring.conftest import append, at, feedback, prediction

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
VERSION = REFERENCE.model_version


class Followed:
    """A log, and a monitor that follows it."""

    def __init__(self, folder: Path, reference=REFERENCE) -> None:
        self.predictions, self.labels = folder / "prediction_logs.json", folder / "feedback_logs.json"
        self.monitor = Monitor(reference, 0.8, 0.02)
        self.reader = LogReader(folder, self.monitor)
        self.folder = folder

    def look(self):
        return self.reader.refresh().signals

    def restarted(self) -> "Followed":
        """The same log after the process has ended and started again."""
        other = Followed(self.folder)
        other.monitor.restore(json.loads(json.dumps(self.monitor.state())))
        return other


@pytest.fixture
def followed(tmp_path) -> Followed:
    return Followed(tmp_path)


def requests(n: int, start: int = 0, **fields) -> list[bytes]:
    """Different texts, one a minute, as the profile has them."""
    rng = np.random.default_rng(start)
    lengths = draw(rng, REFERENCE.length_edges, REFERENCE.length_counts, n).astype(int)
    known = draw(rng, REFERENCE.known_edges, REFERENCE.known_counts, n)
    confidence = draw(rng, REFERENCE.confidence_edges, REFERENCE.confidence_counts, n)
    labels = rng.choice(["negative", "positive"], n)
    return [
        prediction(
            **{
                "timestamp": at(start + place),
                "request_text": f"{start + place}" + " word" * (max(lengths[place], 1) - 1),
                "predicted_sentiment": str(labels[place]),
                "prediction_id": f"id-{start + place}",
                "confidence": float(confidence[place]),
                "known_share": float(known[place]),
                "model_version": VERSION,
            }
            | fields
        )
        for place in range(n)
    ]


def draw(rng, edges, counts, n: int) -> np.ndarray:
    bins = rng.choice(len(counts), n, p=counts / counts.sum())
    return rng.uniform(edges[bins], edges[bins + 1])


def judged(n: int, wrong_every: int | None = None, start: int = 0, **fields) -> list[bytes]:
    """Requests with a label each, one in so many wrong, or as many as their confidence says."""
    rng = np.random.default_rng(start + 1)
    lines = [json.loads(line) for line in requests(n, start, **fields)]
    other = {"negative": "positive", "positive": "negative"}
    for place, line in enumerate(lines):
        predicted = line["predicted_sentiment"]
        wrong = place % wrong_every == 0 if wrong_every else rng.random() > line["confidence"]
        line["true_sentiment"] = other[predicted] if wrong else predicted
    return [json.dumps(line).encode() + b"\n" for line in lines]


def alarms(statuses) -> set[str]:
    return {name for name, status in statuses.items() if status.alarm}


def test_undisturbed_traffic_raises_no_alarm(followed):
    append(followed.predictions, *requests(3_000), *judged(1_000, start=3_000))

    statuses = followed.look()

    assert alarms(statuses) == set()
    assert statuses["length"].n == 4_000
    assert statuses["accuracy"].n == 1_000


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("length", {}),
        ("vocabulary", {"known_share": 0.5}),
        ("confidence", {"confidence": 0.55}),
        ("prediction", {"predicted_sentiment": "positive"}),
    ],
)
def test_each_drift_raises_its_own_alarm(followed, name, fields):
    append(followed.predictions, *requests(500))
    long = {} if fields else {"model_version": VERSION}
    changed = [json.loads(line) | fields | long for line in requests(300, start=500)]
    if name == "length":
        changed = [line | {"request_text": line["request_text"] + " more" * 900} for line in changed]
    append(followed.predictions, *[json.dumps(line).encode() + b"\n" for line in changed])

    statuses = followed.look()

    assert alarms(statuses) == {name}
    assert statuses[name].alarm.started.number == pytest.approx(500, abs=25)


def test_many_wrong_answers_raise_both_alarms_of_accuracy(followed):
    append(followed.predictions, *judged(500, wrong_every=14), *judged(300, wrong_every=2, start=500))

    statuses = followed.look()

    assert {"accuracy", "validation"} <= alarms(statuses)
    assert statuses["validation"].alarm.raised.number < statuses["accuracy"].alarm.raised.number


def test_labels_that_come_later_count_when_they_come(followed):
    append(followed.predictions, *requests(200))
    assert followed.look()["accuracy"].n == 0

    append(followed.labels, *[feedback(f"id-{n}", "neither", minutes=1_000 + n) for n in range(200)])
    statuses = followed.look()

    assert statuses["accuracy"].n == 200
    assert "accuracy" in alarms(statuses)


def test_labels_that_come_before_their_predictions_count_once_these_come(followed):
    append(followed.labels, *[feedback(f"id-{n}", "neither") for n in range(50)])
    assert followed.look()["accuracy"].n == 0

    append(followed.predictions, *requests(50))

    assert followed.look()["accuracy"].n == 50


def test_of_labels_that_come_before_their_prediction_the_first_is_evidence(followed):
    for label in ("neither", "positive"):
        append(followed.labels, *[feedback(f"id-{n}", label) for n in range(50)])
        followed.look()
    append(followed.predictions, *requests(50, predicted_sentiment="positive"))

    statuses = followed.look()

    assert statuses["accuracy"].n == 50
    assert "accuracy" in alarms(statuses)


def test_only_the_first_label_of_an_answer_is_evidence(followed):
    append(followed.predictions, *judged(50, wrong_every=100))
    append(followed.labels, *[feedback(f"id-{n % 50}", "neither", minutes=n) for n in range(500)])

    assert followed.look()["accuracy"].n == 50


def test_labels_of_unknown_predictions_are_no_evidence(followed):
    append(followed.labels, *[feedback(f"unknown-{n}", "neither") for n in range(500)])

    assert followed.look()["accuracy"].n == 0


def test_repeated_texts_are_no_evidence(followed):
    lines = judged(100, wrong_every=14)
    for repeat in range(10):
        copies = [json.loads(line) | {"prediction_id": f"{repeat}-{n}"} for n, line in enumerate(lines)]
        append(followed.predictions, *[json.dumps(line).encode() + b"\n" for line in copies])

    statuses = followed.look()

    assert statuses["length"].n == statuses["accuracy"].n == 100
    assert followed.monitor.counts.requests == 1_000
    assert followed.monitor.counts.repeated_requests == followed.monitor.counts.repeated_labels == 900


def test_a_text_that_is_first_sent_without_a_label_and_then_with_one_is_evidence_of_both(followed):
    append(followed.predictions, prediction(model_version=VERSION, prediction_id="a"))
    append(followed.predictions, prediction(model_version=VERSION, prediction_id="b", true_sentiment="positive"))

    statuses = followed.look()

    assert (statuses["length"].n, statuses["accuracy"].n) == (1, 1)


def test_an_id_that_comes_twice_is_labelled_once(followed):
    append(followed.predictions, *judged(20, wrong_every=3), *judged(20, wrong_every=3, start=20, prediction_id="same"))

    assert followed.look()["accuracy"].n == 21


def test_answers_of_another_model_say_nothing_about_this_ones_profile(followed):
    append(followed.predictions, *judged(300, wrong_every=2, model_version="another"))

    statuses = followed.look()

    assert alarms(statuses) == {"accuracy"}
    assert {name for name, status in statuses.items() if status.n} == {"accuracy"}
    assert followed.monitor.counts.other_versions == 300


def test_lines_that_do_not_name_their_model_are_compared(followed):
    append(followed.predictions, *judged(100, model_version=None))

    assert followed.look()["validation"].n == 100


def test_labels_that_the_profile_does_not_know_are_counted_apart(followed):
    append(followed.predictions, *requests(100, predicted_sentiment="mixed"))

    statuses = followed.look()

    assert statuses["prediction"].n == 0
    assert followed.monitor.counts.unknown_labels == 100


def test_lines_without_confidence_or_known_share_are_still_watched_for_the_rest(followed):
    append(followed.predictions, *judged(100, wrong_every=14, confidence=None, known_share=None))

    statuses = followed.look()

    assert {name for name, status in statuses.items() if status.n} == {"accuracy", "validation", "length", "prediction"}


def test_a_clock_that_runs_backwards_changes_nothing(followed):
    lines = [json.loads(line) | {"timestamp": at(-n)} for n, line in enumerate(requests(300))]
    append(followed.predictions, *[json.dumps(line).encode() + b"\n" for line in lines])

    assert followed.look()["length"].n == 300


def test_garbage_between_the_lines_changes_nothing(followed, tmp_path):
    lines = judged(300, wrong_every=3)
    other = Followed(tmp_path / "clean")
    append(other.predictions, *lines)
    for line in lines:
        append(followed.predictions, line, b'{"half": \n', b"\xff\xfe\n", b"[]\n", b"\n")

    followed.look()
    other.look()

    assert followed.monitor.state()["signals"] == other.monitor.state()["signals"]


# Restarts, and files that are not what they were


def test_a_restart_goes_on_where_it_was_and_ends_in_the_same_state(followed, tmp_path):
    lines = [*judged(400, wrong_every=14), *judged(400, wrong_every=2, start=400)]
    whole = Followed(tmp_path / "whole")
    for start in range(0, 800, 40):
        followed = followed.restarted()
        append(followed.predictions, *lines[start : start + 40])
        append(whole.predictions, *lines[start : start + 40])
        followed.look()
        whole.look()

    same = ("version", "fingerprint", "counts", "signals")
    ours, theirs = followed.monitor.state(), whole.monitor.state()
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert "accuracy" in alarms(followed.monitor.statuses())


@given(st.lists(st.integers(0, 30_000), max_size=6), st.lists(st.booleans(), min_size=7, max_size=7), st.randoms())
def test_the_state_is_the_same_however_the_log_is_cut_into_looks_and_whatever_its_clock_does(cuts, restarts, chance):
    lines = [json.loads(line) for line in judged(60, wrong_every=3)]
    for line in lines:
        line["timestamp"] = at(chance.randint(-100, 100))
        line["prediction_id"] = chance.choice([line["prediction_id"], "same", None])
        line["request_text"] = chance.choice([line["request_text"][:50], "the same text"])
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    with TemporaryDirectory() as folder:
        followed, start = Followed(Path(folder)), 0
        for cut, restart in zip([*sorted(cuts), len(content)], restarts, strict=False):
            append(followed.predictions, content[start:cut])
            start = max(start, cut)
            followed.look()
            followed = followed.restarted() if restart else followed
        followed.look()
        whole = Followed(Path(folder))
        whole.look()

        assert json.dumps(followed.monitor.state()) == json.dumps(whole.monitor.state())


def test_very_many_events_are_taken_in_as_few_are(followed, tmp_path):
    whole, line = Followed(tmp_path / "whole"), json.loads(requests(1)[0])
    for start in range(0, EVENTS_AT_ONCE + 5_000, 9_000):
        numbers = range(start, start + 9_000)
        sent = [
            json.dumps(
                line | {"timestamp": at(n / 600), "request_text": f"text {n}", "prediction_id": f"id-{n}"}
            ).encode()
            for n in numbers
        ]
        early_and_late = [
            feedback(f"id-{n + offset}", "negative", (n + 0.5) / 600)
            for n, offset in zip(numbers[::50], [3_000, -3_000] * 90, strict=True)
        ]
        for log in (followed, whole):
            append(log.predictions, *(line + b"\n" for line in sent))
            append(log.labels, *early_and_late)
        followed.look()

    whole.look()

    assert followed.monitor.counts.labels > 1_000
    assert followed.monitor.state()["counts"] == whole.monitor.state()["counts"]
    assert json.dumps(followed.monitor.state()["signals"]) == json.dumps(whole.monitor.state()["signals"])


def test_a_label_finds_a_prediction_from_before_the_restart(followed):
    append(followed.predictions, *requests(50))
    followed.look()

    followed = followed.restarted()
    append(followed.labels, *[feedback(f"id-{n}", "neither") for n in range(50)])

    assert followed.look()["accuracy"].n == 50


@pytest.mark.parametrize("looks", [0, 1])
def test_a_label_from_before_the_restart_counts_once_its_prediction_comes(followed, looks):
    append(followed.labels, feedback("id-0", "neither", minutes=-5))
    assert followed.look()["accuracy"].n == 0

    followed = followed.restarted()
    for _ in range(looks):
        followed.look()
    append(followed.predictions, *requests(1))

    assert followed.look()["accuracy"].n == 1
    assert followed.monitor.counts.labels == 1
    assert followed.restarted().look()["accuracy"].n == 1


def test_a_repeat_of_a_text_from_before_the_restart_is_a_repeat(followed):
    append(followed.predictions, *requests(50))
    followed.look()

    followed = followed.restarted()
    copies = [json.loads(line) | {"prediction_id": f"copy-{n}"} for n, line in enumerate(requests(50))]
    append(followed.predictions, *[json.dumps(line).encode() + b"\n" for line in copies])

    assert followed.look()["length"].n == 50


def test_a_file_that_is_moved_away_is_not_read_again_and_a_new_one_is(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    followed.predictions.rename(followed.folder / "old.json")
    append(followed.predictions, *requests(50, start=100))

    assert followed.look()["length"].n == 150


def test_a_renamed_file_is_not_taken_in_again(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    followed.predictions.rename(followed.folder / "prediction_logs.old.json")
    append(followed.predictions, *requests(50, start=100))

    assert followed.look()["length"].n == 150
    assert followed.restarted().look()["length"].n == 150


def test_a_file_that_was_renamed_while_nobody_looked_is_not_taken_in_again(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    followed.predictions.rename(followed.folder / "prediction_logs.old.json")
    append(followed.predictions, *requests(50, start=100))

    assert followed.restarted().look()["length"].n == 150


def test_a_new_file_under_the_name_of_one_from_before_the_restart_is_taken_in(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    followed = followed.restarted()
    followed.look()
    followed.predictions.rename(followed.folder / "prediction_logs.old.json")
    append(followed.predictions, *requests(50, start=100))

    assert followed.look()["length"].n == 150


def test_a_file_that_goes_and_one_that_is_renamed_at_once_leave_nothing_to_count_again(followed):
    other = followed.folder / "prediction_logs.1.json"
    append(followed.predictions, *requests(100))
    append(other, *requests(100, start=100))
    followed.look()
    other.unlink()
    followed.predictions.rename(followed.folder / "prediction_logs.old.json")

    assert followed.look()["length"].n == 200


def test_a_file_that_is_cut_and_written_anew_is_read_from_its_start(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    os.truncate(followed.predictions, 0)
    append(followed.predictions, *requests(50, start=100))

    assert followed.look()["length"].n == 150


def test_other_files_are_not_read_again_when_one_goes(followed):
    other = followed.folder / "prediction_logs.1.json"
    append(followed.predictions, *requests(100))
    append(other, *requests(100, start=100))
    followed.look()
    other.unlink()

    assert followed.look()["length"].n == 200


def test_a_file_that_was_replaced_while_nobody_looked_is_read_from_its_start(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    followed.predictions.unlink()
    append(followed.predictions, *requests(120, start=100))

    assert followed.restarted().look()["length"].n == 220


def test_a_file_that_cannot_be_read_for_a_while_counts_once(followed):
    append(followed.predictions, *requests(100))
    followed.look()
    (followed.folder / "prediction_logs.2.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        followed.look()
    (followed.folder / "prediction_logs.2.json").rmdir()
    append(followed.predictions, *requests(50, start=100))

    assert followed.look()["length"].n == 150


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        {},
        {"version": 1},
        {"version": 99},
        {"fingerprint": "another"},
        {"counts": {}},
        {"counts": None},
        {"positions": {"prediction_logs.json": [1]}},
        {"positions": []},
        {"signals": {}},
        {"signals": {"accuracy": {}}},
    ],
)
def test_a_state_that_is_damaged_or_of_another_monitor_is_refused_and_nothing_is_taken_of_it(followed, damaged):
    append(followed.predictions, *requests(10))
    followed.look()
    good = followed.monitor.state()
    state = good | damaged if isinstance(damaged, dict) and damaged else damaged
    fresh = Monitor(REFERENCE, 0.8, 0.02)
    before = json.dumps(fresh.state())
    if isinstance(damaged, dict) and set(damaged) == {"version"} and damaged["version"] == 1:
        state = damaged

    with pytest.raises(StateUnusable):
        fresh.restore(state)

    assert json.dumps(fresh.state()) == before


def test_other_settings_or_another_profile_make_another_monitor():
    fingerprints = {
        Monitor(REFERENCE, 0.8, 0.02).fingerprint,
        Monitor(None, 0.8, 0.02).fingerprint,
        Monitor(REFERENCE, 0.9, 0.02).fingerprint,
        Monitor(REFERENCE, 0.8, 0.01).fingerprint,
        Monitor(REFERENCE, 0.8, 0.02, 10).fingerprint,
    }

    assert len(fingerprints) == 5


def test_without_a_profile_accuracy_is_watched(tmp_path):
    followed = Followed(tmp_path, reference=None)
    append(followed.predictions, *judged(200, wrong_every=2))

    assert alarms(followed.look()) == {"accuracy"}

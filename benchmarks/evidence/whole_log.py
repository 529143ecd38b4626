"""Streams written as a real log and read as the alerting service reads it, by LogReader and Monitor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.command import REPOSITORY
from benchmarks.evidence.labels import fall_name
from benchmarks.evidence.requests import CONFIDENCE, LENGTH, PREDICTION, VOCABULARY
from benchmarks.evidence.rules import VALIDATION, Alarm, first_alarm, signals_of, worse_than_shipped
from benchmarks.evidence.scenarios import Alarms, Detection, Figures, Measurement
from benchmarks.evidence.streams import (
    Chance,
    Floats,
    Ints,
    answers_wrong,
    chance_of,
    confidences,
    errors,
    known_shares,
    lengths,
    measured_reference,
    predictions,
    sampled_reference,
    shipped,
    validated,
)
from monitoring.alarms.monitor import Monitor
from monitoring.alarms.signals import FIT
from monitoring.reader import open_reader
from monitoring.settings import Settings
from monitoring.stats.reference import Reference

REQUESTS, LABELS = 200_000, 10_000
PART = 20_000  # requests between two looks at the log
LATEST = 1_000  # requests after its answer, at most, that a label comes
BEFORE, AFTER, GOOD_LABELS, LABELS_AFTER = 0.92, 0.80, 2_000, 3_000
REPEATED_STREAMS, LATE_STREAMS = 50, 100
REPEATS, REPEATED_REQUESTS, REPEATED_WITHIN = (2, 5, 10), 10_000, 1_000
END_TO_END = f"everything together: {REQUESTS:,} requests and {LABELS:,} labels through the log"
LATE = f"{fall_name(BEFORE, AFTER)}, labels up to {LATEST:,} requests late, through the log"
REPEATED = f"texts repeat, {REPEATED_REQUESTS:,} requests through the log"
SAME = "late labels: the same alarm as from the signal alone"
ANY_ALARM, DOUBT = "ours: any alarm", "ours: estimate contradicted (no alarm)"
ON_TIME = "ours, labels at once"
FIRST_SECOND = np.datetime64("2026-01-01T00:00:00.000000")


@dataclass
class Requests:
    """Fields of a log's requests, one array each; one request a second."""

    texts: Ints  # the same number, the same text
    words: Ints
    confidence: Floats
    known_share: Floats
    predicted: npt.NDArray[np.str_]


@dataclass
class Labels:
    """Fields of a log's labels in order of arrival: request, time in seconds, label."""

    of: Ints
    seconds: Floats
    true: npt.NDArray[np.str_]


def drawn_requests(n: int, chance: Chance) -> Requests:
    drawn = lengths(n, chance), confidences(n, chance), known_shares(n, chance), predictions(n, chance)
    return Requests(np.arange(n), *drawn)


def drawn_labels(requests: Requests, labelled: Ints, wrong: Ints, chance: Chance) -> Labels:
    """Labels of the requests `labelled`, whose predictions are `wrong`, each up to LATEST requests late."""
    names = np.array(sorted(shipped().label_counts))
    right = requests.predicted[labelled]
    true = np.where(wrong, np.where(right == names[0], names[1], names[0]), right)
    seconds = labelled.astype(np.float64) + (0.5 + np.floor(chance.random(len(labelled)) * LATEST))
    order = np.argsort(seconds, kind="stable")
    return Labels(labelled[order], seconds[order], true[order])


def read_by_monitor(reference: Reference, requests: Requests, labels: Labels | None) -> Monitor:
    """Write the stream to a folder of its own as the service would, and follow it as the alerting service would."""
    parent = REPOSITORY / ".run"
    parent.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=parent, prefix="evidence-") as folder:
        reader = open_reader(Settings(log_dir=Path(folder)), reference)
        for start in range(0, len(requests.texts) + LATEST, PART):
            append(Path(folder) / "prediction_logs.json", prediction_lines(requests, start, start + PART))
            if labels:
                append(Path(folder) / "feedback_logs.json", feedback_lines(labels, start, start + PART))
            reader.refresh()
    return reader.monitor


def append(path: Path, lines: Iterator[str]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def prediction_lines(requests: Requests, start: int, end: int) -> Iterator[str]:
    """Lines as the API writes them; a text is its number and a repeated word."""
    part = slice(start, end)
    version = shipped().model_version
    columns = (requests.texts, requests.words, requests.predicted, requests.confidence, requests.known_share)
    values = [column[part].tolist() for column in columns]
    numbers = range(start, start + len(values[0]))
    for number, time, text, words, predicted, confidence, known in zip(
        numbers, timestamps(np.array(numbers)), *values, strict=True
    ):
        yield (
            f'{{"timestamp": "{time}", "request_text": "{text}{filling(words)}", "predicted_sentiment": "{predicted}", '
            f'"true_sentiment": null, "prediction_id": "{number}", "confidence": {confidence}, '
            f'"model_version": "{version}", "known_share": {known}, "audit": false}}\n'
        )


def feedback_lines(labels: Labels, start: int, end: int) -> Iterator[str]:
    part = slice(*np.searchsorted(labels.seconds, [start, end]))
    times = timestamps(labels.seconds[part])
    for of, time, true in zip(labels.of[part].tolist(), times, labels.true[part].tolist(), strict=True):
        yield json.dumps({"timestamp": time, "prediction_id": str(of), "true_sentiment": true}) + "\n"


def timestamps(seconds: Ints | Floats) -> list[str]:
    times = FIRST_SECOND + (seconds * 1e6).astype("timedelta64[us]")
    return [f"{time}+00:00" for time in np.datetime_as_string(times).tolist()]


@cache
def filling(words: int) -> str:
    return " a" * (words - 1)


def alarm_of(monitor: Monitor, *names: str) -> Alarm:
    """The observation of the first alarm of any of these signals."""
    episodes = [monitor.statuses()[name].episodes for name in names]
    return min((of_signal[0].raised.number for of_signal in episodes if of_signal), default=None)


def scenarios() -> list[Detection]:
    return [
        Detection(LATE, late, GOOD_LABELS + LABELS_AFTER, GOOD_LABELS, LATE_STREAMS),
        Detection(REPEATED, repeated, REPEATED_REQUESTS, streams=REPEATED_STREAMS),
        Detection(END_TO_END, end_to_end, REQUESTS),
    ]


def end_to_end(stream: int) -> Alarms:
    """A model as accurate as validated, and stable traffic."""
    chance = chance_of(END_TO_END, stream)
    requests = drawn_requests(REQUESTS, chance)
    labelled = np.sort(chance.choice(REQUESTS, LABELS, replace=False))
    wrong = answers_wrong(requests.confidence[labelled], chance)
    labels = drawn_labels(requests, labelled, wrong, chance)
    monitor = read_by_monitor(measured_reference(chance), requests, labels)
    counts = monitor.counts
    assert (counts.requests, counts.labels, counts.repeated_requests) == (REQUESTS, LABELS, 0)
    alarms = {f"ours: {name}": alarm_of(monitor, name) for name in monitor.statuses() if name != FIT}
    raised = [alarm for alarm in alarms.values() if alarm is not None]
    return {ANY_ALARM: min(raised, default=None), **alarms, DOUBT: alarm_of(monitor, FIT)}


def late(stream: int) -> Alarms:
    """Every prediction gets its label late and out of order; the delay counts from the first label of a worse
    prediction."""
    chance = chance_of(LATE, stream)
    reference, requests, labels, wrong = late_labels(chance)
    monitor = read_by_monitor(reference, requests, labels)
    first_worse = int(np.flatnonzero(labels.of >= GOOD_LABELS)[0])
    number = alarm_of(monitor, "validation")
    return {
        ON_TIME: worse_than_shipped(reference, wrong),
        f"ours, labels up to {LATEST:,} requests late": number and max(number - first_worse + GOOD_LABELS, 1),
    }


def late_labels(chance: Chance) -> tuple[Reference, Requests, Labels, Ints]:
    requests = drawn_requests(GOOD_LABELS + LABELS_AFTER, chance)
    wrong = np.concatenate([errors(BEFORE, GOOD_LABELS, chance), errors(AFTER, LABELS_AFTER, chance)])
    labels = drawn_labels(requests, np.arange(len(wrong)), wrong, chance)
    return validated(shipped(), BEFORE, shipped().validation_n, chance), requests, labels, wrong


def same_verdict(stream: int) -> Figures:
    """Whether the log gives the same alarm as the signal alone does on the labels in order of arrival."""
    chance = chance_of(LATE, stream)
    reference, requests, labels, wrong = late_labels(chance)
    found = alarm_of(read_by_monitor(reference, requests, labels), "validation")
    return {VALIDATION: float(found == worse_than_shipped(reference, wrong[labels.of]))}


def repeated(stream: int) -> Alarms:
    """Stable traffic with each text sent several times within REPEATED_WITHIN requests."""
    chance = chance_of(REPEATED, stream)
    reference = sampled_reference(chance)
    alarms: Alarms = {}
    for times in REPEATS:
        requests = repeated_requests(times, chance)
        monitor = read_by_monitor(reference, requests, None)
        alarms[f"ours, each text {times} times"] = alarm_of(monitor, LENGTH, VOCABULARY, CONFIDENCE, PREDICTION)
        raw = first_alarm(signals_of(reference)[LENGTH], requests.words)
        alarms[f"the same, length only, if repeats counted, each text {times} times"] = raw
    return alarms


def repeated_requests(times: int, chance: Chance) -> Requests:
    once = drawn_requests(REPEATED_REQUESTS // times, chance)
    blocks = np.repeat(np.arange(len(once.texts)), times).reshape(-1, REPEATED_WITHIN)
    order = chance.permuted(blocks, axis=1).ravel()
    return Requests(**{name: column[order] for name, column in vars(once).items()})


def measurements() -> list[Measurement]:
    return [Measurement(SAME, same_verdict, streams=30)]

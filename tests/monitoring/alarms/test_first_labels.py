"""Which label is the first of a request: labels that come with it, after it, before it, and more than once."""

import pytest

from monitoring.alarms.first_labels import FirstLabels
from monitoring.log.encoding import microseconds
from monitoring.log.files.tailed_file import TailedFile
from monitoring.log.lines import read_labels, read_predictions
from monitoring.store.arrivals import Arrivals
from monitoring.store.rows import Store
from tests.monitoring.conftest import at, feedback, prediction


class Log:
    """A log that gains lines, and the first labels of its requests."""

    def __init__(self, folder) -> None:
        paths = folder / "prediction_logs.json", folder / "feedback_logs.json"
        for path in paths:
            path.touch()
        self.files = [TailedFile(path, 0) for path in paths]
        self.store, self.first_labels = Store(), FirstLabels()

    def gain(self, predictions=(), labels=(), taken_in=None) -> list[tuple[int, str | None, float, bool]]:
        """The rows that get their first label, each with the label, its minute, and whether it is new evidence."""
        store, first = self.store, self.store.table.rows
        store.table.append(read_predictions([line.rstrip() for line in predictions], 0, store.names)[0], 0)
        came, _ = read_labels([line.rstrip() for line in labels], 0, store.names)
        repeated = store.index(first)
        arrived = Arrivals(
            store.table,
            store.names,
            first,
            [(self.files[0], store.table.rows - first)],
            [(self.files[1], came)],
            store.rows_of,
            repeated,
            restarted=False,
        )
        found = []
        for _, judged in self.first_labels.meet(arrived, taken_in or {}):
            _, rows, values, times, are_new = (column.tolist() for column in judged)
            names = [store.names.texts[value] for value in values]
            minutes = [(time - microseconds(at(0)) / 1e6) / 60 for time in times]
            found += list(zip(rows, names, minutes, are_new, strict=True))
        store.label(first, came)
        return found


@pytest.fixture
def log(tmp_path) -> Log:
    return Log(tmp_path)


def request(name: str, minutes: float = 0, true_sentiment: str | None = None) -> bytes:
    return prediction(timestamp=at(minutes), prediction_id=name, true_sentiment=true_sentiment)


def test_a_label_that_comes_with_its_request_is_the_first(log):
    assert log.gain([request("a", 1), request("b", 2, "negative")]) == [(1, "negative", 2, True)]


def test_a_label_finds_a_request_of_the_same_look_and_of_an_earlier_one(log):
    assert log.gain([request("a"), request("b", 1)], [feedback("b", "negative", 2)]) == [(1, "negative", 2, True)]
    assert log.gain(labels=[feedback("a", "positive", 3)]) == [(0, "positive", 3, True)]


def test_later_labels_are_corrections(log):
    log.gain([request("a", 0, "positive"), request("b", 1)], [feedback("b", "positive", 2)])

    assert log.gain(labels=[feedback("a", "negative", 3), feedback("b", "negative", 4)]) == []


def test_of_two_labels_in_one_look_the_one_that_was_written_first_is_the_first(log):
    labels = [feedback("a", "negative", 5), feedback("a", "positive", 4)]

    assert log.gain([request("a")], labels) == [(0, "negative", 5, True)]


def test_a_label_waits_for_a_request_that_comes_in_a_later_look(log):
    assert log.gain(labels=[feedback("a", "negative", 1), feedback("a", "positive", 2)]) == []
    assert log.gain([request("a", 3)]) == [(0, "negative", 1, True)]
    assert log.gain(labels=[feedback("a", "positive", 4)]) == []


def test_a_label_that_is_older_than_its_request_meets_it_in_the_same_look(log):
    assert log.gain([request("a", 3)], [feedback("a", "negative", 1)]) == [(0, "negative", 1, True)]


def test_the_label_that_a_request_brings_goes_before_one_that_waits_for_it(log):
    log.gain(labels=[feedback("a", "negative", 1)])

    assert log.gain([request("a", 3, "positive")]) == [(0, "positive", 3, True)]


def test_only_the_first_request_of_an_id_is_labelled(log):
    assert log.gain([request("a", 0), request("a", 1, "positive")], [feedback("a", "negative", 2)]) == [
        (0, "negative", 2, True)
    ]


def test_requests_that_get_a_label_are_in_order_of_what_completes_the_pair(log):
    found = log.gain([request("a", 0), request("b", 1, "positive"), request("c", 4)], [feedback("a", "positive", 2)])

    assert [row for row, *_ in found] == [1, 0]


def test_a_pair_of_lines_that_were_taken_in_before_is_no_new_evidence(log):
    known = {file.name: 10**9 for file in log.files}

    assert log.gain([request("a"), request("b", 1, "positive")], [feedback("a", "negative", 2)], known) == [
        (1, "positive", 1, False),
        (0, "negative", 2, False),
    ]


def test_a_pair_is_new_evidence_if_either_line_is_new(log):
    log.gain(labels=[feedback("a", "negative", 1)], taken_in={"feedback_logs.json": 10**9})

    assert log.gain([request("a", 2)]) == [(0, "negative", 1, True)]


def test_what_it_remembers_can_be_recalled(log):
    log.gain([request("a", 0, "positive"), request("b")], [feedback("c", "negative", 1)])
    again = FirstLabels()
    again.recall(log.first_labels.memory())
    log.first_labels = again

    found = log.gain([request("c", 2)], [feedback("a", "negative", 3), feedback("b", "negative", 4)])

    assert found == [(2, "negative", 1, True), (1, "negative", 4, True)]

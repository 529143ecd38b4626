"""Requests and labels in any order of arrival, against a model that looks through all of them each time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.log.encoding import Names
from monitoring.log.lines import Labels, Predictions, read_labels, read_predictions
from monitoring.store.columns import NEVER
from monitoring.store.rows import REPEATS_IN_FIGURES, Sightings, Store
from monitoring.store.tally import ALWAYS, SECOND, Tally, step_for, tally
from tests.monitoring.conftest import at, feedback, prediction, store_of

minutes = st.integers(-3, 3) | st.integers(-100_000, 100_000)
ids = st.sampled_from(["a", "b", "c", "d", None])
sent = st.builds(
    prediction,
    timestamp=minutes.map(at),
    request_text=st.sampled_from(["one", "one two", "three"]),
    prediction_id=ids,
    true_sentiment=st.sampled_from(["good", "bad", None]),
    model_version=st.sampled_from(["v1", None]),
)
labelled = st.builds(feedback, ids.filter(bool), st.sampled_from(["good", "bad", "odd"]), minutes)
batches = st.lists(st.tuples(st.lists(sent, max_size=5), st.lists(labelled, max_size=5)), max_size=6)


def predictions_in(lines: list[bytes], names: Names) -> Predictions:
    return read_predictions([line[:-1] for line in lines], 0, names)[0]


def labels_in(lines: list[bytes], names: Names) -> Labels:
    return read_labels([line[:-1] for line in lines], 0, names)[0]


def take_in(store: Store, lines: list[bytes], labels: list[bytes]) -> list[int]:
    """As the reader does; returns the new rows whose id an earlier one has."""
    first = store.table.rows
    store.table.append(predictions_in(lines, store.names), 0)
    repeated = store.index(first)
    store.label(first, labels_in(labels, store.names))
    return repeated.tolist()


class Model:
    """All requests and labels that came, as lists."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, int, int]] = []  # time, key, label that they were sent with
        self.labels: list[tuple[int, int, int]] = []  # key, time, label

    def take_in(self, requests: Predictions, labels: Labels) -> list[int]:
        keys = [key for _, key, _ in self.requests]
        came = zip(requests.time.tolist(), requests.key.tolist(), requests.true.tolist(), strict=True)
        repeated = []
        for time, key, true in came:
            if key and key in keys:
                repeated.append(len(self.requests))
            keys.append(key)
            self.requests.append((time, key, true))
        self.labels += zip(labels.key.tolist(), labels.time.tolist(), labels.true.tolist(), strict=True)
        return repeated

    def true(self) -> list[int]:
        latest: dict[int, tuple[int, int]] = {}
        for key, time, label in self.labels:
            if key not in latest or latest[key][0] <= time:
                latest[key] = time, label
        return [latest[key][1] if key in latest else true for _, key, true in self.requests]

    def unmatched(self) -> int:
        return len({key for key, _, _ in self.labels} - {key for _, key, _ in self.requests})


def recounted(store: Store) -> Tally:
    """The tally of all rows as they are now."""
    rows = store.table.take(np.arange(store.table.rows))
    span = int(np.ptp(rows.time)) if store.table.rows else 0
    return tally(rows, step_for(span))


def same(one: Tally, other: Tally) -> bool:
    def plain(of: Tally) -> list:
        return [[key.tolist() for key in cells.keys] + cells.amounts.tolist() for cells in of[1:]]

    return one.step == other.step and plain(one) == plain(other)


@given(batches)
def test_labels_are_joined_and_counted_in_whatever_order_they_come(batches):
    store, model = Store(), Model()
    for lines, labels in batches:
        names = store.names
        expected = model.take_in(predictions_in(lines, names), labels_in(labels, names))

        assert take_in(store, lines, labels) == expected
        assert store.table.take(np.arange(store.table.rows)).true.tolist() == model.true()
        assert store.unmatched == model.unmatched()
        assert same(store.whole, recounted(store))


@given(batches, batches)
def test_a_store_made_of_what_another_kept_goes_on_as_that_one(before, after):
    store = Store()
    for lines, labels in before:
        take_in(store, lines, labels)
    names, blocks = [str(name) for name in store.names.texts[1:]], store.table.part(0)
    again = Store.of(names, blocks, store.arrays(), store.unmatched)
    assert same(again.whole, store.whole)

    for lines, labels in after:
        assert take_in(again, lines, labels) == take_in(store, lines, labels)

    ours, theirs = (of.table.take(np.arange(of.table.rows)) for of in (again, store))
    assert [column.tolist() for column in ours] == [column.tolist() for column in theirs]
    assert again.unmatched == store.unmatched
    assert same(again.whole, store.whole)


def test_the_steps_of_time_become_longer_when_the_log_does():
    store = Store()
    steps = []
    for minutes in (0, 1, 100, 10_000, 1_000_000, -1_000_000):
        take_in(store, [prediction(timestamp=at(minutes))], [])
        steps.append(store.whole.step)
        assert same(store.whole, recounted(store))

    assert steps == sorted(steps)
    assert steps[0] == SECOND
    assert all(longer % shorter == 0 for shorter, longer in pairwise(steps))


def test_a_label_takes_its_request_out_of_those_without_one():
    store = store_of(prediction(prediction_id="a"), prediction(prediction_id="b"))
    before = store.whole
    take_in(store, [], [feedback("a", "good")])

    assert before.answers.amounts.tolist() == [[2, 1]]
    assert store.whole.answers.amounts.tolist() == [[1, 0], [1, 1]]
    assert store.whole.answers.keys[2].tolist() == [0, store.names["good"]]


def test_what_was_given_out_stays_as_it_was():
    store = store_of(prediction(prediction_id="a"))
    (piece,), whole = store.table.part(0), store.whole
    take_in(store, [prediction(prediction_id="b")], [feedback("a", "good")])

    assert piece.true.tolist() == [0]
    assert whole.answers.amounts.tolist() == [[1, 1]]


# Texts that were seen before


def times_and_previous(store: Store) -> list[tuple[int, int]]:
    rows = store.table.take(np.arange(store.table.rows))
    return list(zip(rows.time.tolist(), rows.previous.tolist(), strict=True))


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(["v1", "v2", None]), minutes), max_size=15))
def test_a_request_knows_when_its_version_answered_its_text_before(rows):
    lines = [prediction(request_text=text, model_version=name, timestamp=at(time)) for text, name, time in rows]
    found = times_and_previous(store_of(*lines))

    for place, (text, name, _) in enumerate(rows):
        before = [found[other][0] for other in range(place) if rows[other][:2] == (text, name)]
        assert found[place][1] == max(before, default=NEVER)


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), minutes), max_size=15), minutes)
def test_different_texts_in_a_range_of_time_are_counted_once_each(rows, start):
    store = store_of(*(prediction(request_text=text, timestamp=at(time)) for text, time in rows))
    columns = store.table.take(np.arange(store.table.rows))
    since = read_predictions([prediction(timestamp=at(start)).strip()], 0, Names())[0].time.item()
    within = columns.part(columns.time >= since)

    assert int(tally(within, SECOND, since).answers.amounts[:, 1].sum()) == len(np.unique(within.text))
    assert int(tally(columns, SECOND, ALWAYS).answers.amounts[:, 1].sum()) == len(np.unique(columns.text))


def test_a_text_is_remembered_until_so_many_others_came():
    def seen_again_after(others: int) -> bool:
        sightings = Sightings()
        sightings.see([1], [7])
        sightings.see(list(range(2, others + 2)), [8] * others)
        (previous,) = sightings.see([1], [9]).tolist()
        assert previous in (7, NEVER)
        return previous == 7

    assert seen_again_after(0)
    assert seen_again_after(REPEATS_IN_FIGURES - 1)
    assert not seen_again_after(2 * REPEATS_IN_FIGURES + 2)


def test_a_text_that_is_sent_all_the_time_is_never_forgotten():
    sightings = Sightings()
    found = []
    for round_ in range(5):
        others = list(range(round_ * 30_000 + 2, (round_ + 1) * 30_000))
        found += sightings.see([1, *others], [round_] * (len(others) + 1)).tolist()[:1]

    assert found == [NEVER, 0, 1, 2, 3]


def test_sightings_go_on_where_they_were():
    sightings, again = Sightings(), Sightings()
    sightings.see(list(range(REPEATS_IN_FIGURES + 10)), list(range(REPEATS_IN_FIGURES + 10)))
    again.recall(sightings.all())
    asked = [0, 5, REPEATS_IN_FIGURES + 9, 10**9]

    assert again.see(asked, [1] * 4).tolist() == sightings.see(asked, [1] * 4).tolist()


@pytest.mark.parametrize("lost", ["labels", "label_keys", "newer_texts", "older_times"])
def test_without_all_that_another_kept_there_is_no_store(lost):
    arrays = store_of(prediction()).arrays()

    with pytest.raises(KeyError):
        Store.of([], [], {name: array for name, array in arrays.items() if name != lost}, 0)

"""The index against a plain dict of lists."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitoring.store.sorted_runs import SortedRuns

few_keys = st.integers(0, 12) | st.sampled_from([2**64 - 1, 2**63])
batches = st.lists(st.lists(few_keys, max_size=30), max_size=12)


def of_keys(keys):
    return np.array(keys, dtype=np.uint64)


class Model:
    """What the index is to be, without its speed."""

    def __init__(self) -> None:
        self.records: dict[int, list[int]] = defaultdict(list)
        self.n = 0

    def add(self, keys: list[int]) -> list[bool]:
        had = []
        for key in keys:
            had.append(bool(self.records[key]))
            self.records[key].append(self.n)
            self.n += 1
        return had


def both(batches) -> tuple[SortedRuns, Model]:
    """An index and its model, given the same entries, whose records count up."""
    runs, model = SortedRuns("u4"), Model()
    for keys in batches:
        records = np.arange(model.n, model.n + len(keys))
        assert runs.add(of_keys(keys), records).tolist() == model.add(keys)
    return runs, model


@given(batches, st.lists(few_keys, max_size=10))
def test_all_entries_of_a_key_are_found_the_oldest_first(batches, asked):
    runs, model = both(batches)
    places, records = runs.find(of_keys(asked))

    assert len(places) == sum(len(model.records.get(key, [])) for key in asked)
    for place, key in enumerate(asked):
        assert records[places == place].tolist() == model.records.get(key, [])


@given(batches, st.lists(few_keys, max_size=10))
def test_a_key_has_an_entry_or_not_and_a_first_one(batches, asked):
    runs, model = both(batches)

    assert runs.has(of_keys(asked)).tolist() == [bool(model.records.get(key)) for key in asked]
    assert runs.first(of_keys(asked), -1).tolist() == [(model.records.get(key) or [-1])[0] for key in asked]


@given(batches, st.lists(few_keys, max_size=10))
def test_an_index_made_of_all_entries_is_the_same(batches, asked):
    runs, _ = both(batches)
    again = SortedRuns("u4")
    again.add(*runs.all())

    found, expected = again.find(of_keys(asked)), runs.find(of_keys(asked))
    order, expected_order = (np.argsort(places, kind="stable") for places, _ in (found, expected))
    assert found[0][order].tolist() == expected[0][expected_order].tolist()
    assert found[1][order].tolist() == expected[1][expected_order].tolist()


@given(st.lists(st.integers(1, 40), max_size=40))
def test_there_are_few_runs_and_each_is_sorted(sizes):
    rng = np.random.default_rng(len(sizes))
    runs = SortedRuns("u4")
    for size in sizes:
        runs.add(rng.integers(0, 2**64, size, dtype=np.uint64), np.arange(size))

    lengths = [len(keys) for keys, _ in runs.runs]
    assert sum(lengths) == sum(sizes)
    assert all(longer >= 2 * shorter for longer, shorter in pairwise(lengths))
    assert all((np.diff(keys.astype(object)) >= 0).all() for keys, _ in runs.runs if len(keys) > 1)


def test_an_empty_index_has_nothing():
    runs = SortedRuns("u4")

    assert runs.has(of_keys([1, 2])).tolist() == [False, False]
    assert runs.first(of_keys([1, 2]), -7).tolist() == [-7, -7]
    assert [column.tolist() for column in (*runs.find(of_keys([1])), *runs.all())] == [[], [], [], []]
    assert runs.add(of_keys([]), np.array([])).tolist() == []


def test_nothing_asked_is_nothing_found():
    runs, _ = both([[1, 2]])

    assert [column.tolist() for column in runs.find(of_keys([]))] == [[], []]
    assert runs.has(of_keys([])).tolist() == []


def test_records_may_have_several_parts():
    kind = np.dtype([("time", "i8"), ("true", "u2")])
    runs = SortedRuns(kind)
    runs.add(of_keys([5, 5]), np.array([(-1, 3), (7, 4)], dtype=kind))

    assert runs.find(of_keys([5]))[1].tolist() == [(-1, 3), (7, 4)]

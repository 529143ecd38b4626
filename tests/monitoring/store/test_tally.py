"""Tallies against pandas, and that parts of them add up to the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.store.columns import EMPTY, KINDS, NEVER, Columns
from monitoring.store.tally import (
    ALWAYS,
    COARSE_STEPS,
    MOST_STEPS,
    SECOND,
    SHARE_STEPS,
    STEPS,
    Cells,
    Tally,
    grouped,
    share_steps,
    step_for,
    tally,
    total,
)

shares = st.sampled_from([0.0, 0.5, 0.90001, 1.0, float("nan")]) | st.floats(0, 1)
numbers = st.integers(0, 3) | st.just(65_535)
times = st.integers(-(10**13), 10**13) | st.integers(0, 5 * SECOND)
requests = st.fixed_dictionaries(
    {
        "time": times,
        "previous": times | st.just(NEVER),
        "words": numbers,
        "predicted": numbers,
        "true": numbers,
        "version": numbers,
        "confidence": shares,
        "known_share": shares,
    }
)
many = st.lists(requests, max_size=40)


def columns(rows: list[dict]) -> Columns:
    names = [name for name in KINDS if rows and name in rows[0]]
    given = {name: np.array([row[name] for row in rows], dtype=KINDS[name]) for name in names}
    rest = {name: np.zeros(len(rows), dtype=kind) for name, kind in KINDS.items()}
    return Columns(**(rest | given))


def amounts(cells: Cells) -> dict[tuple, tuple]:
    """By combination of keys, which must stand in their order and each once."""
    keys = list(zip(*(key.tolist() for key in cells.keys), strict=True))
    assert keys == sorted(set(keys))
    return dict(zip(keys, map(tuple, cells.amounts.tolist()), strict=True))


def same(one: Tally, other: Tally) -> bool:
    cells = zip(one[1:], other[1:], strict=True)
    kinds = [[key.dtype for key in of.keys] for of in one[1:]] == [[key.dtype for key in of.keys] for of in other[1:]]
    return kinds and one.step == other.step and all(amounts(ours) == amounts(theirs) for ours, theirs in cells)


def counted_by_pandas(rows: list[dict], since: int, step: int) -> dict[str, dict[tuple, tuple]]:
    """The tables of a tally, one of which is a group of rows each."""
    table = pd.DataFrame(rows)
    table["n"], table["distinct"] = 1, (table["previous"] < since).astype(int)
    table["step"], table["length"] = table["time"] // step, table["words"] * table["distinct"]
    for name, source, number in [
        ("sure", "confidence", SHARE_STEPS),
        ("coarse", "confidence", COARSE_STEPS),
        ("known", "known_share", SHARE_STEPS),
    ]:
        table[name] = [number + 1 if share != share else round(share * number) for share in table[source]]

    def of(keys: list[str], sums: list[str]) -> dict[tuple, tuple]:
        found = table.groupby(keys)[sums].sum()
        return {key: tuple(row) for key, row in zip(found.index, found.to_numpy().tolist(), strict=True)}

    spans = table.groupby(["version", "predicted"])["time"].agg(["min", "max"])
    both = ["n", "distinct"]
    return {
        "answers": of(["version", "predicted", "true", "sure"], both),
        "lengths": of(["version", "predicted", "words"], both),
        "known": of(["version", "predicted", "known"], both),
        "steps": of(["step", "version", "predicted", "true", "coarse"], [*both, "length"]),
        "spans": {key: tuple(row) for key, row in zip(spans.index, spans.to_numpy().tolist(), strict=True)},
    }


@given(many.filter(len), st.sampled_from(STEPS[:4]), st.sampled_from([ALWAYS, 0, SECOND]))
def test_requests_are_counted_as_pandas_groups_them(rows, step, since):
    found = tally(columns(rows), step, since)

    assert {name: amounts(getattr(found, name)) for name in Tally._fields[1:]} == counted_by_pandas(rows, since, step)


@given(st.lists(many, min_size=1, max_size=4), st.sampled_from(STEPS))
def test_parts_add_up_to_the_tally_of_all(parts, step):
    whole = tally(columns([row for rows in parts for row in rows]), step)

    assert same(total([tally(columns(rows), step) for rows in parts]), whole)


@given(many, many)
def test_what_is_taken_away_again_was_never_there_but_in_the_times(kept, taken):
    whole = tally(columns([*kept, *taken]), SECOND)
    rest = total([whole, tally(columns(taken), SECOND)], [1, -1])

    assert same(rest._replace(spans=whole.spans), tally(columns(kept), SECOND)._replace(spans=whole.spans))
    assert amounts(rest.spans) == amounts(whole.spans)


@given(many)
def test_a_request_with_another_label_is_counted_in_its_place(rows):
    relabelled = [row | {"true": 9} for row in rows]
    before, after = tally(columns(rows), SECOND), tally(columns(relabelled), SECOND)

    assert same(total([before, after, before], [1, 1, -1]), after)


def test_no_requests_are_an_empty_tally():
    found = tally(EMPTY, SECOND)

    assert [len(cells.amounts) for cells in found[1:]] == [0] * 5
    assert [cells.amounts.shape[1] for cells in found[1:]] == [2, 2, 2, 3, 2]
    assert same(total([found, found], [1, -1]), found)


def test_a_text_is_different_if_it_was_not_sent_since_the_range_began():
    rows = [
        {"time": 10, "previous": previous, "words": 4, "predicted": 1, "true": 0, "version": 1}
        | {"confidence": 0.5, "known_share": 0.5}
        for previous in (NEVER, 3, 5, 9)
    ]

    assert [tally(columns(rows), SECOND, since).lengths.amounts.tolist() for since in (ALWAYS, 4, 5, 10)] == [
        [[4, 1]],
        [[4, 2]],
        [[4, 2]],
        [[4, 4]],
    ]


def test_keys_that_hardly_fit_into_one_number_are_told_apart():
    wide = [np.array([0, 2**62, 0, 2**62]), np.array([-(2**62), 2**62, -(2**62), 5])]
    found = grouped(tuple(wide), np.array([[1], [2], [4], [8]]))

    assert amounts(found) == {(0, -(2**62)): (5,), (2**62, 2**62): (2,), (2**62, 5): (8,)}


@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(-3, 3), st.integers(-2, 2)), max_size=30))
def test_sums_are_those_of_equal_keys_and_nothing_is_left_of_nothing(rows):
    keys = tuple(np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    expected: dict[tuple, int] = {}
    for one, other, amount in rows:
        expected[one, other] = expected.get((one, other), 0) + amount

    found = grouped(keys, np.array([[row[2]] for row in rows], dtype=np.int64).reshape(-1, 1))

    assert amounts(found) == {key: (amount,) for key, amount in expected.items() if amount}


def test_each_step_is_a_multiple_of_those_before_it():
    assert STEPS[0] == SECOND
    assert all(longer % shorter == 0 for place, longer in enumerate(STEPS) for shorter in STEPS[:place])


@given(st.integers(0, 10**16), st.integers(1, MOST_STEPS))
def test_the_step_for_a_span_is_the_shortest_of_which_so_many_are_enough(span, most):
    step = step_for(span, most)
    enough = [one for one in STEPS if one * most >= span]

    assert step == (enough[0] if enough else STEPS[-1])


@given(st.lists(shares, max_size=20), st.sampled_from([SHARE_STEPS, COARSE_STEPS]))
def test_shares_are_counted_in_steps_and_nan_beyond_them(values, number):
    steps = share_steps(np.array(values, dtype=np.float64), number)

    assert steps.dtype == np.uint16
    assert steps.tolist() == [number + 1 if value != value else round(value * number) for value in values]


@pytest.mark.parametrize("value", [0.5, 0.9, 0.97, 0.8125, 0.1234])
def test_decimals_with_four_places_are_whole_steps(value):
    assert share_steps(np.array([value])).item() / SHARE_STEPS == value

"""The table of requests: rows in blocks, of which those that were given out stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.log.lines import Predictions
from monitoring.store.columns import BLOCK_ROWS, EMPTY, KINDS, NEVER, Columns, Table, by_block, take

SIZES = st.sampled_from([0, 1, 7, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 5])


def numbered(first: int, n: int) -> Predictions:
    """Requests whose columns all say their number."""
    number = np.arange(first, first + n)
    kinds = {"end": "i8", **KINDS}
    return Predictions(*(number.astype(kinds[name]) for name in Predictions._fields))


def filled(*sizes: int) -> Table:
    table = Table()
    for size in sizes:
        table.append(numbered(table.rows, size), file=3)
    return table


def times(pieces: list[Columns]) -> list[int]:
    return np.concatenate([EMPTY.time, *(piece.time for piece in pieces)]).tolist()


def test_rows_have_all_columns_of_the_requests_their_file_and_no_earlier_sighting():
    row = filled(3).take(np.array([2]))

    assert row.time.tolist() == row.start.tolist() == row.text.tolist() == row.key.tolist() == [2]
    assert row.words.tolist() == row.predicted.tolist() == row.true.tolist() == row.version.tolist() == [2]
    assert row.confidence.tolist() == row.known_share.tolist() == [2.0]
    assert (row.audit.tolist(), row.file.tolist(), row.previous.tolist()) == ([True], [3], [NEVER])
    assert {name: column.dtype for name, column in row._asdict().items()} == {
        name: np.dtype(kind) for name, kind in KINDS.items()
    }


@given(st.lists(SIZES, max_size=4), st.integers(0, 3 * BLOCK_ROWS))
def test_rows_stand_in_the_order_in_which_they_were_appended(sizes, first):
    table = filled(*sizes)
    first = min(first, table.rows)

    assert table.rows == sum(sizes)
    assert times(table.part(first)) == list(range(first, table.rows))
    assert all(0 < len(piece.time) <= BLOCK_ROWS for piece in table.part(first))


@given(st.lists(SIZES, min_size=1, max_size=3), st.data())
def test_any_rows_can_be_taken_in_any_order(sizes, data):
    table = filled(*sizes, 1)
    rows = data.draw(st.lists(st.integers(0, table.rows - 1), max_size=20))

    assert table.take(np.array(rows, dtype=np.int64)).time.tolist() == rows
    some = table.take(np.array(rows, dtype=np.int64), "time", "key")
    assert (some.time.tolist(), some.key.tolist()) == (rows, rows)
    assert len(some.words) == 0
    assert take(table.part(0), np.array(rows, dtype=np.int64)).start.tolist() == rows


@given(st.lists(SIZES, max_size=3), st.integers(0, 3 * BLOCK_ROWS), SIZES)
def test_what_was_cut_off_can_be_appended_anew(sizes, kept, more):
    table = filled(*sizes)
    kept = min(kept, table.rows)
    table.cut(kept)
    assert times(table.part(0)) == list(range(kept))

    table.append(numbered(kept, more), file=0)

    assert times(table.part(0)) == list(range(kept + more))


def test_what_was_given_out_stays_as_it_was_when_rows_are_appended_cut_and_labelled():
    table = filled(BLOCK_ROWS + 5)
    given_out = table.part(0)
    before = [column.copy() for piece in given_out for column in piece]
    rows = np.array([BLOCK_ROWS + 4, 0, 2])

    table.append(numbered(0, 9), file=1)
    table.label(rows, np.array([7, 8, 9], dtype=np.uint16))
    table.cut(BLOCK_ROWS + 5)
    table.append(numbered(0, 9), file=1)

    assert all((was == now).all() for was, now in zip(before, (c for p in given_out for c in p), strict=True))
    assert table.take(rows).true.tolist() == [7, 8, 9]
    assert table.take(np.array([1])).true.tolist() == [1]


def test_labels_leave_the_columns_of_other_blocks_the_same_objects():
    table = filled(2 * BLOCK_ROWS)
    first, second = table.blocks
    table.label(np.array([BLOCK_ROWS]), np.array([7], dtype=np.uint16))

    assert table.blocks[0] is first
    assert table.blocks[1].true is not second.true
    assert table.blocks[1].time is second.time


@pytest.mark.parametrize("rows", [1, 5, BLOCK_ROWS])
def test_blocks_can_be_put_back_and_appended_to(rows):
    table = Table()
    for piece in filled(BLOCK_ROWS + rows).part(0):
        table.append_block(piece)
    table.append(numbered(table.rows, 3), file=0)

    assert times(table.part(0)) == list(range(BLOCK_ROWS + rows + 3))


def test_places_are_told_by_block():
    rows = np.array([BLOCK_ROWS + 1, 0, 3 * BLOCK_ROWS, BLOCK_ROWS])

    assert [(block, places.tolist()) for block, places in by_block(rows)] == [(0, [1]), (1, [0, 3]), (3, [2])]
    assert list(by_block(rows[:0])) == []


def test_a_part_of_columns_is_given_by_a_mask_or_by_places():
    (piece,) = filled(4).part(0)

    assert piece.part(np.array([True, False, False, True])).time.tolist() == [0, 3]
    assert piece.part(np.array([2, 1])).time.tolist() == [2, 1]
    assert piece.part(slice(1, 3)).time.tolist() == [1, 2]

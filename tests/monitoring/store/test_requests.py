"""Requests are found in memory, however many blocks they fill, and read from files that may have gone."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.log.encoding import EPOCH, Names
from monitoring.log.files.stored_lines import StoredLines
from monitoring.reader import Snapshot
from monitoring.store.columns import BLOCK_ROWS, EMPTY, KINDS, NEVER, Columns
from monitoring.store.requests import A_DAY, Requests
from monitoring.store.tally import SECOND, SHARE_STEPS, share_steps, tally
from tests.monitoring.conftest import append, at, every, feedback, prediction, watched_log

ROWS = 2 * BLOCK_ROWS + 1_000
NO_LINES = StoredLines(())


@pytest.fixture(scope="module")
def columns() -> Columns:
    """More than two blocks, whose clock jumps now and then, and of which many are of one moment."""
    rng = np.random.default_rng(20261123)
    time = np.repeat(np.arange(ROWS // 4 + 1), 4)[:ROWS] * SECOND
    time[rng.integers(0, ROWS, 200)] -= rng.integers(0, 10 * A_DAY, 200)
    drawn = {
        "time": time,
        "predicted": rng.integers(1, 3, ROWS),
        "true": rng.integers(0, 3, ROWS),
        "confidence": np.where(rng.random(ROWS) < 0.1, np.nan, rng.random(ROWS)),
        "audit": rng.random(ROWS) < 0.001,
        "previous": np.full(ROWS, NEVER),
    }
    return Columns(**{name: drawn.get(name, np.zeros(ROWS)).astype(kind) for name, kind in KINDS.items()})


@pytest.fixture(scope="module")
def requests(columns) -> Requests:
    pieces = tuple(columns.part(slice(start, start + BLOCK_ROWS)) for start in range(0, ROWS, BLOCK_ROWS))
    return Requests(pieces, Names(["a", "b"]), NO_LINES)


def in_order(columns: Columns, mask=slice(None)) -> list[int]:
    """Rows by time, those of one moment as they arrived."""
    rows = np.arange(len(columns.time))[mask]
    return rows[np.argsort(columns.time[rows], kind="stable")].tolist()


def audited(columns: Columns):
    return columns.audit


def nothing(columns: Columns):
    return np.zeros(len(columns.time), dtype=bool)


# What memory has


def test_requests_are_found_in_the_order_of_time(requests, columns):
    assert requests.rows == ROWS
    assert requests.where(every).tolist() == in_order(columns)
    assert requests.where(audited).tolist() == in_order(columns, columns.audit)
    assert requests.where(nothing).tolist() == []
    assert (requests.number(every), requests.number(nothing)) == (ROWS, 0)
    assert requests.number(audited) == columns.audit.sum()


@pytest.mark.parametrize("limit", [1, 7, 1_500, BLOCK_ROWS + 3, ROWS, ROWS + 5])
def test_the_newest_are_the_last_in_order_of_time(requests, columns, limit):
    assert requests.newest(every, limit).tolist() == in_order(columns)[::-1][:limit]


def test_the_newest_are_among_those_that_are_wanted(requests, columns):
    wanted = in_order(columns, columns.audit)[::-1]

    assert requests.newest(audited, 20).tolist() == wanted[:20]
    assert requests.newest(audited, ROWS).tolist() == wanted
    assert requests.newest(nothing, 20).tolist() == []


def test_the_newest_do_not_stand_where_the_log_ends_if_its_clock_was_set_back():
    pieces = []
    for start in (3, 1, 2):
        filled = {name: np.zeros(BLOCK_ROWS, dtype=kind) for name, kind in KINDS.items()}
        pieces.append(Columns(**filled | {"time": np.arange(BLOCK_ROWS) + start * BLOCK_ROWS}))
    newest = Requests(tuple(pieces), Names(), NO_LINES).newest(every, BLOCK_ROWS + 2)

    assert newest.tolist() == [*range(BLOCK_ROWS - 1, -1, -1), 3 * BLOCK_ROWS - 1, 3 * BLOCK_ROWS - 2]


def test_of_requests_of_one_moment_the_last_are_the_newest_in_whatever_block():
    moment = Columns(**{name: np.zeros(BLOCK_ROWS, dtype=kind) for name, kind in KINDS.items()})
    requests = Requests((moment, moment, moment.part(slice(0, 2))), Names(), NO_LINES)

    assert requests.newest(every, 4).tolist() == [*range(2 * BLOCK_ROWS + 1, 2 * BLOCK_ROWS - 3, -1)]


@given(st.lists(st.integers(0, ROWS - 1), max_size=10))
def test_parts_stand_in_the_order_in_which_they_were_asked_for(requests, columns, rows):
    part = requests.part(np.array(rows, dtype=np.int64), "time", "audit")

    assert part.time.tolist() == columns.time[rows].tolist()
    assert part.audit.tolist() == columns.audit[rows].tolist()
    assert len(part.confidence) == 0


@pytest.mark.parametrize("row", [0, 1, 4_001, BLOCK_ROWS, ROWS - 1])
def test_confidences_are_those_of_what_stands_before_a_row(requests, columns, row):
    order = in_order(columns)
    before = np.array(order[: order.index(row)], dtype=np.int64)
    steps = share_steps(columns.confidence[before][columns.predicted[before] == 1])
    expected = np.unique(steps[steps <= SHARE_STEPS], return_counts=True)

    found = requests.confidences_before(row, lambda of: of.predicted == 1)

    assert found["confidence"].tolist() == (expected[0] / SHARE_STEPS).tolist()
    assert found["n"].tolist() == expected[1].tolist()


def test_the_last_day_ends_with_the_latest_request(requests, columns):
    recent = columns.time > columns.time.max() - A_DAY
    times, labels = requests.last_day()

    assert sorted(times.tolist()) == sorted(columns.time[recent].tolist())
    assert labels == (columns.true[recent] > 0).sum()


@pytest.mark.parametrize("seconds", [-(10**6), 0, ROWS // 8, ROWS // 4 - 10, ROWS])
def test_requests_of_a_range_of_time_are_counted(requests, columns, seconds):
    since = EPOCH + timedelta(seconds=seconds)
    within = columns.part(columns.time >= seconds * SECOND)

    found = requests.count(since, tally(columns, SECOND))

    expected = tally(within, found.step, seconds * SECOND)
    assert [cells.amounts.tolist() for cells in found[1:]] == [cells.amounts.tolist() for cells in expected[1:]]


def test_without_a_range_the_whole_is_counted_already(requests, columns):
    whole = tally(columns, SECOND)

    assert requests.count(None, whole) is whole


def test_the_latest_time_is_that_of_any_request(requests, columns):
    assert requests.latest == EPOCH + timedelta(microseconds=int(columns.time.max()))


def test_of_no_requests_there_is_nothing_to_find():
    none = Requests((), Names(), NO_LINES)

    assert (none.rows, none.latest, none.number(every)) == (0, None, 0)
    assert none.where(every).tolist() == none.newest(every, 5).tolist() == []
    assert none.read([]) == []
    assert (none.last_day()[0].tolist(), none.last_day()[1]) == ([], 0)
    whole = tally(EMPTY, SECOND)
    assert [len(cells.amounts) for cells in none.count(datetime.now(UTC), whole)[1:]] == [0] * 5


# What is read from disk


@pytest.fixture
def folder(tmp_path) -> Path:
    for file, name in enumerate(("prediction_logs.json", "prediction_logs.1.json")):
        lines = [
            prediction(request_text=f"é {file} {n}", prediction_id=f"{file}-{n}", timestamp=at(n)) for n in range(3)
        ]
        append(tmp_path / name, *lines)
    return tmp_path


def texts(snapshot: Snapshot, rows=None) -> list[str]:
    requests = snapshot.requests
    return [found.line.request_text for found in requests.read(requests.where(every) if rows is None else rows)]


def test_lines_are_read_from_all_files_in_the_order_in_which_they_were_asked_for(folder):
    snapshot = watched_log(folder).refresh()
    found = snapshot.requests.read([5, 0, 5])

    assert [request.row for request in found] == [5, 0, 5]
    assert texts(snapshot) == [f"é {file} {n}" for n in range(3) for file in (1, 0)]


def test_lines_have_the_label_that_counts(folder):
    append(folder / "feedback_logs.json", feedback("0-1", "negative"))
    append(folder / "prediction_logs.json", prediction(request_text="own", prediction_id="own", true_sentiment="odd"))

    found = {request.line.prediction_id: request.line.true_sentiment for request in read_all(folder)}

    assert found == {"0-0": None, "0-1": "negative", "0-2": None, "1-0": None, "1-1": None, "1-2": None, "own": "odd"}


def read_all(folder: Path):
    requests = watched_log(folder).refresh().requests
    return requests.read(requests.where(every))


def test_requests_are_found_by_their_id(folder):
    append(folder / "prediction_logs.json", prediction(request_text="again", prediction_id="1-1", timestamp=at(9)))
    requests = watched_log(folder).refresh().requests

    assert [found.line.request_text for found in requests.of_id("1-1")] == ["é 1 1", "again"]
    assert requests.of_id("unknown") == []


def test_rows_of_a_file_that_vanished_are_left_out(folder):
    snapshot = watched_log(folder).refresh()
    (folder / "prediction_logs.1.json").unlink()

    assert texts(snapshot) == ["é 0 0", "é 0 1", "é 0 2"]


def test_rows_whose_place_another_line_has_taken_are_left_out(folder):
    snapshot = watched_log(folder).refresh()
    lines = [prediction(request_text=f"è 0 {n}", prediction_id=f"0-{n}", timestamp=at(n)) for n in range(3)]
    (folder / "prediction_logs.json").unlink()
    append(folder / "prediction_logs.json", *lines)

    assert texts(snapshot) == ["é 1 0", "é 1 1", "é 1 2"]


def test_rows_of_a_file_that_was_cut_are_left_out(folder):
    snapshot = watched_log(folder).refresh()
    os.truncate(folder / "prediction_logs.json", len(prediction(request_text="é 0 0", prediction_id="0-0")) + 20)

    assert texts(snapshot) == ["é 1 0", "é 0 0", "é 1 1", "é 1 2"]


def test_rows_whose_line_is_no_prediction_any_more_are_left_out(folder):
    snapshot = watched_log(folder).refresh()
    with (folder / "prediction_logs.1.json").open("r+b") as file:
        file.write(b"[" * 100)

    assert texts(snapshot) == ["é 0 0", "é 1 1", "é 0 1", "é 1 2", "é 0 2"]


def test_a_file_that_cannot_be_read_hides_its_rows_and_no_others(folder):
    snapshot = watched_log(folder).refresh()
    (folder / "prediction_logs.1.json").unlink()
    (folder / "prediction_logs.1.json").mkdir()

    assert texts(snapshot) == ["é 0 0", "é 0 1", "é 0 2"]


def test_rows_of_a_renamed_file_are_there_once_that_was_noticed(folder):
    reader = watched_log(folder)
    before = reader.refresh()
    (folder / "prediction_logs.json").rename(folder / "prediction_logs.old.json")

    assert texts(before) == ["é 1 0", "é 1 1", "é 1 2"]
    assert len(texts(reader.refresh())) == 6

"""What a reader keeps on disk: gone on from, it changes nothing but the time; damaged, it is left aside."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alarms.monitor import Monitor
from monitoring.reader import LogReader
from monitoring.store.checkpoint import Checkpoint, Content, Saver, Unusable
from monitoring.store.columns import BLOCK_ROWS, KINDS, Columns
from tests.monitoring.conftest import append, at, feedback, prediction
from tests.monitoring.growth import REFERENCE, Change, Follower, apply, changes, figures

GROWTH = ("prediction", "prediction", "prediction", "feedback", "feedback", "garbage")


@pytest.fixture
def log(tmp_path) -> Path:
    """A folder with requests, some of which repeat, and labels: early ones, late ones, corrections and unknown ones."""
    folder = tmp_path / "logs"
    append(
        folder / "prediction_logs.json",
        *(line(n, request_text=f"text {n % 20}") for n in range(40)),
        b"garbage\n",
        line(40, prediction_id=None, true_sentiment="positive"),
    )
    append(folder / "prediction_logs.1.json", *(line(n, confidence=0.75) for n in range(50, 60)))
    append(folder / "feedback_logs.json", *(feedback(f"id-{n}", "negative", n) for n in (3, 55, 3, 70, 99)))
    return folder


@pytest.fixture
def kept(tmp_path) -> Path:
    return tmp_path / "state" / "dashboard"


@pytest.fixture(autouse=True)
def quiet_or_heard(caplog) -> None:
    caplog.set_level(logging.WARNING, "dashboard")


def line(number: int, **fields) -> bytes:
    own = {"timestamp": at(number), "request_text": f"text {number}", "prediction_id": f"id-{number}"}
    return prediction(**own | {"model_version": REFERENCE.model_version} | fields)


def more(folder: Path) -> None:
    """What comes later: labels of old rows and corrections, one for a labelled text, repeats of old texts, and those
    that early labels waited for."""
    append(
        folder / "prediction_logs.json",
        *(line(n, request_text=f"text {n % 30}") for n in range(65, 80)),
        line(3, timestamp=at(80)),
        b"more garbage\n",
    )
    append(folder / "prediction_logs.2.json", *(line(n, predicted_sentiment="negative") for n in range(80, 85)))
    append(folder / "feedback_logs.json", *(feedback(f"id-{n}", "odd", 100 + n) for n in (0, 3, 20, 23, 82, 110)))


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# A restart


def test_a_restart_knows_all_that_was_read(log, kept, caplog):
    before = Follower(log, kept)
    before.look()

    again = Follower(log, kept)

    assert again.exactly() == before.exactly()
    assert figures(again.look()) == figures(before.look())
    assert said(caplog) == []


def test_a_restart_does_not_read_again_what_was_read(log, kept):
    before = Follower(log, kept).look().requests.part(np.array([0]))
    path = log / "prediction_logs.1.json"
    with path.open("r+b") as file:
        file.write(line(50, confidence=0.75, request_text="TEXT 50"))

    assert Follower(log, kept).look().requests.part(np.array([0])).text.tolist() == before.text.tolist()


def test_what_comes_after_a_restart_is_taken_in_as_if_there_had_been_none(log, kept):
    never_ended = Follower(log)
    never_ended.look()
    Follower(log, kept).look()
    more(log)

    again = Follower(log, kept)

    assert again.exactly() == never_ended.exactly()
    assert figures(again.look()) == figures(never_ended.look())


def test_a_restart_after_nothing_but_labels_came_knows_them(log, kept):
    before = Follower(log, kept)
    before.look()
    append(log / "feedback_logs.json", feedback("id-7", "odd", 200), feedback("id-200", "odd", 200))
    before.look()

    assert Follower(log, kept).exactly() == before.exactly()


def test_a_renamed_file_is_gone_on_with(log, kept, caplog):
    Follower(log, kept).look()
    (log / "prediction_logs.json").rename(log / "prediction_logs.old.json")
    append(log / "prediction_logs.json", line(300))

    found = Follower(log, kept).look()

    assert said(caplog) == []
    assert (found.requests.rows, found.files) == (52, 3)
    assert found.counts.requests == 52
    assert len(found.requests.read(range(52))) == 52


def test_a_log_that_has_nothing_can_be_kept_and_gone_on_from(tmp_path, kept):
    (tmp_path / "logs").mkdir()
    Follower(tmp_path / "logs", kept).look()
    append(tmp_path / "logs" / "prediction_logs.json", line(0))

    assert Follower(tmp_path / "logs", kept).look().requests.rows == 1


@given(changes(*GROWTH, "look", "restart", files=2))
def test_restarts_change_nothing_that_a_reader_says(happened):
    with tempfile.TemporaryDirectory() as folder:
        log, kept = Path(folder, "logs"), Path(folder, "state")
        log.mkdir()
        follower = Follower(log, kept)
        grow(happened, log, {"look": lambda: follower.look(), "restart": lambda: follower.go_on(log, kept)})

        assert figures(follower.look()) == figures(Follower(log).look())


@given(changes(*GROWTH, "look", "restart"))
def test_of_one_file_each_row_is_the_same_after_restarts(happened):
    with tempfile.TemporaryDirectory() as folder:
        log, kept = Path(folder, "logs"), Path(folder, "state")
        log.mkdir()
        follower = Follower(log, kept)
        grow(happened, log, {"look": lambda: follower.look(), "restart": lambda: follower.go_on(log, kept)})

        assert follower.exactly() == Follower(log).exactly()


def grow(happened: list[Change], log: Path, other: dict[str, Callable[[], object]]) -> None:
    for number, change in enumerate(happened):
        if change.kind in other:
            other[change.kind]()
        else:
            apply(change, log, number)


# What is odd about it


def damage_header(kept: Path, find: bytes, put: bytes) -> None:
    header = kept / "header.json"
    content = header.read_bytes()
    assert find in content
    header.write_bytes(content.replace(find, put, 1))


def rewrite_header(kept: Path, **fields) -> None:
    header = json.loads((kept / "header.json").read_text())
    (kept / "header.json").write_text(json.dumps(header | fields))


HEADER, OF_PROGRAM = "its header is damaged", "another version of the program wrote it"
SETTINGS = "it was written with other settings or another profile"
ANOTHER_LOG = "the log is another one, or a file of it has gone"
ODD: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a header that was cut": (lambda kept, log: os.truncate(kept / "header.json", 100), HEADER),
    "an empty header": (lambda kept, log: (kept / "header.json").write_bytes(b""), HEADER),
    "another letter in it": (lambda kept, log: damage_header(kept, b'"negative"', b'"negatiwe"'), HEADER),
    "a list": (lambda kept, log: (kept / "header.json").write_bytes(b"[]"), "it is damaged (TypeError"),
    "nothing in it": (lambda kept, log: (kept / "header.json").write_bytes(b"{}"), "it is damaged (KeyError"),
    "a folder in its place": (lambda kept, log: make_a_folder(kept / "header.json"), "Is a directory"),
    "a newer version": (lambda kept, log: rewrite_header(kept, version=999), OF_PROGRAM),
    "another format": (lambda kept, log: rewrite_header(kept, format="another"), OF_PROGRAM),
    "other settings": (lambda kept, log: rewrite_header(kept, fingerprint="x"), SETTINGS),
    "predictions that have gone": (lambda kept, log: (log / "prediction_logs.1.json").unlink(), ANOTHER_LOG),
    "labels that have gone": (lambda kept, log: (log / "feedback_logs.json").unlink(), ANOTHER_LOG),
    "a file that was cut": (lambda kept, log: os.truncate(log / "prediction_logs.json", 9), ANOTHER_LOG),
    "a file that was replaced": (lambda kept, log: replace(log / "prediction_logs.1.json"), ANOTHER_LOG),
}


def replace(path: Path) -> None:
    """By a longer file, in place."""
    path.write_bytes(b"".join(line(n) for n in range(400, 430)))


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(("happens", "why"), ODD.values(), ids=ODD)
def test_what_is_odd_is_left_aside_and_said_and_the_log_read_from_its_start(log, kept, caplog, happens, why):
    Follower(log, kept).look()
    happens(kept, log)

    again, never_ended = Follower(log, kept), Follower(log)

    assert len(said(caplog)) == 1
    assert said(caplog)[0].startswith(f"{kept} is not resumed: {why}")
    assert said(caplog)[0].endswith("; the log is read from its start")
    assert figures(again.look()) == figures(never_ended.look())
    more(log)
    assert again.exactly() == never_ended.exactly()


@pytest.mark.parametrize("how", ["gone", "cut", "a flipped bit", "longer", "empty"])
def test_each_file_of_it_is_needed_as_it_was(log, kept, caplog, how):
    Follower(log, kept).look()
    names = sorted(path.name for path in kept.glob("*.bin"))
    assert {name.rsplit("-", 1)[0] for name in names} >= {"rows-00000", "judged", "early", "texts", "labels"}
    contents = {name: (kept / name).read_bytes() for name in names}
    for name, content in contents.items():
        damaged = {
            "cut": content[:-1] or b"x",
            "a flipped bit": bytes([*content[:-1], content[-1] ^ 4]) if content else b"x",
            "longer": content + b"\0",
            "empty": b"" if content else b"x",
        }
        (kept / name).unlink() if how == "gone" else (kept / name).write_bytes(damaged[how])
        caplog.clear()

        again = Follower(log, kept)

        assert len(said(caplog)) == 1
        assert f"{name} is {'missing' if how == 'gone' else 'damaged'}" in said(caplog)[0]
        assert again.reader.refresh().counts.requests == 51
        assert again.reader.saver
        again.reader.saver.wait()
        for path in kept.glob("*.bin"):
            path.unlink()
        for before, whole in contents.items():
            (kept / before).write_bytes(whole)


places = st.integers(0, 10**6)  # of bytes and files, however many there are


@given(places, st.lists(st.tuples(places, st.integers(0, 7)), min_size=1, max_size=3), st.none() | places)
def test_whatever_happens_to_its_bytes_the_figures_are_right(file, flipped, cut):
    with tempfile.TemporaryDirectory() as folder:
        log, kept = Path(folder, "logs"), Path(folder, "state")
        append(log / "prediction_logs.0.json", *(line(n, request_text=f"text {n % 4}") for n in range(9)))
        append(log / "feedback_logs.0.json", feedback("id-2", "odd"), feedback("id-20", "odd"))
        Follower(log, kept).look()
        paths = sorted(path for path in kept.iterdir() if path.stat().st_size)
        path = paths[file % len(paths)]
        content = bytearray(path.read_bytes())
        for place, bit in flipped:
            content[place % len(content)] ^= 1 << bit
        path.write_bytes(content if cut is None else content[: cut % len(content)])
        append(log / "prediction_logs.0.json", line(20), line(21, request_text="text 1"))

        assert Follower(log, kept).exactly() == Follower(log).exactly()


def test_another_log_is_not_taken_for_the_one_that_was_read(tmp_path, log, kept, caplog):
    Follower(log, kept).look()
    other = tmp_path / "other"
    append(other / "prediction_logs.json", (log / "prediction_logs.json").read_bytes())
    append(other / "prediction_logs.1.json", (log / "prediction_logs.1.json").read_bytes())
    append(other / "feedback_logs.json", (log / "feedback_logs.json").read_bytes())

    found = Follower(other, kept).look()

    assert "the log is another one" in said(caplog)[0]
    assert found.requests.rows == 51


def test_other_settings_read_the_log_anew(log, kept, caplog):
    Follower(log, kept).look()

    reader = LogReader(log, Monitor(REFERENCE, 0.7, 0.02), Checkpoint(kept))

    assert "other settings or another profile" in said(caplog)[0]
    assert reader.refresh().counts.requests == 51


def test_a_checkpoint_that_was_left_aside_is_written_anew(log, kept, caplog):
    Follower(log, kept).look()
    os.truncate(kept / "header.json", 10)
    Follower(log, kept).look()
    caplog.clear()

    assert Follower(log, kept).look().requests.rows == 51
    assert said(caplog) == []


# Writing it


def content_of(rows: int, *, state: int = 0, blocks: list[Columns] | None = None) -> Content:
    numbers = np.arange(rows)
    filled = Columns(**{name: numbers.astype(kind) for name, kind in KINDS.items()})
    parts = [filled.part(slice(start, start + BLOCK_ROWS)) for start in range(0, rows, BLOCK_ROWS)]
    return Content(
        "settings", [], [], ["a", "é"], blocks or parts, {"some": numbers, "none": numbers[:0]}, {"n": state}
    )


def loaded(folder: Path) -> Content:
    found = Checkpoint(folder).load("settings")
    assert found is not None
    return found


def test_what_is_written_is_loaded_as_it_was(kept):
    written = content_of(BLOCK_ROWS + 5)
    Checkpoint(kept).save(written)
    found = loaded(kept)

    assert [len(block.time) for block in found.blocks] == [BLOCK_ROWS, 5]
    for ours, theirs in zip(found.blocks, written.blocks, strict=True):
        assert all((one == other).all() for one, other in zip(ours, theirs, strict=True))
        assert [column.dtype for column in ours] == [np.dtype(kind) for kind in KINDS.values()]
    assert (found.names, found.state) == (["a", "é"], {"n": 0})
    assert (found.arrays["some"] == written.arrays["some"]).all()
    assert found.arrays["none"].tolist() == []


def test_nothing_written_is_nothing_to_load(kept):
    assert Checkpoint(kept).load("settings") is None
    kept.mkdir(parents=True)
    assert Checkpoint(kept).load("settings") is None


def times_written(kept: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in kept.glob("rows-*.bin")}


def test_only_blocks_that_have_changed_are_written(kept):
    first = content_of(2 * BLOCK_ROWS + 5)
    checkpoint = Checkpoint(kept)
    checkpoint.save(first)
    before = times_written(kept)
    full, labelled, last = first.blocks
    labelled = labelled._replace(true=labelled.true + np.uint16(1))
    longer = Columns(*(np.concatenate([column, column]) for column in last))

    checkpoint.save(content_of(0, blocks=[full, labelled, longer], state=1))

    after = times_written(kept)
    assert len(after) == 3
    assert [name.split("-")[1] for name in before.keys() & after.keys()] == ["00000"]
    assert all(after[name] == before[name] for name in before.keys() & after.keys())
    found = loaded(kept)
    assert (found.blocks[1].true == labelled.true).all()
    assert (len(found.blocks[2].time), found.state) == (10, {"n": 1})


def test_after_a_restart_too_full_blocks_are_not_written_again(tmp_path, kept):
    path = tmp_path / "prediction_logs.json"
    append(path, *(line(n, request_text="short") for n in range(BLOCK_ROWS + 10)))
    Follower(tmp_path, kept).look()
    before = times_written(kept)
    append(path, line(10**6))

    again = Follower(tmp_path, kept)
    assert again.look().requests.rows == BLOCK_ROWS + 11

    after = times_written(kept)
    assert (len(before), len(after)) == (2, 2)
    assert [name.split("-")[1] for name in before.keys() & after.keys()] == ["00000"]
    assert all(after[name] == before[name] for name in before.keys() & after.keys())
    append(tmp_path / "feedback_logs.json", feedback("id-5", "odd"))
    append(path, line(10**6 + 1))
    again.look()
    assert [name for name in after if name in times_written(kept)] == []
    assert Follower(tmp_path, kept).exactly() == again.exactly()


def test_a_block_whose_file_has_gone_is_written_again(kept):
    checkpoint, content = Checkpoint(kept), content_of(BLOCK_ROWS + 5)
    checkpoint.save(content)
    for path in kept.glob("rows-*.bin"):
        path.unlink()
    checkpoint.save(content)

    assert len(loaded(kept).blocks) == 2


def test_files_that_are_not_used_any_more_are_deleted_and_others_left(kept):
    checkpoint = Checkpoint(kept)
    checkpoint.save(content_of(BLOCK_ROWS + 5))
    (kept / "notes.txt").write_text("mine")
    checkpoint.save(content_of(3))

    assert [path.name.rsplit("-", 1)[0] for path in sorted(kept.glob("*.bin"))] == ["none", "rows-00000", "some"]
    assert (kept / "notes.txt").exists()
    assert len(loaded(kept).blocks[0].time) == 3


def test_a_save_that_fails_leaves_what_was_there(kept):
    Checkpoint(kept).save(content_of(5, state=1))
    (kept / "header.new").mkdir()
    with pytest.raises(IsADirectoryError):
        Checkpoint(kept).save(content_of(9, state=2))

    found = loaded(kept)
    assert (found.state, len(found.blocks[0].time)) == ({"n": 1}, 5)


def test_a_damaged_block_says_which_file_it_is(kept):
    Checkpoint(kept).save(content_of(5))
    (path,) = kept.glob("rows-*.bin")
    os.truncate(path, 10)

    with pytest.raises(Unusable, match=f"{path.name} is damaged"):
        loaded(kept)


# Who may write it, and where it cannot be written


def test_the_folder_belongs_to_one_reader_and_to_the_next_when_that_one_has_gone(log, kept, caplog):
    first, second = Follower(log, kept), Follower(log, kept)
    first.look()
    header = (kept / "header.json").read_bytes()
    second.look()

    assert (kept / "header.json").read_bytes() == header
    assert [message.split(" (")[0] for message in said(caplog)] == [
        f"what was read of the log cannot be kept in {kept}"
    ]
    del first
    more(log)
    second.look()
    assert (kept / "header.json").read_bytes() != header
    assert Follower(log, kept).look().requests.rows == second.look().requests.rows


def test_a_folder_that_cannot_be_written_is_said_once_and_again_after_it_could(log, tmp_path, caplog):
    obstacle = tmp_path / "state"
    obstacle.write_bytes(b"")
    follower = Follower(log, obstacle / "dashboard")
    for number in range(3):
        append(log / "prediction_logs.json", line(500 + number))
        assert follower.look().requests.rows == 52 + number
    assert said(caplog) == [
        f"{obstacle / 'dashboard'} is not resumed: Not a directory: {obstacle / 'dashboard' / 'header.json'}; the "
        "log is read from its start",
        f"what was read of the log cannot be kept in {obstacle / 'dashboard'} (Not a directory): a restart will read "
        "it all again",
    ]

    obstacle.unlink()
    append(log / "prediction_logs.json", line(510))
    follower.look()
    assert Follower(log, obstacle / "dashboard").look().requests.rows == 55
    assert len(said(caplog)) == 2


# When it is written


class Asked:
    """Counts how often the content was wanted."""

    def __init__(self, kept: Path, rows: int = 0) -> None:
        self.saver, self.times = Saver(Checkpoint(kept), rows, set()), 0

    def __call__(self, rows: int) -> int:
        self.saver.consider(rows, self.content)
        self.saver.wait()
        return self.times

    def content(self) -> Content:
        self.times += 1
        return content_of(3)


def test_it_is_written_when_enough_has_come_since_the_last_time(kept):
    asked = Asked(kept)

    assert [asked(rows) for rows in (0, 9_999, 10_000, 19_999, 20_000)] == [0, 0, 1, 1, 2]
    assert [asked(rows) for rows in (1_000_000, 1_050_000, 1_055_000)] == [3, 3, 4]
    assert asked(50) == 4


def test_what_was_loaded_needs_not_be_written(kept):
    asked = Asked(kept, rows=1_000_000)

    assert [asked(rows) for rows in (1_000_000, 1_000_500, 1_060_000)] == [0, 0, 1]


def test_after_a_while_a_little_is_enough(kept):
    asked = Asked(kept)
    asked.saver.SECONDS = 0.0

    assert [asked(rows) for rows in (0, 1, 1, 2)] == [0, 1, 1, 2]

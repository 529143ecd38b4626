"""Files of the log that are closed, compressed and deleted: what they held stays counted, once."""

import fcntl
import gzip
import json
import logging
import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alarms.monitor import Monitor
from monitoring.log.files.folder import Hold, is_closed, length, paths
from monitoring.log.files.tail import LogTail
from monitoring.log.files.tailed_file import TailedFile
from monitoring.reader import LogReader
from monitoring.store.arrivals import Arrivals
from monitoring.store.checkpoint import Checkpoint
from tests.conftest import wait_until
from tests.monitoring.conftest import append, at, feedback, prediction, predictions_of
from tests.monitoring.growth import REFERENCE, Change, Follower, apply, changes, figures, statistics

GROWTH = ("prediction", "prediction", "prediction", "feedback", "feedback", "garbage")


@pytest.fixture
def log(tmp_path) -> Path:
    folder = tmp_path / "logs"
    append(folder / "prediction_logs.json", *(line(number) for number in range(40)))
    append(folder / "feedback_logs.json", *(feedback(f"id-{number}", "negative", 50) for number in range(0, 40, 3)))
    (folder / "retention.lock").touch()
    return folder


@pytest.fixture
def kept(tmp_path) -> Path:
    return tmp_path / "state"


def line(number: int, **fields) -> bytes:
    own = {"timestamp": at(number), "request_text": f"a text {number % 7}", "prediction_id": f"id-{number}"}
    return prediction(**own | fields)


def close(path: Path, number: int = 0) -> Path:
    """As the API does when a file is full."""
    stem = path.name.partition(".")[0]
    return path.rename(path.with_name(f"{stem}-20261126T120000.{number:06}Z-00ff.json"))


def close_all(folder: Path, number: int = 0) -> None:
    for path in sorted(folder.glob("*_logs*.json")):
        if not is_closed(path.name):
            close(path, number * 1000 + sum(path.name.encode()) % 1000)


def pack(path: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


def is_free(path: Path) -> bool:
    """Whether nobody holds a lock of the file or folder."""
    fd = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def may_delete(folder: Path) -> bool:
    """Whether the API would delete closed files, by the lock of the folder, and by that of the file, which is all that
    counts on a network file system. Both must say the same."""
    by_folder, by_file = is_free(folder), is_free(folder / "retention.lock")
    assert by_folder == by_file
    return by_file


def closed(folder: Path) -> list[Path]:
    return [
        path for stem in ("prediction_logs", "feedback_logs") for path in paths(folder, stem) if is_closed(path.name)
    ]


# What a reader says


def test_a_file_that_is_closed_is_not_read_again_and_the_next_one_is(log):
    follower = Follower(log)
    before = follower.look()
    close_all(log)
    append(log / "prediction_logs.json", line(40))

    after = follower.look()

    assert after.requests.rows == before.requests.rows + 1
    assert after.counts.requests == 41
    assert len(predictions_of(after)) == 41


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_deleted_stays_counted_and_can_no_longer_be_shown(log, kept, restart, caplog):
    follower = Follower(log, kept)
    before = statistics(follower.look())
    close_all(log)
    follower.look()
    for path in closed(log):
        path.unlink()
    if restart:
        follower = Follower(log, kept)

    after = follower.look()

    assert statistics(after) == before
    assert (after.requests.rows, after.files) == (40, 0)
    assert after.requests.read(range(40)) == []
    assert caplog.records == []


def test_what_comes_after_something_was_deleted_is_counted_with_it(log, kept):
    never_deleted = Follower(log)
    never_deleted.look()
    follower = Follower(log, kept)
    follower.look()
    close_all(log)
    follower.look()
    for path in closed(log):
        path.unlink()
    append(log / "prediction_logs.json", *(line(number) for number in range(40, 50)))
    append(log / "feedback_logs.json", feedback("id-1", "positive", 60), feedback("id-45", "positive", 60))

    for reader in (follower, Follower(log, kept)):
        after = reader.look()
        assert after.requests.rows == 50
        assert after.unmatched_feedback == 0
        assert [request.line.prediction_id for request in after.requests.read([45, 0, 49])] == ["id-45", "id-49"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_compressed_file_is_the_same_file(log, kept, restart, caplog):
    follower = Follower(log, kept)
    close_all(log)
    before = figures(follower.look())
    for path in closed(log):
        pack(path)
    if restart:
        follower = Follower(log, kept)

    assert figures(follower.look()) == before
    assert caplog.records == []


def test_a_file_that_was_closed_and_compressed_while_nobody_looked_is_gone_on_with(log, kept, caplog):
    before = figures(Follower(log, kept).look())
    close_all(log)
    for path in closed(log):
        pack(path)

    assert figures(Follower(log, kept).look()) == before
    assert caplog.records == []


def test_a_watch_that_restarts_takes_nothing_in_twice_from_a_compressed_file(log):
    before = Follower(log)
    before.look()
    state = json.loads(json.dumps(before.monitor.state()))
    close_all(log)
    for path in closed(log):
        pack(path)
    append(log / "prediction_logs.json", line(40))

    again = Follower(log)
    again.monitor.restore(state)

    assert again.look().counts.requests == 41
    assert again.look().counts.labels == before.look().counts.labels


def test_a_compressed_log_is_read_from_its_start(log):
    expected = statistics(Follower(log).look())
    close_all(log)
    for path in closed(log):
        pack(path)

    assert statistics(Follower(log).look()) == expected


def test_rows_of_a_compressed_file_are_read_in_any_order(log):
    pack(close(log / "prediction_logs.json"))
    requests = Follower(log).look().requests

    assert [request.line.prediction_id for request in requests.read([17, 3, 39, 3])] == [
        "id-17",
        "id-3",
        "id-39",
        "id-3",
    ]


def test_a_file_seen_under_both_names_while_it_is_compressed_is_read_once(log):
    path = close(log / "prediction_logs.json")
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))

    assert Follower(log).look().requests.rows == 40


def test_a_damaged_compressed_file_is_an_error_that_names_it_and_loses_nothing(log):
    packed = pack(close(log / "prediction_logs.json"))
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    follower = Follower(log)

    with pytest.raises(OSError, match="Its compressed lines are damaged") as raised:
        follower.look()
    assert raised.value.filename == str(packed)

    packed.write_bytes(whole)
    assert follower.look().requests.rows == 40


def test_a_file_that_is_compressed_between_being_found_and_read_is_read(log):
    path = close(log / "prediction_logs.json")
    tail = LogTail(log)
    (file,) = tail.find_predictions()
    pack(path)

    assert sum(len(block.lines) for block in file.read_new()) == 40
    assert file.path.name == f"{path.name}.gz"


def test_a_file_that_is_closed_between_being_found_and_read_is_read(log):
    tail = LogTail(log)
    (file,) = tail.find_predictions()
    close(log / "prediction_logs.json")
    append(log / "prediction_logs.json", line(40))

    assert sum(len(block.lines) for block in file.read_new()) == 40
    assert len(tail.find_predictions()) == 2


def test_a_file_that_is_deleted_between_being_found_and_read_does_not_make_a_reader_start_over(log):
    path = close(log / "prediction_logs.json")
    tail = LogTail(log)
    (file,) = tail.find_predictions()
    path.unlink()

    assert list(file.read_new()) == []
    assert file.gone


def test_a_closed_file_that_was_changed_makes_a_reader_start_over(log):
    follower = Follower(log)
    path = close(log / "prediction_logs.json")
    follower.look()
    path.write_bytes(line(50) * 2)

    assert follower.look().requests.rows == 2


def test_a_file_of_a_user_that_is_missing_makes_a_reader_start_over(log):
    follower = Follower(log)
    append(log / "prediction_logs.1.json", line(50))
    follower.look()
    (log / "prediction_logs.1.json").unlink()

    assert follower.look().requests.rows == 40


def test_numbers_of_files_that_are_gone_are_given_again(log):
    tail = LogTail(log)
    for number in range(100):
        append(log / "prediction_logs.json", line(number))
        tail.find_predictions()
        closed_file = close(log / "prediction_logs.json", number)
        tail.find_predictions()
        closed_file.unlink()
        tail.find_predictions()

    assert len(tail.predictions) <= 2


# Erased lines


@pytest.mark.parametrize("place", ["the first line", "the last line"])
@pytest.mark.parametrize("restart", [False, True])
def test_an_erased_line_changes_no_figure_of_who_counted_it(log, kept, restart, place, caplog):
    follower = Follower(log, kept)
    before = statistics(follower.look())
    path = log / "prediction_logs.json"
    lines = path.read_bytes().splitlines(keepends=True)
    erased = 0 if place == "the first line" else -1
    lines[erased] = b" " * (len(lines[erased]) - 1) + b"\n"
    with path.open("r+b") as file:
        file.write(b"".join(lines))
    if restart:
        follower = Follower(log, kept)
    append(path, line(40))

    after = follower.look()

    assert after.requests.rows == 41
    assert after.unreadable_lines == 0
    assert after.counts.requests == before["counts"]["requests"] + 1
    assert len(after.requests.read(range(41))) == 40
    assert caplog.records == []


def test_a_line_that_is_being_erased_does_not_make_a_reader_start_over(log):
    follower = Follower(log)
    follower.look()
    path = log / "prediction_logs.json"
    content = path.read_bytes()
    start = content.rindex(b"{")
    half = content[:start] + b" " * 40 + content[start + 40 :]
    with path.open("r+b") as file:
        file.write(half)
    append(path, line(40))

    assert follower.look().counts.requests == 41


# Nothing is deleted before it is counted, and known to a restart


def test_closed_files_are_held_until_they_are_in_the_checkpoint(log, kept):
    follower = Follower(log, kept)
    assert follower.reader.saver is not None
    follower.reader.saver.LEAST_ROWS, follower.reader.saver.SECONDS = 10**9, 10**9
    follower.look()
    close_all(log)
    follower.look()
    assert not may_delete(log)

    follower.reader.saver.SECONDS = 0.0
    follower.look()
    wait_until(lambda: follower.look() and may_delete(log), "they are in the checkpoint")


def test_nothing_is_deleted_between_a_restart_and_its_first_look(log, kept):
    Follower(log, kept).look()
    close_all(log)
    again = Follower(log, kept)
    assert not may_delete(log)

    wait_until(lambda: again.look() and may_delete(log), "they are in the checkpoint")
    assert again.look().requests.rows == 40


def test_without_a_checkpoint_they_are_held_until_they_are_counted(log):
    class Counting(Monitor):
        def update(self, arrived: Arrivals) -> None:
            held.append(not may_delete(log))
            super().update(arrived)

    held: list[bool] = []
    close_all(log)
    LogReader(log, Counting(REFERENCE, 0.8, 0.02)).refresh()

    assert held == [True]
    assert may_delete(log)


def test_a_checkpoint_that_cannot_be_written_does_not_let_the_disk_fill(log, tmp_path, caplog):
    (tmp_path / "state").write_text("no folder")
    follower = Follower(log, tmp_path / "state")
    close_all(log)
    follower.look()

    wait_until(lambda: follower.look() and may_delete(log), "it has been tried")
    assert "a restart will read it all again" in caplog.text


def test_a_hold_is_no_more_than_tried_where_there_is_nothing(tmp_path):
    hold = Hold(tmp_path / "nowhere")
    hold.take()
    hold.release()


def test_a_reader_that_was_there_before_the_api_holds_the_folder_and_then_the_file_as_well(tmp_path):
    hold, file = Hold(tmp_path), tmp_path / "retention.lock"
    hold.take()
    assert not is_free(tmp_path)

    file.touch()
    hold.take()
    assert not is_free(file)

    hold.release()
    assert may_delete(tmp_path)


def test_a_file_that_took_the_place_of_the_one_that_is_locked_is_locked_too(log):
    hold, file = Hold(log), log / "retention.lock"
    hold.take()
    file.unlink()
    hold.take()  # nothing is there now
    file.touch()
    hold.take()

    assert not may_delete(log)
    hold.release()
    assert may_delete(log)


def test_an_empty_file_of_another_user_blinds_no_reader_and_no_restart(folder_of_another_user, caplog):
    """As `logrotate` makes it; the service passes it over."""
    log, kept = folder_of_another_user / "logs", folder_of_another_user / "state"
    append(log / "prediction_logs.1.json", line(1))
    (log / "prediction_logs.json").touch(0o000)

    assert [Follower(log, kept).look().requests.rows for _ in range(2)] == [1, 1]
    assert caplog.records == []


def test_a_folder_of_another_user_is_an_error_and_not_an_empty_log(folder_of_another_user):
    append(folder_of_another_user / "prediction_logs.json", line(1))
    reader = Follower(folder_of_another_user)
    reader.look()
    folder_of_another_user.chmod(0o300)
    with pytest.raises(PermissionError):
        reader.look()
    folder_of_another_user.chmod(0o700)

    assert reader.look().requests.rows == 1


def test_several_readers_hold_at_once_and_the_last_one_counts(log):
    holds = [Hold(log) for _ in range(3)]
    for hold in holds:
        hold.take()
    for hold in holds:
        assert not may_delete(log)
        hold.release()

    assert may_delete(log)


def test_a_reader_that_is_no_more_holds_nothing(log):
    hold = Hold(log)
    hold.take()
    del hold

    assert may_delete(log)


def test_a_lock_that_cannot_be_had_is_said_once_and_does_not_blind_the_reader(log, recorder, caplog):
    recorder.fail("flock", "retention.lock", 37)
    reader = Follower(log)

    assert [reader.look().requests.rows for _ in range(3)] == [40] * 3
    assert caplog.text.count("rotated segments may be deleted before they are counted: No locks available") == 1


@pytest.mark.parametrize("what", ["the folder", "the file"])
@pytest.mark.parametrize("starts", [True, False])
def test_who_reads_waits_for_the_end_of_a_deletion_and_looks_only_then(log, what, starts):
    (log / "feedback_logs.json").unlink()
    path, found = log if what == "the folder" else log / "retention.lock", list[int]()
    follower = None if starts else Follower(log)
    fd = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    reading = threading.Thread(target=lambda: found.append((follower or Follower(log)).look().requests.rows))
    reading.start()
    reading.join(0.2)
    assert reading.is_alive()

    append(log / "prediction_logs.1.json", line(40))
    os.close(fd)
    reading.join(20)

    assert found == [41]


def test_a_reader_that_starts_waits_before_it_looks_whether_its_checkpoint_holds(log, kept):
    Follower(log, kept).look()
    fd = os.open(log / "retention.lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    starting = threading.Thread(target=lambda: LogReader(log, Monitor(REFERENCE, 0.8, 0.02), Checkpoint(kept)))
    starting.start()
    starting.join(0.2)
    assert starting.is_alive()

    os.close(fd)
    starting.join(20)
    assert not starting.is_alive()


@pytest.mark.parametrize("reads", ["_read_labels", "_read_predictions"])
def test_an_api_that_starts_while_a_log_is_read_is_kept_from_deleting_what_is_still_to_be_read(log, reads):
    """Of a network file system, where it sees no lock of the folder."""
    file = log / "retention.lock"
    file.unlink()
    is_held: list[bool] = []

    class Reader(LogReader):
        def _read_labels(self, of: TailedFile):
            return self._noting("_read_labels", of)

        def _read_predictions(self, of: TailedFile):
            return self._noting("_read_predictions", of)

        def _noting(self, name: str, of: TailedFile):
            if name == reads:
                file.touch()
            found = getattr(LogReader, name)(self, of)
            if name == reads:
                is_held.append(not is_free(file))
            return found

    Reader(log, Monitor(REFERENCE, 0.8, 0.02)).refresh()

    assert is_held == [True]


@given(changes(*GROWTH, "look", "restart", "close", "pack", "delete", files=2, most=50))
def test_statistics_are_what_they_would_be_had_nothing_been_closed_compressed_or_deleted(happened):
    with tempfile.TemporaryDirectory() as folder:
        log, whole, kept = Path(folder, "logs"), Path(folder, "whole"), Path(folder, "state")
        for directory in (log, whole):
            directory.mkdir()
        (log / "retention.lock").touch()
        follower = Follower(log, kept)
        for number, change in enumerate(happened):
            follower = happen(change, number, follower, log, whole, kept)

        assert statistics(follower.look()) == statistics(Follower(whole).look())


def happen(change: Change, number: int, follower: Follower, log: Path, whole: Path, kept: Path) -> Follower:
    if change.kind == "look":
        follower.look()
    elif change.kind == "restart":
        return Follower(log, kept)
    elif change.kind == "close":
        close_all(log, number)
    elif change.kind in ("pack", "delete"):
        follower.look()  # within the ten minutes for which the API waits
        for path in closed(log)[: change.of] if may_delete(log) else []:
            if change.kind == "delete":
                path.unlink()
            elif path.suffix != ".gz":
                pack(path)
    else:
        for directory in (log, whole):
            apply(change, directory, number)
    return follower


@given(st.integers(0, 100), st.integers(0, 3))
def test_the_length_of_compressed_lines_is_known_but_for_a_multiple(rest, times):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.gz")
        path.write_bytes(gzip.compress(b"x" * rest))
        known = times * 2**32 + 50

        found = length(path, path.stat().st_size, known)

        assert found >= known
        assert found % 2**32 == rest


@pytest.fixture(autouse=True)
def heard(caplog) -> None:
    caplog.set_level(logging.WARNING, "dashboard")

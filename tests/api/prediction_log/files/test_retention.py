"""Which closed segments go, and that nothing else does."""

import errno
import fcntl
import gzip
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.prediction_log.files.erasure import erase
from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.retention import Keep, Segment, outdated, tend
from api.prediction_log.files.segments import (
    changing_alone,
    changing_segments,
    closed_name,
    erasing,
    is_closed,
    log_files,
    open_log,
)
from api.prediction_log.records import FeedbackRecord, line

NOW = 1_800_000_000.0
DAY = 86_400
LINES = b'{"timestamp": "2026-11-23T08:20:00.123456+00:00"}\n' * 40


def segment(age: float, size: int = 100, name: str = "") -> Segment:
    return Segment(Path(name or closed_name("prediction_logs")), size, NOW - age)


def closed_file(folder: Path, age: float, content: bytes = LINES, stem: str = "prediction_logs") -> Path:
    path = folder / closed_name(stem)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_segments_older_than_the_days_that_are_kept_are_outdated_the_oldest_first():
    files = [segment(3 * DAY), segment(1 * DAY), segment(5 * DAY)]

    assert outdated(files, Keep(days=2), NOW) == [files[2], files[0]]


def test_the_oldest_are_outdated_until_the_rest_takes_no_more_than_is_kept():
    files = [segment(DAY), segment(3 * DAY), segment(2 * DAY), segment(0, name="prediction_logs.json")]

    assert outdated(files, Keep(bytes=400), NOW) == []
    assert outdated(files, Keep(bytes=399), NOW) == [files[1]]
    assert outdated(files, Keep(bytes=1), NOW) == [files[1], files[2], files[0]]


def test_what_was_closed_a_moment_ago_stays_however_full_it_is():
    assert outdated([segment(599, 10**12)], Keep(days=0.001, bytes=1), NOW) == []
    assert len(outdated([segment(600, 10**12)], Keep(bytes=1), NOW)) == 1


@given(
    st.lists(st.tuples(st.floats(0, 10 * DAY), st.integers(0, 1000), st.booleans())),
    st.floats(0, 10),
    st.integers(0, 10_000),
)
def test_only_closed_segments_go_and_only_older_ones_than_those_that_stay(files, days, size):
    found = [segment(age, of, "" if closed else "prediction_logs.json") for age, of, closed in files]
    gone = outdated(found, Keep(days, size), NOW)
    stay = [file for file in found if file not in gone]

    assert all(is_closed(file.path) for file in gone)
    assert all(g.written <= s.written for g in gone for s in stay if is_closed(s.path))
    closed_long_ago = [file for file in stay if is_closed(file.path) and file.written <= NOW - 600]
    assert not closed_long_ago or not size or sum(file.size for file in stay) <= size


def test_what_is_outdated_is_deleted_and_all_else_stays(tmp_path):
    old, young = closed_file(tmp_path, 3 * DAY), closed_file(tmp_path, DAY, stem="feedback_logs")
    (tmp_path / "prediction_logs.json").write_bytes(LINES)
    (tmp_path / "somebody-elses.json").write_bytes(LINES)

    assert tend(tmp_path, Keep(days=2)) == [old]
    assert log_files(tmp_path) == [young, tmp_path / "prediction_logs.json"]
    assert (tmp_path / "somebody-elses.json").exists()


def test_nothing_is_deleted_while_a_reader_needs_it(tmp_path):
    old = closed_file(tmp_path, 3 * DAY)
    (tmp_path / "retention.lock").touch()
    with (tmp_path / "retention.lock").open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert tend(tmp_path, Keep(days=2)) == []
        assert old.exists()

    assert tend(tmp_path, Keep(days=2)) == [old]


@pytest.mark.parametrize("what", ["the folder", "the file"])
def test_a_reader_that_holds_but_one_of_both_is_enough(tmp_path, recorder, what):
    """The folder alone before there is such a file; the file alone for a reader on another machine, by NFS."""
    old, path = closed_file(tmp_path, 3 * DAY), tmp_path / "retention.lock"
    if what == "the file":
        path.touch()
    fd = os.open(tmp_path if what == "the folder" else path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)

    assert tend(tmp_path, Keep(days=2, compress=True)) == []
    assert [of.name for of in tmp_path.iterdir() if "lock" not in of.name] == [old.name]
    assert not any(of.endswith(".new") for of in recorder.done)  # nor is anything compressed in vain
    os.close(fd)
    assert tend(tmp_path, Keep(days=2)) == [old]


def test_a_reader_that_only_looks_for_a_moment_puts_nothing_off(tmp_path):
    old = closed_file(tmp_path, 3 * DAY)
    fd = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    looking = threading.Timer(0.2, os.close, [fd])
    looking.start()

    assert tend(tmp_path, Keep(days=2)) == [old]
    looking.join()


def test_while_somebody_erases_nothing_is_deleted_or_compressed(tmp_path):
    closed_file(tmp_path, 3 * DAY)
    with erasing(tmp_path):
        assert tend(tmp_path, Keep(days=2, compress=True)) == []
        with changing_segments(tmp_path) as allowed:
            assert not allowed  # which an older service asks, and no more
    assert list(tmp_path.glob("*.gz")) == []
    assert len(tend(tmp_path, Keep(days=2))) == 1


def test_nothing_is_deleted_or_compressed_while_lines_are_erased(tmp_path, recorder):
    path, deleted = closed_file(tmp_path, 3 * DAY, line(FeedbackRecord("", "a", ""))), list[Path]()
    closed_file(tmp_path, 3 * DAY)
    recorder.before("fsync", path.name, lambda: deleted.extend(tend(tmp_path, Keep(days=2, compress=True))))

    assert erase(tmp_path, ["a"]) == {path: 1}
    assert deleted == list(tmp_path.glob("*.gz")) == []


def test_who_erases_waits_for_the_end_of_a_deletion(tmp_path):
    begun = threading.Event()

    def begin() -> None:
        with erasing(tmp_path):
            begun.set()

    with changing_alone(tmp_path) as alone:
        thread = threading.Thread(target=begin)
        thread.start()
        assert alone
        assert not begun.wait(0.2)
    assert begun.wait(20)
    thread.join()


def test_a_reader_may_begin_while_a_file_is_compressed_which_then_stays_as_it_is(tmp_path, recorder):
    path, other = closed_file(tmp_path, DAY), closed_file(tmp_path, DAY)
    readers = list[int]()

    def begin() -> None:
        for of in (tmp_path, tmp_path / "retention.lock"):
            readers.append(os.open(of, os.O_RDONLY))
            fcntl.flock(readers[-1], fcntl.LOCK_SH | fcntl.LOCK_NB)  # else it would wait as long as that takes

    recorder.before("fsync", ".*.new", begin)
    tend(tmp_path, Keep(compress=True))

    assert len(readers) == 2
    assert sorted(of.name for of in tmp_path.iterdir() if "lock" not in of.name) == sorted([path.name, other.name])
    for reader in readers:
        os.close(reader)


def test_one_file_that_cannot_be_dealt_with_keeps_no_other_from_it(tmp_path, recorder, caplog):
    bad, good = closed_file(tmp_path, 3 * DAY), closed_file(tmp_path, 3 * DAY)
    recorder.fail("unlink", bad.name, errno.EPERM)

    assert tend(tmp_path, Keep(days=2)) == [good]
    assert f"{bad} cannot be deleted: Operation not permitted" in caplog.text


def spoil(path: Path, how: str) -> None:
    if how == "a loop":
        path.symlink_to(path.name)
    elif how == "a pipe":
        os.mkfifo(path)
        os.utime(path, (time.time() - 3 * DAY,) * 2)
    else:
        path.mkdir()
        os.utime(path, (time.time() - 3 * DAY,) * 2)


@pytest.mark.parametrize("how", ["a loop", "a pipe", "a folder"])
@pytest.mark.parametrize("name", ["prediction_logs.7.json", "prediction_logs-20261126T142233.123456Z-1f3a.json"])
def test_what_is_no_file_keeps_nothing_from_being_dealt_with(tmp_path, how, name):
    spoil(tmp_path / name, how)
    old, young = closed_file(tmp_path, 3 * DAY), closed_file(tmp_path, DAY)

    assert old in tend(tmp_path, Keep(days=2, compress=True))
    assert not young.exists()
    assert young.with_name(f"{young.name}.gz").exists()


def test_one_file_that_cannot_be_compressed_keeps_no_other_from_it_nor_from_being_deleted(tmp_path, recorder, caplog):
    old, bad, good = (closed_file(tmp_path, age * DAY) for age in (3, 1, 1))
    recorder.fail("fsync", f".{bad.name}*", errno.ENOSPC)

    assert tend(tmp_path, Keep(days=2, compress=True)) == [old]
    assert sorted(path.name for path in tmp_path.iterdir() if "lock" not in path.name) == sorted(
        [bad.name, f"{good.name}.gz"]
    )
    assert f"{bad} cannot be compressed: No space left on device" in caplog.text


def test_on_a_full_disk_what_is_outdated_goes_before_anything_is_compressed(tmp_path, recorder):
    """Compressing needs room."""
    closed_file(tmp_path, 3 * DAY)
    closed_file(tmp_path, DAY)
    tend(tmp_path, Keep(days=2, compress=True))

    done = [of for of in recorder.done if of.startswith(("unlink", "fsync ."))]
    assert done == ["unlink prediction_logs.json", "fsync .prediction_logs.json.gz.new", "unlink prediction_logs.json"]


def test_a_compressed_file_has_the_mode_of_the_other_one(tmp_path):
    path = closed_file(tmp_path, DAY)
    path.chmod(0o640)
    tend(tmp_path, Keep(compress=True))

    assert path.with_name(f"{path.name}.gz").stat().st_mode & 0o777 == 0o640


def test_compressing_ends_when_the_service_does_and_leaves_nothing(tmp_path):
    path = closed_file(tmp_path, DAY, os.urandom(3 * 1024**2))
    closed_file(tmp_path, DAY)
    asked = iter([False, False, True])
    tend(tmp_path, Keep(compress=True), lambda: next(asked))

    assert path.exists()
    assert list(tmp_path.glob("*.gz*")) == list(tmp_path.glob(".*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")
def test_a_lock_that_an_operator_makes_can_be_opened_by_the_service(tmp_path):
    os.chown(tmp_path, 10001, 10001)
    with erasing(tmp_path), changing_segments(tmp_path):
        pass

    assert {(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.glob("*.lock")} == {(10001, 10001)}


def test_what_a_killed_program_left_goes_also_if_everything_is_kept(tmp_path):
    path = closed_file(tmp_path, DAY)
    for name in (f".{path.name}.gz.new", f".{path.name}.gz.unpacked", f".{path.name}.gz.12345678.new"):
        (tmp_path / name).write_bytes(b"texts")
    with changing_alone(tmp_path):
        tend(tmp_path, Keep())
        assert len(list(tmp_path.glob(".*"))) == 3  # somebody may still be writing them
    tend(tmp_path, Keep())

    assert list(tmp_path.glob(".*")) == []
    assert path.exists()


def test_without_a_limit_nothing_is_touched(tmp_path):
    closed_file(tmp_path, 3_000 * DAY)

    assert tend(tmp_path, Keep()) == []
    assert len(list(tmp_path.iterdir())) == 1


def test_closed_segments_are_compressed_and_keep_their_lines_and_times(tmp_path):
    path = closed_file(tmp_path, DAY)
    young = closed_file(tmp_path, 0)
    written = path.stat().st_mtime
    tend(tmp_path, Keep(compress=True))

    (packed,) = tmp_path.glob("*.gz")
    assert packed.name == f"{path.name}.gz"
    assert not path.exists()
    assert young.exists()
    assert packed.stat().st_mtime == written
    assert packed.stat().st_size < len(LINES) / 10
    with open_log(packed) as file:
        assert file.read() == LINES
    assert is_closed(packed)


def test_a_compression_that_was_killed_is_done_again_or_finished(tmp_path):
    half, whole = closed_file(tmp_path, DAY), closed_file(tmp_path, DAY)
    half.with_name(f".{half.name}.gz.new").write_bytes(b"half")
    half.with_name(f".{half.name}.gz.0a1b2c3d.new").write_bytes(b"half")
    whole.with_name(f"{whole.name}.gz").write_bytes(gzip.compress(LINES))
    tend(tmp_path, Keep(compress=True))

    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([f"{half.name}.gz", f"{whole.name}.gz", "erasure.lock", "retention.lock"])
    assert all(gzip.decompress(path.read_bytes()) == LINES for path in tmp_path.glob("*.gz"))


def test_a_file_that_a_process_left_long_ago_is_closed_and_one_that_is_written_is_not(tmp_path):
    left, owned = tmp_path / "prediction_logs.1.json", OwnedFile.claim(tmp_path, "prediction_logs")
    owned.write(LINES)
    left.write_bytes(LINES)
    for path in (left, owned.path):
        os.utime(path, (time.time() - 2 * DAY,) * 2)
    tend(tmp_path, Keep(days=30))

    assert not left.exists()
    assert owned.path.exists()
    assert [path.read_bytes() for path in log_files(tmp_path)] == [LINES, LINES]
    owned.close()


@pytest.mark.parametrize("age", [0, DAY / 2])
def test_a_file_that_was_left_lately_stays_for_who_takes_it_over(tmp_path, age):
    left = tmp_path / "prediction_logs.1.json"
    left.write_bytes(LINES)
    os.utime(left, (time.time() - age,) * 2)
    tend(tmp_path, Keep(days=30))

    assert left.exists()

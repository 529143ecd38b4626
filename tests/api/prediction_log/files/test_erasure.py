"""What is erased is gone from the disk, all else is where it was."""

import errno
import gzip
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.prediction_log.files.erasure import NotErased, _lines, erase
from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.segments import closed_name, log_files, open_log
from api.prediction_log.records import FeedbackRecord, PredictionRecord, line
from tests.api.prediction_log.files.test_owned_file import room_for

TIME = "2026-11-23T08:20:00.123456+00:00"


def prediction(name: str, text: str = "a fine film") -> bytes:
    return line(PredictionRecord(TIME, text, "positive", None, name, 0.97, "abc", 0.5, True))


def label(name: str) -> bytes:
    return line(FeedbackRecord(TIME, name, "negative"))


def content(path: Path) -> bytes:
    with open_log(path) as file:
        return file.read()


def blank(of: bytes) -> bytes:
    return b" " * (len(of) - 1) + b"\n"


@given(st.lists(st.tuples(st.integers(0, 9), st.text()), max_size=30), st.sets(st.integers(0, 9)), st.booleans())
def test_lines_with_these_ids_become_blanks_and_no_other_byte_changes(tmp_path_factory, lines, ids, packed):
    folder = tmp_path_factory.mktemp("logs")
    written = [(number, prediction(f"id-{number}", text)) for number, text in lines]
    before = b"".join(of for _, of in written)
    path = folder / (closed_name("prediction_logs") + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(before) if packed else before)

    erased = erase(folder, {f"id-{number}" for number in ids})

    assert content(path) == b"".join(blank(of) if number in ids else of for number, of in written)
    assert sum(erased.values()) == sum(number in ids for number, _ in written)
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".gz", ".lock"}


def test_labels_go_with_their_predictions_in_all_files(tmp_path):
    files = {
        tmp_path / "prediction_logs.json": prediction("a") + prediction("b"),
        tmp_path / "prediction_logs.1.json": prediction("c"),
        tmp_path / "feedback_logs.json": label("a") + label("b") + label("a"),
    }
    for path, lines in files.items():
        path.write_bytes(lines)

    erased = erase(tmp_path, ["a", "c", "unknown"])

    assert erased == {path: (2 if path.name == "feedback_logs.json" else 1) for path in files}
    assert content(tmp_path / "prediction_logs.json") == blank(prediction("a")) + prediction("b")
    assert content(tmp_path / "feedback_logs.json") == blank(label("a")) + label("b") + blank(label("a"))


LIKE_AN_ID = ['"prediction_id": "a"', '\\"prediction_id\\": \\"a\\"', "a", '", "prediction_id": "a"']


@pytest.mark.parametrize("text", LIKE_AN_ID)
def test_a_text_that_looks_like_the_id_is_no_reason_to_erase(tmp_path, text):
    path = tmp_path / "prediction_logs.json"
    path.write_bytes(prediction("other", text))
    before = path.read_bytes()

    assert erase(tmp_path, ["a"]) == {}
    assert path.read_bytes() == before


def test_a_file_that_is_written_meanwhile_goes_on(tmp_path):
    owned = OwnedFile.claim(tmp_path, "prediction_logs")
    owned.write(prediction("a") + prediction("b"))
    erase(tmp_path, ["a"])

    assert owned.is_current()
    owned.write(prediction("c"))
    owned.close()
    assert content(owned.path) == blank(prediction("a")) + prediction("b") + prediction("c")


def test_a_line_that_is_not_finished_is_left_to_who_writes_it(tmp_path):
    path = tmp_path / "prediction_logs.json"
    path.write_bytes(prediction("a")[:-1])

    assert erase(tmp_path, ["a"]) == {}


def test_what_was_left_by_a_crash_in_between_is_erased_by_a_second_run(tmp_path):
    path, left = tmp_path / "prediction_logs.json", b'"prediction_id": "a"'
    path.write_bytes(b" " * 70 + left + b" " * 50 + b"\n" + prediction("b"))
    (tmp_path / ".prediction_logs.json.gz.unpacked").write_bytes(prediction("a"))

    assert erase(tmp_path, ["a"]) == {path: 1}
    assert content(path) == b" " * (120 + len(left)) + b"\n" + prediction("b")
    assert not (tmp_path / ".prediction_logs.json.gz.unpacked").exists()


# What cannot be erased is said, and all else is erased


def damaged(path: Path) -> None:
    """Some bytes in the middle are others."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(255 - byte for byte in content[len(content) // 2 :])
    path.write_bytes(content)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def of_other_content(path: Path) -> None:
    path.write_bytes(b"never compressed at all\n")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def a_link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


BAD = {
    damaged: "its compressed lines are damaged",
    truncated: "its compressed lines are damaged: they end too early",
    of_other_content: "its compressed lines are damaged: Not a gzipped file",
    a_folder: "it is no regular file",
    a_loop: "Too many levels of symbolic links",
    a_link_to_nowhere: "it is a link to a file that is not there",
    a_pipe: "it is no regular file",
}


@pytest.fixture
def log(tmp_path) -> Path:
    """Each file has a line of `a`; the third one is bad in some way."""
    for number in range(5):
        lines = b"".join(prediction(f"{number}-{n}", f"text {n * 7919 % 1009}") for n in range(200)) + prediction("a")
        (tmp_path / f"{closed_name('prediction_logs')}.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "prediction_logs.json").write_bytes(prediction("a") + prediction("b"))
    (tmp_path / "feedback_logs.json").write_bytes(label("a"))
    return tmp_path


@pytest.mark.parametrize("spoil", BAD)
def test_one_bad_file_is_named_and_all_others_are_dealt_with(log, spoil):
    bad = sorted(log.glob("*.gz"))[2]
    spoil(bad)
    others = [path for path in log_files(log) if path != bad]

    with pytest.raises(NotErased, match=BAD[spoil]) as raised:
        erase(log, ["a"])

    assert list(raised.value.failed) == [bad]
    assert raised.value.erased == dict.fromkeys(others, 1)
    assert not any(b'"a"' in content(path) for path in others)
    assert list(log.glob(".*")) == []


def test_what_is_damaged_stays_as_it_is(log):
    bad = sorted(log.glob("*.gz"))[2]
    truncated(bad)
    before = bad.read_bytes()
    with pytest.raises(NotErased):
        erase(log, ["a"])

    assert bad.read_bytes() == before


@pytest.mark.parametrize("what", ["fsync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_a_compressed_file_that_cannot_be_written_anew_is_named_and_stays(log, recorder, what, number):
    bad = sorted(log.glob("*.gz"))[2]
    recorder.fail(what, f".{bad.name}*", number)
    with pytest.raises(NotErased, match=os.strerror(number)) as raised:
        erase(log, ["a"])

    assert list(raised.value.failed) == [bad]
    assert sum(raised.value.erased.values()) == 6
    assert b'"a"' in content(bad)
    assert list(log.glob(".*")) == []


def test_a_full_disk_is_a_reason_too(log):
    with room_for(1000), pytest.raises(NotErased, match="File too large") as raised:
        erase(log, ["a"])

    assert len(raised.value.failed) == 5
    assert sum(raised.value.erased.values()) == 2
    assert list(log.glob(".*")) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_file_that_cannot_be_overwritten_is_named(log, recorder, number):
    recorder.fail("pwrite", "prediction_logs.json", number)
    with pytest.raises(NotErased, match=os.strerror(number)) as raised:
        erase(log, ["a"])

    assert list(raised.value.failed) == [log / "prediction_logs.json"]
    assert sum(raised.value.erased.values()) == 6


def test_a_file_of_another_user_is_named(folder_of_another_user):
    for name in ("prediction_logs.json", "prediction_logs.1.json", "prediction_logs.2.json"):
        (folder_of_another_user / name).write_bytes(prediction("a"))
    (folder_of_another_user / "prediction_logs.1.json").chmod(0o444)
    with pytest.raises(NotErased, match=r"prediction_logs.1.json: Permission denied") as raised:
        erase(folder_of_another_user, ["a"])

    assert sum(raised.value.erased.values()) == 2


def test_what_killed_programs_left_goes_too_or_is_named(log, recorder):
    left = [log / f".{closed_name('prediction_logs')}.gz{rest}" for rest in (".new", ".unpacked", ".0a1b2c3d.new")]
    for path in left:
        path.write_bytes(prediction("a"))
    recorder.fail("unlink", left[1].name, errno.EPERM)
    with pytest.raises(NotErased, match="Operation not permitted") as raised:
        erase(log, ["a"])

    assert list(raised.value.failed) == [left[1]]
    assert [path for path in left if path.exists()] == [left[1]]


def test_a_compressed_copy_beside_its_file_is_erased_too(tmp_path):
    """As a kill leaves it, right before the other one is deleted."""
    path = tmp_path / closed_name("prediction_logs")
    path.write_bytes(prediction("a"))
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(prediction("a")))

    assert sum(erase(tmp_path, ["a"]).values()) == 2
    assert not any(b'"a"' in content(of) for of in log_files(tmp_path))


@pytest.mark.parametrize("rest", [".json", ".json.gz"])
def test_a_second_name_of_a_file_is_erased_too(tmp_path, rest):
    path = tmp_path / f"prediction_logs{rest}"
    path.write_bytes(gzip.compress(prediction("a")) if rest.endswith("gz") else prediction("a"))
    (tmp_path / f"prediction_logs_backup{rest}").hardlink_to(path)
    erase(tmp_path, ["a"])

    assert [content(of) for of in log_files(tmp_path)] == [blank(prediction("a"))] * 2


def test_what_a_link_points_to_is_erased_or_the_link_is_named(tmp_path):
    """A compressed file is written anew: in place of the link it would leave the other one as it is."""
    folder, plain, packed = tmp_path / "logs", tmp_path / "a.json", tmp_path / "b.json.gz"
    folder.mkdir()
    plain.write_bytes(prediction("a"))
    packed.write_bytes(gzip.compress(prediction("a")))
    (folder / "prediction_logs.json").symlink_to(plain)
    link = folder / "prediction_logs.json.gz"
    link.symlink_to(packed)
    with pytest.raises(NotErased) as raised:
        erase(folder, ["a"])

    assert raised.value.failed == {link: f"it is a link to {packed}, which must be erased from where it is"}
    assert content(plain) == blank(prediction("a"))
    assert link.is_symlink()


def test_a_file_that_is_closed_while_it_is_looked_for_is_found_under_its_new_name(log, recorder):
    """Between being listed and being opened."""
    path, closed = log / "prediction_logs.json", log / closed_name("prediction_logs")

    def close() -> None:
        if not closed.exists():
            path.rename(closed)
            path.write_bytes(prediction("c"))

    recorder.before("fsync", "feedback_logs.json", close)
    erased = erase(log, ["a"])

    assert erased[closed] == 1
    assert sum(erased.values()) == 7
    assert content(closed) == blank(prediction("a")) + prediction("b")


def test_a_line_that_is_written_while_it_is_read_is_left_to_who_writes_it():
    """A label of the prediction that comes meanwhile: half of it erased would be a line that cannot be read."""
    whole = label("a")

    assert list(_lines([whole[:30], whole[30:]], [b"a"])) == []  # as a file gives them that grows meanwhile


@pytest.mark.parametrize("packed", [False, True])
def test_a_segment_is_no_younger_for_it(tmp_path, packed):
    path = tmp_path / (closed_name("prediction_logs") + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(prediction("a")) if packed else prediction("a"))
    os.utime(path, (time.time() - 100_000,) * 2)
    before = path.stat().st_mtime
    erase(tmp_path, ["a"])

    assert path.stat().st_mtime == before


def test_nothing_of_the_person_is_left_on_the_disk(tmp_path):
    (tmp_path / "prediction_logs.json").write_bytes(prediction("a", "Ada Lovelace") + prediction("b"))
    packed = tmp_path / f"{closed_name('prediction_logs')}.gz"
    packed.write_bytes(gzip.compress(prediction("c", "Ada Lovelace")))
    erase(tmp_path, ["a", "c"])

    assert b"Ada" not in b"".join(content(path) for path in log_files(tmp_path))
    assert [
        json.loads(of)["prediction_id"] for of in content(tmp_path / "prediction_logs.json").split(b"\n") if of.strip()
    ] == ["b"]

"""What is erased is gone from the disk, all else is where it was."""

import gzip
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.erasure import erase
from api.owned_file import OwnedFile
from api.prediction_log import FeedbackRecord, PredictionRecord, line
from api.segments import closed_name, log_files, open_log

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

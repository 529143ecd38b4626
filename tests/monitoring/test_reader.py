import json
import os
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.analysis.selection import Selected
from monitoring.log.encoding import hashes
from monitoring.log.files.tailed_file import BLOCK_BYTES
from monitoring.log.format import Prediction, parse_prediction, word_count
from monitoring.reader import LogReader, Snapshot
from tests.conftest import wait_until
from tests.monitoring.conftest import NOON, append, at, every, feedback, prediction, predictions_of, watched_log
from tests.monitoring.growth import Change, Follower, apply, changes, figures

GARBAGE = {
    "not JSON": b"hello",
    "half an object": b'{"timestamp": "2026-11-23T12:00:00',
    "invalid UTF-8": b'{"request_text": "\xff\xfe"}',
    "NUL bytes": b"\x00" * 100,
    "a NUL byte in front": b"\x00" + prediction().strip(),
    "a byte order mark alone": b"\xef\xbb\xbf",
    "two objects": prediction().strip() * 2,
    "a list": b"[1, 2]",
    "a number": b"17",
    "a text": b'"text"',
    "null": b"null",
    "no fields": b"{}",
    "no timestamp": b'{"request_text": "a", "predicted_sentiment": "b", "true_sentiment": null}',
    "no text": b'{"timestamp": "2026-11-23T12:00:00", "predicted_sentiment": "b", "true_sentiment": null}',
    "no answer": b'{"timestamp": "2026-11-23T12:00:00", "request_text": "a", "true_sentiment": null}',
    "text is null": prediction(request_text=None).strip(),
    "text is a number": prediction(request_text=7).strip(),
    "text is a list": prediction(request_text=["a"]).strip(),
    "answer is an object": prediction(predicted_sentiment={"a": 1}).strip(),
    "label is a number": prediction(true_sentiment=1).strip(),
    "label is true": prediction(true_sentiment=True).strip(),
    "id is a number": prediction(prediction_id=5).strip(),
    "version is a list": prediction(model_version=[]).strip(),
    "time is empty": prediction(timestamp="").strip(),
    "time is a word": prediction(timestamp="yesterday").strip(),
    "time is a number": prediction(timestamp=1763899200).strip(),
    "time is null": prediction(timestamp=None).strip(),
    "time has a month 13": prediction(timestamp="2026-13-01T00:00:00+00:00").strip(),
    "time is before the year 1 in UTC": prediction(timestamp="0001-01-01T00:00:00+05:00").strip(),
    "time is after the year 9999 in UTC": prediction(timestamp="9999-12-31T23:00:00-05:00").strip(),
    "deep nesting": b"[" * 100_000,
    "deep nesting in a field": b'{"request_text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "an integer of 5000 digits": b'{"confidence": ' + b"9" * 5000 + b"}",
    "lone surrogate in the text": prediction(request_text="a \ud800 b").strip(),
    "lone surrogate in the answer": prediction(predicted_sentiment="\udfff").strip(),
    "lone surrogate in the label": prediction(true_sentiment="\ud800").strip(),
    "lone surrogate in the id": prediction(prediction_id="\ud800").strip(),
    "lone surrogate in the version": prediction(model_version="\ud800").strip(),
}
BAD_FEEDBACK = {
    "not JSON": b"hello",
    "no id": b'{"timestamp": "2026-11-23T12:00:00", "true_sentiment": "positive"}',
    "no label": b'{"timestamp": "2026-11-23T12:00:00", "prediction_id": "id-1"}',
    "no timestamp": b'{"prediction_id": "id-1", "true_sentiment": "positive"}',
    "label is null": b'{"timestamp": "2026-11-23T12:00:00", "prediction_id": "id-1", "true_sentiment": null}',
    "lone surrogate in the id": feedback("\ud800", "positive").strip(),
    "lone surrogate in the label": feedback("id-1", "\ud800").strip(),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=5,
)
broken_fields = st.tuples(
    st.sampled_from(["timestamp", "request_text", "predicted_sentiment"]),
    st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2),
)
garbage_lines = st.one_of(
    st.binary(min_size=1, max_size=80).map(lambda noise: noise.replace(b"\n", b"-")),
    json_values.map(lambda value: json.dumps(value).encode()),
    broken_fields.map(lambda field: prediction(**{field[0]: field[1]}).strip()),
    st.sampled_from(list(GARBAGE.values())).filter(lambda line: len(line) < 1000),
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "prediction_logs.json"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return tmp_path / "feedback_logs.json"


@pytest.fixture
def reader(tmp_path) -> LogReader:
    return watched_log(tmp_path)


def texts(snapshot: Snapshot) -> list[str]:
    return predictions_of(snapshot)["request_text"].tolist()


def read(snapshot: Snapshot, *rows: int) -> list[Prediction]:
    """The lines of these rows."""
    return [request.line for request in snapshot.requests.read(rows)]


def truths(snapshot: Snapshot) -> dict[str, str | None]:
    """The true label by prediction_id."""
    table = predictions_of(snapshot)
    return {
        prediction_id: None if pd.isna(label) else label
        for prediction_id, label in zip(table["prediction_id"], table["true_sentiment"], strict=True)
    }


# What is read


def test_every_field_of_a_line_is_a_column(reader, log):
    append(log, prediction(request_text="not  my\ncup of tea", true_sentiment="negative"))

    (row,) = predictions_of(reader.refresh()).fillna({"text_hash": ""}).to_dict("records")

    assert row == {
        "timestamp": pd.Timestamp(NOON),
        "request_text": "not  my\ncup of tea",
        "words": 5,
        "predicted_sentiment": "positive",
        "true_sentiment": "negative",
        "prediction_id": "id-1",
        "confidence": 0.9,
        "model_version": "v1",
        "known_share": 0.7,
        "audit": False,
        "text_hash": "",
    }


def test_a_line_with_only_the_four_promised_fields_is_a_prediction(reader, log):
    line = {"timestamp": at(0), "request_text": "fine", "predicted_sentiment": "positive", "true_sentiment": None}
    append(log, json.dumps(line).encode() + b"\n")

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["fine"], 0)
    missing = predictions_of(snapshot)[["true_sentiment", "prediction_id", "confidence", "model_version"]]
    assert missing.isna().all(axis=None)


def test_fields_it_does_not_know_are_ignored(reader, log):
    append(log, prediction(request_text="known", language="de", tokens=[1, {"a": None}]))

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["known"], 0)
    assert "language" not in predictions_of(snapshot)


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-11-23T12:00:00.123456+00:00", NOON.replace(microsecond=123456)),
        ("2026-11-23T12:00:00", NOON),
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23 12:00:00", NOON),
        ("2026-11-23T13:00:00+01:00", NOON),
        ("2026-11-23T02:30:00-09:30", NOON),
        ("2026-11-24T02:00:00+14:00", NOON),
        ("2026-11-23", NOON.replace(hour=0)),
    ],
)
def test_times_are_utc_whatever_their_offset_and_without_one(reader, log, written, utc):
    append(log, prediction(timestamp=written))

    assert predictions_of(reader.refresh())["timestamp"].tolist() == [pd.Timestamp(utc)]


def test_times_without_an_offset_are_utc_wherever_the_page_runs(reader, log, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    append(log, prediction(timestamp="2026-11-23T12:00:00"))

    read = predictions_of(reader.refresh())["timestamp"].tolist()
    monkeypatch.undo()
    time.tzset()

    assert read == [pd.Timestamp(NOON)]


@pytest.mark.parametrize("confidence", [None, "0.9", -0.1, 1.1, 10**400, float("nan"), float("inf"), [0.5], {}])
def test_a_confidence_that_is_no_probability_is_unknown_and_the_line_counts(reader, log, confidence):
    append(log, prediction(confidence=confidence))

    snapshot = reader.refresh()

    assert predictions_of(snapshot)["confidence"].isna().tolist() == [True]
    assert snapshot.unreadable_lines == 0


@pytest.mark.parametrize(("text", "words"), [("", 0), (" \n\t", 0), ("one", 1), ("  one two\u00a0three\n", 3)])
def test_words_are_what_white_space_separates(text, words):
    assert word_count(text) == words


def test_the_word_nan_is_a_label_like_any_other_and_not_a_missing_one(reader, log):
    append(log, prediction(true_sentiment="nan", predicted_sentiment="None"))

    snapshot = reader.refresh()

    assert truths(snapshot) == {"id-1": "nan"}
    assert predictions_of(snapshot)["predicted_sentiment"].tolist() == ["None"]


# Where there is no log yet


def test_a_folder_that_does_not_exist_is_an_empty_log(tmp_path):
    snapshot = watched_log(tmp_path / "logs").refresh()

    assert (snapshot.requests.rows, snapshot.files, snapshot.unreadable_lines) == (0, 0, 0)
    assert str(predictions_of(snapshot)["timestamp"].dtype) == "datetime64[us, UTC]"


def test_an_empty_file_is_a_log_without_predictions(reader, log):
    append(log)

    snapshot = reader.refresh()

    assert (snapshot.requests.rows, snapshot.files) == (0, 1)


def test_the_folder_and_the_log_may_come_later(tmp_path):
    reader = watched_log(tmp_path / "logs")
    reader.refresh()

    append(tmp_path / "logs" / "prediction_logs.json", prediction(request_text="first"))

    assert texts(reader.refresh()) == ["first"]


def test_other_files_of_the_folder_are_not_read(reader, tmp_path, log):
    append(log, prediction(request_text="mine"))
    append(tmp_path / "other.json", prediction(request_text="not mine"))
    append(tmp_path / "prediction_logs.json.bak", prediction(request_text="not mine"))

    assert texts(reader.refresh()) == ["mine"]


# Only what was appended


def test_lines_appended_later_are_found(reader, log):
    append(log, prediction(request_text="one"))
    reader.refresh()
    append(log, prediction(request_text="two"), prediction(request_text="three"))

    assert texts(reader.refresh()) == ["one", "two", "three"]


def test_a_refresh_does_not_read_again_what_it_has_read(reader, log):
    append(log, *(prediction(request_text=f"old {number}", timestamp=at(number)) for number in range(3)))
    reader.refresh()
    with log.open("r+b") as file:
        file.write(prediction(request_text="NEW 0", timestamp=at(0)))
    append(log, prediction(request_text="appended", timestamp=at(3)))

    requests = reader.refresh().requests
    expected = np.array(["old 0", "old 1", "old 2", "appended"], dtype=object)
    assert requests.part(requests.where(every), "text").text.tolist() == hashes(expected).tolist()


def test_nothing_new_is_the_same_snapshot(reader, log):
    append(log, prediction())

    assert reader.refresh() is reader.refresh()


def test_an_earlier_snapshot_stays_as_it_was(reader, log, labels):
    append(log, prediction())
    before = reader.refresh()
    append(log, prediction(prediction_id="id-2"))
    append(labels, feedback("id-1", "negative"))
    reader.refresh()

    assert truths(before) == {"id-1": None}


def test_lines_longer_than_a_block_are_read_whole(reader, log):
    long = ["a" * (BLOCK_BYTES + 7), "b" * (BLOCK_BYTES // 2), "c"]
    append(log, *(prediction(request_text=text) for text in long))

    assert texts(reader.refresh()) == long


def test_a_half_written_line_is_neither_used_nor_counted_until_it_is_finished(reader, log):
    line = prediction(request_text="ganz schön gut")
    append(log, prediction(request_text="whole"), line[:40])

    before = reader.refresh()
    append(log, line[40:])
    after = reader.refresh()

    assert (texts(before), before.unreadable_lines) == (["whole"], 0)
    assert (texts(after), after.unreadable_lines) == (["whole", "ganz schön gut"], 0)


def test_a_line_is_finished_only_by_its_newline(reader, log):
    append(log, prediction().rstrip(b"\n"))
    before = reader.refresh()
    append(log, b"\n")

    assert (before.requests.rows, reader.refresh().requests.rows) == (0, 1)


def test_a_torn_line_that_was_closed_is_counted_and_the_rest_is_read(reader, log):
    append(log, prediction(request_text="one"), prediction()[:50])
    reader.refresh()
    append(log, b"\n", prediction(request_text="two"))

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["one", "two"], 1)


def test_blanks_at_the_end_that_are_taken_back_change_nothing(reader, log):
    append(log, prediction(request_text="one"))
    size = log.stat().st_size
    append(log, b" " * 65536)
    reader.refresh()
    os.truncate(log, size)
    append(log, prediction(request_text="two"))

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["one", "two"], 0)


@given(st.lists(st.integers(0, 2000), max_size=8))
def test_it_does_not_matter_how_often_the_log_is_read_while_it_grows(cuts):
    lines = [prediction(request_text=f"text {n} é🎬", timestamp=at(n), prediction_id=f"{n}") for n in range(6)]
    content = b"".join([*lines[:3], b"garbage \xff\n", *lines[3:]])
    with tempfile.TemporaryDirectory() as folder:
        log, reader, start = Path(folder, "prediction_logs.json"), watched_log(Path(folder)), 0
        for cut in [*sorted(cuts), len(content)]:
            append(log, content[start:cut])
            start = max(start, min(cut, len(content)))
            snapshot = reader.refresh()
        found = texts(snapshot)

    assert found == [f"text {n} é🎬" for n in range(6)]
    assert snapshot.unreadable_lines == 1


# Several files


def test_several_files_are_joined_in_the_order_of_time(reader, tmp_path):
    append(tmp_path / "prediction_logs.json", *(prediction(request_text=f"{n}", timestamp=at(n)) for n in (0, 3, 4)))
    append(tmp_path / "prediction_logs.1.json", *(prediction(request_text=f"{n}", timestamp=at(n)) for n in (1, 2, 5)))

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.files) == (["0", "1", "2", "3", "4", "5"], 2)


def test_lines_of_the_same_moment_stay_in_the_order_in_which_they_were_written(reader, log):
    append(log, *(prediction(request_text=f"{n}", timestamp=at(n % 3)) for n in range(3000)))

    assert texts(reader.refresh()) == [f"{n}" for rest in range(3) for n in range(rest, 3000, 3)]


def test_a_file_that_appears_later_is_put_in_its_place_in_time(reader, tmp_path):
    append(tmp_path / "prediction_logs.json", prediction(request_text="late", timestamp=at(9)))
    reader.refresh()
    append(tmp_path / "prediction_logs.1.json", prediction(request_text="early", timestamp=at(1)))

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.files) == (["early", "late"], 2)


def test_a_new_file_counts_although_it_is_still_empty(reader, tmp_path):
    append(tmp_path / "prediction_logs.json", prediction())
    reader.refresh()
    append(tmp_path / "prediction_logs.1.json")

    assert reader.refresh().files == 2


def test_a_file_that_vanishes_takes_its_lines_with_it(reader, tmp_path):
    append(tmp_path / "prediction_logs.json", prediction(request_text="stays"))
    append(tmp_path / "prediction_logs.1.json", prediction(request_text="goes"), b"garbage\n")
    reader.refresh()
    (tmp_path / "prediction_logs.1.json").unlink()

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.files, snapshot.unreadable_lines) == (["stays"], 1, 0)


def test_a_log_that_vanishes_altogether_is_an_empty_log(reader, log, labels):
    append(log, prediction())
    append(labels, feedback("unknown", "positive"))
    reader.refresh()
    log.unlink()
    labels.unlink()

    snapshot = reader.refresh()

    assert (snapshot.requests.rows, snapshot.files, snapshot.unmatched_feedback) == (0, 0, 0)


def test_a_file_replaced_by_another_is_read_from_its_start(reader, tmp_path, log):
    append(log, prediction(request_text="old"))
    reader.refresh()
    append(tmp_path / "new", *(prediction(request_text=f"new {n}") for n in range(3)))
    (tmp_path / "new").rename(log)

    assert texts(reader.refresh()) == ["new 0", "new 1", "new 2"]


def test_a_file_replaced_by_another_of_the_same_length_is_read_from_its_start(reader, tmp_path, log):
    append(log, prediction(request_text="old"))
    reader.refresh()
    append(tmp_path / "new", prediction(request_text="new"))
    (tmp_path / "new").rename(log)

    assert texts(reader.refresh()) == ["new"]


def test_a_file_that_was_cut_is_read_from_its_start(reader, log):
    append(log, prediction(request_text="one"), prediction(request_text="two"))
    reader.refresh()
    os.truncate(log, len(prediction(request_text="one")))

    assert texts(reader.refresh()) == ["one"]


def test_a_file_that_was_emptied_is_read_from_its_start(reader, log):
    append(log, prediction(request_text="old"))
    reader.refresh()
    log.write_bytes(b"")

    assert texts(reader.refresh()) == []
    append(log, prediction(request_text="new"))
    assert texts(reader.refresh()) == ["new"]


def test_a_file_rewritten_in_place_is_read_from_its_start_although_it_is_longer_now(reader, log):
    append(log, prediction(request_text="old"))
    reader.refresh()
    inode = log.stat().st_ino
    log.write_bytes(b"".join(prediction(request_text=f"new {n}") for n in range(3)))
    assert log.stat().st_ino == inode

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["new 0", "new 1", "new 2"], 0)


def test_a_file_deleted_and_made_anew_is_read_from_its_start_although_it_is_longer_now(reader, log):
    append(log, prediction(request_text="old"))
    reader.refresh()
    log.unlink()
    append(log, *(prediction(request_text=f"new {n}") for n in range(3)))

    assert texts(reader.refresh()) == ["new 0", "new 1", "new 2"]


def test_labels_are_not_lost_when_a_prediction_file_is_replaced(reader, log, labels):
    append(log, prediction(prediction_id="a"))
    append(labels, feedback("a", "negative"))
    reader.refresh()
    log.write_bytes(b"")
    reader.refresh()
    append(log, prediction(prediction_id="a"))

    assert truths(reader.refresh()) == {"a": "negative"}


def test_a_renamed_file_is_the_same_one_and_is_still_read(reader, tmp_path, log):
    append(log, prediction(request_text="old", prediction_id="a"))
    reader.refresh()
    log.rename(tmp_path / "prediction_logs.old.json")
    renamed = reader.refresh()
    append(tmp_path / "prediction_logs.old.json", prediction(request_text="late", timestamp=at(1)))
    append(log, prediction(request_text="new", timestamp=at(2)))

    snapshot = reader.refresh()

    assert (texts(renamed), renamed.files) == (["old"], 1)
    assert (texts(snapshot), snapshot.files, snapshot.counts.requests) == (["old", "late", "new"], 2, 3)


def test_a_file_that_is_renamed_to_a_name_of_no_log_takes_its_lines_with_it(reader, tmp_path, log):
    append(log, prediction(request_text="old"))
    reader.refresh()
    log.rename(tmp_path / "old.json")
    append(log, prediction(request_text="new"))

    assert texts(reader.refresh()) == ["new"]


# However the log grew


def grow(happened: list[Change], log: Path, follower: Follower) -> None:
    for number, change in enumerate(happened):
        if change.kind == "look":
            follower.look()
        else:
            apply(change, log, number)


GROWTH = ("prediction", "prediction", "prediction", "feedback", "feedback", "garbage", "look")


@given(changes(*GROWTH, "rename", files=2))
def test_however_often_it_looks_a_reader_says_what_one_says_that_reads_all_at_once(happened):
    with tempfile.TemporaryDirectory() as folder:
        follower = Follower(Path(folder))
        grow(happened, Path(folder), follower)

        assert figures(follower.look()) == figures(Follower(Path(folder)).look())


@given(changes(*GROWTH))
def test_of_one_file_each_row_is_the_same_however_often_it_is_looked_at(happened):
    with tempfile.TemporaryDirectory() as folder:
        follower = Follower(Path(folder))
        grow(happened, Path(folder), follower)

        assert follower.exactly() == Follower(Path(folder)).exactly()


# What cannot be read


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_skipped_and_counted(reader, log, garbage):
    append(log, prediction(request_text="before"), garbage + b"\n", prediction(request_text="after"))

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["before", "after"], 1)


@pytest.mark.parametrize("garbage", BAD_FEEDBACK.values(), ids=BAD_FEEDBACK)
def test_garbage_among_labels_is_skipped_and_counted(reader, log, labels, garbage):
    append(log, prediction(prediction_id="a"))
    append(labels, garbage + b"\n", feedback("a", "negative"))

    snapshot = reader.refresh()

    assert (truths(snapshot), snapshot.unreadable_lines, snapshot.unmatched_feedback) == ({"a": "negative"}, 1, 0)


def test_lines_of_white_space_are_ignored(reader, log):
    append(log, b"\n", b"  \n", b"\t\r\n", prediction(request_text="one"), b"\n")

    snapshot = reader.refresh()

    assert (texts(snapshot), snapshot.unreadable_lines) == (["one"], 0)


def test_a_line_may_end_as_windows_ends_it(reader, log):
    append(log, prediction(request_text="one").replace(b"\n", b"\r\n"))

    assert texts(reader.refresh()) == ["one"]


@given(st.lists(garbage_lines | st.none(), max_size=12))
@example([b"{", None, b"\xff", None])
def test_among_garbage_of_any_kind_every_good_line_is_read_and_every_bad_one_counted(garbage):
    lines = [line if line is not None else prediction(request_text="good").strip() for line in garbage]
    with tempfile.TemporaryDirectory() as folder:
        append(Path(folder, "prediction_logs.json"), *(line + b"\n" for line in lines))
        snapshot = watched_log(Path(folder)).refresh()
        found = texts(snapshot)

    assert found == ["good"] * garbage.count(None)
    assert snapshot.unreadable_lines == sum(1 for line in garbage if line is not None and line.strip())


def test_unreadable_lines_are_counted_over_all_files_and_refreshes(reader, tmp_path, log, labels):
    append(log, b"bad\n")
    append(tmp_path / "prediction_logs.1.json", b"bad\n")
    append(labels, b"bad\n")
    before = reader.refresh()
    append(log, b"bad\n")

    assert (before.unreadable_lines, reader.refresh().unreadable_lines) == (3, 4)


def test_a_log_that_cannot_be_read_is_an_error_and_after_the_cure_everything_is_there(reader, tmp_path, log):
    append(log, prediction(request_text="one"))
    reader.refresh()
    append(log, prediction(request_text="two"))
    obstacle = tmp_path / "prediction_logs.1.json"
    obstacle.mkdir()

    with pytest.raises(IsADirectoryError):
        reader.refresh()
    with pytest.raises(IsADirectoryError):
        reader.refresh()
    obstacle.rmdir()
    append(obstacle, prediction(request_text="three"))

    assert sorted(texts(reader.refresh())) == ["one", "three", "two"]


def test_labels_that_cannot_be_read_are_an_error_and_after_the_cure_everything_is_there(reader, log, labels):
    append(log, prediction(prediction_id="a"))
    labels.mkdir()

    with pytest.raises(IsADirectoryError):
        reader.refresh()
    labels.rmdir()
    append(labels, feedback("a", "negative"))

    assert truths(reader.refresh()) == {"a": "negative"}


def test_what_was_read_before_it_failed_is_no_repeat_when_it_is_read_again(tmp_path):
    follower, obstacle = Follower(tmp_path), tmp_path / "prediction_logs.1.json"
    append(tmp_path / "prediction_logs.0.json", prediction(request_text="one"), prediction(request_text="two"))
    obstacle.mkdir()
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            follower.look()
    obstacle.rmdir()
    append(obstacle)

    assert follower.exactly() == Follower(tmp_path).exactly()
    assert Selected().count(follower.look()).distinct == 2


def test_a_file_that_goes_while_others_grow_leaves_the_rest_as_if_it_had_never_been(tmp_path):
    follower = Follower(tmp_path)
    for name in ("prediction_logs.0.json", "prediction_logs.1.json"):
        append(tmp_path / name, prediction(prediction_id=name))
    append(tmp_path / "feedback_logs.json", feedback("prediction_logs.1.json", "negative"))
    follower.look()
    (tmp_path / "prediction_logs.1.json").unlink()
    append(tmp_path / "prediction_logs.0.json", prediction(prediction_id="later"))

    ours, theirs = figures(follower.look()), figures(Follower(tmp_path).look())

    for remembered in ("counts", "signals"):  # of what was there once
        ours.pop(remembered)
        theirs.pop(remembered)
    assert ours == theirs


def test_a_link_to_nowhere_is_an_error_that_names_it(reader, log):
    log.symlink_to("nowhere")

    with pytest.raises(FileNotFoundError) as raised:
        reader.refresh()

    assert raised.value.filename == str(log)


# Labels that came later


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_latest_label_wins_whatever_the_order_of_arrival(reader, log, labels, order):
    append(log, prediction(prediction_id="a"))
    for minutes in order:
        append(labels, feedback("a", f"after {minutes} minutes", minutes))

    assert truths(reader.refresh()) == {"a": "after 2 minutes"}


def test_the_latest_label_wins_over_several_files_and_refreshes(reader, tmp_path, log):
    append(log, prediction(prediction_id="a"))
    append(tmp_path / "feedback_logs.1.json", feedback("a", "latest", 3))
    reader.refresh()
    append(tmp_path / "feedback_logs.json", feedback("a", "late", 2))
    reader.refresh()
    append(tmp_path / "feedback_logs.2.json", feedback("a", "early", 1))

    assert truths(reader.refresh()) == {"a": "latest"}


def test_of_two_labels_at_the_same_moment_the_one_written_last_wins(reader, log, labels):
    append(log, prediction(prediction_id="a"))
    append(labels, feedback("a", "first"), feedback("a", "second"))

    assert truths(reader.refresh()) == {"a": "second"}


def test_labels_are_compared_by_the_moment_not_by_how_it_is_written(reader, log, labels):
    append(log, prediction(prediction_id="a"))
    for moment, label in [("2026-11-23T14:00:00+01:00", "at one"), ("2026-11-23T13:30:00Z", "half an hour later")]:
        line = {"timestamp": moment, "prediction_id": "a", "true_sentiment": label}
        append(labels, json.dumps(line).encode() + b"\n")

    assert truths(reader.refresh()) == {"a": "half an hour later"}


def test_a_label_sent_with_the_request_counts_until_another_comes(reader, log, labels):
    append(log, prediction(prediction_id="a", true_sentiment="positive"))
    before = reader.refresh()
    append(labels, feedback("a", "negative", -5))

    assert truths(before) == {"a": "positive"}
    assert truths(reader.refresh()) == {"a": "negative"}


def test_a_label_that_is_in_the_log_before_its_prediction_is_used_once_that_comes(reader, log, labels):
    append(labels, feedback("a", "negative"))
    before = reader.refresh()
    append(log, prediction(prediction_id="a"))
    after = reader.refresh()

    assert (before.requests.rows, before.unmatched_feedback) == (0, 1)
    assert (truths(after), after.unmatched_feedback) == ({"a": "negative"}, 0)


def test_labels_in_a_log_without_predictions_are_unmatched(reader, labels):
    append(labels, feedback("a", "negative"), feedback("b", "negative"))

    snapshot = reader.refresh()

    assert (snapshot.requests.rows, snapshot.files, snapshot.unmatched_feedback) == (0, 0, 2)


def test_labels_for_unknown_predictions_are_counted_once_each(reader, log, labels):
    append(log, prediction(prediction_id="a"), prediction(prediction_id=None))
    append(labels, feedback("a", "negative"), feedback("b", "negative"), feedback("b", "positive"), feedback("c", "x"))

    assert reader.refresh().unmatched_feedback == 2


def test_an_id_that_the_log_has_twice_is_one_label_used_for_both(reader, log, labels):
    append(log, prediction(prediction_id="a"), prediction(prediction_id="a"))
    append(labels, feedback("a", "negative"), feedback("b", "negative"))

    snapshot = reader.refresh()

    assert predictions_of(snapshot)["true_sentiment"].tolist() == ["negative"] * 2
    assert snapshot.unmatched_feedback == 1


def test_a_label_for_the_id_nan_is_not_one_for_lines_without_an_id(reader, log, labels):
    append(log, prediction(prediction_id=None))
    append(labels, feedback("nan", "negative"), feedback("None", "negative"))

    snapshot = reader.refresh()

    assert predictions_of(snapshot)["true_sentiment"].isna().tolist() == [True]
    assert snapshot.unmatched_feedback == 2


# Threads, and the range of time


def test_threads_that_refresh_at_once_while_the_log_grows_never_see_a_line_twice_or_not_at_all(reader, log):
    total = 400
    problems: list[str] = []

    def look() -> None:
        seen = 0
        while seen < total and not problems:
            snapshot = reader.refresh()
            if predictions_of(snapshot)["prediction_id"].duplicated().any() or snapshot.unreadable_lines:
                problems.append("a line was read twice or in part")
            if snapshot.requests.rows < seen:
                problems.append("a line was lost")
            seen = snapshot.requests.rows

    threads = [threading.Thread(target=look, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(total):
        append(log, prediction(prediction_id=f"id-{number}"))
    wait_until(lambda: not any(thread.is_alive() for thread in threads), "every thread has seen every line")

    assert problems == []
    assert reader.refresh().requests.rows == total


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (None, ["0", "1", "2"]),
        (NOON - timedelta(days=1), ["0", "1", "2"]),
        (NOON + timedelta(minutes=1), ["1", "2"]),
        (NOON + timedelta(minutes=1, microseconds=1), ["2"]),
        (NOON + timedelta(days=1), []),
    ],
)
def test_a_range_of_time_holds_what_happened_from_its_start_on(reader, log, start, expected):
    append(log, *(prediction(request_text=f"{n}", timestamp=at(n)) for n in range(3)))
    snapshot, selected = reader.refresh(), Selected(since=start)

    rows = snapshot.requests.where(lambda columns: selected.mask(columns, snapshot.requests.names))
    assert [request.line.request_text for request in snapshot.requests.read(rows)] == expected
    assert selected.count(snapshot).n == len(expected)


def test_a_range_of_time_of_an_empty_log_is_empty(reader):
    assert Selected(since=datetime.now(UTC)).count(reader.refresh()).n == 0


# One request


def test_what_is_read_back_are_the_lines_of_the_log(reader, log):
    lines = [prediction(request_text="nan", true_sentiment="nan"), prediction(prediction_id=None, model_version=None)]
    append(log, *lines)

    assert read(reader.refresh(), 0, 1) == [parse_prediction(json.loads(line)) for line in lines]


def test_a_request_is_known_with_the_label_that_came_later(reader, log, labels):
    append(log, prediction(prediction_id="a"), prediction(prediction_id="b"))
    (request,) = read(reader.refresh(), 0)
    append(labels, feedback("a", "negative"))

    assert read(reader.refresh(), 0) == [request._replace(true_sentiment="negative")]


def test_requests_of_the_same_moment_are_not_taken_for_one_another(reader, log):
    names = ["a", None, "b"]
    append(log, *(prediction(prediction_id=name, predicted_sentiment=name or "none") for name in names))

    assert [line.prediction_id for line in read(reader.refresh(), 2, 0, 1)] == ["b", "a", None]

"""Files of the log that come, grow, are renamed and go, and files that were read by another process before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitoring.log.files.tail import LogTail, ReadFile
from monitoring.log.files.tailed_file import BLOCK_BYTES, SEEN_BYTES, Position, Replaced, TailedFile
from tests.monitoring.conftest import append


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "prediction_logs.json"


@pytest.fixture
def tail(tmp_path) -> LogTail:
    return LogTail(tmp_path)


def names(files: list[TailedFile]) -> list[str]:
    return [file.path.name for file in files]


def lines_of(file: TailedFile) -> list[bytes]:
    """What it has gained, which is then used."""
    found = [line for block in file.read_new() for line in block.lines]
    file.accept(0)
    return found


# One file


def test_lines_are_read_once_and_up_to_the_last_newline(path):
    append(path, b"one\ntwo\nthr")
    file = TailedFile(path, 0)

    assert lines_of(file) == [b"one", b"two"]
    assert lines_of(file) == []
    append(path, b"ee\n\nfour\n")
    assert lines_of(file) == [b"three", b"", b"four"]


def test_lines_that_were_not_accepted_are_read_again(path):
    append(path, b"one\n")
    file = TailedFile(path, 0)

    assert [block.lines for block in file.read_new()] == [[b"one"]]
    append(path, b"two\n")
    assert lines_of(file) == [b"one", b"two"]


def test_blocks_say_where_they_start(path):
    long = b"x" * (BLOCK_BYTES // 2 + 1)
    lines = [long, b"short", long, long * 3, b"end"]
    append(path, b"first\n")
    file = TailedFile(path, 0)
    lines_of(file)
    append(path, *(line + b"\n" for line in lines))

    blocks, content = list(file.read_new()), path.read_bytes()

    assert len(blocks) > 1
    assert [line for block in blocks for line in block.lines] == lines
    for block in blocks:
        whole = b"".join(line + b"\n" for line in block.lines)
        assert content[block.start : block.start + len(whole)] == whole


def test_a_file_that_is_shorter_other_or_gone_is_replaced(path):
    append(path, b"one\ntwo\n")
    file = TailedFile(path, 0)
    lines_of(file)
    for content in (b"one\n", b"onE\ntWo\nthree\n", b""):
        path.write_bytes(content)
        with pytest.raises(Replaced):
            lines_of(file)
    path.unlink()
    with pytest.raises(Replaced):
        lines_of(file)


def test_a_position_holds_as_long_as_the_file_only_grows(path):
    append(path, b"one\n", b"x" * 2 * SEEN_BYTES + b"\n", b"half")
    file = TailedFile(path, 0)
    lines_of(file)
    position = file.position
    append(path, b" a line\n")

    assert position.offset == 2 * SEEN_BYTES + 5
    assert position.holds(path)
    content = bytearray(path.read_bytes())
    content[position.offset - 2] ^= 1
    path.write_bytes(content)
    assert not position.holds(path)


def test_a_position_holds_for_no_other_file_and_for_none(path, tmp_path):
    append(path, b"one\n")
    append(tmp_path / "copy", b"one\n")
    file = TailedFile(path, 0)
    lines_of(file)

    assert not file.position.holds(tmp_path / "copy")
    assert not file.position.holds(tmp_path / "nowhere")
    assert not file.position._replace(offset=100).holds(path)


def test_a_file_is_gone_on_with_where_another_process_ended(path):
    append(path, b"one\n", b"two\n")
    before = TailedFile(path, 0)
    lines_of(before)
    append(path, b"three\n")

    file = TailedFile(path, 7)
    file.resume_from(before.position, unreadable_lines=4)

    assert file.position == before.position
    assert (lines_of(file), file.unreadable_lines, file.number) == ([b"three"], 4, 7)


# All files


def test_files_are_numbered_as_they_appear(tail, tmp_path):
    append(tmp_path / "prediction_logs.2.json")
    append(tmp_path / "prediction_logs.1.json")
    append(tmp_path / "feedback_logs.json")
    append(tmp_path / "other.json")
    assert names(tail.find_predictions()) == ["prediction_logs.1.json", "prediction_logs.2.json"]

    append(tmp_path / "prediction_logs.0.json")
    found = tail.find_predictions()

    assert names(found) == ["prediction_logs.1.json", "prediction_logs.2.json", "prediction_logs.0.json"]
    assert [file.number for file in found] == [0, 1, 2]
    assert names(tail.find_feedback()) == ["feedback_logs.json"]
    assert names(tail.files) == [*names(found), "feedback_logs.json"]


def test_a_renamed_file_is_the_same_one(tail, tmp_path, path):
    append(path, b"one\n")
    (file,) = tail.find_predictions()
    lines_of(file)
    path.rename(tmp_path / "prediction_logs.old.json")
    append(path, b"two\n")

    first, second = tail.find_predictions()

    assert first is file
    assert names([first, second]) == ["prediction_logs.old.json", "prediction_logs.json"]
    assert (lines_of(first), lines_of(second)) == ([], [b"two"])


def test_files_that_change_their_names_with_each_other_are_the_same_ones(tail, tmp_path):
    one, other, third = (tmp_path / f"prediction_logs.{name}.json" for name in (1, 2, 3))
    append(one, b"one\n")
    append(other, b"other\n")
    before = list(tail.find_predictions())
    one.rename(third)
    other.rename(one)
    third.rename(other)

    assert tail.find_predictions() == before
    assert [lines_of(file) for file in before] == [[b"one"], [b"other"]]


@pytest.mark.parametrize("to", ["old.json", "feedback_logs.json"])
def test_a_file_that_is_none_of_these_any_more_has_gone(tail, tmp_path, path, to):
    append(path, b"one\n")
    tail.find_predictions()
    path.rename(tmp_path / to)

    with pytest.raises(Replaced):
        tail.find_predictions()
    tail.start_over()
    assert tail.find_predictions() == []


def test_a_file_under_two_names_is_read_once(tail, tmp_path, path):
    append(path, b"one\n")
    os.link(path, tmp_path / "prediction_logs.link.json")

    assert len(tail.find_predictions()) == len(tail.find_predictions()) == 1


def test_files_are_gone_on_with_whatever_they_are_called_now(tail, tmp_path, path):
    append(path, b"one\n")
    append(tmp_path / "feedback_logs.json", b"label\n")
    for file in (*tail.find_predictions(), *tail.find_feedback()):
        lines_of(file)
    predictions, feedback = (
        [ReadFile(file.position, 2, file.name) for file in files] for files in (tail.predictions, tail.feedback)
    )
    path.rename(tmp_path / "prediction_logs.z.json")
    append(path, b"new\n")

    again = LogTail(tmp_path)
    again.resume_from(predictions, feedback)

    assert again.unreadable_lines == 4
    assert names(again.find_predictions()) == ["prediction_logs.z.json", "prediction_logs.json"]
    assert [lines_of(file) for file in (*again.predictions, *again.find_feedback())] == [[], [b"new"], []]


def test_if_one_file_is_not_as_it_was_none_is_gone_on_with(tail, tmp_path, path):
    append(path, b"one\n")
    append(tmp_path / "prediction_logs.1.json", b"one\n")
    read = []
    for file in tail.find_predictions():
        lines_of(file)
        read.append(ReadFile(file.position, 0, file.name))
    path.write_bytes(b"two\n")

    again = LogTail(tmp_path)
    with pytest.raises(Replaced):
        again.resume_from(read, [])
    with pytest.raises(Replaced):
        again.resume_from([ReadFile(Position(1, 2, 2, "digest"), 0, path.name)], [])
    assert again.files == []


def test_the_share_that_has_been_read_is_known_while_files_are_read(tail, tmp_path, path):
    assert tail.progress == 0
    append(path, b"x" * 9 + b"\n")
    append(tmp_path / "feedback_logs.json", b"y" * 29 + b"\n")
    (predictions,), (labels,) = tail.find_predictions(), tail.find_feedback()
    assert tail.progress == 0

    lines_of(predictions)
    assert tail.progress == 0.25
    lines_of(labels)
    assert tail.progress == 1

"""The files of ids that `python -m api.prediction_log` is given."""

import pytest

from api.prediction_log.command import main
from api.prediction_log.records import PredictionRecord, line

COMMANDS = {"erase": "--ids", "verify": "--acknowledged"}


@pytest.fixture
def log(tmp_path):
    """A folder with the log of one prediction, whose id is 1."""
    record = PredictionRecord(
        "2026-11-23T08:20:00.123456+00:00", "fine", "positive", None, "1", 0.97, "abc", 0.5, False
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "prediction_logs.json").write_bytes(line(record))
    return tmp_path / "logs"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe1\x00\n\x00", "The file of ids is not UTF-8; save it as such, one id a line"),
        (b"caf\xe9\n", "The file of ids is not UTF-8; save it as such, one id a line"),
        (None, "No such file or directory"),
        ("a folder", "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence_and_nothing_is_done(log, tmp_path, capsys, command, content, said):
    file = tmp_path / "ids.txt"
    if content == "a folder":
        file.mkdir()
    elif content:
        file.write_bytes(content)
    before = (log / "prediction_logs.json").read_bytes()

    assert main([command, COMMANDS[command], str(file), "--folder", str(log)], {}) == 2

    assert capsys.readouterr() == ("", f"{said}: {file}\n")
    assert (log / "prediction_logs.json").read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_byte_order_mark_is_no_part_of_the_first_id(log, tmp_path, capsys, command):
    (tmp_path / "ids.txt").write_text("1\n", "utf-8-sig")

    assert main([command, COMMANDS[command], str(tmp_path / "ids.txt"), "--folder", str(log)], {}) == 0

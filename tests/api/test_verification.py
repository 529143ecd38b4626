"""Every way in which a log can be unsound is found, and a sound one is not called unsound."""

import gzip
import os
import subprocess
import sys

import pytest

from api.owned_file import OwnedFile
from api.segments import closed_name
from api.verification import verify
from tests.api.test_erasure import label, prediction
from tests.conftest import ROOT


@pytest.fixture
def log(tmp_path):
    """A sound log of several files."""
    (tmp_path / closed_name("prediction_logs")).write_bytes(prediction("a"))
    (tmp_path / f"{closed_name('prediction_logs')}.gz").write_bytes(gzip.compress(prediction("b") + b"   \n"))
    (tmp_path / "prediction_logs.json").write_bytes(prediction("c") + prediction("d"))
    (tmp_path / "feedback_logs.json").write_bytes(label("a") + label("nobody"))
    return tmp_path


def test_a_sound_log_is_sound(log):
    found = verify(log, ["a", "b", "c", "d"])

    assert found.is_sound
    assert (found.predictions, found.labels, found.unmatched, len(found.files)) == (4, 2, 1, 4)
    assert found.problems == []
    assert sum(file.erased for file in found.files) == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"timestamp": "2026\n', "it is not JSON"),
        (b"\0\0\0\0\n", "it is not JSON, among them 4 zero bytes, as a power cut may leave"),
        (b"[1]\n", "it is not a JSON object"),
        (b'{"timestamp": "2026-11-23T08:20:00+00:00"}\n', "it has no request_text"),
        (prediction("x").replace(b"2026-11-23", b"some 11 day"), "its timestamp 'some 11 day"),
        (b"[" * 100_000 + b"\n", "it is not JSON"),
        (b"\xff\n", "it is not JSON"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_its_place_and_why(log, line, problem):
    with (log / "prediction_logs.json").open("ab") as file:
        file.write(line)
    found = verify(log)

    assert (found.is_sound, found.unreadable) == (False, 1)
    assert found.problems[0].startswith(f"prediction_logs.json line 3 ({len(line)} bytes): {problem}")


def test_an_id_that_is_there_twice_is_named(log):
    (log / "prediction_logs.1.json").write_bytes(prediction("a"))
    found = verify(log)

    assert (found.is_sound, found.repeated) == (False, 1)
    assert "prediction_logs.1.json line 1: the id a is there a second time" in found.problems


def test_lines_without_an_id_are_as_old_programs_wrote_them(log):
    old = prediction("x").replace(b'"prediction_id": "x", ', b"")
    (log / "prediction_logs.1.json").write_bytes(old * 2)

    assert verify(log).is_sound


def test_an_acknowledged_id_that_is_not_there_is_missing(log):
    found = verify(log, ["a", "lost"])

    assert (found.is_sound, found.missing) == (False, ["lost"])
    assert found.problems == ["lost was acknowledged, and is not in the log"]


def test_half_a_line_at_the_end_is_a_problem_unless_it_is_being_written(log):
    with (log / "prediction_logs.json").open("ab") as file:
        file.write(b'{"timestamp')
    found = verify(log)
    assert (found.is_sound, found.unfinished) == (False, 1)
    assert found.problems == ["prediction_logs.json ends in 11 bytes of a line that was not finished"]

    owned = OwnedFile.claim(log, "prediction_logs")
    with owned.path.open("ab") as file:
        file.write(b'{"timestamp')
    found = verify(log)
    assert found.unfinished == 0
    assert any(file.being_written for file in found.files)
    owned.close()


def test_the_longest_gap_between_two_lines_is_known(log):
    with (log / "prediction_logs.json").open("ab") as file:
        file.write(prediction("e").replace(b"08:20:00", b"09:21:00"))

    assert "3 lines, 2026-11-23 08:20:00.123456+00:00 to 2026-11-23 09:21:00.123456+00:00, longest gap 1:01:00" in (
        "\n".join(verify(log).lines())
    )


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.prediction_log", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60)


def test_the_command_says_what_there_is_and_tells_by_its_exit_code(log):
    done = run("verify", LOG_DIR=str(log))
    assert (done.returncode, done.stderr) == (0, "")
    assert "4 predictions, 2 labels (1 of no prediction that is there)" in done.stdout

    (log / "ids").write_text("a\nlost\n")
    done = run("verify", "--folder", log, "--acknowledged", log / "ids")
    assert done.returncode == 1
    assert "lost was acknowledged, and is not in the log\n" in done.stdout
    assert "1 acknowledged ids are missing" in done.stdout


def test_the_command_erases_what_it_is_told_to(log):
    (log / "ids").write_text("c\n\nunknown")
    done = run("erase", "a", "--ids", log / "ids", "--folder", log)

    assert done.returncode == 0, done.stderr
    assert "3 lines of 3 ids erased" in done.stdout
    assert "2 predictions, 1 labels" in run("verify", "--folder", log).stdout
    assert run("erase", "a", "--folder", log).returncode == 1  # it is not there any more


def test_the_command_says_what_is_wrong_with_what_it_is_told(tmp_path):
    assert run("verify", "--folder", tmp_path / "none").stderr == f"There is no such folder: {tmp_path / 'none'}\n"
    assert run("erase", "--folder", tmp_path).stderr == "Name the ids to erase, or a file of them with --ids.\n"
    assert run().returncode == 2

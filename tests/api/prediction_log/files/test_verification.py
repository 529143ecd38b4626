"""Every way in which a log can be unsound is found, and a sound one is not called unsound."""

import gzip
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path, PosixPath

import pytest

from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.segments import changing_segments, closed_name
from api.prediction_log.files.verification import File, Verification, _records, verify
from tests.api.prediction_log.files.test_erasure import BAD, label, prediction, truncated
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
    assert found.problems == [
        "prediction_logs.json ends in 11 bytes of an unfinished line; it was never acknowledged, and the service "
        "cuts it off when it opens the file"
    ]

    owned = OwnedFile.claim(log, "prediction_logs")
    with owned.path.open("ab") as file:
        file.write(b'{"timestamp')
    found = verify(log)
    assert found.unfinished == 0
    assert any(file.being_written for file in found.files)
    owned.close()


def test_the_service_and_the_check_agree_about_the_end_of_a_file(log):
    """What is cut off when the file is opened is a problem before, and what is kept is none."""
    whole = prediction("e")
    path = log / "prediction_logs.json"
    before = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(before + whole[:cut])
        found = verify(log)
        OwnedFile.claim(log, "prediction_logs").close()
        again = verify(log)

        assert again.is_sound
        assert again.predictions == found.predictions == (5 if cut == len(whole) - 1 else 4)
        assert found.unfinished == (0 < cut < len(whole) - 1)
        assert path.read_bytes() == before + (whole if cut == len(whole) - 1 else b"")


def test_what_is_written_while_it_is_read_is_no_line_that_cannot_be_read(log):
    """The rest of a line that was half there is no line of its own."""
    whole, found, file = prediction("e"), Verification(), File(log / "prediction_logs.json")

    class Growing(BytesIO):
        def __iter__(self):
            return iter([whole[:30], whole[30:]])

        def fileno(self):
            return opened.fileno()

    owned = OwnedFile.claim(log, "prediction_logs")
    with owned.path.open("rb") as opened:
        assert list(_records(file, Growing(), found)) == []
    assert (found.unreadable, found.unfinished) == (0, 0)
    owned.close()


def test_a_compressed_copy_beside_its_file_is_not_counted_twice(log):
    path = log / closed_name("prediction_logs")
    path.write_bytes(prediction("e"))
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(prediction("e")))

    assert verify(log).is_sound
    assert verify(log).predictions == 5


@pytest.mark.parametrize("spoil", BAD)
def test_one_bad_file_is_named_and_the_others_are_checked(log, spoil):
    path = log / f"{closed_name('prediction_logs')}.gz"
    path.write_bytes(gzip.compress(b"".join(prediction(f"z{n}", f"text {n * 7919 % 1009}") for n in range(200))))
    spoil(path)
    found = verify(log, ["a", "b", "c", "d"])

    (sentence,) = found.unchecked
    assert sentence.startswith(f"{path.name} cannot be read")
    assert BAD[spoil] in sentence
    assert not found.is_sound
    assert found.missing == []
    assert found.labels == 2


@pytest.mark.parametrize("times", [1, 5])
def test_a_file_that_is_closed_between_being_listed_and_opened_is_counted_once(log, recorder, times):
    """As often as a busy service may do that, while a file before it is read."""

    class Rotating(PosixPath):
        """A folder in which the file that is written is closed whenever it has been listed."""

        left = times

        def iterdir(self):
            found = list(Path(self).iterdir())
            if Rotating.left:
                Rotating.left -= 1
                (log / "prediction_logs.json").rename(log / closed_name("prediction_logs"))
                (log / "prediction_logs.json").write_bytes(prediction(f"new-{Rotating.left}"))
            return iter(found)

    found = verify(Rotating(log), ["a", "b", "c", "d"])

    assert found.is_sound, "\n".join(found.lines())
    assert found.repeated == 0


def test_nothing_is_deleted_or_compressed_while_it_is_checked(log):
    allowed = list[bool]()

    class Listing(PosixPath):
        def iterdir(self):
            with changing_segments(log) as may:
                allowed.append(may)
            return Path(self).iterdir()

    assert verify(Listing(log)).is_sound
    assert set(allowed) == {False}


def test_a_file_of_another_user_is_named_and_the_others_are_checked(folder_of_another_user):
    (folder_of_another_user / "prediction_logs.json").touch(0o000)
    (folder_of_another_user / "prediction_logs.1.json").write_bytes(prediction("a"))
    found = verify(folder_of_another_user)

    assert found.unchecked == ["prediction_logs.json cannot be read: Permission denied"]
    assert found.predictions == 1


def test_a_folder_of_another_user_is_an_error_and_not_an_empty_log(folder_of_another_user):
    folder_of_another_user.chmod(0o300)
    with pytest.raises(PermissionError):
        verify(folder_of_another_user)
    folder_of_another_user.chmod(0o700)


def test_a_folder_that_cannot_be_read_is_an_error_and_not_an_empty_log(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        verify(tmp_path / "file")


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


def test_the_commands_name_a_bad_file_do_the_others_and_say_that_they_cannot_tell(log):
    bad = log / f"{closed_name('prediction_logs')}.gz"
    bad.write_bytes(gzip.compress(prediction("a") * 100))
    truncated(bad)

    done = run("verify", "--folder", log)
    assert (done.returncode, done.stderr) == (2, "")
    assert f"{bad.name} cannot be read" in done.stdout
    assert "2 labels" in done.stdout

    done = run("erase", "a", "--folder", log)
    assert done.returncode == 2
    assert "2 lines of 1 ids erased" in done.stdout
    assert done.stderr == (
        f"{bad.name} was not erased: its compressed lines are damaged: they end too early\n"
        "Mend these files, or delete them, and erase again: they may hold what is to be erased.\n"
    )


def test_the_command_says_what_is_wrong_with_what_it_is_told(tmp_path):
    assert run("verify", "--folder", tmp_path / "none").stderr == f"There is no such folder: {tmp_path / 'none'}\n"
    assert run("erase", "--folder", tmp_path).stderr == "Name the ids to erase, or a file of them with --ids.\n"
    assert run().returncode == 2

"""The file that must survive crashes, in a folder that one process owns."""

import subprocess
import sys

import pytest

from monitoring.watch.state_file import Refused, StateFile, Taken
from tests.conftest import ROOT

OWN = (
    "import sys, pathlib; from monitoring.watch.state_file import StateFile; StateFile(pathlib.Path(sys.argv[1])).own()"
)


def test_what_was_written_is_read(tmp_path):
    file = StateFile(tmp_path / "a" / "state")
    file.write({"text": "Straße", "number": 0.1 + 0.2, "list": [1, None]})

    assert file.read() == {"text": "Straße", "number": 0.1 + 0.2, "list": [1, None]}
    assert [path.name for path in file.directory.iterdir()] == ["watch.json"]


def test_nothing_written_is_nothing_read(tmp_path):
    assert StateFile(tmp_path / "missing").read() is None


def test_a_half_written_new_file_is_never_read(tmp_path):
    file = StateFile(tmp_path)
    file.write({"a": 1})
    (tmp_path / "watch.new").write_bytes(b'{"form')

    assert file.read() == {"a": 1}
    file.write({"a": 2})
    assert file.read() == {"a": 2}


def test_a_state_is_whole_on_disk_before_it_takes_the_others_place_and_its_name_is_when_it_is_written(
    tmp_path, recorder
):
    written = list[bytes]()
    recorder.before("fsync", "watch.new", lambda: written.append((tmp_path / "watch.new").read_bytes()))
    StateFile(tmp_path).write({"a": 1})

    assert recorder.done == ["fsync watch.new", "rename watch.new", f"fsync {tmp_path.name}"]
    assert written == [(tmp_path / "watch.json").read_bytes()]


def test_a_state_that_cannot_be_synced_takes_nobodys_place(tmp_path, recorder):
    file = StateFile(tmp_path)
    file.write({"a": 1})
    recorder.fail("fsync", "watch.new", 28)
    with pytest.raises(OSError, match="No space left"):
        file.write({"a": 2})

    assert file.read() == {"a": 1}


def test_what_is_moved_aside_is_on_disk_under_its_new_name(tmp_path, recorder):
    StateFile(tmp_path).write({"a": 1})
    recorder.events.clear()
    StateFile(tmp_path).move_aside()

    assert recorder.done == ["rename watch.json", f"fsync {tmp_path.name}"]


def test_what_is_moved_aside_is_kept_and_not_read_again(tmp_path):
    file = StateFile(tmp_path)
    for content in (b"one", b"two"):
        file.path.write_bytes(content)
        with pytest.raises(Refused, match="it is not JSON"):
            file.read()
        assert file.move_aside().read_bytes() == content
    assert file.read() is None
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_has_one_owner_until_its_process_ends(tmp_path):
    held = StateFile(tmp_path)
    held.own()
    other = subprocess.run([sys.executable, "-c", OWN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)

    assert "Taken" in other.stderr
    with pytest.raises(Taken):
        StateFile(tmp_path).own()


def test_a_process_that_ended_owns_nothing(tmp_path):
    for _ in range(2):
        subprocess.run([sys.executable, "-c", OWN, str(tmp_path)], cwd=ROOT, check=True)

import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.owned_file import OwnedFile, ShortWrite


@contextmanager
def room_for(size: int):
    """A real limit on how large a file may grow, as a full disk would set one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_second_owner_gets_the_second_file_and_a_freed_one_is_taken_again(tmp_path):
    first, second = OwnedFile.claim(tmp_path, "log"), OwnedFile.claim(tmp_path, "log")
    first.close()
    third, fourth = OwnedFile.claim(tmp_path, "log"), OwnedFile.claim(tmp_path, "log")

    names = [file.path.name for file in (first, second, third, fourth)]
    assert names == ["log.json", "log.1.json", "log.json", "log.2.json"]
    for file in (second, third, fourth):
        file.close()


def test_the_folder_is_made(tmp_path):
    OwnedFile.claim(tmp_path / "a" / "b", "log").close()

    assert (tmp_path / "a" / "b" / "log.json").read_bytes() == b""


def test_a_torn_last_line_is_closed_when_the_file_is_claimed(tmp_path):
    (tmp_path / "log.json").write_bytes(b'{"a": 1}\n{"b"')

    file = OwnedFile.claim(tmp_path, "log")
    file.write(b'{"c": 3}\n')
    file.close()

    assert (tmp_path / "log.json").read_bytes() == b'{"a": 1}\n{"b"\n{"c": 3}\n'


def test_what_is_there_is_kept_as_it_is(tmp_path):
    (tmp_path / "log.json").write_bytes(b"one\n")

    OwnedFile.claim(tmp_path, "log").close()

    assert (tmp_path / "log.json").read_bytes() == b"one\n"


def test_a_write_that_does_not_fit_keeps_its_whole_lines_and_nothing_of_the_torn_one(tmp_path):
    file = OwnedFile.claim(tmp_path, "log")
    file.write(b"first\n")

    with room_for(15), pytest.raises(ShortWrite) as raised:
        file.write(b"one\ntwo\nthree\n")

    assert (raised.value.kept, raised.value.errno) == (len(b"one\ntwo\n"), errno.EFBIG)
    assert file.path.read_bytes() == b"first\none\ntwo\n"
    file.close()


def test_a_probe_tells_whether_there_is_room_and_leaves_no_trace(tmp_path):
    file = OwnedFile.claim(tmp_path, "log")
    file.write(b"first\n")

    file.probe()
    with room_for(100), pytest.raises(OSError, match=r"File too large.*log\.json"):
        file.probe()

    assert file.path.read_bytes() == b"first\n"
    file.close()


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.rename(path.with_name("old"))])
def test_a_file_that_was_deleted_or_moved_is_not_current(tmp_path, change):
    file = OwnedFile.claim(tmp_path, "log")
    assert file.is_current()

    change(file.path)

    assert not file.is_current()
    file.close()


def test_a_file_replaced_by_another_is_not_current(tmp_path):
    file = OwnedFile.claim(tmp_path, "log")
    file.path.rename(tmp_path / "old")
    file.path.write_bytes(b"")

    assert not file.is_current()
    file.close()


def test_closing_gives_the_file_free_although_a_second_handle_is_open(tmp_path):
    file = OwnedFile.claim(tmp_path, "log")
    handle = file.handle()
    file.close()

    again = OwnedFile.claim(tmp_path, "log")

    assert again.path.name == "log.json"
    again.close()
    os.close(handle)

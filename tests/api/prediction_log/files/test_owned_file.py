import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.prediction_log.files.owned_file import OwnedFile, ShortWrite


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


TORN = [
    b'{"b"',
    b"{",
    b"}",
    b'{"b": 2}, {"c": 3}',
    b"\0" * 200_000,
    b" " * 65_536,
    b"{" + b"\0" * 200_000 + b"}",
    b"[]",
]


@pytest.mark.parametrize("rest", TORN, ids=range(len(TORN)))
@pytest.mark.parametrize("before", [b"", b'{"a": 1}\n', b'{"a": 1}\n' * 20_000])
def test_what_is_left_of_a_line_is_cut_off_when_the_file_is_claimed_and_said_once(tmp_path, before, rest, caplog):
    path = tmp_path / "log.json"
    path.write_bytes(before + rest)

    for number in range(2):
        file = OwnedFile.claim(tmp_path, "log")
        file.write(b'{"c": %d}\n' % number)
        file.close()

    assert path.read_bytes() == before + b'{"c": 0}\n{"c": 1}\n'
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: the last line was unfinished and never acknowledged; cut off"
    ]


def test_a_line_that_lacks_but_its_newline_is_finished(tmp_path, caplog):
    path = tmp_path / "log.json"
    path.write_bytes(b'{"a": 1}\n{"b": {"c": "\xc3\xa9}"}}')

    OwnedFile.claim(tmp_path, "log").close()

    assert path.read_bytes() == b'{"a": 1}\n{"b": {"c": "\xc3\xa9}"}}\n'
    assert "the last line lacked its newline, and has it now" in caplog.text


def test_a_file_that_another_process_writes_is_not_cut(tmp_path):
    owned = OwnedFile.claim(tmp_path, "log")
    with owned.path.open("ab") as file:
        file.write(b'{"half')

    assert OwnedFile.claim_path(owned.path) is None
    assert owned.path.read_bytes() == b'{"half'
    owned.close()


def test_a_file_that_is_moved_between_being_opened_and_locked_is_not_written(tmp_path, recorder):
    path = tmp_path / "log.json"
    recorder.before("flock", "log.json", lambda: path.rename(tmp_path / "moved"))
    file = OwnedFile.claim(tmp_path, "log")
    file.write(b"line\n")

    assert file.is_current()
    assert file.path.read_bytes() == b"line\n"
    file.close()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "no" / "where")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("stands_there", [Path.mkdir, loop, link_to_nowhere, pipe, device])
def test_what_cannot_be_opened_is_passed_over_and_said_once(tmp_path, stands_there, caplog):
    stands_there(tmp_path / "log.json")
    for _ in range(3):
        file = OwnedFile.claim(tmp_path, "log")
        file.write(b"line\n")
        file.close()

    assert file.path.name == "log.1.json"
    assert file.path.read_bytes() == b"line\n" * 3
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{tmp_path / 'log.json'} cannot be opened and is passed over: ")


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o200])
def test_a_file_of_another_user_is_passed_over(folder_of_another_user, caplog, mode):
    (folder_of_another_user / "log.json").touch()
    (folder_of_another_user / "log.json").chmod(mode)

    assert OwnedFile.claim(folder_of_another_user, "log").path.name == "log.1.json"
    assert "log.json cannot be opened and is passed over: Permission denied" in caplog.text


def test_a_file_that_cannot_be_read_or_cut_is_passed_over(tmp_path, recorder, caplog):
    (tmp_path / "log.json").write_bytes(b'{"torn')
    recorder.fail("ftruncate", "log.json", errno.EIO)

    assert OwnedFile.claim(tmp_path, "log").path.name == "log.1.json"
    assert "log.json cannot be opened and is passed over: Input/output error" in caplog.text


def test_a_file_that_cannot_be_made_is_an_error_at_once(tmp_path, recorder):
    """Else a thousand names would be tried in vain."""
    recorder.fail("create", "log*", errno.ENOSPC)
    with pytest.raises(OSError, match="No space left on device"):
        OwnedFile.claim(tmp_path, "log")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_file_system_without_locks_is_said_with_the_way_out_and_leaves_no_other_files(tmp_path, recorder, there):
    if there:
        (tmp_path / "log.json").touch()
    recorder.fail("flock", "log*", errno.ENOLCK)
    with pytest.raises(OSError, match="No locks available") as raised:
        OwnedFile.claim(tmp_path, "log")

    assert raised.value.filename == str(tmp_path / "log.json")
    assert raised.value.strerror == (
        "No locks available (its file system locks no files; mount it with locks (NFS: without `nolock`), "
        "or choose another volume)"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["log.json"]


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

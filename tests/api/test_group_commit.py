import threading
from pathlib import Path

import pytest

from api.group_commit import GroupCommit, LogUnavailable
from api.owned_file import OwnedFile, ShortWrite
from tests.api.test_owned_file import room_for
from tests.conftest import wait_until


class SlowFile(OwnedFile):
    """A file of which every write waits for permission, and which notes what one write carried."""

    def __init__(self) -> None:
        self.path = Path("slow")
        self.may_write, self.writing = threading.Semaphore(0), threading.Semaphore(0)
        self.writes: list[bytes] = []

    def is_current(self) -> bool:
        return True

    def write(self, lines: bytes) -> None:
        self.writing.release()
        self.may_write.acquire()
        self.writes.append(lines)

    def probe(self) -> None:
        pass

    def sync(self) -> None:
        self.writes.append(b"sync")

    def close(self) -> None:
        pass


def test_everything_that_waits_is_written_in_one_go():
    file = SlowFile()
    log = GroupCommit(lambda: file, "no")
    first = log.append(b"1\n")
    file.writing.acquire()
    rest = [log.append(b"%d\n" % number) for number in range(2, 6)]
    for _ in range(2):
        file.may_write.release()
    log.close()

    assert file.writes == [b"1\n", b"2\n3\n4\n5\n", b"sync"]
    assert all(future.result() is None for future in [first, *rest])


def test_with_always_nothing_is_acknowledged_before_the_sync():
    file = SlowFile()
    log = GroupCommit(lambda: file, "always")
    future = log.append(b"1\n")
    assert not future.done()
    file.may_write.release()

    future.result(timeout=5)

    assert file.writes == [b"1\n", b"sync"]
    log.close()


@pytest.mark.parametrize("sync", ["always", "everysec", "no"])
def test_every_acknowledged_line_is_in_the_file_whoever_sends_it(tmp_path, sync):
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path, "log"), sync)

    def send(sender: int) -> None:
        for number in range(200):
            log.append(b"%d-%d\n" % (sender, number)).result(timeout=10)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = (tmp_path / "log.json").read_bytes().splitlines()
    assert sorted(lines) == sorted(b"%d-%d" % (sender, number) for sender in range(8) for number in range(200))
    log.close()


def test_without_room_the_reason_is_given_and_with_room_again_it_recovers_by_itself(tmp_path):
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path, "log"), "no")
    log.append(b"before\n").result(timeout=5)

    with room_for(10):
        with pytest.raises(LogUnavailable, match=r"File too large.*log\.json"):
            log.append(b"does not fit\n").result(timeout=5)
        assert "File too large" in str(log.problem)
        with pytest.raises(LogUnavailable, match=r"File too large.*log\.json"):
            log.append(b"x\n").result(timeout=5)

    wait_until(lambda: log.problem is None, "recovered without a request")
    log.append(b"after\n").result(timeout=5)
    log.close()
    assert (tmp_path / "log.json").read_bytes() == b"before\nafter\n"


def test_of_a_group_that_fits_only_in_part_the_whole_entries_are_acknowledged():
    class SmallFile(SlowFile):
        def write(self, lines: bytes) -> None:
            super().write(lines)
            if len(self.writes) == 2:
                raise ShortWrite(4, OSError(28, "No space left on device"), self.path)

    file = SmallFile()
    log = GroupCommit(lambda: file, "no")
    log.append(b"1\n")
    file.writing.acquire()
    group = [log.append(line) for line in (b"2\n", b"3\n", b"4\n5\n")]
    for _ in range(2):
        file.may_write.release()

    assert [group[0].result(timeout=5), group[1].result(timeout=5)] == [None, None]
    with pytest.raises(LogUnavailable):
        group[2].result(timeout=5)
    file.may_write.release()  # of the probe that follows a failure
    log.close()


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path):
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path, "log"), "everysec")
    log.append(b"old\n").result(timeout=5)
    (tmp_path / "log.json").rename(tmp_path / "rotated")

    log.append(b"new\n").result(timeout=5)

    assert (tmp_path / "rotated").read_bytes() == b"old\n"
    assert (tmp_path / "log.json").read_bytes() == b"new\n"
    log.close()


def test_a_folder_that_is_deleted_is_made_again(tmp_path):
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path / "logs", "log"), "no")
    (tmp_path / "logs" / "log.json").unlink()
    (tmp_path / "logs").rmdir()

    log.append(b"line\n").result(timeout=5)

    assert (tmp_path / "logs" / "log.json").read_bytes() == b"line\n"
    log.close()


def test_a_folder_that_cannot_be_made_is_a_problem_from_the_start_and_not_for_ever(tmp_path):
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path / "logs", "log"), "no")

    assert "File exists" in str(log.problem)
    with pytest.raises(LogUnavailable, match="File exists"):
        log.append(b"line\n").result(timeout=5)

    (tmp_path / "logs").unlink()
    wait_until(lambda: log.problem is None, "recovered")
    log.close()


def test_closing_writes_what_waits_and_refuses_what_comes_later(tmp_path):
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path, "log"), "everysec")
    futures = [log.append(b"%d\n" % number) for number in range(1000)]

    log.close()

    assert all(future.done() for future in futures)
    assert len((tmp_path / "log.json").read_bytes().splitlines()) == 1000
    with pytest.raises(LogUnavailable, match="shutting down"):
        log.append(b"late\n").result(timeout=5)


def test_a_caller_that_stops_waiting_does_not_stop_the_write(tmp_path):
    log = GroupCommit(lambda: OwnedFile.claim(tmp_path, "log"), "no")

    assert not log.append(b"line\n").cancel()

    log.close()
    assert (tmp_path / "log.json").read_bytes() == b"line\n"

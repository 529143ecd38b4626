import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from api.prediction_log.contract import LogUnavailable
from api.prediction_log.files.group_commit import GroupCommit
from api.prediction_log.files.owned_file import Limit, OwnedFile, ShortWrite
from api.settings import Sync
from tests.api.prediction_log.files.test_owned_file import room_for


class SlowFile(OwnedFile):
    """A file of which every write waits for permission, and which notes what one write carried, and each sync.

    For `always`: the event loop, which writes by itself otherwise, could not give permission.
    """

    def __init__(self) -> None:
        self.path = Path("slow")
        self.may_write, self.writing = threading.Semaphore(0), threading.Semaphore(0)
        self.writes: list[bytes] = []

    def is_current(self) -> bool:
        return True

    def is_full(self, limit: Limit) -> bool:
        return False

    def write(self, lines: bytes) -> None:
        if not lines:
            return
        self.writing.release()
        self.may_write.acquire()
        self.writes.append(lines)

    def probe(self) -> None:
        pass

    def sync(self) -> None:
        self.writes.append(b"sync")

    def close(self) -> None:
        pass

    async def is_writing(self) -> None:
        assert await asyncio.to_thread(self.writing.acquire, timeout=10)


@asynccontextmanager
async def opened(claim: Callable[[], OwnedFile], sync: Sync) -> AsyncIterator[GroupCommit]:
    log = GroupCommit(claim, sync)
    await log.open()
    yield log
    await log.close()


def in_folder(folder: Path) -> Callable[[], OwnedFile]:
    return lambda: OwnedFile.claim(folder, "log")


async def until_recovered(log: GroupCommit) -> None:
    deadline = time.monotonic() + 20
    while log.problem is not None:
        assert time.monotonic() < deadline, log.problem
        await asyncio.sleep(0.02)


def test_everything_that_waits_is_written_in_one_go():
    async def scenario() -> None:
        file = SlowFile()
        async with opened(lambda: file, "always") as log:
            first = log.append(b"1\n")
            await file.is_writing()
            rest = [log.append(b"%d\n" % number) for number in range(2, 6)]
            for _ in range(2):
                file.may_write.release()

        assert [lines for lines in file.writes if lines != b"sync"] == [b"1\n", b"2\n3\n4\n5\n"]
        assert all(future.result() is None for future in [first, *rest])

    asyncio.run(scenario())


def test_what_everybody_appends_whose_turn_it_is_goes_with_the_first():
    async def scenario() -> None:
        file = SlowFile()

        async def append(log: GroupCommit, number: int) -> None:
            await log.append(b"%d\n" % number)

        async with opened(lambda: file, "always") as log:
            file.may_write.release()
            await asyncio.gather(*(append(log, number) for number in range(3)))

        assert b"0\n1\n2\n" in file.writes

    asyncio.run(scenario())


def test_with_always_nothing_is_acknowledged_before_the_sync():
    async def scenario() -> None:
        file = SlowFile()
        async with opened(lambda: file, "always") as log:
            file.writes.clear()
            future = log.append(b"1\n")
            await file.is_writing()
            assert not future.done()
            file.may_write.release()

            await future

            assert file.writes == [b"1\n", b"sync"]

    asyncio.run(scenario())


def test_with_everysec_what_was_written_is_synced_without_another_write(tmp_path):
    async def scenario() -> None:
        synced = threading.Event()

        class Handed(OwnedFile):
            def handle(self) -> int:
                synced.set()
                return super().handle()

        async with opened(lambda: Handed.claim(tmp_path, "log"), "everysec") as log:
            await log.append(b"1\n")
            assert await asyncio.to_thread(synced.wait, 10)

    asyncio.run(scenario())


@pytest.mark.parametrize("sync", ["always", "everysec", "no"])
def test_every_acknowledged_line_is_in_the_file_whoever_sends_it(tmp_path, sync):
    async def scenario() -> None:
        async def send(log: GroupCommit, sender: int) -> None:
            for number in range(200):
                await log.append(b"%d-%d\n" % (sender, number))

        async with opened(in_folder(tmp_path), sync) as log:
            await asyncio.gather(*(send(log, sender) for sender in range(8)))
            lines = (tmp_path / "log.json").read_bytes().splitlines()

        assert sorted(lines) == sorted(b"%d-%d" % (sender, number) for sender in range(8) for number in range(200))

    asyncio.run(scenario())


def test_without_room_the_reason_is_given_and_with_room_again_it_recovers_by_itself(tmp_path):
    async def scenario() -> None:
        async with opened(in_folder(tmp_path), "no") as log:
            await log.append(b"before\n")
            with room_for(10):
                with pytest.raises(LogUnavailable, match=r"File too large.*log\.json"):
                    await log.append(b"does not fit\n")
                assert "File too large" in str(log.problem)
                with pytest.raises(LogUnavailable, match=r"File too large.*log\.json"):
                    await log.append(b"x\n")
            await until_recovered(log)
            await log.append(b"after\n")

        assert (tmp_path / "log.json").read_bytes() == b"before\nafter\n"

    asyncio.run(scenario())


@pytest.mark.parametrize(("sync", "acknowledged"), [("no", 2), ("everysec", 2), ("always", 0)])
def test_of_a_group_that_fits_only_in_part_the_whole_entries_are_acknowledged_unless_they_must_be_synced(
    tmp_path, sync, acknowledged
):
    class SmallFile(OwnedFile):
        def write(self, lines: bytes) -> None:
            if lines:
                raise ShortWrite(4, OSError(28, "No space left on device"), self.path)

    async def scenario() -> None:
        async with opened(lambda: SmallFile.claim(tmp_path, "log"), sync) as log:
            group = [log.append(line) for line in (b"2\n", b"3\n", b"4\n5\n")]
            done, refused = group[:acknowledged], group[acknowledged:]

            assert await asyncio.gather(*done) == [None] * acknowledged
            for future in refused:
                with pytest.raises(LogUnavailable, match="No space left"):
                    await future

    asyncio.run(scenario())


@pytest.mark.parametrize("sync", ["no", "always"])
def test_a_mistake_while_writing_reaches_who_waits_and_the_next_one_is_written(tmp_path, sync):
    class FailingFile(OwnedFile):
        def write(self, lines: bytes) -> None:
            if b"mistake" in lines:
                raise RuntimeError("a mistake")
            super().write(lines)

    async def scenario() -> None:
        async with opened(lambda: FailingFile.claim(tmp_path, "log"), sync) as log:
            with pytest.raises(RuntimeError, match="a mistake"):
                await log.append(b"mistake\n")
            await log.append(b"next\n")

        assert (tmp_path / "log.json").read_bytes() == b"next\n"

    asyncio.run(scenario())


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path):
    async def scenario() -> None:
        async with opened(in_folder(tmp_path), "everysec") as log:
            await log.append(b"old\n")
            (tmp_path / "log.json").rename(tmp_path / "rotated")
            await log.append(b"new\n")

        assert (tmp_path / "rotated").read_bytes() == b"old\n"
        assert (tmp_path / "log.json").read_bytes() == b"new\n"

    asyncio.run(scenario())


def test_a_folder_that_is_deleted_is_made_again(tmp_path):
    async def scenario() -> None:
        async with opened(in_folder(tmp_path / "logs"), "no") as log:
            (tmp_path / "logs" / "log.json").unlink()
            (tmp_path / "logs").rmdir()
            await log.append(b"line\n")

        assert (tmp_path / "logs" / "log.json").read_bytes() == b"line\n"

    asyncio.run(scenario())


def test_a_folder_that_cannot_be_made_is_a_problem_from_the_start_and_not_for_ever(tmp_path):
    async def scenario() -> None:
        (tmp_path / "logs").write_text("a file where the folder should be")
        async with opened(in_folder(tmp_path / "logs"), "no") as log:
            assert "File exists" in str(log.problem)
            with pytest.raises(LogUnavailable, match="File exists"):
                await log.append(b"line\n")

            (tmp_path / "logs").unlink()
            await until_recovered(log)

    asyncio.run(scenario())


def test_closing_writes_what_waits_and_refuses_what_comes_later(tmp_path):
    async def scenario() -> None:
        async with opened(in_folder(tmp_path), "everysec") as log:
            futures = [log.append(b"%d\n" % number) for number in range(1000)]

        assert all(future.done() for future in futures)
        assert len((tmp_path / "log.json").read_bytes().splitlines()) == 1000
        with pytest.raises(LogUnavailable, match="shutting down"):
            await log.append(b"late\n")

    asyncio.run(scenario())


def test_a_caller_that_stops_waiting_does_not_stop_the_write(tmp_path):
    async def scenario() -> None:
        async with opened(in_folder(tmp_path), "no") as log:
            log.append(b"line\n").cancel()

        assert (tmp_path / "log.json").read_bytes() == b"line\n"

    asyncio.run(scenario())

"""In which order the log's files are written, synced, renamed and deleted, and by which thread: what a power cut at any
moment leaves depends on it."""

import asyncio
import gzip
import os
import threading
import time
from pathlib import Path

import pytest

from api.prediction_log.contract import LogUnavailable
from api.prediction_log.files.erasure import erase
from api.prediction_log.files.group_commit import GroupCommit
from api.prediction_log.files.owned_file import Limit, OwnedFile
from api.prediction_log.files.retention import Keep, tend
from api.prediction_log.files.segments import closed_name, is_closed, log_files
from tests.api.prediction_log.disk_recorder import DiskRecorder
from tests.api.prediction_log.files.test_erasure import prediction

SMALL = Limit(20)


def claim(folder: Path) -> OwnedFile:
    return OwnedFile.claim(folder, "prediction_logs")


def write(folder: Path, sync, *lines: bytes, recorder: DiskRecorder | None = None, limit: Limit = SMALL) -> list[str]:
    """What was asked of the disk up to each acknowledgement, and at the end."""
    done: list[list[str]] = []

    async def scenario() -> None:
        log = GroupCommit(lambda: claim(folder), sync, limit)
        await log.open()
        for line in lines:
            await log.append(line)
            done.append(recorder.done if recorder else [])
        await log.close()

    asyncio.run(scenario())
    return done[-1] if done else []


def closed(folder: Path, lines: bytes, packed: bool = False) -> Path:
    path = folder / (closed_name("prediction_logs") + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(lines) if packed else lines)
    os.utime(path, (time.time() - 100_000,) * 2)
    return path


def test_with_always_a_line_and_the_name_of_its_file_are_synced_before_it_is_acknowledged(tmp_path, recorder):
    before_the_answer = write(tmp_path, "always", b"one\n", recorder=recorder)

    assert before_the_answer[0] == "create prediction_logs.json"
    written = before_the_answer.index("write prediction_logs.json")
    assert "fsync prediction_logs.json" in before_the_answer[written:]
    assert f"fsync {tmp_path.name}" in before_the_answer
    assert before_the_answer.count(f"fsync {tmp_path.name}") == 1


def test_with_always_the_new_name_of_a_closed_file_is_synced_before_the_next_line_is_acknowledged(tmp_path, recorder):
    before_the_answer = write(tmp_path, "always", b"a line of 20 bytes..\n", b"two\n", recorder=recorder)

    closing = before_the_answer[before_the_answer.index("rename prediction_logs.json") :]
    assert closing[:2] == ["rename prediction_logs.json", "create prediction_logs.json"]
    assert f"fsync {tmp_path.name}" in closing
    assert recorder.unsynced == set()
    assert any(map(is_closed, log_files(tmp_path)))


@pytest.mark.parametrize("sync", ["always", "everysec", "no"])
def test_what_was_written_closed_and_made_is_synced_when_the_log_is_closed(tmp_path, recorder, sync):
    write(tmp_path, sync, *(b"a line of 20 bytes..\n" for _ in range(5)), recorder=recorder)

    assert recorder.done.count("rename prediction_logs.json") == 4
    assert recorder.done.count("write prediction_logs.json") >= 5
    assert recorder.unsynced == set()


@pytest.mark.parametrize("sync", ["everysec", "no"])
def test_what_was_moved_or_given_up_is_synced_when_the_log_is_closed(tmp_path, recorder, sync):
    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), sync)
        await log.open()
        await log.append(b"one\n")
        (tmp_path / "prediction_logs.json").rename(tmp_path / "moved")
        await log.append(b"two\n")
        log._give_up(OSError(5, "Input/output error"))
        await log.close()

    asyncio.run(scenario())

    assert recorder.done.count("write prediction_logs.json") >= 2
    assert recorder.unsynced == set()


@pytest.mark.parametrize("sync", ["always", "everysec", "no"])
def test_the_new_name_of_a_closed_file_is_synced_although_no_next_file_can_be_made(tmp_path, recorder, sync):
    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), sync, SMALL)
        await log.open()
        await log.append(b"a line of 20 bytes..\n")
        recorder.fail("create", "prediction_logs.json", 28)
        with pytest.raises(LogUnavailable, match="No space left"):
            await log.append(b"two\n")
        await log.close()

    asyncio.run(scenario())

    assert recorder.done.count("rename prediction_logs.json") == 1
    assert recorder.unsynced == set()


@pytest.mark.parametrize("sync", ["everysec", "no"])
def test_no_file_or_folder_is_synced_by_the_thread_that_answers(tmp_path, recorder, sync):
    write(tmp_path, sync, *(b"a line of 20 bytes..\n" for _ in range(5)), recorder=recorder)

    ours = threading.get_ident()
    synced = [event for event in recorder.events if event.what == "fsync"]
    assert [event.name for event in synced if event.thread == ours] == []
    assert tmp_path.name in {event.name for event in synced}


def test_with_everysec_files_and_folders_are_synced_without_another_write(tmp_path, recorder):
    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), "everysec", SMALL)
        await log.open()
        for _ in range(3):
            await log.append(b"a line of 20 bytes..\n")
        assert recorder.unsynced >= {"prediction_logs.json", tmp_path.name}
        deadline = time.monotonic() + 10
        while recorder.unsynced:
            assert time.monotonic() < deadline, recorder.unsynced
            await asyncio.sleep(0.02)
        await log.close()

    asyncio.run(scenario())

    synced = {event.name: event.thread for event in recorder.events if event.what == "fsync"}
    assert set(synced) == {"prediction_logs.json", tmp_path.name}
    assert threading.get_ident() not in synced.values()


def test_with_no_what_is_closed_is_synced_and_the_kernel_may_choose_for_what_is_written(tmp_path, recorder):
    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), "no", SMALL)
        await log.open()
        await log.append(b"a line of 20 bytes..\n")
        await log.append(b"two\n")
        deadline = time.monotonic() + 10
        while tmp_path.name in recorder.unsynced or "fsync prediction_logs.json" not in recorder.done:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert recorder.done.count("fsync prediction_logs.json") == 1  # the rotated one
        assert recorder.unsynced == {"prediction_logs.json"}
        await log.close()

    asyncio.run(scenario())


def test_closing_waits_for_a_sync_that_has_begun(tmp_path, recorder):
    """Else what is behind it would never be synced."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(OwnedFile):
        def handle(self) -> int:
            begun.set()
            return super().handle()

    async def scenario() -> None:
        log = GroupCommit(lambda: Slow.claim(tmp_path, "prediction_logs"), "everysec", SMALL)
        await log.open()
        log._writer.submit(go_on.wait)
        for _ in range(4):
            await log.append(b"a line of 20 bytes..\n")
        assert begun.is_set()
        closing = asyncio.create_task(log.close())
        await asyncio.sleep(0)
        assert not closing.done()
        go_on.set()
        await closing

    asyncio.run(scenario())
    assert recorder.unsynced == set()


def test_a_sync_that_fails_does_not_keep_the_others_from_being_synced(tmp_path, recorder, caplog):
    recorder.fail("fsync", "prediction_logs-*", 5)
    write(tmp_path, "no", *(b"a line of 20 bytes..\n" for _ in range(3)), recorder=recorder)

    assert "fsync prediction_logs.json" in recorder.done
    assert f"fsync {tmp_path.name}" in recorder.done
    assert "the end of the log may not be on disk: Input/output error" in caplog.text


def test_a_compressed_file_is_on_disk_under_its_name_before_the_other_one_is_deleted(tmp_path, recorder):
    closed(tmp_path, prediction("a") * 20)
    tend(tmp_path, Keep(compress=True))

    asked = [of for of in recorder.done if "lock" not in of]
    assert asked == [
        "fsync .prediction_logs.json.gz.new",
        "rename .prediction_logs.json.gz.new",
        f"fsync {tmp_path.name}",
        "unlink prediction_logs.json",
    ]


def test_a_compressed_file_is_whole_when_it_is_synced(tmp_path, recorder):
    path, written = closed(tmp_path, prediction("a") * 20), list[bytes]()
    recorder.before("fsync", ".*.new", lambda: written.append(next(tmp_path.glob(".*.new")).read_bytes()))
    tend(tmp_path, Keep(compress=True))

    assert written == [path.with_name(f"{path.name}.gz").read_bytes()]
    assert gzip.decompress(written[0]) == prediction("a") * 20


def test_what_is_not_whole_on_disk_never_takes_the_place_of_a_file(tmp_path, recorder):
    path = closed(tmp_path, prediction("a") * 20)
    recorder.fail("fsync", "*.new", 28)
    assert tend(tmp_path, Keep(compress=True)) == []

    assert path.exists()
    assert sorted(tmp_path.glob("*.gz*")) == []
    assert list(tmp_path.glob(".*")) == []


def test_of_an_erased_line_all_but_its_id_is_gone_from_the_disk_before_the_id_is(tmp_path, recorder):
    closed(tmp_path, prediction("a") + prediction("b"))
    erase(tmp_path, ["a", "b"])

    asked = [of for of in recorder.done if "lock" not in of]
    assert asked == [
        *["pwrite prediction_logs.json"] * 4,
        "fsync prediction_logs.json",
        *["pwrite prediction_logs.json"] * 2,
        "fsync prediction_logs.json",
    ]


def test_a_compressed_file_without_the_erased_lines_is_on_disk_before_it_takes_the_others_place(tmp_path, recorder):
    closed(tmp_path, prediction("a") + prediction("b"), packed=True)
    erase(tmp_path, ["a"])

    assert [of for of in recorder.done if "lock" not in of] == [
        "fsync .prediction_logs.json.gz.new",
        "rename .prediction_logs.json.gz.new",
        f"fsync {tmp_path.name}",
    ]


def test_a_file_that_a_process_left_is_closed_on_disk(tmp_path, recorder):
    left = tmp_path / "prediction_logs.json"
    left.write_bytes(prediction("a"))
    os.utime(left, (time.time() - 200_000,) * 2)
    tend(tmp_path, Keep(days=30))

    asked = [of for of in recorder.done if "lock" not in of]
    assert asked == ["rename prediction_logs.json", f"fsync {tmp_path.name}"]

"""Files that are full become closed segments, and nothing of them is lost."""

import asyncio
import gzip
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.prediction_log.contract import LogUnavailable
from api.prediction_log.files.group_commit import GroupCommit
from api.prediction_log.files.owned_file import Limit, OwnedFile
from api.prediction_log.files.retention import A_DAY
from api.prediction_log.files.segments import changing_segments, is_closed, log_files, open_log

SMALL = Limit(100)
LINE = b'{"timestamp": "2026-11-23T08:20:00.123456+00:00"}\n'


def claim(folder: Path, stem: str = "prediction_logs") -> OwnedFile:
    return OwnedFile.claim(folder, stem)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def lines(folder: Path) -> list[bytes]:
    return [line for path in log_files(folder) for line in path.read_bytes().splitlines(keepends=True)]


def test_a_retired_file_has_the_time_in_its_name_and_the_next_one_is_called_as_it_was(tmp_path):
    file = claim(tmp_path)
    file.write(LINE)
    closed = file.retire()
    claim(tmp_path).close()

    assert re.fullmatch(r"prediction_logs-\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}\.json", closed.name)
    assert is_closed(closed)
    assert closed.read_bytes() == LINE
    assert [path.name for path in log_files(tmp_path)] == [closed.name, "prediction_logs.json"]


def test_a_retired_file_is_not_claimed_again(tmp_path):
    for _ in range(3):
        file = claim(tmp_path)
        file.write(LINE)
        file.retire()

    assert len(log_files(tmp_path)) == 3
    assert claim(tmp_path).path.name == "prediction_logs.json"


@pytest.mark.parametrize("number", ["", ".1", ".17"])
def test_a_file_of_another_process_is_called_like_the_first_one_once_it_is_closed(tmp_path, number):
    file = OwnedFile.claim_path(tmp_path / f"feedback_logs{number}.json")

    assert file is not None
    assert file.retire().name.startswith("feedback_logs-")


def test_a_file_is_full_by_its_size(tmp_path):
    file = claim(tmp_path)
    assert not file.is_full(SMALL)
    file.write(LINE)
    assert not file.is_full(SMALL)
    file.write(LINE)

    assert file.is_full(SMALL)
    file.close()
    assert claim(tmp_path).is_full(SMALL)


def test_a_file_is_full_by_the_time_of_its_first_line_whoever_wrote_that(tmp_path):
    file = claim(tmp_path)
    assert not file.is_full(Limit(seconds=0))  # it is empty
    file.write(LINE)
    assert not file.is_full(Limit(seconds=A_DAY))
    assert file.is_full(Limit(seconds=0))
    file.close()

    assert claim(tmp_path).is_full(Limit(seconds=A_DAY))  # its only line is of 2026-11-23


def test_a_file_without_a_time_is_as_old_as_its_last_change(tmp_path):
    path = tmp_path / "prediction_logs.json"
    path.write_bytes(b"something else\n")
    os.utime(path, (time.time() - 90_000,) * 2)

    assert claim(tmp_path).is_full(Limit(seconds=A_DAY))
    assert not claim(tmp_path).is_full(Limit())


def test_a_clock_that_was_set_back_closes_nothing(tmp_path):
    (tmp_path / "prediction_logs.json").write_bytes(b'{"timestamp": "2999-11-23T08:20:00.123456+00:00"}\n')

    assert not claim(tmp_path).is_full(Limit(seconds=A_DAY))


@pytest.mark.parametrize("sync", ["always", "everysec", "no"])
def test_what_is_appended_while_files_are_closed_is_all_there_once_and_in_order(tmp_path, sync):
    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), sync, SMALL)
        await log.open()
        for number in range(200):
            await log.append(b'{"n": %d}\n' % number)
        await log.close()

    asyncio.run(scenario())

    assert lines(tmp_path) == [b'{"n": %d}\n' % number for number in range(200)]
    sizes = [path.stat().st_size for path in log_files(tmp_path)[:-1]]
    assert len(sizes) > 10
    assert all(100 <= size < 112 for size in sizes)


def test_a_file_that_has_become_too_old_is_closed_without_another_request(tmp_path):
    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), "no", Limit(seconds=0.5))
        await log.open()
        await log.append(LINE)
        await until(lambda: any(map(is_closed, log_files(tmp_path))))
        await log.close()

    asyncio.run(scenario())

    assert lines(tmp_path) == [LINE]


def test_a_folder_that_becomes_read_only_is_a_problem_without_a_request(folder_of_another_user):
    tmp_path = folder_of_another_user

    async def scenario() -> None:
        log = GroupCommit(lambda: claim(tmp_path), "no")
        await log.open()
        tmp_path.chmod(0o555)
        await until(lambda: log.problem is not None)
        with pytest.raises(LogUnavailable, match="Permission denied"):
            await log.append(LINE)
        tmp_path.chmod(0o755)
        await until(lambda: log.problem is None)
        await log.close()

    asyncio.run(scenario())


def test_compressed_lines_are_read_like_others(tmp_path):
    (tmp_path / "prediction_logs.json.gz").write_bytes(gzip.compress(LINE))

    with open_log(tmp_path / "prediction_logs.json.gz") as file:
        assert file.read() == LINE


def test_two_processes_never_change_segments_at_the_same_time(tmp_path):
    with changing_segments(tmp_path) as first, changing_segments(tmp_path) as second:
        assert (first, second) == (True, False)
    with changing_segments(tmp_path) as again:
        assert again


@pytest.mark.parametrize(("days", "closed"), [(0, False), (30, True)])
def test_a_file_of_days_ago_is_closed_only_if_days_are_to_be_deleted(settings, days, closed):
    settings.log_dir.mkdir()
    (settings.log_dir / "prediction_logs.json").write_bytes(LINE)
    with TestClient(create_app(replace(settings, log_keep_days=days))) as client:
        client.post("/predict", json={"text": "amazing"})

    files = log_files(settings.log_dir, "prediction_logs")
    assert any(map(is_closed, files)) == closed
    assert len(lines(settings.log_dir)) == 2

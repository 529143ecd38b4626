"""The service is killed, stopped, and shares its folder with others."""

import random
import signal
import subprocess
import sys
import time

import pytest

from api.prediction_log.files.segments import log_files
from api.prediction_log.files.verification import verify
from tests.conftest import ROOT, many, wait_until
from tests.reliability.load import found, under_load

pytestmark = pytest.mark.processes


@pytest.mark.promise(
    "Faults",
    "the API is killed at random moments under load, also while it rotates a file",
    "no acknowledged prediction is lost, no torn line, no duplicate id",
)
def test_kills_at_random_moments_under_load_lose_nothing(start_api, publish):
    """Files are small here, so that it is also killed while it closes one."""
    chance, times = random.SystemRandom(), many(4, 100)
    api = start_api(LOG_SEGMENT_MB="0.2")
    with under_load(api.url) as load:
        for _ in range(times):
            before = len(load.acknowledged)
            wait_until(lambda before=before: len(load.acknowledged) > before + 50, "clients are answered")
            time.sleep(chance.uniform(0, 0.3))
            api.process.kill()
            api.process.wait()
            api = start_api(port=load.port, LOG_SEGMENT_MB="0.2")
    api.stop()
    check = load.checked(api.log_dir)

    publish(f"{times} kills, {found(check, load.ids)}, {len(log_files(api.log_dir))} files")
    assert check.is_sound, "\n".join(check.lines())
    assert len(load.acknowledged) > 50 * times


@pytest.mark.promise(
    "Faults",
    "SIGTERM under load",
    "every accepted request gets its response, and the API ends in less than 5 s",
)
def test_a_stop_under_load_answers_what_was_accepted(start_api, publish):
    times, slowest, answered = many(2, 20), 0.0, 0
    for _ in range(times):
        api = start_api()
        with under_load(api.url, clients=32) as load:
            wait_until(lambda load=load: len(load.acknowledged) > 500, "clients are answered")
            before = time.monotonic()
            code = api.stop(signal.SIGTERM)
            slowest = max(slowest, time.monotonic() - before)
        check = verify(api.log_dir, load.ids)
        logged = check.predictions - answered
        answered = check.predictions
        assert code in (0, -signal.SIGTERM)
        assert check.is_sound, "\n".join(check.lines())
        assert logged == len(load.acknowledged)  # who is in the log was also told

    publish(f"{times} stops amid {answered:,} answers: every line in the log was answered; ended in {slowest:.1f} s")
    assert slowest < 5


WRITER = """
import asyncio, sys
from pathlib import Path
from api.prediction_log.files.log import PredictionLog
from api.prediction_log.records import PredictionRecord, now

def record(writer, n):
    text = f"{writer}: {n} " + "é" * 500
    return PredictionRecord(now(), text, "positive", None, f"{writer}-{n}", 0.5, "v", None, False)

async def main(folder, writer, lines):
    log = PredictionLog(Path(folder), "everysec")
    await log.open()
    print("open", flush=True)
    sys.stdin.readline()
    for n in range(0, lines, 10):
        records = [record(writer, n + i) for i in range(10)]
        await asyncio.gather(*(log.append_predictions([record]) for record in records))
    await log.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.promise(
    "Faults",
    "8 processes write one log at once",
    "nothing is lost or torn; each has its own file",
)
def test_eight_processes_write_one_log(tmp_path, publish):
    lines = many(1_000, 10_000)
    commands = [[sys.executable, "-c", WRITER, str(tmp_path), str(number), str(lines)] for number in range(8)]
    pipe = subprocess.PIPE
    writers = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for command in commands]
    assert [writer.stdout.readline() for writer in writers if writer.stdout] == ["open\n"] * 8
    for writer in writers:  # all have claimed a file by now
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=300)
    assert [writer.returncode for writer in writers] == [0] * 8
    check = verify(tmp_path, [f"{writer}-{number}" for writer in range(8) for number in range(lines)])

    files = [file for file in check.files if file.lines]
    publish(f"8 × {lines:,} lines of 1.2 kB: {len(check.missing)} lost, {check.unreadable} torn, {len(files)} files")
    assert check.is_sound, "\n".join(check.lines())
    assert check.predictions == 8 * lines
    assert len(files) == 8


@pytest.mark.promise(
    "Retention",
    "files are rotated and compressed under load",
    "nothing is lost, torn or refused",
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_closing_files_under_load_loses_nothing(start_api, publish, workers, tmp_path):
    wanted = many(5_000, 200_000)
    api = start_api(LOG_SEGMENT_MB="0.05", LOG_COMPRESS="on", WEB_CONCURRENCY=workers, TMPDIR=str(tmp_path))
    with under_load(api.url) as load:
        wait_until(lambda: len(load.acknowledged) > wanted, "clients are answered", seconds=600)
    check = load.checked(api.log_dir)

    publish(f"{workers} workers: {found(check, load.ids)}, {len(check.files)} files, {len(load.refused)} refused")
    assert check.is_sound, "\n".join(check.lines())
    assert load.refused == []
    assert check.predictions == len(load.acknowledged)
    assert len(check.files) > 20

"""Who works on the log is killed in the middle, or finds a file that cannot be used."""

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.retention import Keep
from api.prediction_log.files.segments import closed_name, left_overs, log_files, open_log
from api.prediction_log.files.verification import verify
from tests.api.prediction_log.files.test_erasure import BAD, prediction
from tests.conftest import ROOT, get, many, post, wait_until
from tests.monitoring.growth import Follower
from tests.monitoring.log.files.test_closed_files import is_free
from tests.reliability.durability.test_retention import tended

pytestmark = pytest.mark.processes
TEND = (
    "import sys; from pathlib import Path; from api.prediction_log.files.retention import *; "
    "tend(Path(sys.argv[1]), Keep(compress=True))"
)
LINES = 20_000


def segment(folder: Path, number: int, lines: int, packed: bool = False) -> Path:
    """Lines that are hard to compress, of ten minutes ago; the first one is of somebody's."""
    chance = random.Random(number)
    of_others = (prediction(f"{number}-{n}", f"Ada {chance.getrandbits(800):x}") for n in range(lines))
    content = b"".join([prediction(f"hers-{number}", "Ada Lovelace"), *of_others])
    path = folder / (closed_name("prediction_logs") + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    os.utime(path, (time.time() - 10_000,) * 2)
    return path


def run(*command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=seconds)


def killed_amid(folder: Path, *command: str) -> bool:
    """Whether a command was killed while it had a file half written."""
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: left_overs(folder) or process.poll() is not None, "a file is being written", pause=0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    return bool(left_overs(folder))


def everything(folder: Path) -> bytes:
    """All bytes in the folder, unpacked as far as they can be."""
    found = b""
    for path in folder.iterdir():
        found += path.read_bytes()
        try:
            with gzip.open(path) as file:
                while part := file.read1(1024**2):
                    found += part
        except (OSError, EOFError):
            pass
    return found


@pytest.mark.promise(
    "Retention",
    "the service or `erase` is killed while it compresses",
    "leftovers are removed, no erased text remains, and no other line is lost",
)
def test_a_kill_amid_compressing_or_erasing_leaves_no_text_that_is_not_erased(tmp_path, publish):
    times, left = many(2, 20), 0
    for number in range(times):
        folder = tmp_path / str(number)
        folder.mkdir()
        for n in range(2):
            segment(folder, n, many(LINES, 2 * LINES), packed=bool(number % 2))
        hers = ["hers-0", "hers-1"]
        erasing = ["-m", "api.prediction_log", "erase", *hers, "--folder", str(folder)]
        left += killed_amid(folder, *(erasing if number % 2 else ["-c", TEND, str(folder)]))

        done = run(*erasing)

        assert done.returncode in (0, 1), done.stderr
        assert b"Lovelace" not in everything(folder)
        assert left_overs(folder) == []
        assert verify(folder).is_sound
        assert verify(folder).predictions == 2 * many(LINES, 2 * LINES)

    publish(f"{times} kills, {left} with a file half written: nothing of it left, no text found, no other line lost")
    assert left > times / 2


@pytest.mark.promise(
    "Retention",
    "a service starts where another was killed while it compressed, and everything is kept",
    "the leftovers are removed",
)
def test_what_a_kill_left_is_removed_by_the_next_start_although_everything_is_kept(start_api, publish):
    api = start_api()
    left = api.log_dir / f".{closed_name('prediction_logs')}.gz.new"
    left.write_bytes(prediction("a", "Ada Lovelace"))
    os.utime(api.log_dir / "retention.lock", (time.time() - 100,) * 2)
    api.stop()
    start_api()

    wait_until(lambda: not left.exists(), "it is removed")
    publish("removed by the next start")


@pytest.mark.promise(
    "Retention",
    "`erase` meets a file that is damaged, is no file, or cannot be opened",
    "it is named, all others are erased, exit code 2",
)
@pytest.mark.parametrize("spoil", [*BAD])
def test_one_file_that_cannot_be_erased_is_named_and_all_others_are_erased(tmp_path, publish, spoil):
    bad, *others = (segment(tmp_path, number, 100, packed=True) for number in range(4))
    spoil(bad)
    done = run("-m", "api.prediction_log", "erase", *(f"hers-{n}" for n in range(4)), "--folder", str(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith(f"{bad.name} was not erased: {BAD[spoil]}")
    assert "3 lines of 4 ids erased" in done.stdout
    for path in others:
        with open_log(path) as lines:
            assert b"Lovelace" not in lines.read()
    publish(f"{spoil.__name__.replace('_', ' ')}: named, 3 of 3 others erased, exit code 2")


WRITER = """
import asyncio, sys
from pathlib import Path
from api.prediction_log.files.group_commit import GroupCommit
from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.records import PredictionRecord, line, now

async def main(folder):
    log = GroupCommit(lambda: OwnedFile.claim(Path(folder), "prediction_logs"), "no")
    await log.open()
    lines = [line(PredictionRecord(now(), "a" * 20_000, "p", None, str(n), 0.5, "v", None, False)) for n in range(400)]
    await log.append(lines[0])
    print("ready", flush=True)
    while True:
        await log.append(b"".join(lines[1:]))

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.promise(
    "Faults",
    "the API is killed in the middle of a large write",
    "half a line is cut off when the file is reopened, with one message; no line is unreadable",
)
def test_half_a_line_that_a_kill_leaves_is_gone_when_the_file_is_opened_again(start_api, tmp_path, publish):
    """Writes of 8 MB, so that many a kill comes in the middle of one."""
    chance, times, torn, folder = random.Random(20261129), many(20, 100), 0, tmp_path / "logs"
    for _ in range(times):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.03))
            writer.kill()
        path = folder / "prediction_logs.json"
        was_torn = not path.read_bytes().endswith(b"\n")
        if was_torn and not torn:
            api = start_api(log_dir=folder)
            assert post(api.url + "/predict", {"text": "after the kill"})[0] == 200
            assert api.output.read_text().count("the last line was unfinished and never acknowledged") == 1
            api.stop()
            check = verify(folder)
            assert (check.unreadable, check.unfinished) == (0, 0), "\n".join(check.lines())
            assert Follower(folder).look().unreadable_lines == 0
        elif was_torn:
            OwnedFile.claim(folder, "prediction_logs").close()
            check = verify(folder)
            assert (check.unreadable, check.unfinished) == (0, 0), "\n".join(check.lines())
        torn += was_torn
        shutil.rmtree(folder)

    publish(f"{times} kills, {torn} left half a line: cut off by the next start, said once, 0 lines unreadable")
    assert torn


@pytest.mark.promise(
    "Faults",
    "the next log file belongs to another user, or cannot be opened",
    "it is skipped with a warning, and nothing refused",
)
def test_a_log_file_of_somebody_else_is_passed_over(start_api, publish):
    """Whatever it is: a loop cannot be opened by root either."""
    api = start_api()
    post(api.url + "/predict", {"text": "before"})
    path = api.log_dir / "prediction_logs.json"
    path.rename(api.log_dir / "rotated")
    path.symlink_to(path.name)
    answers = [post(api.url + "/predict", {"text": f"after {number}"})[0] for number in range(100)]

    assert answers == [200] * 100
    assert (api.log_dir / "prediction_logs.1.json").read_bytes().count(b"\n") == 100
    assert api.output.read_text().count("cannot be opened and is passed over") == 1
    assert get(api.url + "/readyz")[0] == 200
    publish("100 of 100 requests answered, in prediction_logs.1.json; said once")


READER = """
import sys
from pathlib import Path
from tests.monitoring.growth import Follower
print(Follower(Path(sys.argv[1]), Path(sys.argv[2])).look().requests.rows)
"""


@contextmanager
def reading(folder: Path, states: Path, readers: int = 2) -> Iterator[list[int]]:
    """Processes that read a log from its start, once one of them has begun; what each of them counted, at the end."""
    command, counted = [sys.executable, "-c", READER, str(folder)], list[int]()
    processes = [
        subprocess.Popen([*command, str(states / str(number))], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(readers)
    ]
    for state in range(readers):
        wait_until(lambda: not is_free(folder), f"reader {state} reads")
    yield counted
    counted.extend(int(process.communicate(timeout=300)[0]) for process in processes)


@pytest.mark.promise(
    "Retention",
    "readers read a long log, and then a service starts to delete it, also with no lock file yet",
    "nothing is deleted before it is counted, and all of it afterwards",
)
@pytest.mark.parametrize("lock", ["no lock", "a lock"])
def test_nothing_is_deleted_while_readers_read_who_were_there_before_the_service(tmp_path, publish, lock):
    """No lock: no service has ever opened this folder. It tries to delete all of it all the time."""
    folder, files, lines = tmp_path / "logs", 30, many(1_000, 3_000)
    folder.mkdir()
    for number in range(files):
        segment(folder, number, lines - 1)
    if lock == "a lock":
        (folder / "retention.lock").touch()
    with ExitStack() as stack:
        counted = stack.enter_context(reading(folder, tmp_path / "states", readers=1))
        deleted = stack.enter_context(tended(folder, Keep(bytes=1, compress=True)))
        stack.callback(wait_until, lambda: len(deleted) == files, "all is deleted once it is counted", 120)
    publish(f"{lock} there: {counted[0]:,} of {files * lines:,} counted, then {len(deleted)} of {files} files deleted")
    assert counted == [files * lines]


@pytest.mark.promise(
    "Retention",
    "readers start while the service compresses one segment after another",
    "they count everything",
)
def test_readers_count_everything_while_the_service_compresses(tmp_path, publish):
    folder, files, lines = tmp_path / "logs", 30, many(1_000, 3_000)
    folder.mkdir()
    for number in range(files):
        segment(folder, number, lines - 1)
    with tended(folder, Keep(compress=True)):
        with reading(folder, tmp_path / "states") as counted:
            pass
        wait_until(lambda: all(path.suffix == ".gz" for path in log_files(folder)), "all is compressed", 120)
    publish(f"each of 2 readers counted {counted[0]:,} of {files * lines:,}; {files} files compressed")
    assert counted == [files * lines] * 2

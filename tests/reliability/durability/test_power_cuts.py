"""The power is cut. What a disk holds at a moment is what the kernel has given it: here the disk is a file on which a
real ext4 is mounted, and a cut is a copy of that file, taken while the service is held still. Everything that was only
in the kernel's memory is missing in the copy, which is mounted and looked at as a machine would that starts again.
"""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.verification import Verification, verify
from tests.conftest import many, require, wait_until
from tests.reliability.load import Load, under_load

pytestmark = pytest.mark.processes
LOSES_AT_MOST = {"always": 0.0, "everysec": 1.0}  # of acknowledged answers, in seconds before the cut


@contextmanager
def mounted(image: Path, where: Path) -> Iterator[Path]:
    where.mkdir()
    run("mount", "-o", "loop", str(image), str(where))
    try:
        yield where
    finally:
        run("umount", str(where))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, mounted, and its file."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(256_000_000)
    with ExitStack() as stack:
        try:
            run("mkfs.ext4", "-q", "-F", str(image))
            folder = stack.enter_context(mounted(image, tmp_path / "disk"))
        except (AssertionError, OSError) as error:
            require("LOOP_DEVICES", False, f"no file can be mounted as a disk here: {error}")
        yield folder, image


def cut(api, image: Path, load: Load) -> tuple[float, Path]:
    """The moment of a power cut, and the disk as it is then."""
    api.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{api.process.pid}/stat").read_text().split()[2] == "T", "it stands still")
    moment, left = time.time(), image.with_name("left.img")
    run("cp", "--sparse=always", str(image), str(left))
    api.process.send_signal(signal.SIGCONT)
    return moment, left


def after_the_cut(left: Path, ids: list[str]) -> Verification:
    """What is in the log once a service has taken it over again."""
    with mounted(left, left.with_suffix("")) as folder:
        for stem in ("prediction_logs", "feedback_logs"):
            OwnedFile.claim(folder / "logs", stem).close()
        check = verify(folder / "logs", ids)
    left.with_suffix("").rmdir()
    left.unlink()
    return check


@pytest.mark.promise(
    "Faults",
    "power cut (a copy of the disk as the kernel has written it, a real ext4)",
    "`always`: no acknowledged prediction is lost; `everysec`: at most those of the last second",
)
@pytest.mark.parametrize("sync", LOSES_AT_MOST)
def test_what_was_acknowledged_outlives_a_power_cut(start_api, disk, publish, sync):
    folder, image = disk
    times, lost, oldest, acknowledged = many(4, 40), 0, 0.0, 0
    api = start_api(log_dir=folder / "logs", LOG_SYNC=sync, LOG_SEGMENT_MB="0.2")
    with under_load(api.url) as load:
        for _ in range(times):
            before = len(load.acknowledged)
            wait_until(lambda before=before: len(load.acknowledged) > before + 50, "clients are answered")
            time.sleep(random.uniform(0, 1.5))
            moment, left = cut(api, image, load)
            told = {name: moment - at for at, name in load.acknowledged if at <= moment}
            check = after_the_cut(left, list(told))
            lost += len(check.missing)
            acknowledged = len(told)
            oldest = max([oldest, *(told[name] for name in check.missing)])
            assert check.repeated == 0
    api.stop()

    when = f", the oldest {oldest:.2f} s before the cut" if lost else ""
    publish(f"`{sync}`: {times} cuts amid {acknowledged:,} answers, {lost / times:.0f} lost at each{when}")
    assert oldest <= LOSES_AT_MOST[sync]
    assert bool(lost) == (sync != "always")  # else the cut would prove nothing

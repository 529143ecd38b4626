"""Every lock of both services is asked for in a way that network file systems grant, too."""

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from api.prediction_log.files import locks as of_the_api
from api.prediction_log.files.erasure import erase
from api.prediction_log.files.log import PredictionLog
from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.retention import Keep, tend
from api.prediction_log.files.verification import verify
from monitoring.log import locks as of_monitoring
from monitoring.store.checkpoint import Checkpoint
from monitoring.watch.state_file import StateFile
from tests.api.prediction_log.files.test_erasure import prediction
from tests.api.prediction_log.files.test_retention import closed_file
from tests.conftest import ROOT
from tests.monitoring.growth import Follower


async def open_and_close(folder: Path) -> None:
    log = PredictionLog(folder, "no")
    await log.open()
    await log.close()


def torn(folder: Path) -> None:
    (folder / "prediction_logs.json").write_bytes(prediction("a") + b"{")
    verify(folder)


def retain(folder: Path) -> None:
    closed_file(folder, 100_000)
    tend(folder, Keep(days=1, compress=True))


LOCKING = {
    "the service": lambda folder: asyncio.run(open_and_close(folder)),
    "a file that is claimed": lambda folder: OwnedFile.claim(folder, "prediction_logs").close(),
    "verify": torn,
    "erase": lambda folder: erase(folder, ["a"]),
    "retention": retain,
    "a reader": lambda folder: Follower(folder).look(),
    "a checkpoint": lambda folder: Follower(folder, folder / "state").look(),
    "the watch": lambda folder: StateFile(folder / "state").own(),
}


@pytest.mark.parametrize("who", LOCKING)
def test_a_shared_lock_is_of_what_is_open_for_reading_and_an_exclusive_one_for_writing(tmp_path, recorder, who):
    """NFS 4 refuses all others. A folder cannot be opened for writing; NFS locks it on one machine, however it is."""
    (tmp_path / "prediction_logs.json").write_bytes(prediction("a"))
    (tmp_path / "retention.lock").touch()
    LOCKING[who](tmp_path)

    taken = [lock for lock in recorder.locks if not lock.how & fcntl.LOCK_UN]
    assert taken
    for lock in taken:
        unfit = os.O_WRONLY if lock.how & fcntl.LOCK_SH else os.O_RDONLY
        assert lock.mode != unfit or lock.is_folder, lock


def test_all_locks_are_taken_by_one_function_of_each_service():
    taking = {
        path.relative_to(ROOT).as_posix()
        for folder in ("api", "monitoring", "scripts", "training")
        for path in (ROOT / folder).rglob("*.py")
        if "flock" in path.read_text()
    }

    assert taking == {"api/prediction_log/files/locks.py", "monitoring/log/locks.py"}


def test_both_services_say_the_same_of_a_file_system_without_locks(tmp_path, recorder):
    recorder.fail("flock", "file", 37)
    said = set[str]()
    for module in (of_the_api, of_monitoring):
        fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        with pytest.raises(OSError, match="No locks available") as raised:
            module.lock(fd, fcntl.LOCK_EX, tmp_path / "file")
        said.add(str(raised.value))
        os.close(fd)

    assert len(said) == 1
    assert str(tmp_path / "file") in said.pop()


@pytest.mark.parametrize("owner", [lambda folder: StateFile(folder).own(), lambda folder: Checkpoint(folder)._own()])
def test_a_state_folder_without_locks_is_named(tmp_path, recorder, owner):
    recorder.fail("flock", "*lock", 37)
    with pytest.raises(OSError, match=r"No locks available .its file system locks no files") as raised:
        owner(tmp_path)

    assert Path(raised.value.filename).parent == tmp_path

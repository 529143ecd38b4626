"""Files of the log are closed, deleted and compressed, and lines erased, while the service writes and readers read."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.prediction_log.files.retention import Keep, tend
from api.prediction_log.files.segments import is_closed, log_files, open_log
from tests.conftest import ROOT, many, repeating, seconds_until, wait_until
from tests.monitoring.growth import Follower
from tests.reliability.load import under_load

pytestmark = pytest.mark.processes
KEEP = Keep(bytes=300_000, compress=True, grace_seconds=3)  # longer than a look takes


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in log_files(folder) if path.exists())


@contextmanager
def tended(folder: Path, keep: Keep) -> Iterator[list[Path]]:
    """Deletes and compresses all the time, as the service does once a minute; the files that were deleted."""
    deleted: list[Path] = []
    with repeating(lambda: deleted.extend(tend(folder, keep)), 0.05):
        yield deleted


@pytest.mark.promise(
    "Retention",
    "old segments are deleted and compressed under load, while a reader follows and restarts",
    "nothing is deleted before it is counted, and figures are as if nothing was deleted",
)
def test_figures_go_on_as_if_nothing_had_been_deleted(start_api, tmp_path, publish):
    """The reader looks more often than within the grace, as readers do, and is replaced now and then by another one,
    which knows no more than what is on disk."""
    api = start_api(LOG_SEGMENT_MB="0.05")
    follower, restarts, wanted = Follower(api.log_dir, tmp_path / "state"), 0, many(20_000, 200_000)
    chance = random.Random(20261126)
    with under_load(api.url, clients=4) as load, tended(api.log_dir, KEEP) as deleted:
        while len(load.acknowledged) < wanted:
            follower.look()
            if chance.random() < 0.1:
                follower, restarts = Follower(api.log_dir, tmp_path / "state"), restarts + 1
    seen = follower.look()

    publish(
        f"{len(load.ids):,} requests in {len(deleted) + len(log_files(api.log_dir))} files, {len(deleted)} deleted, "
        f"{restarts} restarts: {seen.requests.rows:,} counted, {seen.counts.requests:,} taken in by the alarms; "
        f"{size(api.log_dir) / 1e6:.1f} MB left"
    )
    assert seen.requests.rows == seen.counts.requests == len(load.acknowledged)
    assert seen.unreadable_lines == 0
    assert len(deleted) > 10
    assert restarts > 0


@pytest.mark.promise(
    "Retention",
    "a user's requests are erased while the service runs",
    "none of their bytes is on disk, all other lines are, and no reader starts over",
)
def test_what_is_erased_under_load_is_gone_and_nothing_else(start_api, tmp_path, publish):
    api = start_api(LOG_SEGMENT_MB="0.05")
    with under_load(api.url, clients=4) as load, tended(api.log_dir, Keep(compress=True, grace_seconds=0.5)):
        wait_until(lambda: len(load.acknowledged) > many(3_000, 30_000), "clients are answered", 120)
        wait_until(lambda: any(path.suffix == ".gz" for path in log_files(api.log_dir)), "files are compressed")
        ids = random.Random(20261126).sample(load.ids, many(100, 2_000))
        (tmp_path / "ids").write_text("\n".join(ids))
        follower = Follower(api.log_dir, tmp_path / "state")
        before = follower.look().requests.rows
        command = [sys.executable, "-m", "api.prediction_log", "erase", "--ids", str(tmp_path / "ids")]
        started = time.monotonic()
        done = subprocess.run(
            [*command, "--folder", str(api.log_dir)], cwd=ROOT, env=os.environ, capture_output=True, text=True
        )
        seconds = time.monotonic() - started
        assert done.returncode == 0, done.stderr
    seen, left = follower.look(), set(load.ids) - set(ids)
    content = b""
    for path in log_files(api.log_dir):
        with open_log(path) as file:
            content += file.read()
    found = [name for name in ids if name.encode() in content]

    publish(
        f"{len(ids):,} of {len(load.ids):,} erased in {seconds:.1f} s, in {done.stdout.count('erased') - 1} files: "
        f"{len(found)} left on the disk, {sum(name.encode() not in content for name in left)} others lost"
    )
    assert found == []
    assert all(name.encode() in content for name in left)
    assert content.count(b'"prediction_id"') == len(left)
    assert seen.requests.rows == seen.counts.requests == len(load.acknowledged) >= before
    assert any(is_closed(path) for path in log_files(api.log_dir))


@pytest.mark.promise(
    "Retention",
    "`verify` runs while files are rotated and compressed under load",
    "the log is sound each time",
)
def test_a_log_is_sound_whenever_it_is_checked(start_api, publish):
    """Files are closed several times a second, and compressed, while it is read."""
    api, times, files = start_api(LOG_SEGMENT_MB="0.02"), many(10, 100), 0
    with under_load(api.url, clients=4) as load, tended(api.log_dir, Keep(compress=True, grace_seconds=0.5)):
        wait_until(lambda: len(load.acknowledged) > 1_000, "clients are answered")
        for _ in range(times):
            check = load.checked(api.log_dir)
            files += len(check.files)
            assert check.is_sound, "\n".join(check.lines())
    publish(
        f"{times} times, of {files // times} files on average: sound each time, none of {len(load.ids):,} ids missing"
    )
    assert any(path.suffix == ".gz" for path in log_files(api.log_dir))


@pytest.mark.promise(
    "Retention",
    "no browser opens the page after the dashboard's start",
    "the dashboard counts nevertheless, so nothing is deleted before it is counted",
)
def test_the_dashboard_counts_with_nobody_looking(start_api, start_dashboard, tmp_path, publish):
    """Else a file might be deleted that no visitor of the page had it count."""
    api = start_api()
    with under_load(api.url) as load:
        wait_until(lambda: len(load.acknowledged) > 10_000, "there are enough requests for a checkpoint", 120)
    since = time.monotonic()
    start_dashboard(api)
    header = tmp_path / "state-0" / "dashboard" / "header.json"
    seconds = seconds_until(header.exists, "what was counted is on disk", 60, since)
    counted = json.loads(header.read_bytes())["content"]["state"]["monitor"]["counts"]["requests"]

    publish(f"{counted:,} requests counted and on disk {seconds:.1f} s after its start")
    assert counted == len(load.acknowledged)

"""What goes wrong for containers: a full disk, a closed folder, another version, a dashboard that dies.

The log is on a small disk of its own, in memory, which all three services mount; a fourth one does, so that it outlives
them.
"""

import os
import subprocess
import time
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.conftest import get, many, post, quiet_page, seconds_until, wait_until
from tests.docker.stack import Stack, started
from tests.reliability.load import Load, under_load

pytestmark = pytest.mark.docker
PROJECT = f"sentiment-test-faults-{os.getpid()}"
DISK_MB = 200
SMALL_DISK = f"""
services:
  holder:
    image: sentiment-monitor-api:{PROJECT}
    command: [python, -c, "import signal; signal.sigwait([signal.SIGTERM])"]
    healthcheck: {{disable: true}}
    volumes: ["prediction-logs:/app/logs"]
volumes:
  prediction-logs:
    driver: local
    driver_opts: {{type: tmpfs, device: tmpfs, o: "size={DISK_MB}m,uid=10001,gid=10001,mode=0755"}}
"""
FILL = """
import pathlib, sys
with pathlib.Path("/app/logs/filler").open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError as error:
        print(error.strerror)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with started(tmp_path_factory.mktemp("clone"), PROJECT, SMALL_DISK, LOG_SEGMENT_MB="0.5") as stack:
        yield stack


def in_the_api(stack: Stack, *command: str, given: str | None = None) -> str:
    return stack.compose("exec", "-T", "api", *command, given=given)


def verified(stack: Stack, load: Load) -> str:
    """The last line of what `verify` says of the log in the container, which must be sound and hold what was told."""
    verify = ("python", "-m", "api.prediction_log", "verify", "--acknowledged", "/dev/stdin")
    return in_the_api(stack, *verify, given="\n".join(load.ids)).splitlines()[-1]


def is_ready(stack: Stack) -> bool:
    return get(stack.api + "/readyz")[0] == 200


@pytest.mark.promise(
    "Faults",
    "the disk is full, and then has room again",
    "503 with the reason, not ready, the page says so; ready by itself within 5 s; no torn line",
)
def test_a_full_disk_is_said_and_recovered_from(stack, browser, publish):
    with quiet_page(browser) as page, under_load(stack.api) as load:
        page.goto(stack.dashboard)
        expect(page.get_by_text("is ready.")).to_be_visible(timeout=60_000)
        assert "No space left" in in_the_api(stack, "python", "-c", FILL)
        noticed = seconds_until(lambda: not is_ready(stack), "the API is not ready")
        status, answer = post(stack.api + "/predict", {"text": "while there is no room"})
        assert (status, "No space left on device" in answer["detail"]) == (503, True)
        assert get(stack.api + "/healthz")[0] == 200
        expect(page.get_by_role("heading", name="The API is not ready")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("No space left on device").first).to_be_visible()

        since = time.monotonic()
        in_the_api(stack, "python", "-c", "import os; os.remove('/app/logs/filler')")
        recovered = seconds_until(lambda: is_ready(stack), "the API is ready again", since=since)
        before = len(load.acknowledged)
        wait_until(lambda: len(load.acknowledged) > before + 50, "clients are answered again")
        expect(page.get_by_text("is ready.")).to_be_visible(timeout=15_000)

    publish(
        f"not ready after {noticed:.1f} s, said on the page, {load.refused.count(503)} requests got 503, "
        f"ready again after {recovered:.1f} s; {verified(stack, load)}"
    )
    assert set(load.refused) == {503}
    assert recovered < 5


@pytest.mark.promise(
    "Faults",
    "the log folder becomes read-only, and writable again",
    "noticed within 2 s, 503 with the reason, ready by itself within 5 s",
)
def test_a_folder_that_becomes_read_only_is_said_and_recovered_from(stack, publish):
    with under_load(stack.api) as load:
        wait_until(lambda: len(load.acknowledged) > 50, "clients are answered")
        since = time.monotonic()
        in_the_api(stack, "chmod", "555", "/app/logs")
        noticed = seconds_until(lambda: not is_ready(stack), "the API is not ready", since=since)
        status, answer = post(stack.api + "/predict", {"text": "while the folder is closed"})
        assert (status, "Permission denied: /app/logs" in answer["detail"]) == (503, True)

        since = time.monotonic()
        in_the_api(stack, "chmod", "755", "/app/logs")
        recovered = seconds_until(lambda: is_ready(stack), "the API is ready again", since=since)

    publish(f"not ready after {noticed:.1f} s, ready again after {recovered:.1f} s; {verified(stack, load)}")
    assert set(load.refused) == {503}
    assert noticed < 2
    assert recovered < 5


@pytest.mark.promise(
    "Faults",
    "the dashboard is killed under load",
    "no request is refused or lost",
)
def test_serving_does_not_feel_that_the_dashboard_is_killed(stack, publish):
    times = many(1, 5)
    with under_load(stack.api) as load:
        for _ in range(times):
            stack.compose("kill", "monitoring", "watch")
            before = len(load.acknowledged)
            wait_until(lambda before=before: len(load.acknowledged) > before + 200, "clients are answered")
            stack.compose("start", "monitoring", "watch")

    publish(f"killed {times} times: {len(load.refused)} of {len(load.ids):,} requests refused; {verified(stack, load)}")
    assert load.refused == []


@pytest.fixture
def next_version():
    """Images of another tag, which is all that Compose sees of a version."""
    tags = [f"{name}:{PROJECT}" for name in ("sentiment-monitor-api", "sentiment-monitor-dashboard")]
    for tag in tags:
        subprocess.run(["docker", "tag", tag, f"{tag}-next"], check=True)
    yield f"{PROJECT}-next"
    for tag in tags:
        subprocess.run(["docker", "image", "rm", "--force", f"{tag}-next"], check=True, capture_output=True)


@pytest.mark.promise(
    "Faults",
    "upgrade and rollback under load, with Compose",
    "no acknowledged prediction is lost; refused requests can be sent again",
)
def test_an_upgrade_and_a_rollback_lose_nothing(stack, next_version, publish):
    told = []
    for tag in (next_version, PROJECT):
        with under_load(stack.api) as load:
            wait_until(lambda load=load: len(load.acknowledged) > 50, "clients are answered")
            stack.environ["IMAGE_TAG"] = tag
            stack.compose("up", "--detach", "--wait", "--no-build")
            before = len(load.acknowledged)
            wait_until(lambda load=load, before=before: len(load.acknowledged) > before + 50, "they are answered again")
        assert stack.container("api")["Config"]["Image"].endswith(f":{tag}")
        gap = max(later - earlier for (earlier, _), (later, _) in pairwise(load.acknowledged))
        verified(stack, load)
        told.append(f"{len(load.ids):,} answers, {len(load.refused)} requests without one, {gap:.1f} s without any")

    publish(f"upgrade: {told[0]}; rollback: {told[1]}; 0 acknowledged lost")

"""What `make run`, `make stop` and `make clean` do to processes of this machine, without Docker."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.local_services import SERVICES, answers, identity_by_proc, identity_by_ps, identity_of, taken
from tests.conftest import ROOT, free_port, serving, wait_until

WAITS = "import time; time.sleep(600)"
# Has a word of every service in its command line, as an editor or another clone's service may.
STRANGER = [sys.executable, "-c", WAITS, "uvicorn", "api.main:app", "streamlit", "run", "monitoring.watch", "watch"]
PORTS = [service.port_variable for service in SERVICES]


@pytest.fixture
def start():
    """Starts a process that waits."""
    started: list[subprocess.Popen] = []

    def start_one(command: list[str]) -> subprocess.Popen:
        started.append(subprocess.Popen(command))
        wait_until(lambda: WAITS in identity_of(str(started[-1].pid)), "it runs its own command")
        begun = os.times().elapsed
        wait_until(lambda: os.times().elapsed > begun + 0.01, "the next one starts in another tick of the clock")
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def services(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs a command of the script, in a clone that holds nothing else."""
    script = tmp_path / "scripts" / "local_services.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "scripts" / "local_services.py", script)
    free = {name: str(free_port()) for name in PORTS}

    def run(command: str, **environment: str) -> subprocess.CompletedProcess:
        environ = os.environ | free | environment
        return subprocess.run(
            [sys.executable, str(script), command], env=environ, capture_output=True, text=True, timeout=60
        )

    return run


def note(directory: Path, content: str | bytes) -> list[Path]:
    """Writes what each service's last process is said to be."""
    (directory / ".run").mkdir()
    files = [directory / ".run" / f"{service.name}.pid" for service in SERVICES]
    for file in files:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return files


@pytest.mark.processes
@pytest.mark.parametrize("identity_at", [identity_of, identity_by_proc, identity_by_ps])
def test_a_process_has_one_identity_and_no_other_process_has_it(start, identity_at):
    first = start(STRANGER)
    identity = identity_at(str(first.pid))
    second = start(STRANGER)
    third = start([*STRANGER[:1], "-m", "timeit", "-s", WAITS])

    assert identity == identity_at(str(first.pid)) != ""
    assert identity_at(str(third.pid)) not in (identity, "")
    if identity_at is not identity_by_ps:  # which tells times by the second
        assert identity.endswith("monitoring.watch watch")
        assert identity_at(str(second.pid)) != identity
    first.kill()
    first.wait()
    assert identity_at(str(first.pid)) == ""


@pytest.mark.promise(
    "Local environment",
    "`make run`, `stop` or `clean` after a reboot: another process has a service's number",
    "that process is neither ended nor mistaken for the service",
)
@pytest.mark.processes
@pytest.mark.parametrize(
    ("noted", "when"),
    [
        ("{number}", "an older version of the script had started it"),
        ("{number}\n", "only its number is known"),
        ("{number}\n{earlier}", "another process with the same command has the number"),
        ("{number}\n00000000-0000-0000-0000-000000000000 1 {command}", "the machine was started again"),
        ("{earlier}\n{number}", "what is known of it is damaged"),
    ],
)
def test_a_process_that_was_not_started_here_is_neither_stopped_nor_taken_for_a_service(
    tmp_path, start, services, noted, when, publish
):
    earlier = start(STRANGER)
    identity = identity_of(str(earlier.pid))
    stranger = start(STRANGER)
    command = identity.split(" ", 2)[2]
    files = note(tmp_path, noted.format(number=stranger.pid, earlier=identity, command=command))

    done = services("stop")

    assert (done.returncode, done.stderr) == (0, "")
    assert (stranger.poll(), earlier.poll()) == (None, None)
    assert not any(file.exists() for file in files)
    assert (f"end it with `kill {stranger.pid}`" in done.stdout) == (noted.strip() == "{number}")
    publish(f"{when}: 0 of 2 processes ended")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xff\xfe\x00", b"-1\nx", b"0\nx", b"9" * 5000 + b"\nx", b"1\n", b"a\nb"]
)
def test_a_damaged_note_of_a_process_stops_nothing_and_is_cleared(tmp_path, services, content):
    files = note(tmp_path, content)

    done = services("stop")

    assert (done.returncode, done.stderr) == (0, "")
    assert not any(file.exists() for file in files)


@pytest.mark.processes
def test_what_was_started_here_is_stopped_also_if_it_does_not_listen_to_being_asked(tmp_path, start, services):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); " + WAITS
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    note(tmp_path, f"{process.pid}\n{identity_of(str(process.pid))}")

    done = services("stop")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()


@pytest.mark.processes
def test_a_service_that_runs_otherwise_than_it_would_be_started_is_not_taken_for_it(tmp_path, start, services):
    process = start(STRANGER)
    note(tmp_path, f"{process.pid}\n{identity_of(str(process.pid))}")

    done = services("start", API_PORT="18000")

    assert done.returncode == 1
    assert "The api service already runs, otherwise than as `api --port" in done.stdout
    assert "18000`; end it with `make stop` first." in done.stdout
    assert process.poll() is None


@pytest.mark.processes
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_service_of_another_user_is_said_and_left_to_that_user(tmp_path, start, services):
    process = start(STRANGER)
    (file, *_) = note(tmp_path, f"{process.pid}\n{identity_of(str(process.pid))}")
    for path in (*tmp_path.rglob("*"), *list(tmp_path.parents)[:-2], tmp_path):
        path.chmod(0o755)
    stop = "import os, sys; from scripts import local_services; os.setuid(65534); sys.exit(local_services.stop())"

    done = subprocess.run([sys.executable, "-c", stop], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 1, done.stderr  # so that `make clean` deletes nothing under it
    assert f"The api service is process {process.pid} of another user; run `make stop` as that user." in done.stdout
    assert process.poll() is None
    assert file.exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_is_taken_whichever_address_of_localhost_somebody_listens_at(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        assert taken(str(port))
    assert not taken(str(port))


@pytest.mark.parametrize("value", ["abc", "99999", "0", "-1", "80.5", "1e3", "nan", "８０００", "9" * 4301, "0x50"])
@pytest.mark.parametrize("command", ["start", "ports"])
def test_a_port_that_is_none_is_one_sentence(services, value, command):
    done = services(command, DASHBOARD_PORT=value)

    assert done.returncode == 1
    assert done.stderr.startswith("DASHBOARD_PORT is '")
    assert done.stderr.endswith("; set it to a port from 1 to 65535, or unset it for 8501.\n")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 200


def test_a_wrong_command_shows_the_right_ones(services):
    done = services("destroy")

    assert done.returncode == 1
    assert "start | stop | logs | ports" in done.stderr


def test_a_service_answers_only_with_success():
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path[1:]))
            self.end_headers()

        def log_message(self, *_):
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Answers)) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        assert answers(f"{url}/200")
        assert not answers(f"{url}/503")
    assert not answers(url)

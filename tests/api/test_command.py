"""python -m api as a process: where it listens, and what it says when it cannot."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from tests.conftest import ROOT, free_port, get, post, read_lines, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture
def command(small_model, tmp_path):
    def made(*arguments: str, **environment: str) -> subprocess.Popen:
        environ = os.environ | {"LOG_DIR": str(tmp_path / "logs"), "MODEL_PATH": str(small_model)} | environment
        return subprocess.Popen(
            [sys.executable, "-m", "api", *arguments],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return made


@contextmanager
def ended(process: subprocess.Popen):
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def connects(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
        return client.connect_ex((host, port)) == 0


@pytest.mark.parametrize(
    ("address", "reached", "refused"),
    [
        ("", ["127.0.0.1", "::1"], ["127.0.0.2"]),
        ("localhost", ["127.0.0.1", "::1"], ["127.0.0.2"]),
        ("*", ["127.0.0.1", "127.0.0.2", "::1"], []),
        ("::1", ["::1"], ["127.0.0.1"]),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_service_answers_where_it_is_told_to(command, tmp_path, address, reached, refused, workers):
    port = free_port()
    with ended(command("--port", str(port), LISTEN_ADDRESS=address, WEB_CONCURRENCY=workers)) as process:
        for host in reached:
            url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            wait_until(lambda url=url: get(url + "/readyz")[0] == 200, f"{url} answers", 60)
            assert post(url + "/predict", {"text": "amazing"})[0] == 200
        assert not any(connects(host, port) for host in refused)
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said
    assert sum(len(read_lines(path)) for path in (tmp_path / "logs").glob("prediction_logs*.json")) == len(reached)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"WEB_CONCURRENCY": "abc"}, "WEB_CONCURRENCY is 'abc'; set it to a whole number"),
        ({"LOG_SYNC": "sometimes", "WEB_CONCURRENCY": "2"}, "LOG_SYNC is 'sometimes'"),
        ({"LISTEN_ADDRESS": "192.0.2.1"}, "LISTEN_ADDRESS is '192.0.2.1', port "),
        ({"API_TOKENS": "nonsense"}, "Entry 1 of API_TOKENS is not of the form"),
        ({"API_TOKENS": "nonsense", "WEB_CONCURRENCY": "2"}, "Entry 1 of API_TOKENS is not of the form"),
    ],
)
def test_what_it_cannot_start_with_is_a_sentence_and_exit_code_3(command, environment, sentence):
    with ended(command("--port", str(free_port()), **environment)) as process:
        said, _ = process.communicate(timeout=60)

    assert sentence in said
    assert "Traceback" not in said
    assert process.returncode == 3


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_a_sentence(command, workers):
    with closing(socket.create_server(("127.0.0.1", free_port()))) as other:
        port = other.getsockname()[1]
        with ended(command("--port", str(port), WEB_CONCURRENCY=workers)) as process:
            said, _ = process.communicate(timeout=60)

    assert said == (
        f"LISTEN_ADDRESS is 'localhost', port {port}: another program listens there; end it, or take another port.\n"
    )
    assert process.returncode == 3


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "9" * 5000, "²", ""])
def test_what_is_no_port_is_a_sentence(command, port):
    with ended(command(f"--port={port}")) as process:
        said, _ = process.communicate(timeout=60)

    assert said.splitlines()[-1].endswith(f"{port!r} is no port; give a whole number from 1 to 65535.")
    assert "Traceback" not in said
    assert process.returncode == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_it_without_a_traceback(command, workers):
    port = free_port()
    with ended(command("--port", str(port), WEB_CONCURRENCY=workers)) as process:
        wait_until(lambda: get(f"http://localhost:{port}/readyz")[0] == 200, "it answers", 60)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it, to all of them
        said, _ = process.communicate(timeout=30)

    assert "Traceback" not in said
    assert process.returncode == 0

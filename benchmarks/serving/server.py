"""A server under measurement: started by one command, observed from outside, always stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import REPOSITORY
from benchmarks.machine import pinned_to
from scripts.local_services import answers

SHIPPED = REPOSITORY / "api" / "sentiment_model.pkl"


def is_ready(port: int, path: str = "/readyz") -> bool:
    return answers(f"http://127.0.0.1:{port}{path}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


READY_SECONDS = 60
STOP_SECONDS = 20
DEFAULTS = {
    "LOG_LEVEL": "error",
    "LOG_SYNC": "everysec",
    "MODEL_PATH": str(SHIPPED),
    "WEB_CONCURRENCY": "1",
    # Empty is as good as unset: a limit of whoever measures is not to be measured.
    "MAX_BATCH_BYTES": "",
    "MAX_BODY_BYTES": "",
    "MAX_TEXT_CHARS": "",
    "MODEL_CARD_PATH": "",
}


@dataclass(frozen=True)
class App:
    target: str
    ready: str = "/openapi.json"  # this path answers 200 once requests can be answered
    checkout: Path = REPOSITORY


OURS = App("api.main:app", "/readyz")
CONSTANT_ASGI = App("benchmarks.serving.servers.constant_asgi:app")
CONSTANT_FASTAPI = App("benchmarks.serving.servers.constant_fastapi:app")
STRAIGHTFORWARD = App("benchmarks.serving.servers.straightforward:app")


@dataclass
class Server:
    app: App
    process: subprocess.Popen[bytes]
    port: int
    log_dir: Path
    output: Path
    seconds_to_ready: float = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def check(self) -> None:
        """Exit with its output if it has ended."""
        if (code := self.process.poll()) is not None:
            sys.exit(f"{self.app.target} ended with exit code {code}:\n{self.output.read_text(errors='replace')}")

    def memory_mb(self) -> float:
        """Resident memory of its process (VmRSS)."""
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], stdout=subprocess.PIPE, check=True)
        return int(said.stdout) * 1024 / 1e6

    def lines(self) -> dict[str, int]:
        """The number of lines in each file of its prediction log."""
        return {path.name: count_lines(path) for path in sorted(self.log_dir.glob("prediction_logs*.json"))}


@contextmanager
def serving(app: App, folder: Path, pinned: bool = True, **environment: str) -> Iterator[Server]:
    """A ready server with its log in `folder`/logs, on the first core only if `pinned`."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    server = start(app, folder, pinned, DEFAULTS | environment)
    try:
        wait_until_ready(server)
        server.seconds_to_ready = time.perf_counter() - started
        yield server
        server.check()
    finally:
        stop(server.process)


def start(app: App, folder: Path, pinned: bool, environment: dict[str, str]) -> Server:
    port, log_dir, output = free_port(), folder / "logs", folder / "output.txt"
    command = [sys.executable, "-m", "uvicorn", app.target, "--port", str(port), "--no-access-log"]
    # TMPDIR: what workers share for /metrics is to be deleted with the rest.
    environ = os.environ | {"LOG_DIR": str(log_dir), "TMPDIR": str(folder)} | environment
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*(pinned_to(0) if pinned else []), *command, "--log-level", "error"],
            cwd=app.checkout,
            env=environ,
            stdout=sink,
            stderr=sink,
            start_new_session=True,  # Ctrl-C is for the benchmark, which then stops the server
        )
    return Server(app, process, port, log_dir, output)


def wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready(server.port, server.app.ready):
        server.check()
        if time.monotonic() > deadline:
            sys.exit(f"{server.app.target} is not ready after {READY_SECONDS} s:\n{server.output.read_text()}")
        time.sleep(0.005)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also workers that outlived it
    process.wait()


def count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

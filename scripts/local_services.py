"""Runs the services and the watch as local processes, where there is no Docker: local_services.py start | stop | logs.

`start` returns when all answer. Standard library only; run it with the Python that has both services' packages.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN_DIR = ROOT / ".run"
START_SECONDS, STOP_SECONDS = 90, 10


@dataclass(frozen=True)
class Service:
    name: str
    port_variable: str
    default_port: str
    arguments: tuple[str, ...]
    health: str

    @property
    def port(self) -> str:
        return os.environ.get(self.port_variable) or self.default_port

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def pid_file(self) -> Path:
        return RUN_DIR / f"{self.name}.pid"

    @property
    def output(self) -> Path:
        return RUN_DIR / f"{self.name}.txt"

    def pid(self) -> int | None:
        """The running process; None if there is none, or its number now belongs to another program."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if self.arguments[1] in _command_of(pid) else None

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self.health, timeout=2):
                return True
        except (OSError, ValueError):
            return False


API = Service(
    "api",
    "API_PORT",
    "8000",
    ("api", "--port"),
    "/readyz",
)
MONITORING = Service(
    "monitoring",
    "DASHBOARD_PORT",
    "8501",
    ("streamlit", "run", "monitoring/dashboard.py", "--server.address", "localhost", "--server.port"),
    "/_stcore/health",
)
WATCH = Service(
    "watch", "WATCH_PORT", "9108", ("monitoring.watch", "watch", "--address", "localhost", "--port"), "/metrics"
)
SERVICES = (API, MONITORING, WATCH)


def start() -> int:
    RUN_DIR.mkdir(exist_ok=True)
    for service in SERVICES:
        if service.pid() is None and taken(service.port):
            print(f"Port {service.port} is taken by another program; end it, or set {service.port_variable}.")
            return 1
    for service in SERVICES:
        if service.pid() is None:
            _start(service)
    for service in SERVICES:
        if not _wait_for(service):
            print(f"The {service.name} service did not start; the end of {service.output.relative_to(ROOT)}:")
            print("".join(service.output.read_text().splitlines(keepends=True)[-15:]))
            stop()
            return 1
    return 0


def stop() -> int:
    for service in SERVICES:
        _stop(service)
    return 0


def _stop(service: Service) -> None:
    pid = service.pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        if not _until(lambda: service.pid() is None, STOP_SECONDS):
            os.kill(pid, signal.SIGKILL)
    service.pid_file.unlink(missing_ok=True)


def logs() -> int:
    files = [str(service.output) for service in SERVICES if service.output.exists()]
    if not files:
        print("Nothing has run here yet; `make run` starts both services.")
        return 1
    with suppress(KeyboardInterrupt):
        subprocess.run(["tail", "-n", "50", "-f", *files])
    return 0


def _start(service: Service) -> None:
    environ = {"API_URL": API.url} | os.environ
    with service.output.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *service.arguments, service.port],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # outlives the terminal, as a container would
        )
    service.pid_file.write_text(str(process.pid))


def _wait_for(service: Service) -> bool:
    """True once it answers; False when it has ended or the time is over."""
    _until(lambda: service.answers() or service.pid() is None, START_SECONDS)
    return service.answers()


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def _command_of(pid: int) -> str:
    """The command line of a process, empty if there is none."""
    if Path("/proc/self/cmdline").exists():  # Linux, where a small machine may have no ps
        path = Path(f"/proc/{pid}/cmdline")
        return path.read_text() if path.exists() else ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout


def taken(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


COMMANDS = {"start": start, "stop": stop, "logs": logs}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]]())

"""local_services.py start | stop | logs | ports: run the services as local processes, without Docker.

`start` returns when all respond; `ports` only checks the ports' settings. A process is identified by its start time and
its whole command, so a process that reuses the number of an ended service is left alone. Standard library only; run
`start` with the Python that has both services' packages.
"""

from __future__ import annotations

import os
import reprlib
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN_DIR = ROOT / ".run"
START_SECONDS, STOP_SECONDS = 90, 10
# Asks what runs on this machine, which a proxy of the environment cannot reach.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Service:
    name: str
    port_variable: str
    default_port: str
    arguments: tuple[str, ...]
    health: str

    @property
    def port(self) -> str:
        return port(self.port_variable, self.default_port)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def pid_file(self) -> Path:
        return RUN_DIR / f"{self.name}.pid"

    @property
    def output(self) -> Path:
        return RUN_DIR / f"{self.name}.txt"

    @property
    def noted(self) -> tuple[str, str]:
        """PID and identity of the process that was started last; both may be empty."""
        number, _, identity = _read(self.pid_file).partition("\n")
        return number, identity

    @property
    def pid(self) -> int | None:
        """The PID of the process that was started last, if it still runs."""
        number, identity = self.noted
        return int(number) if identity and identity_of(number) == identity else None

    def problem(self) -> str:
        """Why it cannot be started or left as it is; empty if it can."""
        if self.pid is None:
            said = f"Port {self.port} is taken by another program; end it, or set {self.port_variable}."
            return said if taken(self.port) else ""
        wanted = shlex.join([*self.arguments, self.port])
        if self.noted[1].endswith(f" {wanted}"):
            return ""
        return f"The {self.name} service already runs, otherwise than as `{wanted}`; end it with `make stop` first."

    def answers(self) -> bool:
        return answers(self.url + self.health)


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
    ("streamlit", "run", "monitoring/dashboard.py", "--server.port"),
    "/_stcore/health",
)
WATCH = Service("watch", "WATCH_PORT", "9108", ("monitoring.watch", "watch", "--port"), "/metrics")
SERVICES = (API, MONITORING, WATCH)


def start() -> int:
    RUN_DIR.mkdir(exist_ok=True)
    for service in SERVICES:
        if problem := service.problem():
            print(problem)
            return 1
    for service in SERVICES:
        if service.pid is None:
            _start(service)
    for service in SERVICES:
        if not _wait_for(service):
            print(f"The {service.name} service did not start; the end of {service.output.relative_to(ROOT)}:")
            print("".join(service.output.read_text().splitlines(keepends=True)[-15:]))
            stop()
            return 1
    return 0


def stop() -> int:
    running = [service for service in SERVICES if not _stop(service)]
    return 1 if running else 0


def _stop(service: Service) -> bool:
    """Whether it has ended; prints why if not."""
    number, identity = service.noted
    if not identity and identity_of(number):
        print(f"{service.pid_file} does not say which process {number} was, so it is not stopped. If `ps -p {number}`")
        print(f"shows the {service.name} service, end it with `kill {number}`.")
    for how in (signal.SIGTERM, signal.SIGKILL):
        if pid := service.pid:
            try:
                os.kill(pid, how)
            except PermissionError:
                print(f"The {service.name} service is process {pid} of another user; run `make stop` as that user.")
                return False
            except ProcessLookupError:  # it has just ended
                break
            _until(lambda: service.pid is None, STOP_SECONDS)
    if service.pid:
        print(f"The {service.name} service, process {service.pid}, does not end.")
        return False
    service.pid_file.unlink(missing_ok=True)
    return True


def ports() -> int:
    for service in SERVICES:
        port(service.port_variable, service.default_port)
    return 0


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
    number = str(process.pid)
    # For a moment after its start the system does not know its command.
    _until(lambda: identity_of(number) != "" or process.poll() is not None, STOP_SECONDS)
    service.pid_file.write_text(f"{number}\n{identity_of(number)}")


def _wait_for(service: Service) -> bool:
    """True once it responds; False if it has ended or the time is over."""
    _until(lambda: service.answers() or service.pid is None, START_SECONDS)
    return service.pid is not None and service.answers()


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def identity_of(number: str) -> str:
    """The start time of a process and its whole command, which no other process shares; empty if there is none."""
    if not (number.isascii() and number.isdigit()):
        return ""
    # Linux has /proc, and a small machine may have no ps.
    return identity_by_proc(number) if Path("/proc/self/stat").exists() else identity_by_ps(number)


def identity_by_proc(number: str) -> str:
    command = _read(Path("/proc", number, "cmdline")).split("\0")[:-1]
    fields = _read(Path("/proc", number, "stat")).rpartition(")")[2].split()
    if not command or len(fields) < 20:
        return ""
    boot = _read(Path("/proc/sys/kernel/random/boot_id")).strip()
    return f"{boot} {fields[19]} {shlex.join(command)}"  # in ticks since the boot, field 22 of proc(5)


def identity_by_ps(number: str) -> str:
    """Without the interpreter's path: on macOS Python restarts itself under another one."""
    started, command = (
        subprocess.run(
            ["ps", "-ww", "-o", f"{column}=", "-p", number],
            env=os.environ | {"LC_ALL": "C", "TZ": "UTC"},
            capture_output=True,
            text=True,
            errors="replace",
        ).stdout.strip()
        for column in ("lstart", "command")
    )
    return f"{started} -m {command.partition(' -m ')[2]}" if started and command else ""


def _read(path: Path) -> str:
    """The file's text, or empty if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def port(variable: str, default: str) -> str:
    """The port in the environment; exits with a sentence if it is not a port."""
    value = os.environ.get(variable, "").strip() or default
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and 0 < int(value) < 2**16):
        sys.exit(f"{variable} is {reprlib.repr(value)}; set it to a port from 1 to 65535, or unset it for {default}.")
    return value


def taken(port: str) -> bool:
    """Whether a program on this machine listens on the port, at either address of `localhost`."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with suppress(OSError), socket.socket(family) as probe:  # a machine may have no IPv6
            if probe.connect_ex((address, int(port))) == 0:
                return True
    return False


def answers(url: str) -> bool:
    """Whether a service on this machine responds there with success."""
    with suppress(OSError, HTTPException), DIRECTLY.open(url, timeout=2):
        return True
    return False


COMMANDS = {"start": start, "stop": stop, "logs": logs, "ports": ports}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        sys.exit(COMMANDS[sys.argv[1]]())
    except OSError as error:
        sys.exit(f"{error.filename} cannot be used: {error.strerror}.")

"""Starts modules as `python -m` does, in processes forked from one that has imported the libraries of the services.

Importing these takes two seconds of processor time: most of what a test of a running service takes. Each process
imports the project's own modules itself. Tests of how a service starts use `python -m`.
"""

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = [
    "fastapi",
    "prometheus_client",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "streamlit.web.cli",
    "uvicorn.main",
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(LIBRARIES)


class Process:
    """The part of subprocess.Popen that tests use. It leads a session of its own, so killpg reaches its workers too."""

    def __init__(self, module: str, *arguments: str, cwd: Path, env: Mapping[str, str], output: Path) -> None:
        work = (module, arguments, str(cwd), dict(env), str(output))
        self._process = _context.Process(target=_run, args=work, daemon=False)
        self._process.start()
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(module: str, arguments: Sequence[str], cwd: str, env: Mapping[str, str], output: str) -> None:
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for target in (1, 2):
        os.dup2(sink, target)
    os.dup2(sys.stdin.fileno(), 0)  # where uvicorn's workers look for it
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = [module, *arguments]
    sys.path[0] = cwd
    runpy.run_module(module, run_name="__main__", alter_sys=True)

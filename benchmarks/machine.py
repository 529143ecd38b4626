"""The machine of a benchmark: its description, its two cores, and a scratch folder."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.command import REPOSITORY, complain

BUSY = 0.5
IN_MEMORY = ("tmpfs", "ramfs")
PACKAGES = ("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "scikit-learn", "numpy", "scipy")


def describe(scratch: Path) -> dict[str, object]:
    if (load := os.getloadavg()[0]) > BUSY:
        complain(f"other processes are at work here (load average {load:.1f}); what is measured is slower for it")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "wrk": first_line("wrk", "--version"),
        "load_average_at_start": round(load, 2),
        "log_file_system": file_system(scratch),
        "server_and_load_pinned": bool(pinned_to(0)),
    }


def sentence(results: dict[str, Any]) -> str:
    """Machine, commit and date, for above a table."""
    machine, options = results["machine"], results["options"]
    rounds = f"medians of {options['rounds']} rounds, " if "rounds" in options else ""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"Commit {results['revision']} on {machine['date']}: {rounds}{options['seconds']} s a load, {on(machine)}, "
        f"{packages}, "
        f"server and load {'on a core each' if machine['server_and_load_pinned'] else 'not pinned to cores'}.\n"
    )


def describe_briefly() -> str:
    """A short description of the machine, for results that are not about speed."""
    kernel = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores of {cpu_model()}, {kernel}, Python {platform.python_version()}"


def on(machine: dict[str, Any]) -> str:
    """A short description of the machine."""
    return (
        f"with {machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, {machine['kernel']}, "
        f"the log on {machine['log_file_system']}, Python {machine['python']}"
    )


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def first_line(*command: str) -> str:
    """The first line of a command's output, or nothing if it cannot be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return ""
    return done.stdout.partition("\n")[0].strip()


def revision(checkout: Path, *folders: str) -> str:
    """The commit of a checkout, with a + if these folders (or api) have uncommitted changes."""
    commit = first_line("git", "-C", str(checkout), "rev-parse", "--short", "HEAD")
    return commit + (
        "+" if first_line("git", "-C", str(checkout), "status", "--porcelain", *(folders or ("api",))) else ""
    )


def pinned_to(place: int) -> list[str]:
    """The command prefix that pins a process to the first (0) or second (1) core; empty with one core or without
    such a tool."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return ["taskset", "--cpu-list", str(cores[place])] if len(cores) > 1 and shutil.which("taskset") else []


def file_system(path: Path) -> str:
    """The type of the file system of `path`, as df names it."""
    done = subprocess.run(["df", "-PT", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.splitlines()[-1].split()[1] if done.returncode == 0 else "unknown"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for logs on the repository's disk; always deleted at the end."""
    parent = REPOSITORY / ".run"
    parent.mkdir(exist_ok=True)
    if (found := file_system(parent)) in IN_MEMORY:
        sys.exit(f"{parent} is in memory ({found}), so writing the log would cost nothing; put it on a disk.")
    with tempfile.TemporaryDirectory(dir=parent, prefix="benchmark-") as folder:
        yield Path(folder)

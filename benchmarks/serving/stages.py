"""python -m benchmarks.serving.stages [--seconds 20] [--before PATH]: processor time of a request, by stage.

Each server is loaded twice: first alone, for the processor time per request; then under py-spy, which samples the
running Python function 100 times a second. A sample counts for the innermost function that belongs to a stage. The rest
is time outside Python: system calls, the event loop, thread switches. Prints a table and saves
benchmarks/results/stages.json.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import texts
from benchmarks.command import REPOSITORY, exit_on_signals, positive, save
from benchmarks.machine import describe, pinned_to, revision, scratch_folder, sentence
from benchmarks.markdown import table
from benchmarks.serving import wrk
from benchmarks.serving.processors import Processors
from benchmarks.serving.rounds import CONNECTIONS, WARM_UP_SECONDS
from benchmarks.serving.server import CONSTANT_FASTAPI, OURS, App, Server, serving

RESULTS = REPOSITORY / "benchmarks" / "results" / "stages.json"
SAMPLES_PER_SECOND = 100
OUTSIDE = "outside Python: system calls, the event loop, switching threads"
# By the beginning of a file's path below the folder it was imported from.
STAGES = {
    "HTTP protocol (uvicorn)": ("uvicorn/", "api/http/server/"),
    "middleware and routing (Starlette, FastAPI)": ("starlette/", "fastapi/", "contextlib.py"),
    "handing over between threads and tasks": ("anyio/", "asyncio/", "concurrent/", "threading.py", "queue.py"),
    "body and answer: read, validate, write": ("api/http/", "api/schemas.py", "pydantic/"),
    "the model": ("api/model/", "sklearn/", "scipy/", "numpy/"),
    "the log's line": (
        "api/prediction_log/records.py",
        "api/prediction_log/files/log.py",
        "json/",
        "uuid.py",
        "dataclasses.py",
    ),
    "writing the log": ("api/prediction_log/files/group_commit.py", "api/prediction_log/files/owned_file.py"),
    "metrics": ("api/metrics.py", "prometheus_client/"),
    "what ties them together": ("api/main.py", "api/service.py", "api/input.py", "api/turns.py", "benchmarks/"),
}
FRAME = re.compile(r"\((?P<path>.+):\d+\)$")
LOADS = {"short": texts.SHORT, "long": texts.REVIEW}


def main() -> None:
    options = arguments()
    wrk.require_wrk()
    exit_on_signals()
    apps = {"ours before": App(OURS.target, OURS.ready, options.before.resolve())} if options.before else {}
    apps |= {"ours": OURS, "constant FastAPI": CONSTANT_FASTAPI}
    with scratch_folder() as scratch:
        results: dict[str, Any] = {
            "machine": describe(scratch),
            "revision": revision(REPOSITORY),
            "revision_before": revision(options.before) if options.before else None,
            "options": {"seconds": options.seconds, "samples_per_second": SAMPLES_PER_SECOND},
            "microseconds": {name: costs(app, options, scratch / name.replace(" ", "-")) for name, app in apps.items()},
        }
    save(results, options.output)
    print(f"{sentence(results)}\n{stages_table(results)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Shows where the time of a request goes.")
    parser.add_argument("--seconds", type=positive, default=20, help="of each load")
    parser.add_argument("--before", type=Path, help="another checkout of this repository")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file for the results")
    return parser.parse_args()


def costs(app: App, options: argparse.Namespace, folder: Path) -> dict[str, dict[str, float]]:
    """Microseconds of processor time per request, by load and stage."""
    with serving(app, folder) as server:
        return {name: costs_of_text(server, text, options.seconds, folder) for name, text in LOADS.items()}


def costs_of_text(server: Server, text: str, seconds: int, folder: Path) -> dict[str, float]:
    url, body = server.url("/predict"), {"text": text}
    wrk.run(url, body, CONNECTIONS, WARM_UP_SECONDS)
    processors = Processors(server.process.pid)
    rate = wrk.run(url, body, CONNECTIONS, seconds).requests_per_second
    cores, _ = processors.cores()
    with wrk.started(url, body, CONNECTIONS, seconds + 2 * WARM_UP_SECONDS):
        stacks = sampled(server, seconds, folder / "stacks.txt")
    server.check()
    print(f"    {server.app.target:40} {rate:10,.0f} requests/s", file=sys.stderr, flush=True)
    return shared_out(cores / rate * 1e6, counted(stacks), seconds * SAMPLES_PER_SECOND)


def sampled(server: Server, seconds: int, output: Path) -> list[str]:
    """py-spy's samples: a stack per line, outermost frame first, with its count."""
    options = ["--gil", "--rate", SAMPLES_PER_SECOND, "--duration", seconds, "--format", "raw", "--output", output]
    command = [Path(sys.executable).with_name("py-spy"), "record", *options, "--pid", server.process.pid]
    done = subprocess.run([*pinned_to(1), *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"py-spy cannot look into the server; it may have to be root:\n{done.stdout.decode()}")
    return output.read_text().splitlines()


def counted(stacks: Iterable[str]) -> Counter[str]:
    """The number of samples of each stage."""
    samples: Counter[str] = Counter()
    for line in stacks:
        stack, _, number = line.rpartition(" ")
        samples[stage(stack.split(";"))] += int(number)
    return samples


def stage(frames: list[str]) -> str:
    """The stage of the innermost frame that has one; OUTSIDE if none has."""
    for frame in reversed(frames):
        if found := FRAME.search(frame):
            for name, beginnings in STAGES.items():
                if found["path"].startswith(beginnings):
                    return OUTSIDE if found["path"] == "asyncio/runners.py" else name
    return OUTSIDE


def shared_out(microseconds: float, samples: Counter[str], looks: int) -> dict[str, float]:
    """Microseconds by stage, in proportion to the samples; the rest is outside."""
    shares = {name: samples[name] / looks for name in STAGES}
    return {name: microseconds * share for name, share in (shares | {OUTSIDE: 1 - sum(shares.values())}).items()}


def stages_table(results: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    measured = results["microseconds"]
    columns = {
        f"{name}, {load}": costs for load in LOADS for name, loads in measured.items() for costs in [loads[load]]
    }
    rows = [[name, *(f"{costs[name]:,.0f} µs" for costs in columns.values())] for name in (*STAGES, OUTSIDE)]
    total = ["together", *(f"{sum(costs.values()):,.0f} µs" for costs in columns.values())]
    return table(["stage", *columns], [*rows, total], numbers=range(1, len(columns) + 1))


if __name__ == "__main__":
    main()

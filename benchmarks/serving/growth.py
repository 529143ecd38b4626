"""python -m benchmarks.serving.growth [--rounds 3] [--seconds 5] [--lines 10000000]: the API's speed on a long log.

The log grows from nothing to ten million lines, written while the service is stopped. At each size the service is
started and measured, right after the constant FastAPI as control. After each round the log is cut back to its size.
Prints a table, saves benchmarks/results/growth.json, and deletes the log.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks import texts
from benchmarks.command import REPOSITORY, complain, exit_on_signals, positive, save
from benchmarks.machine import describe, revision, scratch_folder, sentence
from benchmarks.markdown import table
from benchmarks.serving import wrk
from benchmarks.serving.figures import median_of
from benchmarks.serving.log_lines import LINE_BYTES, append_lines
from benchmarks.serving.rounds import CONNECTIONS, WARM_UP_SECONDS
from benchmarks.serving.server import CONSTANT_FASTAPI, OURS, Server, serving

RESULTS = REPOSITORY / "benchmarks" / "results" / "growth.json"
SMALLEST, LARGEST = 10_000, 10_000_000
ROOM = 1.3  # for what the measurements themselves log, and so that the disk is not full
HEAD = ["lines", "log", "start to ready", "short/s", "99th percentile", "memory", "control, short/s", "share of it"]


def main() -> None:
    options = arguments()
    wrk.require_wrk()
    exit_on_signals()
    with scratch_folder() as scratch:
        require_room(scratch, options.lines)
        results = {
            "machine": describe(scratch),
            "revision": revision(REPOSITORY),
            "options": {name: getattr(options, name) for name in ("rounds", "seconds", "lines")},
            "sizes": measured(options, scratch),
        }
    save(results, options.output)
    print(f"{sentence(results)}\n{growth_table(results)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what a long log costs the service.")
    parser.add_argument("--rounds", type=positive, default=3, help="of which the median is taken, at each size")
    parser.add_argument("--seconds", type=positive, default=5, help="of each load")
    parser.add_argument("--lines", type=positive, default=LARGEST, help="of the largest log")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file for the results")
    return parser.parse_args()


def sizes(largest: int) -> list[int]:
    """0, then 10,000 lines and ten times as many each time, up to the largest."""
    steps, lines = [0], SMALLEST
    while lines < largest:
        steps.append(lines)
        lines *= 10
    return [*steps, largest]


def require_room(folder: Path, lines: int) -> None:
    needed, free = lines * LINE_BYTES * ROOM / 1e9, shutil.disk_usage(folder).free / 1e9
    if free < needed:
        sys.exit(
            f"A log of {lines:,} lines and what is measured on it need {needed:.1f} GB, and {folder} has {free:.1f} GB "
            "left; make room, or take fewer with --lines."
        )


def measured(options: argparse.Namespace, scratch: Path) -> list[dict[str, Any]]:
    """The figures of each round at each size."""
    log = scratch / "ours" / "logs" / "prediction_logs.json"
    log.parent.mkdir(parents=True)
    found, lines = [], 0
    for size in sizes(options.lines):
        append_lines(log, size - lines)
        lines = size
        rounds = [one_round(log, options.seconds, scratch) for _ in range(options.rounds)]
        found.append({"lines": size, "bytes": log.stat().st_size, "rounds": rounds})
        print(f"    {size:12,} lines: {rounds}", file=sys.stderr, flush=True)
    return found


def one_round(log: Path, seconds: int, scratch: Path) -> dict[str, float]:
    with serving(CONSTANT_FASTAPI, scratch / "control") as server:
        control = send(server, seconds)
    size = log.stat().st_size
    with serving(OURS, scratch / "ours") as server:
        result = send(server, seconds)
        memory, files = server.memory_mb(), server.lines()
    if list(files) != [log.name]:
        complain(f"the service did not go on in {log.name} alone; it has {files}")
    os.truncate(log, size)
    return {
        "seconds_to_ready": server.seconds_to_ready,
        "requests_per_second": result.requests_per_second,
        "p99_ms": result.p99_ms,
        "memory_mb": memory,
        "errors": result.errors,
        "control_requests_per_second": control.requests_per_second,
        "control_p99_ms": control.p99_ms,
    }


def send(server: Server, seconds: int) -> wrk.Result:
    url, body = server.url("/predict"), {"text": texts.SHORT}
    wrk.run(url, body, CONNECTIONS, WARM_UP_SECONDS)
    result = wrk.run(url, body, CONNECTIONS, seconds)
    server.check()
    if result.errors:
        complain(f"{server.app.target}: {result.errors} errors in {result.requests} requests")
    return result


def growth_table(results: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    return table(HEAD, [growth_row(size) for size in results["sizes"]], numbers=range(len(HEAD)))


def growth_row(size: dict[str, Any]) -> list[str]:
    figures = {name: median_of(one[name] for one in size["rounds"]) for name in size["rounds"][0]}
    share = median_of(one["requests_per_second"] / one["control_requests_per_second"] for one in size["rounds"])
    return [
        f"{size['lines']:,}",
        f"{size['bytes'] / 1e6:,.0f} MB",
        f"{figures['seconds_to_ready']:.2f} s",
        f"{figures['requests_per_second']:,.0f}",
        f"{figures['p99_ms']:.1f} ms",
        f"{figures['memory_mb']:.0f} MB",
        f"{figures['control_requests_per_second']:,.0f}",
        f"{share:.2f} ×",
    ]


if __name__ == "__main__":
    main()

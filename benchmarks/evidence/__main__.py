"""python -m benchmarks.evidence [--streams 300] [--log-streams 300] [--write]: error rates and delays of the alarms.

Runs streams with fixed seeds through monitoring/ as it ships, and through other libraries. Prints
docs/internals/evidence.md; `--write` saves it and the results. The exit code is 1 if a limit of
benchmarks.evidence.goals is broken.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.command import REPOSITORY, complain, exit_on_signals, positive, save
from benchmarks.evidence import estimates, labels, report, requests, whole_log, words
from benchmarks.evidence.goals import PUBLISHED_STREAMS, goals
from benchmarks.evidence.scenarios import Detection, Measurement, Runner, means, results
from benchmarks.evidence.streams import SEED
from benchmarks.evidence.windows import EVIDENTLY_PYTHON, has_evidently

RESULTS = REPOSITORY / "benchmarks" / "results" / "evidence.json"
DOCUMENT = REPOSITORY / "docs" / "internals" / "evidence.md"
PACKAGES = ("numpy", "scipy", "pandas", "river")


def main() -> None:
    options = arguments()
    exit_on_signals()
    found = measured(options)
    document = report.document(found)
    print(document, end="")
    if options.write:
        save(found, RESULTS)
        DOCUMENT.write_text(document, encoding="utf-8")
    if broken := [goal for goal in goals(found) if not goal.holds]:
        for goal in broken:
            complain(f"{goal.name}: {goal.measured}, which is not {goal.bound}")
        sys.exit(1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures how often alarms are wrong, and how soon they come.")
    parser.add_argument("--streams", type=positive, default=PUBLISHED_STREAMS, help="of each scenario")
    parser.add_argument("--log-streams", type=positive, default=PUBLISHED_STREAMS, help="of 200,000 requests in a log")
    parser.add_argument("--minutes", type=positive, default=600, help="after which no more of these are begun")
    parser.add_argument("--go-on", action="store_true", help="measure only what the saved results lack")
    parser.add_argument("--jobs", type=positive, default=os.cpu_count() or 1, help="processes that run streams")
    parser.add_argument("--write", action="store_true", help="write the document and the results")
    return parser.parse_args()


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All results. With `--go-on`, saved results are kept and only the missing ones are measured. Each result is
    saved at once."""
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if options.go_on else started(options)
    gc.freeze()
    with closing(Runner(options.jobs, time.monotonic() + 60 * options.minutes)) as runner:
        for measurement in measurements():
            if measurement.name not in found["measurements"]:
                found["measurements"][measurement.name] = timed(measurement, options.streams, runner, means)
                keep(found, options)
        for detection in detections():
            if detection.name not in found["detections"]:
                found["detections"][detection.name] = detected(detection, options, runner)
                keep(found, options)
    return found | {"goals": [asdict(goal) | {"met": goal.met} for goal in goals(found)]}


def started(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "machine": describe(),
        "revision": revision(),
        "options": {"streams": options.streams, "seed": SEED},
        "detections": {},
        "measurements": {},
    }


def keep(found: dict[str, Any], options: argparse.Namespace) -> None:
    if options.write:
        save(found, RESULTS)


def detections() -> list[Detection]:
    """All detection scenarios; the slowest comes last."""
    of_requests = sorted(requests.scenarios(), key=lambda detection: detection.length)
    return [*labels.scenarios(), *of_requests, *whole_log.scenarios()]


def measurements() -> list[Measurement]:
    modules = (requests, words, estimates, whole_log)
    return [measurement for module in modules for measurement in module.measurements()]


def detected(detection: Detection, options: argparse.Namespace, runner: Runner) -> dict[str, Any]:
    last = detection.name == whole_log.END_TO_END
    streams = options.log_streams if last else options.streams
    of_methods = timed(detection, streams, runner, lambda outcomes: results(outcomes, detection.change))
    methods = {name: asdict(result) for name, result in of_methods.items()}
    return {"length": detection.length, "change": detection.change, "methods": methods}


def timed(
    what: Detection | Measurement, streams: int, runner: Runner, summed_up: Callable[[list[Any]], dict[str, Any]]
) -> dict[str, Any]:
    start = time.monotonic()
    outcomes = runner.run(what.run, min(streams, what.streams or streams), what.name == whole_log.END_TO_END)
    print(f"{time.monotonic() - start:7.1f} s  {len(outcomes):4} x {what.name}", file=sys.stderr, flush=True)
    return summed_up(outcomes)


def describe() -> dict[str, Any]:
    packages = {name: number for name in PACKAGES if (number := installed(name))}
    if has_evidently():
        packages["evidently"] = output(str(EVIDENTLY_PYTHON), "-c", VERSION_OF_EVIDENTLY)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": packages,
    }


VERSION_OF_EVIDENTLY = "from importlib.metadata import version; print(version('evidently'))"


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def revision() -> str:
    """The commit, with a + if monitoring or benchmarks have uncommitted changes."""
    commit = output("git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD")
    changed = output("git", "-C", str(REPOSITORY), "status", "--porcelain", "monitoring", "benchmarks")
    return commit + ("+" if changed else "")


def output(*command: str) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return ""
    return done.stdout.strip()


if __name__ == "__main__":
    main()

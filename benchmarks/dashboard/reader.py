"""python -m benchmarks.dashboard.reader FOLDER LINES ROUNDS: the reader's cost, in a process of its own.

Prints JSON: seconds of the first read, of reads after new lines, of all figures of the page, and of the first read
after a restart; and this process's peak memory in megabytes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmarks.dashboard import long_log
from monitoring.analysis.cache import AnalysisCache
from monitoring.analysis.selection import Selection
from monitoring.reader import LogReader, open_reader
from monitoring.settings import Settings
from monitoring.stats.reference import load_profile

NEW_LINES = 1_000
REFERENCE = load_profile(Settings().reference_path)
Result = TypeVar("Result")


def figures(folder: Path, lines: int, rounds: int) -> dict[str, float]:
    """Figures for a log of this many lines, which gains NEW_LINES in each round."""
    found = first_looks(folder, lines, rounds)
    reader, restart = timed(lambda: new_reader(folder))
    assert reader.refresh().requests.rows == lines + rounds * NEW_LINES
    return found | {"restart": restart}


def first_looks(folder: Path, lines: int, rounds: int) -> dict[str, float]:
    """Times of a first reader, which is freed when this returns."""
    analyses, looks, all_figures = AnalysisCache(REFERENCE, Settings()), [], []
    reader, build = timed(lambda: new_reader(folder))
    first_figures = timed(lambda: analyses.of(reader.refresh(), Selection()))[1]
    for place in range(rounds):
        long_log.append(folder, lines + place * NEW_LINES, NEW_LINES, REFERENCE.model_version)
        looks.append(timed(reader.refresh)[1])
        all_figures.append(timed(lambda: analyses.of(reader.refresh(), Selection()))[1])
    assert reader.saver is not None
    reader.saver.wait()
    return {
        "build": build,
        "first_figures": first_figures,
        "look": median(looks),
        "figures": median(all_figures),
        "peak_mb": peak_mb(),
    }


def new_reader(folder: Path) -> LogReader:
    """A reader that has read the log."""
    settings = Settings(log_dir=folder, state_dir=folder.with_name("reader-state"))
    reader = open_reader(settings, REFERENCE, checkpoint="dashboard")
    reader.refresh()
    return reader


def timed(call: Callable[[], Result]) -> tuple[Result, float]:
    """The result of a call, and its seconds."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(figures(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))

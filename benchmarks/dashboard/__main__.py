"""python -m benchmarks.dashboard [--lines 1000000] [--largest 10000000] [--rounds 5]: the page's cost on a long log.

Writes a log of that many lines, about 1.3 kB each. Measures the reader in a process of its own, then the shipped page
in Chromium (path in CHROMIUM) beside a naive page that parses the whole log at each refresh. Then grows the log to the
largest size, for the reader alone. Prints a table, saves it in benchmarks/results/, and deletes the log.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.command import REPOSITORY, exit_on_signals, positive, save
from benchmarks.dashboard import long_log
from benchmarks.dashboard.pages import Dashboard, Watched, dashboard, environment, several, watched
from benchmarks.dashboard.reader import NEW_LINES, REFERENCE, timed
from benchmarks.machine import describe, on, revision, scratch_folder
from benchmarks.markdown import table
from monitoring.settings import Settings
from monitoring.store.checkpoint import Saver
from scripts.screenshots import CHROMIUM_ARGS

RESULTS = REPOSITORY / "benchmarks" / "results" / "dashboard.json"
BROWSERS = 10
EVERY = Settings.refresh_seconds
IDLE_SECONDS = 7 * EVERY
QUIET_SECONDS = 2 * EVERY  # in which everything that is to be sent is
READ = ".st-key-section_tiles .value"
CHART = ".js-plotly-plot .main-svg"
NAIVE_READ = "[data-testid=stDataFrame]"
VERSION = REFERENCE.model_version
LINE_BYTES = 1_350


def main() -> None:
    options = arguments()
    exit_on_signals()
    with scratch_folder() as scratch, sync_playwright() as playwright:
        require_room(scratch, max(options.lines, options.largest))
        machine = describe(scratch)  # before anything makes it busy
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        log = Log(scratch / "logs")
        log.grow(options.lines)
        results = {
            "machine": machine,
            "revision": revision(REPOSITORY, "monitoring"),
            "options": {name: getattr(options, name) for name in ("lines", "largest", "rounds")},
            "bytes": log.bytes(),
            "reader": reader_figures(log, options.rounds),
            "page": page_figures(log, scratch / "state", browser, options.rounds),
            "naive": naive_figures(log, browser),
        }
        browser.close()
        if options.largest > log.lines:
            log.grow(options.largest)
            results |= {"largest_bytes": log.bytes(), "largest": reader_figures(log, options.rounds)}
    save(results, options.output)
    print(f"{sentence(results)}\n{dashboard_table(results)}")


class Log:
    """A log that grows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, 0
        folder.mkdir()

    def add(self, lines: int) -> None:
        long_log.append(self.folder, self.lines, lines, VERSION)
        self.lines += lines

    def grow(self, lines: int) -> None:
        """Append lines up to this number."""
        self.add(lines - self.lines)

    def bytes(self) -> int:
        return (self.folder / "prediction_logs.json").stat().st_size


def require_room(folder: Path, lines: int) -> None:
    needed, free = lines * LINE_BYTES * 1.2 / 1e9, shutil.disk_usage(folder).free / 1e9
    if free < needed:
        sys.exit(
            f"A log of {lines:,} lines and what is kept of it need {needed:.1f} GB, and {folder} has {free:.1f} GB "
            "left; make room, or take fewer with --lines and --largest."
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what the page costs on a long log.")
    parser.add_argument("--lines", type=positive, default=1_000_000, help="of the log that the page is opened on")
    parser.add_argument("--largest", type=positive, default=10_000_000, help="of the log that is only read")
    parser.add_argument("--rounds", type=positive, default=5, help="of refreshes, of which the median is taken")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file for the results")
    return parser.parse_args()


def reader_figures(log: Log, rounds: int) -> dict[str, float]:
    """Figures of the reader, measured in a fresh process so that memory is the reader's alone."""
    command = [sys.executable, "-m", "benchmarks.dashboard.reader", str(log.folder), str(log.lines), str(rounds)]
    found: dict[str, float] = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout
    )
    log.lines += rounds * NEW_LINES
    return found


def page_figures(log: Log, state: Path, browser: Browser, rounds: int) -> dict[str, float]:
    """Seconds from the request of the page to its content, bytes sent to the browser, memory of the server in
    megabytes."""
    settings = {"LOG_DIR": str(log.folder), "STATE_DIR": str(state), "API_URL": "http://127.0.0.1:9"}
    with dashboard("monitoring/dashboard.py", **settings) as server, watched(browser, server.url) as page:
        found = {"cold": page.seconds_until(READ)}
        page.seconds_until(CHART)
        page.page.wait_for_timeout(QUIET_SECONDS * 1000)
        found["idle_bytes"] = page.received_in(IDLE_SECONDS) / (IDLE_SECONDS / EVERY)
        with watched(browser, server.url) as second:
            found |= {"first_paint": second.seconds_until(READ), "first_chart": second.seconds_until(CHART)}
            second.page.wait_for_timeout(QUIET_SECONDS * 1000)
            found["opening_bytes"] = second.received
        found |= after_new_lines(page, log, rounds)
        found |= {"peak_mb": server.peak_mb(), "processor_seconds": seconds_a_refresh(server, page)}
        with several(browser, server.url, BROWSERS - 1, READ):
            page.page.wait_for_timeout(QUIET_SECONDS * 1000)
            found["processor_seconds_of_ten"] = seconds_a_refresh(server, page)
            found["peak_of_ten_mb"] = server.peak_mb()
        page.page.wait_for_timeout(Saver.SECONDS * 1000)
        log.add(NEW_LINES)  # with which the checkpoint is due
        page.page.wait_for_timeout(QUIET_SECONDS * 1000)
    with dashboard("monitoring/dashboard.py", **settings) as server, watched(browser, server.url) as page:
        return found | {"restarted": page.seconds_until(READ)}


def after_new_lines(page: Watched, log: Log, rounds: int) -> dict[str, float]:
    """Bytes of the next refreshes, and seconds until the new requests are visible."""
    sent, seen = [], []
    for _ in range(rounds):
        before = page.received
        log.add(NEW_LINES)
        new = page.page.get_by_text(f"{log.lines:,}").first
        seen.append(timed(new.wait_for)[1])
        page.page.wait_for_timeout(QUIET_SECONDS * 1000)
        sent.append(page.received - before)
    return {"bytes_after_new_lines": median(sent), "seen_after": median(seen)}


def seconds_a_refresh(server: Dashboard, page: Watched) -> float:
    """Processor seconds of the server for one refresh of all its browsers, without new lines."""
    before = server.processor_seconds()
    page.page.wait_for_timeout(IDLE_SECONDS * 1000)
    return (server.processor_seconds() - before) / (IDLE_SECONDS / EVERY)


def naive_figures(log: Log, browser: Browser) -> dict[str, float]:
    """The same figures of the naive page."""
    with (
        dashboard("benchmarks/dashboard/naive.py", LOG_DIR=str(log.folder)) as server,
        watched(browser, server.url) as page,
    ):
        found = {"cold": page.seconds_until(NAIVE_READ), "opening_bytes": float(page.received)}
        start, busy = page.received, server.processor_seconds()
        page.page.wait_for_timeout(3 * found["cold"] * 1000)
        found["share_of_a_core"] = (server.processor_seconds() - busy) / (3 * found["cold"])
        return found | {
            "bytes_a_minute": (page.received - start) / (3 * found["cold"]) * 60,
            "peak_mb": server.peak_mb(),
        }


def dashboard_table(results: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    reader, page, naive, largest = (results.get(name, {}) for name in ("reader", "page", "naive", "largest"))
    each = "at each refresh, " + _seconds(naive["cold"])
    rows = [
        ("the log is read for the first time", _seconds(reader["build"]), each, _seconds(largest.get("build"))),
        ("it is read after a restart", _seconds(reader["restart"]), each, _seconds(largest.get("restart"))),
        ("1,000 new lines are taken in", _seconds(reader["look"]), each, _seconds(largest.get("look"))),
        ("all figures of the page anew", _seconds(reader["figures"]), "", _seconds(largest.get("figures"))),
        ("memory of the reader, at most", _megabytes(reader["peak_mb"]), "", _megabytes(largest.get("peak_mb"))),
        ("memory of the dashboard, at most", _megabytes(page["peak_mb"]), _megabytes(naive["peak_mb"]), ""),
        ("the same with ten browsers", _megabytes(page["peak_of_ten_mb"]), "", ""),
        ("figures seen: the log not read before", _seconds(page["cold"]), _seconds(naive["cold"]), ""),
        ("figures seen: after a restart", _seconds(page["restarted"]), _seconds(naive["cold"]), ""),
        ("figures seen: by a second browser", _seconds(page["first_paint"]), _seconds(naive["cold"]), ""),
        ("first chart seen by a second browser", _seconds(page["first_chart"]), "", ""),
        ("1,000 new lines are seen after", _seconds(page["seen_after"]), _seconds(naive["cold"]), ""),
        ("sent for opening the page", _kilobytes(page["opening_bytes"]), _kilobytes(naive["opening_bytes"]), ""),
        ("sent by a refresh, nothing new", _kilobytes(page["idle_bytes"]), _kilobytes(naive["opening_bytes"]), ""),
        (
            "sent after 1,000 new lines",
            _kilobytes(page["bytes_after_new_lines"]),
            _kilobytes(naive["opening_bytes"]),
            "",
        ),
        (
            "share of a core, nothing new",
            f"{page['processor_seconds'] / EVERY:.1%}",
            f"{naive['share_of_a_core']:.0%}",
            "",
        ),
        ("the same with ten browsers", f"{page['processor_seconds_of_ten'] / EVERY:.0%}", "", ""),
    ]
    head = [
        "",
        f"{_lines(results, 'lines', 'bytes')}",
        "the same, read all each time",
        _lines(results, "largest", "largest_bytes"),
    ]
    return table(head, rows, numbers=(1, 2, 3))


def _lines(results: dict[str, Any], lines: str, size: str) -> str:
    return f"{results['options'][lines]:,} lines, {results[size] / 1e9:.1f} GB" if size in results else ""


def _seconds(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f} s" if figure < 1 else f"{figure:.1f} s"


def _megabytes(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,.0f} MB"


def _kilobytes(figure: float) -> str:
    return f"{figure / 1e3:,.0f} kB" if figure > 10_000 else f"{figure / 1e3:.1f} kB"


def sentence(results: dict[str, Any]) -> str:
    """Machine, commit and date, for above the table."""
    machine = results["machine"]
    return (
        f"Commit {results['revision']} on {machine['date']}: medians of {results['options']['rounds']} refreshes, "
        f"{on(machine)}; server and browser share the cores.\n"
    )


if __name__ == "__main__":
    main()

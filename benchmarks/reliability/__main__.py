"""python -m benchmarks.reliability [WORD …]: run the tests behind docs/internals/reliability.md at full size.

Runs the test of each promise (all, or the rows that contain one of the words), and writes the results to
benchmarks/results/reliability.json and the tables of the document. Needs Docker, a kind cluster (`make kind-up
kind-load`) and Chromium. A row whose engine is missing keeps its last result.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.command import REPOSITORY, exit_on_signals, save
from benchmarks.machine import describe_briefly, revision
from benchmarks.markdown import table
from benchmarks.reliability.promises import SECTIONS, Promise, promises

RESULTS = REPOSITORY / "benchmarks" / "results" / "reliability.json"
DOCUMENT = REPOSITORY / "docs" / "internals" / "reliability.md"
COLLECT = "RELIABILITY_RESULTS"  # the file where tests put what they measured; with it they run at full size
Results = Mapping[str, Mapping[str, Any]]


def main() -> int:
    options = arguments()
    exit_on_signals()
    chosen = wanted(options.words)
    if not chosen:
        sys.exit(f"No row of docs/internals/reliability.md holds any of: {' '.join(options.words)}")
    with tempfile.TemporaryDirectory() as folder:
        collected = Path(folder) / "results.jsonl"
        command = [sys.executable, "-m", "pytest", "-m", "", *dict.fromkeys(promise.test for promise in chosen)]
        code = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {COLLECT: str(collected)}).returncode
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        new = measured(collected.read_text().splitlines() if collected.exists() else [])
    save({**results, **new}, RESULTS)
    DOCUMENT.write_text(filled(DOCUMENT.read_text(), {**results, **new}))
    return code


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only rows with one of these words")
    return parser.parse_args()


def wanted(words: Sequence[str]) -> list[Promise]:
    """The promises whose row contains one of the words; all without words."""
    return [p for p in promises() if not words or any(word.lower() in " ".join(p).lower() for word in words)]


def measured(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Results by test, from JSON lines with `test` and `result`."""
    found: dict[str, list[str]] = {}
    for note in map(json.loads, lines):
        found.setdefault(note["test"], []).append(note["result"])
    on = {
        "machine": describe_briefly(),
        "date": datetime.now(UTC).date().isoformat(),
        "revision": revision(REPOSITORY, "api", "monitoring", "charts"),
    }
    return {test: {"results": results, **on} for test, results in found.items()}


def filled(document: str, results: Results) -> str:
    """The document with the machine's sentence, and each section's table below its `<!-- rows -->`."""
    document = re.sub(r"(?<=<!-- machine -->\n)(?:.+\n)*", sentence(results), document)
    every = promises()
    for heading in SECTIONS:
        pattern = re.compile(rf"(^## {re.escape(heading)}$.*?<!-- rows -->\n)(?:\|[^\n]*\n)*", re.M | re.S)
        table_of_it = rows([p for p in every if p.section == heading], results).replace("\\", r"\\")
        document, found = pattern.subn(rf"\g<1>{table_of_it}", document)
        if found != 1:
            sys.exit(f"docs/internals/reliability.md has no section {heading!r} with a place for its rows")
    return document


def sentence(results: Results) -> str:
    """Dates, commits and machines of the results."""
    measured_on = {key: sorted({result[key] for result in results.values()}) for key in ("date", "revision", "machine")}
    commits = f"{'commits' if len(measured_on['revision']) > 1 else 'commit'} {', '.join(measured_on['revision'])}"
    return f"Measured on {' and '.join(measured_on['date'])}, {commits}, {'; '.join(measured_on['machine'])}.\n"


def rows(section: Sequence[Promise], results: Results) -> str:
    """The table of a section."""
    found = [
        (p.fault, p.holds, "; ".join(results[p.test]["results"]) if p.test in results else "not measured", link(p))
        for p in section
    ]
    return table(["what happens", "promise", "measured", "test"], found)


def link(promise: Promise) -> str:
    path, name = promise.test.split("::")
    return f"[`{name.removeprefix('test_')}`]({os.path.relpath(REPOSITORY / path, DOCUMENT.parent)})"


if __name__ == "__main__":
    sys.exit(main())

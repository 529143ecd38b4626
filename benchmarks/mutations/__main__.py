"""python -m benchmarks.mutations [WORD …] [--level LEVEL …] [--whole]: break the code on purpose, count who catches it.

A mutation (mutations.toml) is a mistake that an engineer could commit. The command makes one mutation at a time in a
copy of the last commit and runs the tests that the mutation names. It then runs the failed tests again without a
mutation: only a test that passes now has caught one. The results are in benchmarks/results/mutations.json and in a
table of CONTRIBUTING.md.

The browser level needs Chromium, docker a Docker engine, smoke a kind cluster (`make kind-up`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, NamedTuple

from benchmarks.command import REPOSITORY, exit_on_signals, save
from benchmarks.machine import revision
from benchmarks.markdown import table

MUTATIONS = Path(__file__).with_name("mutations.toml")
RESULTS = REPOSITORY / "benchmarks" / "results" / "mutations.json"
DOCUMENT = REPOSITORY / "CONTRIBUTING.md"
PLACE = re.compile(r"(?<=<!-- mutations -->\n).*(?=<!-- end of mutations -->)", re.DOTALL)
LEVELS = ("fast", "processes", "evidence", "browser", "docker", "smoke")
LONGEST_SECONDS = 1800  # a longer run hangs
NO_TESTS = 5  # pytest's exit code
ENVIRONMENT = {"REQUIRE_BROWSER": "1", "REQUIRE_DOCKER": "1", "REQUIRE_KUBERNETES": "1", "IMAGE_TAG": "mutated"}
Results = Mapping[str, Mapping[str, Mapping[str, Any]]]  # "before" and "now", by mutation: `revision` and `caught`


class Mutation(NamedTuple):
    """`old`, which occurs once in `file`, becomes `new`. `tests` are those most likely to catch it, by level."""

    name: str
    subject: str
    file: str
    old: str
    new: str
    tests: Mapping[str, Sequence[str]]


def main() -> int:
    options = arguments()
    exit_on_signals()
    wanted = [m for m in mutations() if not options.words or any(word in (m.name, m.subject) for word in options.words)]
    if not wanted:
        sys.exit(f"No mutation has this name or subject: {' '.join(options.words)}")
    with copy_of_head() as tree:
        for level in options.level:
            tried = [mutation for mutation in wanted if options.whole or level in mutation.tests]
            note(caught(tree, level, tried, options.whole), level, revision(tree, "."))
    known = [(mutation.name, json.loads(RESULTS.read_text())["now"].get(mutation.name)) for mutation in wanted]
    missed = [name for name, result in known if result and not any(result["caught"].values())]
    print("\n".join(["No test that was run catches:", *missed]) if missed else "Some test catches each mutation.")
    return 1 if missed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutations", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only mutations with this name or subject")
    parser.add_argument("--level", nargs="+", choices=LEVELS, default=LEVELS, help="only these levels")
    parser.add_argument("--whole", action="store_true", help="run the whole level if the named tests pass")
    return parser.parse_args()


def mutations() -> list[Mutation]:
    entries = tomllib.loads(MUTATIONS.read_text())["mutation"]
    fields = [field for field in Mutation._fields if field != "tests"]
    return [
        Mutation(
            **{field: entry[field] for field in fields},
            tests={level: entry[level] for level in LEVELS if level in entry},
        )
        for entry in entries
    ]


@contextmanager
def copy_of_head() -> Iterator[Path]:
    """A work tree of the last commit, without uncommitted changes."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), "HEAD"], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


@contextmanager
def made(mutation: Mutation, tree: Path) -> Iterator[None]:
    """The tree has the mutation inside the with block only."""
    path = tree / mutation.file
    content = path.read_text()
    if content.count(mutation.old) != 1:
        sys.exit(f"{mutation.name}: its text occurs {content.count(mutation.old)} times in {mutation.file}, not once")
    path.write_text(content.replace(mutation.old, mutation.new))
    try:
        yield
    finally:
        path.write_text(content)


def caught(tree: Path, level: str, tried: Sequence[Mutation], whole: bool) -> dict[str, str | None]:
    """By mutation, the test of this level that catches it, or None. With `whole`, all tests of the level may."""
    found: dict[str, str | None] = {}
    for mutation in tried:
        with made(mutation, tree):
            failed = failing(tree, level, mutation.tests[level]) if level in mutation.tests else []
            failed = failed or (failing(tree, level, ["tests"]) if whole else [])
        found[mutation.name] = failed[0] if failed else None
        print(f"{mutation.name}\n  {level}: {found[mutation.name] or 'not caught'}", flush=True)
    candidates = sorted({test for test in found.values() if test})
    unsound = failing(tree, level, candidates, "--maxfail=1000") if candidates else []
    print("".join(f"{test} fails without a mutation, too\n" for test in unsound), end="")
    return {name: None if test in unsound else test for name, test in found.items()}


def failing(tree: Path, level: str, tests: Sequence[str], until: str = "--exitfirst") -> list[str]:
    """The failed tests, up to the first one; all of `tests` if pytest cannot begin."""
    if level == "smoke" and subprocess.run(["make", "kind-load"], cwd=tree, env=os.environ | ENVIRONMENT).returncode:
        return list(tests)
    marker = [] if level == "fast" else ["-m", level]
    pytest = [sys.executable, "-m", "pytest", until, "--quiet", "--cache-clear", *marker, *tests]
    command = ["timeout", "--kill-after", "30", str(LONGEST_SECONDS), *pytest]
    run = subprocess.run(command, cwd=tree, env=os.environ | ENVIRONMENT, stdout=DEVNULL, stderr=DEVNULL)
    if run.returncode == NO_TESTS:
        sys.exit(f"The level {level} has no test in {' '.join(tests)}")
    last = tree / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return [] if run.returncode == 0 else list(json.loads(last.read_text()) if last.exists() else tests)


def note(found: Mapping[str, str | None], level: str, commit: str) -> None:
    """Write what a level caught into the results and the document."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, test in found.items():
        mutation = results.setdefault("now", {}).setdefault(name, {"caught": {}})
        mutation["revision"], mutation["caught"][level] = commit, test
    save(results, RESULTS)
    DOCUMENT.write_text(filled(DOCUMENT.read_text(), results))


def filled(document: str, results: Results) -> str:
    """The document with the table of how many mutations each level catches."""
    subjects = Counter(mutation.subject for mutation in mutations())
    listed = ", ".join(f"{subject} {number}" for subject, number in subjects.items())
    head = ["level", *(f"{time} ({commits(measured)})" for time, measured in results.items())]
    rows = [[level or "any level", *(share(of, level) for of in results.values())] for level in (*LEVELS, "")]
    block = f"\n{subjects.total()} mutations: {listed}.\n\n{table(head, rows)}\n"
    document, found = PLACE.subn(lambda _: block, document)
    if found != 1:
        sys.exit(f"{DOCUMENT.name} has no place for the mutations")
    return document


def commits(measured: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(sorted({of["revision"] for of in measured.values()}))


def share(measured: Mapping[str, Mapping[str, Any]], level: str) -> str:
    """How many of the mutations tried on a level that level catches; of all levels together if `level` is empty."""
    tried = [of["caught"] for of in measured.values() if not level or level in of["caught"]]
    found = [of for of in tried if (of[level] if level else any(of.values()))]
    return f"{len(found)} of {len(tried)}"


if __name__ == "__main__":
    sys.exit(main())

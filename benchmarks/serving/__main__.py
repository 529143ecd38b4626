"""python -m benchmarks.serving [--rounds 7] [--seconds 3] [--requests 1000000] [--before PATH]: the API's speed.

Each round measures every server in turn with wrk, all started by the same command (benchmarks.serving.rounds); then
memory, start-up and scorer are measured (benchmarks.serving.worker). Prints the tables of servers and goals, and saves
all results in benchmarks/results/serving.json. `--before` also measures another checkout of this repository. Goals in
seconds are also converted to the speed of the machine on which they were set.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import texts
from benchmarks.command import REPOSITORY, exit_on_signals, positive, save
from benchmarks.machine import describe, revision, scratch_folder, sentence
from benchmarks.markdown import table
from benchmarks.serving import worker
from benchmarks.serving.figures import Rounds, median, medians, ratio
from benchmarks.serving.goals import FIRST_DRAFT, LIMIT, LIMIT_THERE, Goal, faster_there, goals
from benchmarks.serving.rounds import measure, turns
from benchmarks.serving.wrk import require_wrk

RESULTS = REPOSITORY / "benchmarks" / "results" / "serving.json"
ENOUGH_ROUNDS = 3
VERDICTS = {True: "yes", False: "**no**", None: ""}


def main() -> None:
    options = arguments()
    require_wrk()
    exit_on_signals()
    with scratch_folder() as scratch:
        results = measured(options, scratch)
    save(results, options.output)
    print(tables(results))
    if options.rounds < ENOUGH_ROUNDS:
        print(f"{options.rounds} rounds are too few to be published; take {ENOUGH_ROUNDS} or more.", file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures how fast the API is.")
    parser.add_argument("--rounds", type=positive, default=7, help="of which the median is taken")
    parser.add_argument("--seconds", type=positive, default=3, help="of each load")
    parser.add_argument("--requests", type=positive, default=1_000_000, help="between the two looks at the memory")
    parser.add_argument("--before", type=Path, help="another checkout of this repository")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the file for the results")
    options = parser.parse_args()
    if options.before and not (options.before / "api" / "main.py").is_file():
        parser.error(f"{options.before} is no checkout of this repository: it has no api/main.py")
    return options


def measured(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    results: dict[str, Any] = {
        "machine": describe(scratch),
        "revision": revision(REPOSITORY),
        "revision_before": revision(options.before) if options.before else None,
        "options": {name: getattr(options, name) for name in ("rounds", "seconds", "requests")},
        "characters": {"short": len(texts.SHORT), "long": len(texts.REVIEW), "longest": texts.LONGEST},
        "rounds": [one_round(number, options, scratch) for number in range(1, options.rounds + 1)],
    }
    say("memory")
    results["memory"] = worker.memory(options.requests, options.seconds, scratch)
    say("start and scorer")
    results |= {"startup": worker.startup(scratch), "scorer": worker.scorer(), "medians": medians(results["rounds"])}
    return results | {"goals": [asdict(goal) | {"met": goal.met} for goal in goals(results)]}


def one_round(number: int, options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    say(f"round {number} of {options.rounds}")
    before = options.before.resolve() if options.before else None
    return {turn.name: measure(turn, options.seconds, scratch) for turn in turns(before)}


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def tables(results: dict[str, Any]) -> str:
    """The machine and both tables in Markdown."""
    rounds = results["rounds"]
    return f"{sentence(results)}\n{servers_table(rounds)}\n{goals_table(goals(results), faster_there(rounds))}"


def servers_table(rounds: Rounds) -> str:
    kinds = ("short/s", "reviews/s")
    head = ["server", *kinds, "p99, short", *(f"{kind} of {other}" for other in (LIMIT, FIRST_DRAFT) for kind in kinds)]
    names = [name for name, loads in rounds[0].items() if "long" in loads]
    return table(head, [server_row(rounds, name) for name in names], numbers=range(1, len(head)))


def server_row(rounds: Rounds, name: str) -> list[str]:
    ratios = [(LIMIT, "short"), (LIMIT, "long"), (FIRST_DRAFT, "short"), (FIRST_DRAFT, "long")]
    return [
        name,
        f"{median(rounds, name, 'short'):,.0f}",
        f"{median(rounds, name, 'long'):,.0f}",
        f"{median(rounds, name, 'short', 'p99_ms'):.1f} ms",
        *(f"{ratio(rounds, name, other, load):.2f} ×" for other, load in ratios),
    ]


def goals_table(reached: list[Goal], faster: float) -> str:
    """`faster` is the speed of the machine of the goals relative to this one."""
    head = ["goal", "target", "measured", "met", f"at {LIMIT_THERE:,}/s of {LIMIT}"]
    return table(
        head,
        [[goal.name, goal.target, goal.measured, VERDICTS[goal.met], goal.elsewhere(faster)] for goal in reached],
    )


if __name__ == "__main__":
    main()

"""One round: every server is started, warmed up, measured and stopped in turn.

Each turn has a new process, and only one server runs at a time. The median over rounds therefore also averages over
hash seeds and memory layouts.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import texts
from benchmarks.command import complain
from benchmarks.serving import wrk
from benchmarks.serving.processors import DISTURBING, Processors
from benchmarks.serving.server import CONSTANT_ASGI, CONSTANT_FASTAPI, OURS, STRAIGHTFORWARD, App, Server, serving

CONNECTIONS = 16
CROWD = 256
ENOUGH_FOR_TWO = 64  # connections: with fewer, two workers wait for the load, not the load for them
WORKERS = 2
WARM_UP_SECONDS = 1
SETTLE_SECONDS = 0.5  # what a warm-up did not wait for is in the log by then, and cannot stand in for a missing line
WARM_UPS = 20  # at most, until every worker has answered


@dataclass(frozen=True)
class Load:
    name: str
    body: Any
    path: str = "/predict"
    connections: int = CONNECTIONS
    items: int = 1  # in each request
    beside: str = ""  # a text that one more connection sends meanwhile


@dataclass(frozen=True)
class Turn:
    name: str
    app: App
    loads: tuple[Load, ...]
    logs: bool = False  # every answer is to be in its log
    pinned: bool = True
    environment: dict[str, str] = field(default_factory=dict)


SHORT = Load("short", {"text": texts.SHORT})
LONG = Load("long", {"text": texts.REVIEW})
MANY = Load("256 connections", SHORT.body, connections=CROWD)
BATCHES = Load(
    "batch",
    {"items": [{"text": text} for text in texts.batch()]},
    "/predict/batch",
    connections=4,
    items=texts.BATCH_ITEMS,
)
BESIDE_WORDS = Load("beside words", SHORT.body, beside=texts.long_words())
BESIDE_PUNCTUATION = Load("beside punctuation", SHORT.body, beside=texts.long_punctuation())
FOR_TWO = Load("short", SHORT.body, connections=ENOUGH_FOR_TWO)
TWO_WORKERS = {"WEB_CONCURRENCY": str(WORKERS)}


def turns(before: Path | None) -> list[Turn]:
    both = (SHORT, LONG)
    older = [Turn("ours before", App(OURS.target, OURS.ready, before), both, logs=True)] if before else []
    return [
        Turn("constant ASGI", CONSTANT_ASGI, both),
        Turn("constant FastAPI", CONSTANT_FASTAPI, both),
        Turn("straightforward", STRAIGHTFORWARD, both, logs=True),
        *older,
        Turn("ours", OURS, (SHORT, LONG, MANY, BATCHES), logs=True),
        Turn("ours, LOG_SYNC=always", OURS, both, logs=True, environment={"LOG_SYNC": "always"}),
        Turn("ours, long texts too", OURS, (SHORT, BESIDE_WORDS, BESIDE_PUNCTUATION), logs=True),
        Turn("constant FastAPI, unpinned", CONSTANT_FASTAPI, (FOR_TWO,), pinned=False),
        Turn("ours, unpinned", OURS, (FOR_TWO,), logs=True, pinned=False),
        Turn("constant FastAPI, 2 workers", CONSTANT_FASTAPI, (FOR_TWO,), pinned=False, environment=TWO_WORKERS),
        Turn("ours, 2 workers", OURS, (FOR_TWO,), logs=True, pinned=False, environment=TWO_WORKERS),
    ]


def measure(turn: Turn, seconds: int, scratch: Path) -> dict[str, Any]:
    """wrk's results, by load."""
    folder = scratch / "server"
    try:
        with serving(turn.app, folder, turn.pinned, **turn.environment) as server:
            wait_for_workers(server, turn)
            return {load.name: measure_load(server, turn, load, seconds) for load in turn.loads}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_workers(server: Server, turn: Turn) -> None:
    """Warm up until each worker has written to its log file; once for servers without a log."""
    workers = int(turn.environment.get("WEB_CONCURRENCY", 1))
    for _ in range(WARM_UPS):
        send(server, turn, SHORT, WARM_UP_SECONDS)
        if not turn.logs or sum(map(bool, server.lines().values())) >= workers:
            return
    complain(f"{turn.name}: after {WARM_UPS} warm-ups its log files have {server.lines()} lines")


def measure_load(server: Server, turn: Turn, load: Load, seconds: int) -> dict[str, Any]:
    send(server, turn, load, WARM_UP_SECONDS)
    time.sleep(SETTLE_SECONDS)
    before = server.lines()
    processors = Processors(server.process.pid)
    result, other = send(server, turn, load, seconds)
    own, others = processors.cores()
    figures: dict[str, Any] = asdict(result) | {"server_cores": round(own, 3), "others_cores": round(others, 3)}
    server.check()
    figures["items_per_second"] = result.answers / result.seconds * load.items
    if other:
        figures["other"] = asdict(other)
    if turn.logs:
        grown = {name: lines - before.get(name, 0) for name, lines in server.lines().items()}
        answers = result.answers * load.items + (other.answers if other else 0)
        figures |= {"answers": answers, "lines": grown, "missing_lines": max(answers - sum(grown.values()), 0)}
    report(turn.name, load.name, figures)
    return figures


def send(server: Server, turn: Turn, load: Load, seconds: int) -> tuple[wrk.Result, wrk.Result | None]:
    """Send the load, beside a second connection's load if it has one; that one continues a little longer."""
    url = server.url(load.path)
    other = wrk.started(url, {"text": load.beside}, 1, seconds + 1, pinned=turn.pinned)
    with other if load.beside else nullcontext() as finish:
        result = wrk.run(url, load.body, load.connections, seconds, pinned=turn.pinned)
        finish_other: Callable[[], wrk.Result] | None = finish
        return result, finish_other() if finish_other else None


def report(turn: str, load: str, figures: dict[str, Any]) -> None:
    """A line of progress, and louder lines for errors."""
    rate, p99 = figures["requests_per_second"], figures["p99_ms"]
    print(f"    {turn:28} {load:20} {rate:10,.1f} requests/s, p99 {p99:8.2f} ms", file=sys.stderr, flush=True)
    for problem in problems(turn, load, figures):
        complain(problem)


def problems(turn: str, load: str, figures: dict[str, Any]) -> list[str]:
    errors = figures["errors"] + figures.get("other", {}).get("errors", 0)
    missing = figures.get("missing_lines", 0)
    others = figures.get("others_cores", 0)
    return [
        *([f"{turn}, {load}: other processes used {others:.1f} cores meanwhile"] if others > DISTURBING else []),
        *([f"{turn}, {load}: {errors} errors in {figures['requests']} requests"] if errors else []),
        *([f"{turn}, {load}: {missing} of {figures['answers']} answers are not in the log"] if missing else []),
    ]

"""Other figures of one worker: memory, start-up time, and the scorer's time."""

from __future__ import annotations

import statistics
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api.model.linear import UnsupportedPipeline
from api.model.loading import load_model
from api.model.scorer import Scorer
from benchmarks import texts
from benchmarks.command import complain
from benchmarks.serving import wrk
from benchmarks.serving.rounds import CONNECTIONS, SHORT, problems
from benchmarks.serving.server import OURS, SHIPPED, Server, serving
from benchmarks.serving.startup import ROUNDS, write_tiny_model


def memory(requests: int, seconds: int, scratch: Path) -> dict[str, Any]:
    """Memory after the start, and after this many requests with short texts."""
    with serving(OURS, scratch / "memory") as server:
        start = server.memory_mb()
        figures: dict[str, Any] = {"start_mb": start, "requests": 0, "answers": 0, "errors": 0, "seconds": 0.0}
        while figures["requests"] < requests:
            add(figures, send(server, seconds))
            print(f"    {figures['requests']:12,} requests, {server.memory_mb():.1f} MB", file=sys.stderr, flush=True)
        missing = max(figures["answers"] - sum(server.lines().values()), 0)
        figures |= {"end_mb": server.memory_mb(), "missing_lines": missing}
    for problem in problems("memory", SHORT.name, figures):
        complain(problem)
    return figures


def send(server: Server, seconds: int) -> wrk.Result:
    result = wrk.run(server.url(SHORT.path), SHORT.body, CONNECTIONS, seconds)
    server.check()
    if not result.answers:
        sys.exit(f"No request was answered; the service printed:\n{server.output.read_text(errors='replace')}")
    return result


def add(figures: dict[str, Any], result: wrk.Result) -> None:
    for name in ("requests", "answers", "errors", "seconds"):
        figures[name] += getattr(result, name)


def startup(scratch: Path) -> dict[str, Any]:
    """Start to ready with the shipped and with a tiny model, in turns (benchmarks.serving.startup)."""
    folder = scratch / "startup"
    folder.mkdir()
    models = {"shipped_seconds": SHIPPED, "tiny_seconds": write_tiny_model(folder)}
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            with serving(OURS, folder / "server", pinned=False, MODEL_PATH=str(model)) as server:
                times[name].append(server.seconds_to_ready)
    return {name: statistics.median(measured) for name, measured in times.items()} | {"all": times}


def scorer() -> dict[str, float] | None:
    """Milliseconds for one text in this process, beside the pipeline's own; None without an exact scorer."""
    model = load_model(SHIPPED, SHIPPED.with_name("model_card.json"))
    try:
        exact = Scorer(model)
    except UnsupportedPipeline as error:
        complain(f"the shipped model has no exact scorer, since {error}")
        return None
    return {
        "short_ms": milliseconds(lambda: exact.classify(texts.SHORT)),
        "long_ms": milliseconds(lambda: exact.classify(texts.REVIEW)),
        "pipeline_short_ms": milliseconds(lambda: model.pipeline.predict_proba([texts.SHORT])),
        "pipeline_long_ms": milliseconds(lambda: model.pipeline.predict_proba([texts.REVIEW])),
    }


def milliseconds(call: Callable[[], object]) -> float:
    """The median of five repetitions, each long enough to be measured."""
    timer = timeit.Timer(call)
    number, _ = timer.autorange()
    return statistics.median(timer.repeat(5, number)) / number * 1000

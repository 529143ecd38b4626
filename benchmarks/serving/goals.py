"""Goals of the API, each with its bound and result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.serving.figures import (
    Rounds,
    busiest,
    files_with_lines,
    median,
    most,
    moved,
    ratio,
    ratio_by_processor_time,
    tail,
    total,
)
from benchmarks.serving.rounds import WORKERS

LIMIT, FIRST_DRAFT = "constant FastAPI", "straightforward"
LIMIT_THERE = 10_208  # short requests a second that the constant FastAPI answered where the goals were set


@dataclass(frozen=True)
class Goal:
    name: str
    value: float | None  # None: it was not measured
    sign: Literal["≥", "≤", ""] = ""
    bound: float | None = None
    form: str = "{:,.2f}"
    scales: Literal[1, 0, -1] = 0  # with the machine's speed: 1 as a rate does, -1 as a time does

    @property
    def met(self) -> bool | None:
        """None without a bound or a result."""
        if self.value is None or self.bound is None:
            return None
        return self.value >= self.bound if self.sign == "≥" else self.value <= self.bound

    @property
    def target(self) -> str:
        return "" if self.bound is None else f"{self.sign} {self.form.format(self.bound)}"

    @property
    def measured(self) -> str:
        return "not measured" if self.value is None else self.form.format(self.value)

    def elsewhere(self, faster: float) -> str:
        """The result converted to a machine this many times as fast; empty if it does not scale or has no bound."""
        if self.value is None or self.bound is None or not self.scales:
            return ""
        return self.form.format(self.value * faster**self.scales)


def faster_there(rounds: Rounds) -> float:
    """The speed of the machine of the goals relative to this one, by the constant FastAPI."""
    return LIMIT_THERE / median(rounds, LIMIT, "short")


def goals(results: dict[str, Any]) -> list[Goal]:
    rounds = results["rounds"]
    return [
        *speed(rounds),
        *load(rounds),
        *workers(rounds),
        *long_texts(rounds),
        *process(results["memory"], results["startup"]),
        *scorer(results["scorer"]),
        *nothing_lost(rounds, results["memory"]),
    ]


def speed(rounds: Rounds) -> list[Goal]:
    return [
        Goal("short texts: share of the constant FastAPI's rate", ratio(rounds, "ours", LIMIT), "≥", 0.6, "{:.2f} ×"),
        Goal(
            "short texts: against the straightforward version", ratio(rounds, "ours", FIRST_DRAFT), "≥", 5, "{:.1f} ×"
        ),
        Goal("short texts: 99th percentile", median(rounds, "ours", "short", "p99_ms"), "≤", 10, "{:.1f} ms", -1),
        Goal(
            "reviews: share of the constant FastAPI's rate", ratio(rounds, "ours", LIMIT, "long"), "≥", 0.3, "{:.2f} ×"
        ),
        Goal(
            "reviews: against the straightforward version",
            ratio(rounds, "ours", FIRST_DRAFT, "long"),
            "≥",
            3.5,
            "{:.1f} ×",
        ),
        Goal(
            "short texts, `LOG_SYNC=always`: share of the rate with `everysec`",
            ratio(rounds, "ours, LOG_SYNC=always", "ours"),
            "≥",
            0.5,
            "{:.2f} ×",
        ),
        Goal(
            "batches of 1,000 short texts, 4 connections: texts a second",
            median(rounds, "ours", "batch", "items_per_second"),
            "≥",
            20_000,
            "{:,.0f}",
            1,
        ),
    ]


def load(rounds: Rounds) -> list[Goal]:
    many = "256 connections"
    return [
        Goal(f"{many}: errors", total(rounds, "errors", "ours", many), "≤", 0, "{:,.0f}"),
        Goal(f"{many}: 99th percentile in means", tail(rounds, "ours", many), "≤", 3, "{:.1f} ×"),
    ]


def workers(rounds: Rounds) -> list[Goal]:
    one, two, limit = "ours, unpinned", "ours, 2 workers", f"{LIMIT}, 2 workers"
    by_time = ratio_by_processor_time(rounds, two, one)
    return [
        Goal(
            "`WEB_CONCURRENCY=2`: against one worker, 64 connections, the load on the same two cores",
            ratio(rounds, two, one),
            "≥",
            1.7,
            "{:.2f} ×",
        ),
        Goal(
            "the same by processor time: with two cores for the workers alone",
            by_time and WORKERS * by_time,
            form="{:.2f} ×",
        ),
        Goal("the same of the constant FastAPI", ratio(rounds, limit, f"{LIMIT}, unpinned"), form="{:.2f} ×"),
        Goal("`WEB_CONCURRENCY=2`: log files that got lines", files_with_lines(rounds, two), "≥", 2, "{:.0f}"),
        Goal("`WEB_CONCURRENCY=2`: share of the busier worker", busiest(rounds, two), form="{:.0%}"),
    ]


def long_texts(rounds: Rounds) -> list[Goal]:
    turn = "ours, long texts too"
    return [
        Goal(
            "short texts beside one connection with texts of 20,000 characters: 99th percentile moves by",
            moved(rounds, turn, "beside words"),
            "≤",
            5,
            "{:.1f} ms",
            -1,
        ),
        Goal(
            "the same beside 20,000 punctuation marks",
            moved(rounds, turn, "beside punctuation"),
            "≤",
            5,
            "{:.1f} ms",
            -1,
        ),
    ]


def process(memory: dict[str, Any], startup: dict[str, Any]) -> list[Goal]:
    growth = memory["end_mb"] / memory["start_mb"] - 1
    return [
        Goal("memory after the start", memory["start_mb"], "≤", 250, "{:.0f} MB"),
        Goal(f"memory: growth over {memory['requests']:,} requests", growth, "≤", 0.1, "{:.1%}"),
        Goal("start to ready, without the model's own load", startup["tiny_seconds"], "≤", 2, "{:.2f} s", -1),
        Goal("start to ready", startup["shipped_seconds"], form="{:.2f} s"),
    ]


def scorer(timed: dict[str, Any] | None) -> list[Goal]:
    timed, form = timed or {}, "{:.4f} ms"
    return [
        Goal("exact scorer, short text", timed.get("short_ms"), "≤", 0.02, form, -1),
        Goal("exact scorer, review", timed.get("long_ms"), "≤", 0.2, form, -1),
        Goal("`pipeline.predict_proba`, short text", timed.get("pipeline_short_ms"), form=form),
        Goal("`pipeline.predict_proba`, review", timed.get("pipeline_long_ms"), form=form),
    ]


def nothing_lost(rounds: Rounds, memory: dict[str, Any]) -> list[Goal]:
    answers = total(rounds, "answers") + memory["answers"]
    missing = total(rounds, "missing_lines") + memory["missing_lines"]
    errors = total(rounds, "errors") + memory["errors"]
    return [
        Goal("errors in all of this, of every server", errors, "≤", 0, "{:,.0f}"),
        Goal(f"lines missing in the log of {answers:,} answers", missing, "≤", 0, "{:,.0f}"),
        Goal("cores that other processes used meanwhile, at most", most(rounds, "others_cores"), form="{:.2f}"),
    ]

"""A round: who is measured, and what is made of what was seen."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.serving import rounds, wrk
from benchmarks.serving.rounds import BATCHES, BESIDE_WORDS, SHORT, Turn, measure_load, turns, wait_for_workers
from benchmarks.serving.server import OURS

LOGGING = Turn("ours", OURS, (SHORT,), logs=True)


def answered(answers: int, errors: int = 0) -> wrk.Result:
    return wrk.Result(answers + errors, 2.0, (answers + errors) / 2, 1.0, 1.0, 2.0, 3.0, errors, answers)


@dataclass
class FakeServer:
    """A server whose log has the next one of some numbers of lines whenever it is looked at."""

    seen: list[dict[str, int]]
    process = SimpleNamespace(pid=1)

    def lines(self):
        return self.seen.pop(0)

    def url(self, path):
        return path

    def check(self):
        pass


@pytest.fixture
def load(monkeypatch):
    """Instead of wrk: results by the number of connections."""
    monkeypatch.setattr(rounds, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(rounds, "DISTURBING", float("inf"))
    results: dict[int, wrk.Result] = {1: answered(5), 4: answered(3), 16: answered(100)}

    def run(url, body, connections, seconds, pinned):
        return results[connections]

    monkeypatch.setattr(wrk, "run", run)
    monkeypatch.setattr(
        wrk, "started", lambda *arguments, **options: contextlib.nullcontext(lambda: run(*arguments, **options))
    )
    return results


def measured(load, *seen: dict[str, int]) -> dict[str, Any]:
    return measure_load(FakeServer(list(seen)), LOGGING, load, 2)  # type: ignore[arg-type]  # a fake


def test_another_checkout_takes_its_turn_beside_this_one():
    assert "ours before" not in [turn.name for turn in turns(None)]

    [turn] = [turn for turn in turns(Path("elsewhere")) if turn.name == "ours before"]

    assert (turn.app.checkout, turn.app.target) == (Path("elsewhere"), "api.main:app")


@pytest.mark.parametrize(("lines", "missing"), [(107, 7), (117, 0), (120, 0)])
def test_answers_without_a_line_in_any_file_are_missing(load, capsys, lines, missing):
    load[16] = answered(114)
    figures = measured(SHORT, {"a": 10}, {"a": 40, "b": lines - 30})

    assert figures["missing_lines"] == missing
    assert figures["lines"] == {"a": 30, "b": lines - 30}
    assert ("!!! ours, short: 7 of 114 answers are not in the log" in capsys.readouterr().err) == bool(missing)


def test_every_item_of_a_batch_is_an_answer(load):
    figures = measured(BATCHES, {"a": 0}, {"a": 3000})

    assert (figures["answers"], figures["missing_lines"], figures["items_per_second"]) == (3000, 0, 1500)


def test_the_answers_of_the_connection_beside_count_too(load):
    figures = measured(BESIDE_WORDS, {"a": 0}, {"a": 104})

    assert (figures["answers"], figures["missing_lines"], figures["other"]["answers"]) == (105, 1, 5)


def test_a_refusal_needs_no_line_but_is_told(load, capsys):
    load[16] = answered(90, errors=10)

    assert measured(SHORT, {"a": 0}, {"a": 90})["missing_lines"] == 0
    assert "!!! ours, short: 10 errors in 100 requests" in capsys.readouterr().err


def test_the_warm_up_lasts_until_every_worker_has_answered(load):
    server = FakeServer([{"a": 5}, {"a": 9, "b": 0}, {"a": 12, "b": 1}, {}])

    wait_for_workers(server, Turn("two", OURS, (), logs=True, environment={"WEB_CONCURRENCY": "2"}))  # type: ignore[arg-type]  # a fake

    assert server.seen == [{}]

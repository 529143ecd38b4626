"""What the documents say was measured is what the commands have written."""

import json
from typing import Any

import pytest

from benchmarks.dashboard import __main__ as dashboard
from benchmarks.machine import sentence
from benchmarks.serving import __main__ as serving
from benchmarks.serving import growth, stages
from benchmarks.serving.figures import ratio
from benchmarks.serving.goals import FIRST_DRAFT, LIMIT, faster_there, goals
from tests.conftest import ROOT

PUBLISHED = (ROOT / "docs" / "internals" / "performance.md").read_text()
RESULTS: dict[str, dict[str, Any]] = {
    command: json.loads((ROOT / "benchmarks" / "results" / f"{command}.json").read_text())
    for command in ("serving", "stages", "growth", "dashboard")
}
SENTENCES = dict.fromkeys(RESULTS, sentence) | {"dashboard": dashboard.sentence}


@pytest.mark.parametrize("command", RESULTS)
def test_the_machine_is_the_one_that_was_measured_on(command):
    assert SENTENCES[command](RESULTS[command]) in PUBLISHED


def test_the_tables_are_those_that_were_measured():
    results = RESULTS["serving"]

    tables = [
        serving.servers_table(results["rounds"]),
        serving.goals_table(goals(results), faster_there(results["rounds"])),
        stages.stages_table(RESULTS["stages"]),
        growth.growth_table(RESULTS["growth"]),
        dashboard.dashboard_table(RESULTS["dashboard"]),
    ]
    assert all(len(table.splitlines()) > 4 for table in tables)  # more than a head and two rows
    assert [table for table in tables if table not in PUBLISHED] == []


@pytest.mark.parametrize("command", RESULTS)
def test_what_is_published_was_measured_on_a_commit(command):
    assert not RESULTS[command]["revision"].endswith("+")


def test_enough_rounds_were_measured():
    assert all(RESULTS[command]["options"]["rounds"] >= serving.ENOUGH_ROUNDS for command in ("serving", "growth"))


def test_the_readme_says_what_was_measured():
    rounds = RESULTS["serving"]["rounds"]
    readme = (ROOT / "README.md").read_text()

    assert f"{ratio(rounds, 'ours', FIRST_DRAFT):.1f} times as many short texts" in readme
    assert f"{ratio(rounds, 'ours', FIRST_DRAFT, 'long'):.1f} times as many reviews" in readme
    assert f"{ratio(rounds, 'ours', LIMIT):.0%}".replace("%", " %") in readme

"""docs/internals/evidence.md is what the command made of benchmarks/results/evidence.json."""

import json

from benchmarks.evidence import labels, report, requests
from benchmarks.evidence.goals import goals
from tests.conftest import ROOT

RESULTS = json.loads((ROOT / "benchmarks" / "results" / "evidence.json").read_text())
ENOUGH_STREAMS = 300
DOCUMENT = (ROOT / "docs" / "internals" / "evidence.md").read_text()


def test_the_document_is_what_the_results_say():
    assert report.document(RESULTS) == DOCUMENT


def test_ours_was_measured_on_enough_streams():
    streams = [RESULTS["detections"][d.name]["methods"] for d in [*labels.scenarios(), *requests.scenarios()]]

    assert min(max(method["streams"] for method in methods.values()) for methods in streams) >= ENOUGH_STREAMS


def test_every_limit_holds_in_what_was_published():
    assert [goal.name for goal in goals(RESULTS) if not goal.holds] == []


def test_every_goal_but_those_known_not_to_be_measured_was_measured():
    assert [goal.name for goal in goals(RESULTS) if goal.value is None] == []

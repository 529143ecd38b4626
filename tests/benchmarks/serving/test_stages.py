"""Where the time of a request goes: from what a sampling profiler saw to microseconds."""

import sys

import pytest

from benchmarks.serving import stages
from benchmarks.serving.stages import OUTSIDE, STAGES, counted, shared_out, stage, stages_table

ENTRY = "_run_module_as_main (<frozen runpy>:198);run (asyncio/runners.py:118)"


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        (
            f"{ENTRY};app (fastapi/routing.py:1);answer (api/service.py:92);classify (api/model/scorer.py:75)",
            "the model",
        ),
        (f"{ENTRY};_scores (api/model/scorer.py:1);tokenize (sklearn/feature_extraction/text.py:9)", "the model"),
        (f"{ENTRY};line (api/prediction_log/records.py:1);encode (json/encoder.py:200)", "the log's line"),
        (
            f"{ENTRY};_answer (api/http/bodies/json_route.py:1);__init__ (typing.py:3)",
            "body and answer: read, validate, write",
        ),
        (f"{ENTRY};data_received (uvicorn/protocols/http/httptools_impl.py:1)", "HTTP protocol (uvicorn)"),
        (ENTRY, OUTSIDE),
        ("_bootstrap (somewhere.py:1002)", OUTSIDE),
    ],
)
def test_a_sample_belongs_to_the_innermost_function_of_a_stage(stack, name):
    assert stage(stack.split(";")) == name


def test_samples_are_added_up_by_stage():
    assert counted([f"{ENTRY};predict (api/model/classifier.py:1) 3", f"{ENTRY};dot (scipy/sparse/_base.py:1) 4"]) == {
        "the model": 7
    }


def test_what_no_sample_saw_is_outside_python():
    costs = shared_out(200.0, counted([f"{ENTRY};predict (api/model/classifier.py:1) 30"]), 100)

    assert [costs["the model"], costs[OUTSIDE]] == pytest.approx([60, 140])
    assert sum(costs.values()) == pytest.approx(200)


def test_the_table_has_every_stage_and_their_sum():
    costs = dict.fromkeys((*STAGES, OUTSIDE), 10.0)
    lines = stages_table({"microseconds": {"ours": {"short": costs, "long": costs}}}).splitlines()

    assert lines[0] == "| stage | ours, short | ours, long |"
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == [*STAGES, OUTSIDE, "together"]
    assert lines[-1] == f"| together | {len(costs) * 10} µs | {len(costs) * 10} µs |"


def test_without_wrk_it_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["stages"])

    with pytest.raises(SystemExit, match="apt install wrk"):
        stages.main()

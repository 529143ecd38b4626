"""docs/internals/reliability.md holds what its command has written, and every promise has a test that is there."""

import ast
import json

import pytest

from benchmarks.reliability.__main__ import DOCUMENT, RESULTS, filled, measured, rows, wanted
from benchmarks.reliability.promises import SECTIONS, Promise, promises
from tests.conftest import ROOT

PROMISES = promises()
PUBLISHED = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
TEST = "tests/reliability/durability/test_kills.py::test_nothing_is_lost"
PROMISE = Promise("Faults", "kill -9", "nothing is lost", TEST)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.test)
def test_every_promise_is_published_by_its_test(promise):
    path, name = promise.test.split("::")
    functions = [node for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)]
    (function,) = [function for function in functions if function.name == name]

    assert "publish" in [argument.arg for argument in function.args.args]


def test_every_section_has_promises():
    assert {promise.section for promise in PROMISES} == set(SECTIONS)
    assert len(PROMISES) > 90


def test_a_marker_of_a_section_that_the_document_has_not_is_refused(tmp_path):
    (tmp_path / "test_new.py").write_text('@pytest.mark.promise("Nowhere", "a fault", "a promise")\ndef test(): ...\n')

    with pytest.raises(ValueError, match="Nowhere is no section"):
        promises(tmp_path)


def test_the_document_says_what_was_measured():
    document = DOCUMENT.read_text()

    assert filled(document, PUBLISHED) == document


def test_every_promise_was_measured_on_a_commit_and_nothing_else_is_kept():
    assert set(PUBLISHED) == {promise.test for promise in PROMISES}
    assert not any(result["revision"].endswith("+") for result in PUBLISHED.values())


def test_what_one_test_noted_several_times_stands_together():
    notes = [json.dumps({"test": PROMISE.test, "result": result}) for result in ("0 lost", "0 torn")]
    results = measured(notes)

    test = "[`nothing_is_lost`](../../tests/reliability/durability/test_kills.py)"
    assert f"| kill -9 | nothing is lost | 0 lost; 0 torn | {test} |" in rows([PROMISE], results)


def test_a_promise_that_was_not_measured_says_so():
    assert "| not measured |" in rows([PROMISE], {})


def test_rows_are_chosen_by_words_of_theirs():
    assert wanted([]) == PROMISES
    assert wanted(["no row holds this"]) == []


def test_a_document_without_a_place_for_a_section_is_not_written():
    with pytest.raises(SystemExit, match="no section 'Faults'"):
        filled("# Nothing", {})

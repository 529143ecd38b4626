"""Every mutation can be made and is caught, and only a test that passes without a mutation catches one."""

import json

import pytest

from benchmarks.mutations.__main__ import DOCUMENT, RESULTS, Mutation, caught, filled, made, mutations
from tests.conftest import ROOT

MUTATIONS = mutations()
NAMES = {mutation.name for mutation in MUTATIONS}
PUBLISHED = json.loads(RESULTS.read_text())


def results(time: str) -> dict[tuple[str, str], bool]:
    """Whether each mutation was caught, by its name and the level that was tried."""
    return {
        (name, level): bool(test)
        for name, result in PUBLISHED[time].items()
        for level, test in result["caught"].items()
    }


def test_there_are_enough_mutations_of_every_subject_that_matters():
    assert len(NAMES) == len(MUTATIONS) >= 30
    assert {"durability", "statistics", "limits", "tokens", "page"} <= {mutation.subject for mutation in MUTATIONS}


def test_each_mutation_changes_one_place():
    times = {mutation.name: (ROOT / mutation.file).read_text().count(mutation.old) for mutation in MUTATIONS}

    assert times == dict.fromkeys(NAMES, 1)
    assert [mutation.name for mutation in MUTATIONS if mutation.new == mutation.old] == []


def test_each_mutation_names_tests_that_exist():
    named = {test for mutation in MUTATIONS for tests in mutation.tests.values() for test in tests}
    parts = [(ROOT / path, function) for path, _, function in (test.partition("::") for test in named)]

    assert [mutation.name for mutation in MUTATIONS if not mutation.tests] == []
    assert [path for path, _ in parts if not path.is_file()] == []
    assert [name for path, name in parts if name and f"def {name}(" not in path.read_text()] == []


def test_no_level_lost_a_mutation():
    before, now = results("before"), results("now")

    assert len(now) >= 60
    assert [key for key, is_caught in now.items() if before.get(key) and not is_caught] == []


def test_each_mutation_is_caught_by_some_test():
    caught = {name for time in PUBLISHED for (name, _), is_caught in results(time).items() if is_caught}

    assert NAMES - caught == set()


def test_the_document_says_what_was_caught():
    assert filled(DOCUMENT.read_text(), PUBLISHED) == DOCUMENT.read_text()


@pytest.fixture
def tree(tmp_path):
    """A program with a test that notices a mutation, one that does not, and one that always fails."""
    (tmp_path / "program.py").write_text("def half(number):\n    return number / 2\n")
    for name, checked in (("notices", "half(2) == 1"), ("notices_nothing", "half(0) == 0"), ("fails", "half(2) == 3")):
        test = f"from program import half\n\n\ndef test_it():\n    assert {checked}\n"
        (tmp_path / f"test_{name}.py").write_text(test)
    return tmp_path


def of_half(*tests: str) -> Mutation:
    return Mutation(" ".join(tests), "sums", "program.py", "number / 2", "number * 2", {"fast": tests})


def test_a_mutation_is_caught_by_a_test_that_fails_only_with_it(tree):
    tried = [of_half("test_notices_nothing.py", "test_notices.py"), of_half("test_notices_nothing.py")]
    tried.append(of_half("test_fails.py"))

    assert list(caught(tree, "fast", tried, whole=False).values()) == ["test_notices.py::test_it", None, None]
    assert (tree / "program.py").read_text().endswith("number / 2\n")


def test_a_mutation_whose_text_is_gone_is_not_made(tree):
    (tree / "program.py").write_text("")

    with pytest.raises(SystemExit, match=r"its text occurs 0 times in program\.py, not once"), made(of_half(), tree):
        pass


def test_a_document_without_a_place_for_the_table_is_not_written():
    with pytest.raises(SystemExit, match="has no place for the mutations"):
        filled("# Nothing", {})

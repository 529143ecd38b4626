"""The promises of the reliability document. Each is a marker at the test that proves it:
`@pytest.mark.promise(section, fault, holds)`."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import NamedTuple

from benchmarks.command import REPOSITORY

SECTIONS = (
    "Faults",
    "Hostile input",
    "Access control",
    "Personal data",
    "Images and supply chain",
    "Retention",
    "Local environment",
)


class Promise(NamedTuple):
    section: str
    fault: str
    holds: str
    test: str  # as pytest names it; it notes what it measured with the fixture `publish`


def promises(tests: Path = REPOSITORY / "tests") -> list[Promise]:
    """All promises, ordered by section, file and line. Parses the test files without importing them. Raises
    ValueError for a marker with arguments that are no literal strings, or with an unknown section."""
    found = [promise for path in sorted(tests.rglob("test_*.py")) for promise in _of_file(path)]
    if unknown := {promise.section for promise in found} - set(SECTIONS):
        raise ValueError(f"{', '.join(sorted(unknown))} is no section of the reliability document")
    return sorted(found, key=lambda promise: SECTIONS.index(promise.section))


def _of_file(path: Path) -> list[Promise]:
    text = path.read_text()
    if "mark.promise(" not in text:
        return []
    test = f"{os.path.relpath(path, REPOSITORY)}::"
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    found = []
    for function in functions:
        for mark in function.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise":
                section, fault, holds = map(ast.literal_eval, mark.args)
                found.append(Promise(section, fault, holds, test + function.name))
    return found

"""Servers under measurement, and the lines of their logs."""

import pytest

from benchmarks.serving.rounds import problems
from benchmarks.serving.server import App, count_lines, serving


def test_a_server_that_dies_is_reported_with_its_output(tmp_path):
    with (
        pytest.raises(SystemExit, match=r"nowhere:app ended with exit code \d+:\n(.*\n)*.*servers\.nowhere"),
        serving(App("benchmarks.serving.servers.nowhere:app"), tmp_path),
    ):
        pytest.fail("it was not to be ready")


def test_only_whole_lines_are_counted(tmp_path):
    path = tmp_path / "prediction_logs.json"
    path.write_bytes(b"{}\n" * 700_000 + b'{"torn"')

    assert count_lines(path) == 700_000


def test_errors_and_answers_that_are_not_in_the_log_are_told():
    figures = {"requests": 10, "answers": 9, "errors": 1, "missing_lines": 2, "other": {"errors": 3}}

    assert problems("ours", "short", figures) == [
        "ours, short: 4 errors in 10 requests",
        "ours, short: 2 of 9 answers are not in the log",
    ]
    assert problems("ours", "short", {"requests": 10, "errors": 0}) == []

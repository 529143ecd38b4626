"""The tables that are published, from the results alone."""

from benchmarks.serving.__main__ import goals_table, servers_table, tables
from benchmarks.serving.goals import Goal


def test_the_servers_stand_beside_both_they_are_compared_with(results):
    for measured in results["rounds"]:
        measured["constant FastAPI"]["short"]["requests_per_second"] = 1500.0
        measured["straightforward"]["long"]["requests_per_second"] = 250.0

    head, rule, *rows = servers_table(results["rounds"]).splitlines()

    assert head == (
        "| server | short/s | reviews/s | p99, short | short/s of constant FastAPI | reviews/s of constant FastAPI "
        "| short/s of straightforward | reviews/s of straightforward |"
    )
    assert rule == "| --- |" + " ---: |" * 7
    assert rows == [
        "| constant ASGI | 1,000 | 1,000 | 5.0 ms | 0.67 × | 1.00 × | 1.00 × | 4.00 × |",
        "| constant FastAPI | 1,500 | 1,000 | 5.0 ms | 1.00 × | 1.00 × | 1.50 × | 4.00 × |",
        "| straightforward | 1,000 | 250 | 5.0 ms | 0.67 × | 0.25 × | 1.00 × | 1.00 × |",
        "| ours | 1,000 | 1,000 | 5.0 ms | 0.67 × | 1.00 × | 1.00 × | 4.00 × |",
        "| ours, LOG_SYNC=always | 1,000 | 1,000 | 5.0 ms | 0.67 × | 1.00 × | 1.00 × | 4.00 × |",
    ]


def test_a_goal_is_a_row_with_its_verdict():
    rest = Goal("rest", 9, "≤", 5, "{:.0f} ms", scales=-1)
    rows = [Goal("speed", 0.65, "≥", 0.6), rest, Goal("extra", 3), Goal("none", None)]

    assert goals_table(rows, 2.0) == (
        "| goal | target | measured | met | at 10,208/s of constant FastAPI |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| speed | ≥ 0.60 | 0.65 | yes | |\n"
        "| rest | ≤ 5 ms | 9 ms | **no** | 4 ms |\n"
        "| extra | | 3.00 | | |\n"
        "| none | | not measured | | |\n"
    )


def test_machine_and_tables_come_from_the_results(results):
    machine, servers, goals = tables(results).split("\n\n")

    assert machine == (
        "Commit 0123456 on 2026-11-25: medians of 3 rounds, 6 s a load, with 2 cores of a processor, 24.0 GB, Linux 6, "
        "the log on ext4, Python 3.13, fastapi 1, server and load on a core each."
    )
    assert servers + "\n" == servers_table(results["rounds"])
    assert goals.startswith("| goal | target | measured | met | at 10,208/s of constant FastAPI |\n")
    assert "| memory: growth over 5,000 requests | ≤ 10.0% | 5.0% | yes | |\n" in goals

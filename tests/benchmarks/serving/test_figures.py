"""What several rounds say together."""

import pytest

from benchmarks.serving import figures


def rounds_of(*pairs):
    """Rounds with the rates of two servers."""
    return [{"ours": {"short": figures_of(ours)}, "limit": {"short": figures_of(limit)}} for ours, limit in pairs]


def figures_of(rate):
    return {"requests_per_second": rate, "p99_ms": rate / 100, "mean_ms": 2.0, "errors": 1, "lines": {"a": 1, "b": 0}}


def test_a_median_is_not_moved_by_one_bad_round():
    assert figures.median(rounds_of((100, 1), (1, 1), (102, 1)), "ours", "short") == 100


def test_a_ratio_compares_the_two_of_one_round():
    assert figures.ratio(rounds_of((50, 100), (5, 10), (80, 100)), "ours", "limit") == 0.5


def test_a_server_that_had_half_a_core_is_twice_as_fast_by_processor_time():
    measured = rounds_of((100, 100), (100, 100))
    for one in measured:
        one["ours"]["short"]["server_cores"], one["limit"]["short"]["server_cores"] = 0.5, 1.0

    assert figures.ratio_by_processor_time(measured, "ours", "limit") == 2


def test_where_no_processor_time_is_known_nothing_is_said_of_it():
    measured = rounds_of((100, 100))
    measured[0]["ours"]["short"]["server_cores"] = measured[0]["limit"]["short"]["server_cores"] = 0

    assert figures.ratio_by_processor_time(measured, "ours", "limit") is None


def test_a_tail_is_counted_in_means():
    assert figures.tail(rounds_of((800, 1), (600, 1), (600, 1)), "ours", "short") == 3


def test_how_far_a_load_beside_moves_the_99th_percentile():
    measured = [{"ours": {"short": {"p99_ms": alone}, "beside": {"p99_ms": 10.0}}} for alone in (4.0, 7.0, 8.0)]

    assert figures.moved(measured, "ours", "beside") == 3


@pytest.mark.parametrize(("turn", "total"), [("ours", 4), ("", 6)])
def test_errors_are_summed_also_over_the_connection_beside(turn, total):
    measured = rounds_of((1, 1), (1, 1))
    measured[0]["ours"]["short"]["other"] = {"errors": 2}

    assert figures.total(measured, "errors", turn) == total


def test_the_fewest_log_files_that_grew_count():
    measured = rounds_of((1, 1), (1, 1))
    measured[0]["ours"]["short"]["lines"]["b"] = 5

    assert figures.files_with_lines(measured, "ours") == 1


def test_the_share_of_the_busiest_worker():
    measured = rounds_of((1, 1))
    measured[0]["ours"]["short"]["lines"] = {"a": 30, "b": 10}

    assert figures.busiest(measured, "ours") == 0.75


def test_the_largest_value_of_all():
    assert figures.most(rounds_of((1, 5), (3, 4)), "requests_per_second") == 5


def test_medians_are_taken_of_every_number():
    assert figures.medians(rounds_of((1, 5), (2, 5), (9, 5)))["ours"]["short"] == {
        "requests_per_second": 2,
        "p99_ms": 0.02,
        "mean_ms": 2,
        "errors": 1,
    }

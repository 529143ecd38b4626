"""Which request a click means: the browser names a place, and places move with every new request."""

from datetime import UTC, datetime

from monitoring.log_format import Prediction
from monitoring.selection import OUTDATED_SECONDS, SETTLING_SECONDS, Shown, places_of

LATER = 100.0


def request(name: str) -> Prediction:
    return Prediction(datetime(2026, 11, 23, tzinfo=UTC), name, 1, "positive", None, name, 0.9, "v1", 0.7, False)


ONE, TWO, THREE = request("one"), request("two"), request("three")
TABLE = Shown().then([TWO, ONE], [], [], 0.0)


def test_a_click_selects_the_request_at_its_place():
    assert TABLE.selected([1], LATER, None) == ONE


def test_without_a_click_the_selection_stays():
    assert TABLE.selected([], LATER, THREE) == THREE
    assert TABLE.selected([], LATER, None) is None


def test_a_second_click_takes_the_selection_back():
    shown = TABLE.then([TWO, ONE], [1], [1], 1.0)

    assert shown.selected([], LATER, ONE) is None


def test_a_click_just_before_a_new_request_came_means_the_request_that_was_there():
    moved = TABLE.then([THREE, TWO, ONE], [], [], 10.0)

    assert moved.selected([1], 10.0 + SETTLING_SECONDS / 2, None) == ONE
    assert moved.selected([1], 10.0 + SETTLING_SECONDS * 2, None) == TWO


def test_what_the_browser_said_before_it_was_told_where_the_request_is_now_is_no_click():
    shown = TABLE.then([TWO, ONE], [1], [], 1.0)
    moved = shown.then([THREE, TWO, ONE], [2], [1], 10.0)

    assert moved.selected([1], 10.0 + SETTLING_SECONDS / 2, ONE) == ONE
    assert moved.selected([2], LATER, ONE) == ONE


def test_what_the_browser_said_before_the_request_was_closed_does_not_open_it_again():
    closed = TABLE.then([TWO, ONE], [1], [1], 1.0).then([TWO, ONE], [], [1], 10.0)

    assert closed.selected([1], 10.0 + OUTDATED_SECONDS / 2, None) is None
    assert closed.selected([1], 10.0 + OUTDATED_SECONDS * 2, None) == ONE


def test_once_the_browser_knows_that_the_request_was_closed_a_click_opens_it_again_at_once():
    closed = TABLE.then([TWO, ONE], [1], [1], 1.0).then([TWO, ONE], [], [1], 10.0)
    known = closed.then([TWO, ONE], [], [], 10.1)

    assert known.selected([1], 10.2, None) == ONE


def test_a_click_just_after_requests_came_may_mean_a_place_that_was_not_there_before():
    moved = TABLE.then([THREE, TWO, ONE], [], [], 10.0)

    assert moved.selected([2], 10.0, None) == ONE


def test_a_label_that_came_later_moves_nothing():
    labelled = [row._replace(true_sentiment="positive") for row in (TWO, ONE)]
    shown = TABLE.then(labelled, [], [], 10.0)

    assert shown.selected([1], 10.0, None) == labelled[1]


def test_a_place_that_is_not_in_the_table_changes_nothing():
    assert TABLE.selected([7], LATER, TWO) == TWO


def test_a_request_is_found_wherever_it_stands_and_only_there():
    assert places_of(ONE, [THREE, TWO, ONE]) == [2]
    assert places_of(ONE, [THREE]) == []
    assert places_of(None, [ONE]) == []


def test_old_requests_without_an_id_are_told_apart_by_time_and_text():
    first, second = (request(name)._replace(prediction_id=None) for name in ("one", "two"))

    assert places_of(second, [first, second]) == [1]

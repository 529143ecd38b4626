"""Requests found by what is known of them and by their texts, and written as CSV: on real log files."""

import csv
import io
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.analysis.search import MOST_TEXTS, TEXTS_AT_ONCE, Filters, Found, find, harmless, outcome, to_csv
from monitoring.analysis.selection import Selected
from monitoring.log.format import Prediction
from monitoring.store.requests import Request
from tests.monitoring.conftest import LEFT_OUT, NOON, append, at, feedback, prediction, watched_log

FIELDS = [
    "timestamp", "request_text", "words", "predicted_sentiment", "true_sentiment", "prediction_id", "confidence",
    "model_version", "known_share", "audit", "text_hash", "answer_was",
]  # fmt: skip
SIGNS = "=+-@＝＋－＠"
texts = st.text(st.characters(exclude_categories=["Cs"]))  # as the log has them: no half characters


def found_in(directory, filters=None, limit=100, selected=None) -> Found:
    requests = watched_log(directory).refresh().requests
    return find(requests, selected or Selected(), filters or Filters(), limit)


def texts_of(found: Found) -> list[str]:
    return [request.line.request_text for request in found.requests]


@pytest.fixture
def directory(tmp_path):
    """A log of four requests, a minute each."""
    append(
        tmp_path / "prediction_logs.json",
        prediction(timestamp=at(0), request_text="Good film", true_sentiment="positive", confidence=0.5),
        prediction(timestamp=at(1), request_text="good actors", true_sentiment="negative", confidence=0.75),
        prediction(
            timestamp=at(2), request_text="bad film", predicted_sentiment="negative", true_sentiment="negative",
            confidence=None,
        ),
        prediction(timestamp=at(3), request_text="(bad.*)", predicted_sentiment="negative", model_version="v2"),
    )  # fmt: skip
    return tmp_path


def test_without_a_filter_the_newest_come_first(directory):
    found = found_in(directory)

    assert texts_of(found) == ["(bad.*)", "bad film", "good actors", "Good film"]
    assert (found.matching, found.searched) == (4, None)


def test_no_more_are_given_than_asked_for_and_all_are_counted(directory):
    found = found_in(directory, limit=2)

    assert texts_of(found) == ["(bad.*)", "bad film"]
    assert found.matching == 4


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("GOOD", ["good actors", "Good film"]),
        ("film", ["bad film", "Good film"]),
        (".*", ["(bad.*)"]),
        ("d f", ["bad film", "Good film"]),
        ("none", []),
        ("\x00", []),
    ],
)
def test_a_text_is_found_by_a_part_of_it_in_any_case_and_as_it_stands(directory, wanted, expected):
    found = found_in(directory, Filters(text=wanted))

    assert texts_of(found) == expected
    assert (found.matching, found.searched) == (4, 4)


@pytest.mark.parametrize(("text", "wanted"), [("Die STRASSE", "straße"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("👩‍👩‍👧 🎬", "🎬")])
def test_any_case_means_that_of_any_script(tmp_path, text, wanted):
    append(tmp_path / "prediction_logs.json", prediction(request_text=text))

    assert texts_of(found_in(tmp_path, Filters(text=wanted))) == [text]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("negative",), ["(bad.*)", "bad film"]),
        (("negative", "positive"), ["(bad.*)", "bad film", "good actors", "Good film"]),
        (("positive", "unheard of"), ["good actors", "Good film"]),
        (("unheard of",), []),
    ],
)
def test_requests_are_found_by_their_answer(directory, labels, expected):
    assert texts_of(found_in(directory, Filters(labels=labels))) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("right",), ["bad film", "Good film"]),
        (("wrong",), ["good actors"]),
        (("no label",), ["(bad.*)"]),
        (("wrong", "no label"), ["(bad.*)", "good actors"]),
    ],
)
def test_requests_are_found_by_whether_the_answer_was_right(directory, outcomes, expected):
    assert texts_of(found_in(directory, Filters(outcomes=outcomes))) == expected


def test_a_label_that_comes_later_makes_an_answer_right_or_wrong(tmp_path):
    append(tmp_path / "prediction_logs.json", prediction(prediction_id="a"))
    append(tmp_path / "feedback_logs.json", feedback("a", "negative"))

    (request,) = found_in(tmp_path, Filters(outcomes=("wrong",))).requests

    assert (request.line.true_sentiment, outcome(request.line)) == ("negative", "wrong")


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        ((0.0, 1.0), ["(bad.*)", "bad film", "good actors", "Good film"]),
        ((0.5, 0.75), ["good actors", "Good film"]),
        ((0.6, 1.0), ["(bad.*)", "good actors"]),
        ((0.0, 0.4), []),
    ],
)
def test_a_range_of_confidence_has_both_its_ends_and_nothing_of_which_it_is_not_known(directory, confidence, expected):
    assert texts_of(found_in(directory, Filters(confidence=confidence))) == expected


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (1, None, ["(bad.*)", "bad film", "good actors"]),
        (None, 1, ["Good film"]),
        (1, 3, ["bad film", "good actors"]),
        (3, 1, []),
    ],
)
def test_a_span_of_time_begins_with_its_start_and_ends_before_its_end(directory, since, until, expected):
    moments = [None if minute is None else NOON + timedelta(minutes=minute) for minute in (since, until)]

    assert texts_of(found_in(directory, Filters(since=moments[0], until=moments[1]))) == expected


def test_texts_that_are_left_out_of_the_log_are_counted_and_have_no_words(directory):
    append(directory / "prediction_logs.json", *(prediction(**LEFT_OUT, timestamp=at(4 + n)) for n in range(2)))

    everything, words = found_in(directory), found_in(directory, Filters(text="good"))

    assert texts_of(everything)[:3] == ["", "", "(bad.*)"]
    assert (everything.matching, everything.left_out) == (6, 2)
    assert (texts_of(words), words.searched, words.left_out) == (["good actors", "Good film"], 6, 2)


def test_filters_and_segment_are_joined(directory):
    filters = Filters(text="BAD", labels=("negative",), outcomes=("no label", "right"))

    assert texts_of(found_in(directory, filters)) == ["(bad.*)", "bad film"]
    assert texts_of(found_in(directory, filters, selected=Selected(versions=("v2",)))) == ["(bad.*)"]
    assert texts_of(found_in(directory, filters, selected=Selected(since=NOON + timedelta(minutes=9)))) == []


def test_requests_of_a_file_that_has_gone_are_left_out(directory):
    requests = watched_log(directory).refresh().requests
    (directory / "prediction_logs.json").unlink()

    assert find(requests, Selected(), Filters(), 10).requests == []
    assert find(requests, Selected(), Filters(text="film"), 10).requests == []


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Requests of a log of which only the oldest one, and every hundredth, has certain words."""
    directory = tmp_path_factory.mktemp("large")
    line = prediction(request_text="nothing to see")
    rare, frequent = prediction(request_text="a needle"), prediction(request_text="hay")
    append(directory / "prediction_logs.json", rare, *(frequent if n % 100 == 0 else line for n in range(MOST_TEXTS)))
    return watched_log(directory).refresh().requests


def test_no_more_than_the_newest_texts_are_looked_through(large):
    found = find(large, Selected(), Filters(text="needle"), 10)

    assert (found.requests, found.matching, found.searched) == ([], MOST_TEXTS + 1, MOST_TEXTS)


def test_no_more_texts_are_looked_through_than_it_takes(large):
    found = find(large, Selected(), Filters(text="hay"), 10)

    assert texts_of(found) == ["hay"] * 10
    assert found.searched == TEXTS_AT_ONCE


# The file


def request(**fields) -> Request:
    line = Prediction(datetime(2026, 11, 23, tzinfo=UTC), "a film", 2, "b", None, "id-1", 0.5, "v1", 0.25, False)
    return Request(0, line._replace(**fields))


def read_back(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline=""), strict=True))


def test_a_file_has_a_line_of_names_and_one_for_each_request():
    (row,) = read_back(to_csv([request(true_sentiment="b")]))

    assert row == dict(
        zip(
            FIELDS,
            ["2026-11-23T00:00:00+00:00", "a film", "2", "b", "b", "id-1", "0.5", "v1", "0.25", "False", "", "right"],
            strict=True,
        )
    )


def test_a_file_without_requests_is_its_line_of_names():
    assert to_csv([]).splitlines() == [",".join(FIELDS)]


def test_what_is_not_known_is_an_empty_cell():
    line = request(confidence=math.nan, known_share=math.nan, prediction_id=None, model_version=None)

    (row,) = read_back(to_csv([line]))

    empty = ("true_sentiment", "prediction_id", "confidence", "model_version", "known_share")
    assert [row[name] for name in empty] == [""] * 5
    assert row["answer_was"] == "no label"


@given(confidence=st.floats(0, 1), words=st.integers(0, 10**6))
def test_numbers_stay_numbers(confidence, words):
    (row,) = read_back(to_csv([request(confidence=confidence, known_share=confidence, words=words)]))

    assert (float(row["confidence"]), float(row["known_share"]), int(row["words"])) == (confidence, confidence, words)


@given(st.lists(st.tuples(texts, texts), max_size=5))
@example([('two\r\nlines, "quotes"; and a \' too\n', "\r")])
@example([("<script>alert(1)</script>", "\u202eRTL\u202c \u200f\u05d0")])
@example([("👩‍👩‍👧 🎬\u2028\x85", "a\x00b\x1b[31mc\x7f\t\v\f")])
@example([("x" * 20_000, '"' * 1000)])
def test_every_text_is_read_back_as_it_was_but_for_the_apostrophe(written):
    rows = read_back(to_csv([request(request_text=text, predicted_sentiment=label) for text, label in written]))

    assert [(row["request_text"], row["predicted_sentiment"]) for row in rows] == [
        (harmless(text), harmless(label)) for text, label in written
    ]
    assert all(harmless(text).removeprefix("'") == text.removeprefix("'") for text, _ in written)


@given(st.text(" \t\r\n\v\f\u00a0\u3000'\"," + SIGNS), texts)
@example("＝", "1+1")
@example(" \u3000 ", "=1+1")
def test_no_cell_is_a_formula_whatever_a_text_begins_with(start, rest):
    text = start + rest
    fields = ("request_text", "predicted_sentiment", "true_sentiment", "prediction_id", "model_version")

    (row,) = read_back(to_csv([request(**dict.fromkeys(fields, text))]))

    for name in fields:
        assert not row[name].lstrip().startswith(tuple(SIGNS))
        assert not row[name].lstrip(" ").startswith(("\t", "\r", "\n"))


@pytest.mark.parametrize("text", ["a = b", "1 + 1", "me@example.org", "", " ", "well - no", "'=1"])
def test_a_text_that_is_no_formula_is_not_changed(text):
    assert harmless(text) == text

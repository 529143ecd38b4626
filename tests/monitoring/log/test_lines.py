"""Lines as arrays: however they are read, fast or looked at twice, they say the same."""

import json
import math
import string
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.log.encoding import MOST_WORDS, NO_ID, Names, hashes, microseconds, word_counts
from monitoring.log.format import known_by, parse_feedback, parse_prediction, utc
from monitoring.log.lines import Labels, Predictions, parse_line, read_labels, read_predictions
from tests.monitoring.conftest import at, feedback, prediction

BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\u200b\ufeff"
GARBAGE = b"{"  # which has all lines that are read with it looked at twice

texts = st.text() | st.text(string.printable + BLANKS) | st.text("a \n\x1c\x1f\xa0\u3000", max_size=200)
lines_of_a_file = st.sampled_from([prediction(), prediction(request_text="é" * 40), b"garbage\n", b"\n"])
words_of_json = st.none() | st.booleans() | st.text(max_size=8)
numbers = st.integers() | st.floats() | st.floats(0, 1) | st.sampled_from([0, 1, 2**63, 2**64, 10**400, 1e-400, -0.0])
values = st.recursive(
    words_of_json | numbers,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
times = st.datetimes(timezones=st.none() | st.just(UTC)).map(lambda moment: moment.isoformat()) | st.sampled_from(
    ["2026-11-23", "2026-11-23T12:00:00Z", "2026-11-23 12:00:00+01:00", "2026-13-01", "", "0001-01-01T00:00:00+05:00"]
)
fields = st.one_of(
    st.tuples(st.just("timestamp"), times | values),
    st.tuples(st.sampled_from(["request_text", "predicted_sentiment"]), st.text(max_size=30) | values),
    st.tuples(st.sampled_from(["true_sentiment", "prediction_id", "model_version"]), words_of_json | values),
    st.tuples(st.sampled_from(["confidence", "known_share"]), numbers | values),
    st.tuples(st.just("audit"), st.booleans() | values),
    st.tuples(st.just("words"), numbers | values),
    st.tuples(st.just("text_hash"), words_of_json | values),
    st.tuples(st.just("request_text"), st.sampled_from(["", " ", "\x1f"])),
    st.tuples(st.text(max_size=5), values),
)
complete = {"timestamp": at(0), "request_text": "a wonderful film", "predicted_sentiment": "positive"}
records = st.lists(fields, max_size=6)


def as_line(of: list[tuple[str, object]], ascii_only: bool = True) -> bytes:
    """A JSON object, in which a field may stand several times."""
    pairs = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=ascii_only)}" for name, value in of]
    return ("{" + ", ".join(pairs) + "}").encode(errors="surrogatepass")


def first_of(found: Predictions | Labels, names: Names) -> dict[str, object]:
    """The first row, with names in place of their numbers, and without its place in the file."""
    row = {field: column[0].item() for field, column in found._asdict().items() if field not in ("start", "end")}
    return row | {field: names.texts[row[field]] for field in ("predicted", "true", "version") if field in row}


def plain(lines: list[bytes], names: Names) -> tuple[Predictions, int]:
    return read_predictions(lines, 0, names)


# Words


@given(st.lists(texts, max_size=12))
@example([])
@example([""])
@example(["", " ", "a", " a ", "a b", "\xa0a\xa0b", "a" * 63, " " * 64, "a " * 32, "a" * 64, "a b" * 100])
def test_words_are_counted_as_white_space_separates_them(texts):
    counts = word_counts(np.array([*texts, None], dtype=object)[:-1])

    assert counts.tolist() == [len(text.split()) for text in texts]


@pytest.mark.parametrize("length", range(130))
def test_words_of_texts_of_any_length_are_counted(length):
    texts = ["a" * length, " " * length, "a " * (length // 2), "é" * length]

    assert word_counts(np.array(texts, dtype=object)).tolist() == [len(text.split()) for text in texts]


def test_very_many_words_are_counted_as_so_many():
    lines = [prediction(request_text="a " * n).strip() for n in (MOST_WORDS - 1, MOST_WORDS, MOST_WORDS + 1, 10**6)]

    assert plain(lines, Names())[0].words.tolist() == [MOST_WORDS - 1, MOST_WORDS, MOST_WORDS, MOST_WORDS]


def test_a_text_that_is_left_out_is_as_long_as_the_line_says_and_known_by_its_hash():
    left_out = {"request_text": "", "characters": 20}
    lines = [
        prediction(**left_out, words=4, text_hash="ab").strip(),
        prediction(request_text="two words").strip(),
        prediction(**left_out, words=4, text_hash="ab").strip(),
        prediction(**left_out, words=MOST_WORDS + 1, text_hash="cd").strip(),
        prediction(**left_out, text_hash="ab").strip(),
        prediction(request_text="").strip(),
    ]
    found, unreadable = plain(lines, Names())

    assert unreadable == 0
    assert found.words.tolist() == [4, 2, 4, MOST_WORDS, 0, 0]
    assert [found.text.tolist().index(text) for text in found.text.tolist()] == [0, 1, 0, 3, 0, 5]


def test_a_text_that_is_there_is_counted_whatever_the_line_says():
    (line,) = [prediction(request_text="two words", words=7, text_hash="ab").strip()]

    assert plain([line], Names())[0].words.tolist() == [2]
    assert plain([line], Names())[0].text == hashes(np.array(["two words"], dtype=object))


# The fast and the slow way


@given(records, st.booleans())
@example([("true_sentiment", "a"), ("true_sentiment", None)], True)
@example([("confidence", "x"), ("confidence", 0.5)], True)
@example([("confidence", True), ("audit", 1)], True)
@example([("other", float("nan")), ("known_share", 1)], True)
@example([("request_text", "\ud800")], True)
@example([("other", "\ud800")], True)
@example([("request_text", ""), ("words", 5), ("text_hash", "ab")], True)
@example([("request_text", ""), ("words", 10**9), ("text_hash", "")], True)
@example([("request_text", " "), ("words", -1), ("text_hash", "ab")], True)
@example([("request_text", ""), ("words", True), ("text_hash", "\ud800")], True)
@example([("request_text", ""), ("words", 3.0)], True)
def test_a_line_says_the_same_whether_it_is_read_fast_or_looked_at_twice(changed, ascii_only):
    line = as_line([*complete.items(), *changed], ascii_only)
    names = Names()
    fast, slow = plain([line], names), plain([line, GARBAGE], names)

    assert slow[1] == fast[1] + 1
    assert len(slow[0].time) == len(fast[0].time) == 1 - fast[1]
    try:
        row = parse_prediction(json.loads(line))
    except (ValueError, TypeError, AttributeError, OverflowError):
        assert fast[1] == 1
        return
    assert repr(first_of(fast[0], names)) == repr(first_of(slow[0], names))
    assert repr(first_of(fast[0], names)) == repr(
        {
            "time": microseconds(row.timestamp),
            "text": hashes(np.array([known_by(row)], dtype=object))[0].item(),
            "key": first_of(fast[0], names)["key"],
            "words": min(row.words, MOST_WORDS),
            "predicted": row.predicted_sentiment,
            "true": row.true_sentiment,
            "version": row.model_version,
            "confidence": row.confidence,
            "known_share": row.known_share,
            "audit": row.audit,
        }
    )
    assert (first_of(fast[0], names)["key"] == NO_ID) == (row.prediction_id is None)


@given(st.lists(st.tuples(st.sampled_from(["timestamp", "prediction_id", "true_sentiment"]), words_of_json | values)))
def test_a_label_says_the_same_whether_it_is_read_fast_or_looked_at_twice(changed):
    line = as_line([("timestamp", at(0)), ("prediction_id", "id-1"), ("true_sentiment", "positive"), *changed])
    names = Names()
    fast, slow = read_labels([line], 0, names), read_labels([line, GARBAGE], 0, names)

    assert slow[1] == fast[1] + 1
    assert [column.tolist() for column in fast[0]] == [column.tolist() for column in slow[0]]
    try:
        label = parse_feedback(json.loads(line))
    except (ValueError, TypeError, AttributeError, OverflowError):
        assert fast[1] == 1
        return
    assert first_of(fast[0], names)["time"] == microseconds(label.timestamp)
    assert first_of(fast[0], names)["true"] == label.true_sentiment


def test_no_lines_are_no_rows():
    for lines in ([], [b""], [b"  ", b"\t"]):
        found, unreadable = plain(lines, Names())
        labels, bad = read_labels(lines, 0, Names())

        assert {len(column) for column in (*found, *labels)} == {0}
        assert (unreadable, bad) == (0, 0)


@given(st.lists(lines_of_a_file), st.integers(0, 9))
def test_rows_know_where_their_lines_are_in_the_file(lines, start):
    content = b"-" * start + b"".join(lines)
    found, _ = read_predictions([line[:-1] for line in lines], start, Names())

    read = [content[first:end] for first, end in zip(found.start.tolist(), found.end.tolist(), strict=True)]
    assert read == [line for line in lines if len(line) > 20]


# Times, hashes and names


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_microseconds_are_those_since_1970(moment):
    try:
        expected = utc(moment.isoformat())
    except OverflowError:
        return

    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(moment.isoformat())) == expected
    assert microseconds(expected) == microseconds(moment.isoformat())


@pytest.mark.parametrize("timestamp", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+05:00"])
def test_what_is_no_moment_has_no_microseconds(timestamp):
    with pytest.raises((ValueError, OverflowError)):
        microseconds(timestamp)


def test_hashes_are_the_same_in_every_process():
    texts = np.array(["", "a wonderful film", "é🎬"], dtype=object)

    assert hashes(texts).tolist() == [1760245841805064774, 11512961364010215189, 10965886251501742065]


@given(st.lists(st.text(), unique=True, max_size=50))
def test_different_texts_have_different_hashes(texts):
    assert len(set(hashes(np.array([*texts, None], dtype=object)[:-1]).tolist())) == len(texts)


def test_an_id_is_known_by_the_same_key_in_both_kinds_of_files():
    lines = [prediction(prediction_id=name).strip() for name in ("a", "", None, "a")]
    keys = plain(lines, Names())[0].key.tolist()
    labels = read_labels([feedback(name, "x").strip() for name in ("a", "", "None")], 0, Names())[0].key.tolist()

    assert keys[0] == keys[3] == labels[0]
    assert keys[1] == labels[1] != NO_ID
    assert keys[2] == NO_ID
    assert len({*keys, *labels}) == 4


def test_names_are_numbered_as_they_come_and_0_is_none():
    names = Names()

    assert [names[text] for text in ("b", "a", None, "b", "c")] == [1, 2, 0, 1, 3]
    assert names.texts == [None, "b", "a", "c"]
    assert names.numbers(["c", "unknown", "b"]) == [3, 1]
    assert "unknown" not in names


def test_names_go_on_where_they_were():
    names = Names(["b", "a"])

    assert [names[text] for text in ("a", "b", "c", None)] == [2, 1, 3, 0]


def test_names_beyond_the_most_share_one_number():
    names = Names()
    numbers = [names[f"name {number}"] for number in range(Names.MOST + 10)]
    lines = [prediction(predicted_sentiment=f"label {number}").strip() for number in range(3)]

    assert numbers[: Names.MOST - 1] == list(range(1, Names.MOST))
    assert set(numbers[Names.MOST - 1 :]) == {Names.MOST}
    assert names.texts[Names.MOST] == Names.OTHERS
    assert plain(lines, names)[0].predicted.tolist() == [Names.MOST] * 3
    assert names["name 5"] == 6
    again = Names([str(text) for text in names.texts[1:]])
    assert (again["name 5"], again["one more"], len(again.texts)) == (6, Names.MOST, Names.MOST + 1)


# One line


def test_one_line_is_read_as_it_stands_on_disk():
    line = parse_line(prediction(request_text="é", confidence=None, true_sentiment="negative"))

    assert (line.request_text, line.true_sentiment, line.words) == ("é", "negative", 1)
    assert math.isnan(line.confidence)

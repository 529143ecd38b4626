"""What the words of a text contributed: read from the API's answer, and cut into pieces to be shown."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.log.format import Prediction
from monitoring.page.api.explanation import (
    STRONGEST_TERMS,
    Explanation,
    Piece,
    Term,
    Token,
    difference,
    parse_explanation,
    pieces,
    sides,
    strongest_terms,
)

TEXT = "no 🎬 is amazing"
ANSWER = {
    "predicted_sentiment": "positive",
    "confidence": 0.9,
    "model_version": "v1",
    "label": "positive",
    "score": 2.0,
    "intercept": 0.5,
    "terms": [{"term": "amazing", "contribution": 2.5}, {"term": "no", "contribution": -1}],
    "tokens": [{"start": 0, "end": 2, "contribution": -1}, {"start": 8, "end": 15, "contribution": 2.5}],
}
EXPLANATION = Explanation("positive", "v1", "positive", [Term("amazing", 2.5)], [Token(0, 2, -1.0)])


def request(**fields):
    line = Prediction(datetime(2026, 11, 23, tzinfo=UTC), TEXT, 4, "positive", None, "id-1", 0.9, "v1", 0.7, False)
    return line._replace(**fields)


def test_an_answer_is_read():
    explanation = parse_explanation(ANSWER, TEXT)

    assert explanation.terms == [Term("amazing", 2.5), Term("no", -1.0)]
    assert [TEXT[token.start : token.end] for token in explanation.tokens] == ["no", "amazing"]


@pytest.mark.parametrize("missing", ["predicted_sentiment", "model_version", "label", "terms", "tokens"])
def test_an_answer_without_a_field_is_refused(missing):
    with pytest.raises(KeyError, match=missing):
        parse_explanation({name: value for name, value in ANSWER.items() if name != missing}, TEXT)


@pytest.mark.parametrize(
    ("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 16), ("0", 2), (0, 2.0), (True, 2), (None, None)]
)
def test_a_token_that_is_no_place_in_the_text_is_refused(start, end):
    with pytest.raises((ValueError, TypeError)):
        parse_explanation(ANSWER | {"tokens": [{"start": start, "end": end, "contribution": 1}]}, TEXT)


def test_places_are_counted_in_code_points_also_beyond_the_first_plane():
    (_, last) = parse_explanation(ANSWER, TEXT).tokens

    assert TEXT[last.start : last.end] == "amazing"


def test_an_answer_without_terms_and_tokens_is_an_answer():
    assert parse_explanation(ANSWER | {"terms": [], "tokens": []}, TEXT).tokens == []


@pytest.mark.parametrize(
    "nonsense",
    [{"terms": None}, {"terms": "terms"}, {"terms": {"term": "a"}}, {"terms": [["a", 1]]}, {"tokens": 3}, {"label": 3}],
)
def test_an_answer_of_another_shape_is_refused(nonsense):
    with pytest.raises(TypeError):
        parse_explanation(ANSWER | nonsense, TEXT)


def test_probabilities_are_read_with_the_largest_first_and_need_not_be_there():
    probabilities = {"negative": 0.1, "positive": 0.9, "neutral": 0}

    read = parse_explanation(ANSWER | {"probabilities": probabilities}, TEXT).probabilities

    assert list(read.items()) == [("positive", 0.9), ("negative", 0.1), ("neutral", 0.0)]
    assert parse_explanation(ANSWER, TEXT).probabilities == {}
    assert parse_explanation(ANSWER | {"probabilities": None}, TEXT).probabilities == {}


@pytest.mark.parametrize(
    "nonsense",
    ["high", 0.9, ["positive", 0.9], {"positive": "high"}, {"positive": float("nan")}, {"positive": True}],
)
def test_probabilities_that_are_no_numbers_by_label_are_refused(nonsense):
    with pytest.raises(TypeError):
        parse_explanation(ANSWER | {"probabilities": nonsense}, TEXT)


def test_tokens_that_overlap_are_refused():
    tokens = [{"start": 0, "end": 4, "contribution": 1}, {"start": 3, "end": 5, "contribution": 1}]
    with pytest.raises(ValueError, match="from 3 to 5"):
        parse_explanation(ANSWER | {"tokens": tokens}, TEXT)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), "1", None, True])
def test_a_contribution_that_is_no_number_is_refused(figure):
    with pytest.raises(TypeError):
        parse_explanation(ANSWER | {"terms": [{"term": "x", "contribution": figure}]}, TEXT)


@given(text=st.text(min_size=1), data=st.data())
def test_the_pieces_are_the_whole_text_whatever_it_is(text, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    tokens = [Token(start, end, 1.0) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]

    assert "".join(piece.text for piece in pieces(text, tokens)) == text


def test_the_strongest_piece_has_strength_1_and_each_says_which_side_it_is_on():
    tokens = [Token(0, 2, -1.0), Token(5, 7, 0.001), Token(8, 15, 2.5)]

    assert [piece for piece in pieces(TEXT, tokens) if piece.figure] == [
        Piece("no", "against", 0.4, "-1.00"),
        Piece("is", None, 0, "0.00"),
        Piece("amazing", "for", 1.0, "+2.50"),
    ]


def test_a_text_of_which_the_model_knows_nothing_is_one_piece():
    assert list(pieces(TEXT, [])) == [Piece(TEXT)]


def test_tokens_that_all_contribute_nothing_are_not_coloured():
    assert list(pieces("of", [Token(0, 2, 0.0)])) == [Piece("of", figure="0.00")]


def test_only_the_strongest_terms_are_shown():
    shown = strongest_terms([Term(f"term{number}", 20.0 - number) for number in range(15)])

    assert [piece.text for piece in shown] == [f"term{number}" for number in range(STRONGEST_TERMS)]


def test_with_two_labels_each_side_is_named_and_with_more_it_is_for_or_against():
    assert sides(EXPLANATION, ["negative", "positive"]) == {"for": "for positive", "against": "for negative"}
    assert sides(EXPLANATION, ["bad", "neutral", "positive"])["against"] == "against positive"
    assert sides(EXPLANATION, [])["against"] == "against positive"


def test_without_the_models_labels_an_answer_against_the_label_tells_the_other():
    answered = replace(EXPLANATION, predicted_sentiment="negative")

    assert sides(answered, []) == {"for": "for positive", "against": "for negative"}


def test_the_same_model_with_the_same_answer_needs_no_words():
    assert difference(request(), EXPLANATION) is None
    assert difference(request(model_version=None), EXPLANATION) is None


def test_another_version_or_another_answer_is_said():
    assert difference(request(model_version="v0"), EXPLANATION) == (
        "Explained by version v1. The logged prediction is that of version v0."
    )
    assert difference(request(predicted_sentiment="negative"), EXPLANATION) == (
        "Explained by version v1, which predicts positive. The logged prediction is negative."
    )
    assert difference(request(predicted_sentiment="negative", model_version="v0"), EXPLANATION) == (
        "Explained by version v1, which predicts positive. The logged prediction is that of version v0."
    )

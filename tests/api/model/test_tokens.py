import pytest
from hypothesis import given
from sklearn.feature_extraction.text import CountVectorizer, strip_tags

from api.model.tokens import share_among_tokens
from tests.api.model.linear_pipelines import (
    explain,
    into_characters,
    into_words,
    linear_pipelines,
    texts,
    whatever_scikit_learn_says,
)

WORDS = r"\w+"
pytestmark = whatever_scikit_learn_says


def found(text: str, **options) -> list[str]:
    """The pieces of the text that are given as tokens."""
    vectorizer = CountVectorizer(**{"token_pattern": WORDS} | options)
    return [text[token.start : token.end] for token in share_among_tokens(vectorizer, text, {})]


def shares(text: str, contributions: dict[str, float], **options) -> list[float]:
    vectorizer = CountVectorizer(**{"token_pattern": WORDS} | options)
    return [token.contribution for token in share_among_tokens(vectorizer, text, contributions)]


@given(linear_pipelines(into_words), texts)
def test_tokens_are_in_order_without_overlap_and_leave_out_nothing_the_vectoriser_read(pipeline, text):
    tokens, vectorizer = explain(pipeline, text).tokens, pipeline[0]

    ends = [0, *(token.end for token in tokens)]
    for end_before, token in zip(ends, tokens, strict=False):
        assert end_before <= token.start < token.end <= len(text)
    prepare = vectorizer.build_preprocessor()
    shown = iter("".join(prepare(text[token.start : token.end]) for token in tokens).replace("ς", "σ"))
    read = "".join(vectorizer.build_tokenizer()(prepare(text))).replace("ς", "σ")
    assert all(character in shown for character in read)


@given(linear_pipelines(into_characters), texts)
def test_a_vectoriser_of_characters_has_no_tokens(pipeline, text):
    assert explain(pipeline, text).tokens == []


def test_a_terms_contribution_is_divided_evenly_over_its_occurrences_and_their_tokens():
    contributions = {"not": 4.0, "good": 3.0, "not good": 2.0, "good not": 10.0}

    assert shares("Not good, not", contributions, ngram_range=(1, 2)) == [
        4 / 2 + 2 / 2,
        3 + 2 / 2 + 10 / 2,
        4 / 2 + 10 / 2,
    ]


def test_unknown_tokens_and_stop_words_are_given_with_0_and_neighbours_meet_across_a_stop_word():
    contributions = {"not good": 2.0, "not": 1.0}

    assert shares("not a good film", contributions, ngram_range=(1, 2), stop_words=["a"]) == [2, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "options", "tokens"),
    [
        ("An unheard-of film", {}, ["An", "unheard", "of", "film"]),
        ("🎬 one\u2028two", {}, ["one", "two"]),
        ("İstanbul İ ΟΔΟΣ x", {}, ["İ", "stanbul", "İ", "ΟΔΟΣ", "x"]),
        ("ẞ Café cafe\u0301 x", {"strip_accents": "unicode"}, ["ẞ", "Café", "cafe\u0301", "x"]),
        ("İstanbul ﬁlm x½ y", {"strip_accents": "unicode"}, ["İstanbul", "ﬁlm", "x½", "y"]),
        ("Café 日本 x", {"strip_accents": "ascii"}, ["Café", "x"]),
        ("very nice", {"token_pattern": r"(\w)\w*"}, ["v", "n"]),
        ("a-b", {"token_pattern": r"-|(\w)"}, ["a", "-", "b"]),
        ("The Film", {"preprocessor": str.casefold}, ["The", "Film"]),
        ("Straße x", {"preprocessor": str.casefold}, ["Straße", "x"]),
        ("", {}, []),
        ("!!", {}, []),
    ],
)
def test_tokens_stand_where_what_they_were_made_from_stands_in_the_text_as_it_was_sent(text, options, tokens):
    assert found(text, **options) == tokens


def reversed_words(text: str) -> list[str]:
    return text.split()[::-1]


@pytest.mark.parametrize(
    "options",
    [
        {"tokenizer": reversed_words, "token_pattern": None},
        {"analyzer": reversed_words},
        {"analyzer": "char_wb"},
        {"preprocessor": strip_tags},
        {"preprocessor": lambda text: text[::-1]},
        {"token_pattern": r"\w*"},
        {"ngram_range": (0, 2)},
    ],
    ids=", ".join,
)
def test_there_are_no_tokens_where_they_cannot_be_found_again_in_the_text(options):
    assert found("a <b>fine</b> film", **options) == []


def test_there_are_no_tokens_if_the_terms_are_made_of_others():
    stemming = type("Stemming", (CountVectorizer,), {"build_analyzer": lambda self: lambda text: [text[:3]]})

    assert share_among_tokens(stemming(), "amazing", {"ama": 1.0}) == []

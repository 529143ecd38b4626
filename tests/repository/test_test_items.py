"""The items of test.json are what an evaluation needs: many, different, balanced and of all lengths."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

TEST_FILE = Path(__file__).parent.parent.parent / "test.json"


@pytest.fixture(scope="module")
def items() -> list[dict[str, str]]:
    loaded: list[dict[str, str]] = json.loads(TEST_FILE.read_text(encoding="utf-8"))
    assert loaded
    return loaded


def word_counts(items):
    return [len(item["text"].split()) for item in items]


def test_there_are_at_least_200_items(items):
    assert len(items) >= 200


def test_every_item_has_just_a_text_and_a_true_sentiment(items):
    assert all(set(item) == {"text", "true_sentiment"} for item in items)


def test_no_text_is_blank_or_has_blanks_around_it(items):
    assert all(item["text"] and item["text"] == item["text"].strip() for item in items)


def test_no_text_occurs_twice_even_in_other_letter_case(items):
    assert len({item["text"].casefold() for item in items}) == len(items)


def test_every_true_sentiment_is_positive_or_negative(items):
    assert {item["true_sentiment"] for item in items} == {"positive", "negative"}


def test_both_sentiments_are_about_equally_frequent(items):
    share = sum(item["true_sentiment"] == "positive" for item in items) / len(items)
    assert 0.45 <= share <= 0.55


def test_the_sentiments_are_mixed_and_not_sorted_or_alternating(items):
    sentiments = [item["true_sentiment"] for item in items]
    changes = sum(a != b for a, b in pairwise(sentiments))
    assert 0.3 < changes / len(items) < 0.7


def test_at_least_15_items_are_longer_than_80_words(items):
    assert sum(words > 80 for words in word_counts(items)) >= 15


def test_at_least_15_items_have_at_most_4_words(items):
    assert sum(words <= 4 for words in word_counts(items)) >= 15


def test_neither_long_nor_short_texts_give_the_sentiment_away(items):
    for chosen in ([i for i in items if len(i["text"].split()) > 80], [i for i in items if len(i["text"]) < 25]):
        share = sum(item["true_sentiment"] == "positive" for item in chosen) / len(chosen)
        assert 0.35 <= share <= 0.65

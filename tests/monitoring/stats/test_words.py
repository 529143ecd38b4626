import dataclasses
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.log.format import Prediction
from monitoring.stats.reference import Words
from monitoring.stats.words import MAX_EXAMPLES, MAX_TEXTS, MAX_WORDS, MIN_SIGHTINGS, holm, moved_words
from tests.monitoring.conftest import NOON

PATTERN = re.compile(r"\w+|[.!]")
COMMON = ["the", "a", "and", "of", "to", "it"]
FILM = [f"film{number}" for number in range(400)]  # of falling frequency, as words are
PHONE = ["battery", "charger", "screen", "signal", "ringtone", "keypad", "antenna", "warranty", "headset", "reception"]
FREQUENCIES = 1 / (np.arange(len(FILM)) + 5.0) ** 1.5


def film_reviews(rng, n, length=60):
    of_film = rng.choice(FILM, size=(n, length // 2), p=FREQUENCIES / FREQUENCIES.sum())
    return [" ".join(words) + " ." for words in np.hstack([of_film, rng.choice(COMMON, size=(n, length // 2))])]


def phone_reviews(rng, n):
    return [" ".join(words) + " ." for words in np.hstack([rng.choice(PHONE, (n, 15)), rng.choice(COMMON, (n, 15))])]


def of_texts(texts, confidence=0.9):
    """Requests of these texts, all of one confidence or of one each."""
    sent = zip(texts, np.broadcast_to(confidence, len(texts)).tolist(), strict=True)
    return [Prediction(NOON, text, 3, "positive", None, None, sure, None, 0.7, False) for text, sure in sent]


def with_word(word, times, texts):
    """The first `times` of the texts with a word more."""
    return [f"{text} {word}" for text in texts[:times]] + texts[times:]


def words_of(texts, most=400):
    found = Counter(word for text in texts for word in set(PATTERN.findall(text.lower())))
    return Words(PATTERN, dict(found.most_common(most)), len(texts))


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(20261123)
    return words_of(film_reviews(rng, 8_000))


# What is found


def test_the_words_of_another_subject_are_found_in_a_twentieth_of_the_texts(reference):
    rng = np.random.default_rng(20261123)
    texts = rng.permutation([*film_reviews(rng, 1_425), *phone_reviews(rng, 75)])
    found = moved_words(of_texts(texts), reference)

    assert len(found) == MAX_WORDS
    assert sum(one.word in PHONE for one in found) >= 7
    assert all(one.log_odds_ratio > 0 and one.p_value < 0.01 for one in found if one.word in PHONE)


def test_texts_like_those_of_the_reference_have_no_words_that_moved(reference):
    rng = np.random.default_rng(20261123)
    found = [moved_words(of_texts(film_reviews(rng, n)), reference) for n in [60] * 60 + [300] * 40]

    assert sum(bool(one) for one in found) <= 1


@pytest.mark.parametrize("length", [20, 180])
def test_longer_or_shorter_texts_about_the_same_have_few_words_that_moved(reference, length):
    rng = np.random.default_rng(20261123)
    found = [moved_words(of_texts(film_reviews(rng, 400, length)), reference) for _ in range(5)]

    assert np.mean([len(one) for one in found]) <= 2


def test_a_word_that_comes_less_often_is_found_too(reference):
    rng = np.random.default_rng(20261123)
    texts = [
        text.replace("film9 ", "" if number % 4 else "film9 ") for number, text in enumerate(film_reviews(rng, 1_000))
    ]
    (found,) = moved_words(of_texts(texts), reference)

    assert found.word == "film9"
    assert found.log_odds_ratio < -1
    assert found.current_share < found.reference_share


def test_a_word_that_the_reference_does_not_list_counts_as_its_rarest(reference):
    texts = with_word("unheard", 100, film_reviews(np.random.default_rng(20261123), 400))
    (found,) = moved_words(of_texts(texts), reference)

    assert (found.word, found.current_share) == ("unheard", 0.25)
    assert found.reference_share == min(reference.texts.values()) / reference.n
    assert found.log_odds_ratio > 0


def test_punctuation_digits_and_what_nearly_all_texts_have_tell_nothing(reference):
    rng = np.random.default_rng(20261123)
    common = dataclasses.replace(reference, texts=reference.texts | {"the": 7_900})
    texts = with_word("! 2026", 200, [text.replace("the ", "") for text in film_reviews(rng, 400)])

    assert "2026" not in common.texts
    assert moved_words(of_texts(texts), common) == []


def test_confidence_is_given_for_the_texts_with_the_word_and_without_it(reference):
    texts = with_word("unheard", 100, film_reviews(np.random.default_rng(20261123), 400))
    (found,) = moved_words(of_texts(texts, confidence=[0.6] * 100 + [0.9] * 299 + [np.nan]), reference)

    assert found.mean_confidence == pytest.approx(0.6)
    assert found.mean_confidence_without == pytest.approx(0.9)
    assert [request.request_text for request in found.examples] == texts[99:94:-1]
    assert len(found.examples) == MAX_EXAMPLES


def test_without_confidences_there_is_no_mean(reference):
    texts = with_word("unheard", 200, film_reviews(np.random.default_rng(20261123), 200))
    (found,) = moved_words(of_texts(texts, confidence=np.nan), reference)

    assert (found.mean_confidence, found.mean_confidence_without) == (None, None)
    (found,) = moved_words(of_texts(texts), reference)
    assert found.mean_confidence == pytest.approx(0.9)
    assert found.mean_confidence_without is None


# What counts


def test_each_text_counts_once(reference):
    rng = np.random.default_rng(20261123)
    texts = film_reviews(rng, 200) + ["an unheard word"] * 100

    assert moved_words(of_texts(texts), reference) == []


def test_only_the_latest_texts_count(reference):
    rng = np.random.default_rng(20261123)
    old = [f"unheard {number}" for number in range(50)]
    texts = old + film_reviews(rng, MAX_TEXTS)

    assert "unheard" not in {one.word for one in moved_words(of_texts(texts), reference)}


@pytest.mark.parametrize("n", [0, 1, 49])
def test_below_50_texts_nothing_is_tested(reference, n):
    assert moved_words(of_texts([f"unheard {number}" for number in range(n)]), reference) == []


def test_50_texts_about_something_else_are_enough(reference):
    found = moved_words(of_texts([f"unheard {number}" for number in range(50)]), reference)

    assert [one.word for one in found] == ["unheard"]


def test_a_reference_without_words_moves_none():
    assert moved_words(of_texts([f"text {number}" for number in range(60)]), Words(PATTERN, {}, 100)) == []


def test_texts_without_words_move_none(reference):
    assert moved_words(of_texts(["!" * number for number in range(60)]), reference) == []


def test_a_word_in_too_few_texts_is_passed_over():
    everywhere = Words(PATTERN, {"common": 100_000, "rare": 1}, 1_000_000)
    texts = [f"common {'unheard' if number < MIN_SIGHTINGS - 1 else 'x'} {number}" for number in range(60)]

    assert "unheard" not in {one.word for one in moved_words(of_texts(texts), everywhere)}


@given(st.lists(st.text(max_size=20), min_size=50, max_size=70, unique=True))
def test_any_texts_can_be_compared(texts):
    found = moved_words(of_texts(texts), Words(PATTERN, {"a": 500, "0": 1, "b": 1_000}, 1_000))

    assert len(found) <= MAX_WORDS
    assert all(0 <= one.p_value < 0.01 and 0 < one.current_share <= 1 for one in found)


# Holm's correction


def test_holms_correction_is_that_of_his_procedure():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrected_p_values_keep_their_order_and_lie_between_the_plain_ones_and_bonferronis(values):
    plain = np.array(values)
    found = holm(plain)

    assert (found >= plain).all()
    assert (found <= np.minimum(plain * len(plain), 1) + 1e-12).all()
    assert (np.diff(found[np.argsort(plain)]) >= 0).all()

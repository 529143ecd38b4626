"""Texts with some of another domain: whether the words listed as changed are the domain's."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from random import Random

import numpy as np

from benchmarks.evidence.scenarios import Figures, Measurement
from benchmarks.evidence.streams import Chance, chance_of, shipped
from monitoring.log.format import Prediction
from monitoring.stats.words import moved_words
from scripts.demo.texts import facts_elsewhere, of_length, sentences_elsewhere

TEXTS, STREAMS = 2_000, 20
DOMAIN_SHARE, DOMAIN_WORDS, DOMAIN_TEXTS = 0.05, 120, 400  # of the texts; words in each; texts to choose from
TIMES_AS_OFTEN = 5  # a word is the domain's if it is in so many times as many of its texts as of the reference's
LISTED = 10
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOVED = f"words that moved in {TEXTS:,} texts, of which {DOMAIN_SHARE:.0%} are of another domain"
OF_DOMAIN, ANY_MOVED = (
    f"of {LISTED} words, those listed that are of the domain",
    "any word listed without drift",
)


def measurements() -> list[Measurement]:
    return [Measurement(MOVED, moved, streams=STREAMS)]


def moved(stream: int) -> Figures:
    """How many of the ten listed words are the domain's, and whether any word is listed without another domain."""
    chance = chance_of(MOVED, stream)
    listed = moved_words(texts(chance, DOMAIN_SHARE), shipped().words)[:LISTED]
    found = sum(word.word in words_elsewhere() for word in listed) / LISTED
    return {OF_DOMAIN: found, ANY_MOVED: float(bool(moved_words(texts(chance, 0.0), shipped().words)))}


@cache
def texts_elsewhere() -> list[str]:
    """Reviews of telephones and hotels, as `make demo` sends them."""
    random = Random(0)
    sentences = sentences_elsewhere(random, 60)
    return [of_length(sentences, DOMAIN_WORDS, facts_elsewhere(random), random) for _ in range(DOMAIN_TEXTS)]


@cache
def words_elsewhere() -> frozenset[str]:
    """Words that are more frequent in these than in the reference."""
    words = shipped().words
    found = Counter(word for text in texts_elsewhere() for word in set(words.pattern.findall(text.lower())))
    usual = {word: words.texts.get(word, min(words.texts.values())) / words.n for word in found}
    return frozenset(word for word, n in found.items() if n / DOMAIN_TEXTS > TIMES_AS_OFTEN * usual[word])


def texts(chance: Chance, of_domain: float) -> list[Prediction]:
    """Texts with the reference's word frequencies; a share of them is from the domain."""
    words = shipped().words
    names = np.array(list(words.texts))
    shares = np.array(list(words.texts.values())) / words.n
    usual = [" ".join(names[row]) for row in chance.random((TEXTS, len(names))) < shares]
    elsewhere = chance.choice(texts_elsewhere(), TEXTS)
    drawn = np.where(chance.random(TEXTS) < of_domain, elsewhere, usual)
    return [Prediction(NOW, text, 0, "positive", None, None, 0.9, None, math.nan, False) for text in drawn.tolist()]

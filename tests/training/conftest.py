"""Synthetic corpora: small ones of invented words, and reviews that behave like language."""

import csv
import hashlib
import random
from collections.abc import Callable, Sequence
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from training.data import LabelledTexts
from training.evaluation import Validated, cross_validate
from training.recipe import fit
from training.terms import Corpus, count_terms

Rows = list[tuple[str, str]]


def _words(text: str) -> list[str]:
    return text.split()


PRAISE = _words(
    """good great wonderful excellent brilliant superb moving funny charming clever gripping delightful beautiful
    touching fresh witty stunning memorable warm perfect fine enjoyable fascinating powerful subtle amazing elegant
    lively honest tender vivid inspired rich convincing original tense graceful thrilling heartfelt sharp lovely solid
    haunting impressive engaging splendid magical bold sincere masterful"""
)
COMPLAINT = _words(
    """bad boring awful terrible dull poor stupid weak predictable horrible silly lame flat annoying tedious pointless
    cheap bland clumsy shallow forced lazy messy wooden tired slow ridiculous dreadful unfunny hollow confused painful
    empty noisy stale sloppy pretentious trite muddled cold ugly lifeless absurd crude dreary corny grating
    forgettable pathetic soulless"""
)
NOUNS = _words("film story plot acting cast script music ending dialogue camera scene hero villain pace humour sound")
ADVERBS = _words("very really quite rather so truly simply just")
NEGATIONS = ["not", "never", "isn't", "hardly"]
OPINIONS = [
    "The {noun} was {opinion}, {filler}",
    "I found the {noun} {opinion} {filler}",
    "{filler} and {opinion} {noun}",
]
NEUTRAL_WORDS = 2_000


def make_rows(labels: list[str], rows_per_label: int = 40, seed: int = 1) -> Rows:
    chance = random.Random(seed)
    neutral = [f"word{i}" for i in range(60)]
    rows = []
    for label in labels * rows_per_label:
        misleading = f"{chance.choice(labels[:2])}{chance.randrange(8)}"
        own = [f"{label}{number}" for number in chance.sample(range(8), 2)]
        words = [*chance.sample(neutral, 12), misleading, *own]
        chance.shuffle(words)
        rows.append((" ".join(words) + ".", label))
    return rows


def make_reviews(count: int, seed: int) -> Rows:
    """Reviews of 5 to 14 sentences, half of them positive.

    Four sentences of five are an opinion, of which one in seven is against the review's drift, and one in four says
    the opposite and negates it. How often a word is used falls with its rank, as in every language (Zipf's law).
    """
    chance = random.Random(seed)
    praise, complaint, neutral = _by_rank(PRAISE, 0.7), _by_rank(COMPLAINT, 0.7), _by_rank(_neutral_words(), 1.0)

    def filler(shortest: int, longest: int) -> str:
        return " ".join(chance.choices(**neutral, k=chance.randint(shortest, longest)))

    def sentence(label: str) -> str:
        noun = chance.choice(NOUNS)
        if chance.random() < 0.2:
            return f"The {noun} is {filler(4, 9)}."
        praises = (label == "positive") == (chance.random() < 0.85)
        negated = chance.random() < 0.25
        before = [chance.choice(NEGATIONS)] if negated else []
        before += [chance.choice(ADVERBS)] if chance.random() < 0.3 else []
        opinion = " ".join([*before, *chance.choices(**(praise if praises != negated else complaint))])
        said = chance.choice(OPINIONS).format(noun=noun, opinion=opinion, filler=filler(2, 6))
        return said.capitalize() + chance.choice("..!")

    rows = []
    for number in range(count):
        label = ["negative", "positive"][number % 2]
        sentences = [sentence(label) for _ in range(chance.randint(5, 14))]
        rows.append((f"{' '.join(sentences[:4])}<br /><br />{' '.join(sentences[4:])}", label))
    return rows


def _by_rank(words: list[str], exponent: float) -> dict[str, Any]:
    """What random.choices needs to choose each word as often as its rank says."""
    return {"population": words, "cum_weights": list(accumulate((n + 1) ** -exponent for n in range(len(words))))}


def _neutral_words() -> list[str]:
    syllables = [consonant + vowel for consonant in "bdfglmnprstv" for vowel in "aeiou"]
    words = ["".join(parts) for parts in product(syllables, repeat=2)]
    return random.Random(0).sample(words, NEUTRAL_WORDS)


def to_data(rows: Rows) -> LabelledTexts:
    sha256 = hashlib.sha256(repr(rows).encode()).hexdigest()
    return LabelledTexts([text for text, _ in rows], [label for _, label in rows], 0, sha256)


def ignore(*_: object) -> None:
    """Nobody watches the progress."""


def to_corpus(data: LabelledTexts, unlabelled: Sequence[str] = ()) -> Corpus:
    return count_terms(data.texts, unlabelled, 1, ignore)


def fit_to_all(data: LabelledTexts, unlabelled: Sequence[str] = ()) -> Pipeline:
    labels = data.label_names
    return fit(to_corpus(data, unlabelled), np.arange(len(data.texts)), data.truth(labels), labels)


def validate(data: LabelledTexts, unlabelled: Sequence[str] = ()) -> Validated:
    return cross_validate(data, to_corpus(data, unlabelled), fit, 1, ignore)


@pytest.fixture(scope="session")
def two_labels() -> LabelledTexts:
    return to_data(make_rows(["negative", "positive"]))


@pytest.fixture(scope="session")
def three_labels() -> LabelledTexts:
    return to_data(make_rows(["bad", "good", "neither"]))


@pytest.fixture(scope="session", params=["two labels", "three labels"])
def data(request, two_labels, three_labels) -> LabelledTexts:
    return {"two labels": two_labels, "three labels": three_labels}[request.param]


@pytest.fixture(scope="session")
def validated(data) -> Validated:
    return validate(data)


@pytest.fixture
def rows() -> Rows:
    return make_rows(["negative", "positive"])


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(
        rows: Sequence[Sequence[str]], columns: Sequence[str] = ("review", "sentiment"), name="texts.csv"
    ) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
        return path

    return write

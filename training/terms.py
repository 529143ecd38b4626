"""The terms of a text: words, punctuation marks, and runs of up to three of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import CountVectorizer

from training.arrays import IntArray, Matrix
from training.data import DataError

# Contractions stay whole, one-letter words and punctuation count, and the "br" of "<br />" does not.
TOKEN_PATTERN = r"(?<!<)\b\w+(?:'\w+)*|[!?.,;:()\"*/&$%\-]"
NGRAM_RANGE = (1, 3)
MIN_TEXTS = 2  # what a term of a single text says is chance
MIN_SENTENCE_WORDS = 4
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?:<br\s*/?>\s*)+|\n+")
UNLABELLED_SENTENCE_STEP = 3  # every third of them: more take longer and change nothing
TEXTS_PER_JOB = 20_000


@dataclass(frozen=True)
class Counted:
    """texts (n, terms) and sentences (s, terms): 1 where it contains the term. source (s,): which text it is from."""

    texts: Matrix
    sentences: Matrix
    source: IntArray

    def take(self, rows: IntArray) -> "Counted":
        """These texts in this order, and their sentences."""
        place = np.full(self.texts.shape[0], -1)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.source] >= 0)
        return Counted(self.texts[rows], self.sentences[kept], place[self.source[kept]])


@dataclass(frozen=True)
class Corpus:
    """terms, in alphabetical order, are those found in at least MIN_TEXTS labelled texts."""

    terms: list[str]
    labelled: Counted
    unlabelled: Counted


def count_terms(
    texts: Sequence[str], unlabelled: Sequence[str], processes: int, on_step: Callable[[str], None]
) -> Corpus:
    """Calls `on_step` with the next step's name. Raises DataError if no term is in two texts."""
    on_step(f"{len(texts):,} texts")
    terms, matrix = _learn_terms(texts)
    sentences, source = split_sentences(texts)
    unlabelled_sentences, unlabelled_source = split_sentences(unlabelled, UNLABELLED_SENTENCE_STEP)
    parts = []
    for what, part in (
        ("sentences of them", sentences),
        ("unlabelled texts", unlabelled),
        ("of the sentences of these", unlabelled_sentences),
    ):
        if part:
            on_step(f"{len(part):,} {what}")
        parts.append(_count_known(terms, part, processes))
    return Corpus(terms, Counted(matrix, parts[0], source), Counted(parts[1], parts[2], unlabelled_source))


def split_sentences(texts: Sequence[str], step: int = 1) -> tuple[list[str], IntArray]:
    """Every step-th sentence of at least MIN_SENTENCE_WORDS words, and the index of its text."""
    found = [
        (sentence, index)
        for index, text in enumerate(texts)
        for sentence in SENTENCE_END.split(text)
        if len(sentence.split()) >= MIN_SENTENCE_WORDS
    ][::step]
    return [sentence for sentence, _ in found], np.array([index for _, index in found], dtype=np.intp)


def _vectorizer(**options: Any) -> CountVectorizer:
    return CountVectorizer(token_pattern=TOKEN_PATTERN, ngram_range=NGRAM_RANGE, binary=True, dtype=np.uint8, **options)


def _learn_terms(texts: Sequence[str]) -> tuple[list[str], Matrix]:
    vectorizer = _vectorizer(min_df=MIN_TEXTS)
    try:
        matrix = sp.csr_array(vectorizer.fit_transform(texts))
    except ValueError as error:  # scikit-learn's own message advises what cannot be changed here
        raise DataError("No word is found in two of the texts; more, or longer, texts are needed.") from error
    return vectorizer.get_feature_names_out().tolist(), matrix


def _count_known(terms: list[str], texts: Sequence[str], processes: int) -> Matrix:
    """The terms of each text, (texts, terms)."""
    if not texts:
        return sp.csr_array(np.empty((0, len(terms)), dtype=np.uint8))
    count = _vectorizer(vocabulary=terms).transform
    blocks = [texts[start : start + TEXTS_PER_JOB] for start in range(0, len(texts), TEXTS_PER_JOB)]
    counted: Any = Parallel(n_jobs=processes)(delayed(count)(block) for block in blocks)
    matrix: Matrix = sp.csr_array(sp.vstack(counted, format="csr"))
    return matrix

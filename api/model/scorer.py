"""The exact scorer: classifies one text straight from the model's weights, without scikit-learn's matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from api.model.classifier import Model
from api.model.linear import LinearPipeline, UnsupportedPipeline, Weights, kind, weights_of
from api.model.link import link_of

CLOSE = 1e-9  # largest difference from the pipeline's probabilities; if it could be more, the pipeline classifies
ROUNDING = 2e-15  # ten times the machine epsilon: sums of n parts in two orders differ by less than this × √n × size
STEP_TERMS = 250
Terms = set[int | None] | Counter[int | None]  # columns of a text's terms; counted, unless the vectoriser is binary
Columns = Iterable[int | None]  # of a text's terms, with repeats
Answer = tuple[int, Sequence[float], float | None]  # index of the best label, probability of each label, known share
LINEAR = {LogisticRegression, LogisticRegressionCV, SGDClassifier, Perceptron, LinearSVC}
LINEAR |= {RidgeClassifier, RidgeClassifierCV}
LENGTHS: dict[str | None, Callable[[NDArray[np.float64]], float]] = {
    "l1": lambda weights: float(np.abs(weights).sum()),
    "l2": lambda weights: sqrt(weights.dot(weights)),
    None: lambda weights: 1.0,
}
SAMPLES = [
    "",
    "A plain sentence of the kind that people write.",
    "THE SAME IN CAPITALS, ISN'T IT?",
    "Café, cafe\u0301, naïve: ß İ ς Σ ﬁ",
    "Wait... (what?!) -- \"no\" & 50% of $7/8; it's * 'so-so' *",
    "In 1999 it was 7.5/10",
    "🎬👍🏽 \u200b\0",
    "One line.<br /><br />Another one.",
    "good good good bad good",
    "This film was good, but not as good as the first one, and not as bad as the second. " * 20,
]


class Scorer:
    """Classifies single texts exactly as `Model.classify` does. Where rounding could decide, it asks the model itself.

    Each answer includes the text's `Model.known_share`, so that the text is split only once.

    It supports pipelines of a vectoriser with a vocabulary, selectors of terms, and a linear classifier. It knows them
    by their exact types, because a subclass may do anything. It shares the pipeline's weights, which must not change.
    It is thread-safe. Raises UnsupportedPipeline.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        try:
            self._take_apart(model)
            self._compare([*SAMPLES, *_texts_of(self._vocabulary)])
        except UnsupportedPipeline:
            raise
        except Exception as error:  # an unpickled object may raise anything
            raise UnsupportedPipeline(f"a sample cannot be scored ({type(error).__name__}: {error})") from error

    def classify(self, text: str) -> Answer:
        """Raises what the pipeline raises."""
        columns, known_share = self._columns(text)
        return self._answer(text, self._terms(columns), known_share)

    def steps(self, text: str) -> Iterator[Answer | None]:
        """The same in steps of a fraction of a millisecond: None after each step, and the answer at the end.

        The first step also splits the text and looks up its tokens. Unless `gradual`, it makes all terms, too.
        """
        found, known_share = self._columns(text)
        columns = iter(found)
        terms = self._terms(islice(columns, STEP_TERMS))
        while more := self._terms(islice(columns, STEP_TERMS)):
            yield None
            terms.update(more)
        yield self._answer(text, terms, known_share)

    def _answer(self, text: str, terms: Terms, known_share: float | None) -> Answer:
        scores, rounding = self._scores(terms)
        if rounding < CLOSE:  # false for NaN, too
            probabilities = self._link(scores)
            *_, second, first = sorted(probabilities)
            if first - second > CLOSE:
                return probabilities.index(first), probabilities, known_share
        best, rows = self._model.classify([text])
        return int(best[0]), rows[0].tolist(), known_share

    def _take_apart(self, model: Model) -> None:
        if type(model.pipeline) is not Pipeline:
            raise UnsupportedPipeline(f"{kind(model.pipeline)} is not a Pipeline")
        linear = model.linear
        vectorizer = linear.vectorizer
        weighting, selectors = _weighting_and_selectors(linear)
        self._vocabulary = vectorizer.vocabulary_
        self._terms: Callable[[Iterable[int | None]], Terms] = set if vectorizer.binary else Counter
        self._columns, self.gradual = _splitter(vectorizer, model.begins_with_words)
        self._sublinear, self._length = weighting.sublinear_tf, LENGTHS[weighting.norm]
        self._idf = np.asarray(weighting.idf_, np.float64) if hasattr(weighting, "idf_") else None
        coef, intercept = _weights(linear)
        self._coef = _of_all_terms(coef, selectors, len(self._vocabulary))
        self._intercept = intercept.tolist()
        self._link = link_of(linear.classifier, model.temperature)
        self._rounding = ROUNDING / (model.temperature or 1.0)
        self._largest_coef, self._largest_intercept = float(np.abs(self._coef).max()), float(np.abs(intercept).max())
        if not all(np.isfinite(part).all() for part in (self._coef, intercept, self._idf) if part is not None):
            raise UnsupportedPipeline("not all its weights are finite")

    def _scores(self, terms: Terms) -> tuple[list[float], float]:
        """The scores, (rows of coefficients,), and a bound on the rounding error of their probabilities."""
        values, columns = self._values(terms)
        length = self._length(values) or 1.0
        sums = self._coef.take(columns, axis=1).dot(values).tolist()
        # The Cauchy-Schwarz inequality bounds the size of the parts without adding them up.
        size = self._largest_coef * sqrt(len(columns) * values.dot(values)) / length + self._largest_intercept
        scores = [total / length + intercept for total, intercept in zip(sums, self._intercept, strict=True)]
        return scores, self._rounding * sqrt(len(columns)) * size

    def _values(self, terms: Terms) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The terms' TF-IDF values before normalisation, (terms,), and their columns."""
        if isinstance(terms, Counter):
            terms.pop(None, None)
        else:
            terms.discard(None)
        columns = np.fromiter(terms, np.intp, len(terms))
        weights = np.ones(len(terms)) if self._idf is None else self._idf.take(columns)
        if isinstance(terms, Counter):
            frequencies = np.fromiter(terms.values(), np.float64, len(terms))
            weights *= np.log(frequencies) + 1 if self._sublinear else frequencies
        return weights, columns

    def _compare(self, texts: list[str]) -> None:
        """Raises UnsupportedPipeline if the model classifies one of the texts differently."""
        labels, rows = self._model.classify(texts)
        for text, label, expected in zip(texts, labels.tolist(), rows, strict=True):
            own_label, probabilities, _ = self.classify(text)
            difference = float(np.abs(np.asarray(probabilities) - expected).max())
            if own_label != label or not difference <= CLOSE:
                raise UnsupportedPipeline(f"the answer to {text!r:.60} differs from the pipeline's by {difference:.1g}")


def _weighting_and_selectors(linear: LinearPipeline) -> tuple[Any, list[Any]]:
    """The TfidfTransformer after or within the vectoriser, and the selectors after it."""
    vectorizer, between = linear.vectorizer, list(linear.between)
    if type(vectorizer) not in (CountVectorizer, TfidfVectorizer):
        raise UnsupportedPipeline(f"{kind(vectorizer)} is not a vectoriser with a known formula")
    if (dtype := np.dtype(vectorizer.dtype)) not in (np.float64, np.int64):
        raise UnsupportedPipeline(f"the vectoriser's dtype is {dtype}")
    if type(vectorizer.vocabulary_) is not dict:
        raise UnsupportedPipeline(f"its vocabulary is a {kind(vectorizer.vocabulary_)}")
    weighting = TfidfTransformer(norm=None)  # not fitted, so without idf_: it leaves counts as they are
    if type(vectorizer) is TfidfVectorizer:
        weighting = vectorizer._tfidf  # which keeps the settings of the fit, even if they were changed later
    elif between and type(between[0]) is TfidfTransformer:
        weighting = between.pop(0)
    for step in between:
        # All of scikit-learn's selectors keep the columns of get_support() unchanged.
        if not type(step).__module__.startswith("sklearn.feature_selection."):
            raise UnsupportedPipeline(f"{kind(step)} is between the vectoriser and the classifier")
    return weighting, between


def _splitter(vectorizer: Any, begins_with_words: bool) -> tuple[Callable[[str], tuple[Columns, float | None]], bool]:
    """A function from a text to its columns, None for unknown terms, and its known share; and whether it is gradual.

    It is gradual for words found by a pattern: their n-grams are made here, one by one. The model's own functions may
    take long.
    """
    column_of = vectorizer.vocabulary_.get
    shortest, longest = vectorizer.ngram_range
    if vectorizer.analyzer != "word" or shortest < 1 or vectorizer.input != "content":
        analyze = vectorizer.build_analyzer()
        return lambda text: (map(column_of, analyze(text)), None), False
    preprocess, own = vectorizer.build_preprocessor(), vectorizer.tokenizer
    tokenize = (lambda text: list(own(text))) if own else vectorizer.build_tokenizer()
    stop_words = vectorizer.get_stop_words() or ()
    starts, longer = range(1, longest), range(max(shortest, 2), longest + 1)

    def split(text: str) -> tuple[Columns, float | None]:
        tokens = tokenize(preprocess(text))
        single = list(map(column_of, tokens)) if shortest == 1 else []
        known_share = None
        if begins_with_words:
            known_share = (len(tokens) - single.count(None)) / len(tokens) if tokens else 1.0
        if stop_words:
            tokens = [token for token in tokens if token not in stop_words]
            single = list(map(column_of, tokens)) if shortest == 1 else []
        shifted = [tokens, *[tokens[start:] for start in starts]]
        runs = [map(column_of, map(" ".join, zip(*shifted[:length], strict=False))) for length in longer]
        return chain(single, *runs), known_share

    return split, not own


def _weights(linear: LinearPipeline) -> Weights:
    """The weights of a classifier with a known formula. `_compare` detects one that scores otherwise."""
    classifier = linear.classifier
    known = type(classifier)
    if known is OneVsRestClassifier and not classifier.multilabel_:
        parts = [weights_of(_of_known_formula(estimator)) for estimator in classifier.estimators_]
        return np.concatenate([coef for coef, _ in parts]), np.concatenate([intercept for _, intercept in parts])
    if known is MultinomialNB:
        return classifier.feature_log_prob_, classifier.class_log_prior_
    if known is ComplementNB:  # which ignores the prior, as its paper does
        return classifier.feature_log_prob_, np.zeros(len(classifier.feature_log_prob_))
    _of_known_formula(classifier)
    return linear.weights


def _of_known_formula(classifier: Any) -> Any:
    if type(classifier) not in LINEAR:
        raise UnsupportedPipeline(f"{kind(classifier)} is not a classifier with a known formula")
    return classifier


def _of_all_terms(coef: NDArray[np.float64], selectors: list[Any], terms: int) -> NDArray[np.float64]:
    """The coefficients of all terms, (rows, terms): 0 for the columns that a selector drops."""
    columns = np.arange(terms)
    for selector in selectors:
        columns = columns[selector.get_support()]
    if len(columns) == terms:
        return np.ascontiguousarray(coef)
    spread = np.zeros((len(coef), terms))
    spread[:, columns] = coef
    return spread


def _texts_of(vocabulary: dict[Any, int]) -> list[str]:
    """Some of its terms, alone and together: samples in the model's own language or character n-grams."""
    terms = [term for term in islice(vocabulary, 0, None, len(vocabulary) // 40 + 1) if isinstance(term, str)]
    return [*terms, " ".join(terms * 2), "".join(terms)]

"""Predictions of the recipe, or of any model, on texts it was not fitted on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from training.arrays import FloatArray, IntArray
from training.calibration import calibrate_across_folds
from training.data import LabelledTexts
from training.terms import Corpus

FOLDS = 5
SEED = 0
WHOLE = FOLDS  # the number of the fit on all texts, which runs beside those of the folds

Fit: TypeAlias = Callable[[Corpus, IntArray, IntArray, list[str]], Pipeline]
OnFit: TypeAlias = Callable[[int, float | None], None]


@dataclass(frozen=True)
class Answers:
    """For n texts and k labels: probabilities (n, k), truth (n,) as label indices, and known_share (n,), each text's
    vocabulary coverage, or None for a model without a vocabulary."""

    labels: list[str]
    probabilities: FloatArray
    truth: IntArray
    known_share: FloatArray | None

    @property
    def predicted(self) -> IntArray:
        predicted: IntArray = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def confidence(self) -> FloatArray:
        """The probability of the predicted label, (n,)."""
        confidence: FloatArray = self.probabilities.max(axis=1)
        return confidence

    @property
    def correct(self) -> NDArray[np.bool_]:
        correct: NDArray[np.bool_] = self.predicted == self.truth
        return correct


@dataclass(frozen=True)
class Validated:
    """The model fitted on all texts, not calibrated, and the folds' predictions on held-out texts: logits (n, k),
    and calibrated answers, each fold calibrated on the other folds."""

    model: Pipeline
    logits: FloatArray
    answers: Answers


@dataclass(frozen=True)
class _Fitted:
    number: int
    model: Pipeline | None  # only of the fit on all texts: the others are not needed any more
    logits: FloatArray
    known_share: FloatArray


def cross_validate(data: LabelledTexts, corpus: Corpus, fit: Fit, processes: int, on_fit: OnFit) -> Validated:
    """Fit the recipe for each fold, and once on all texts.

    Calls on_fit(number from 0, accuracy, or None for the fit on all texts) after each fit. The result depends neither
    on the number of processes nor on their order.
    """
    labels = data.label_names
    truth = data.truth(labels)
    fold = fold_of_each(truth)
    logits, known_share = np.empty((len(truth), len(labels))), np.empty(len(truth))
    model = None
    for fitted in _fit_all(data, corpus, fold, fit, processes):
        held_out = fold == fitted.number
        logits[held_out], known_share[held_out] = fitted.logits, fitted.known_share
        model = fitted.model or model
        right = fitted.logits.argmax(axis=1) == truth[held_out]
        on_fit(fitted.number, float(np.mean(right)) if fitted.number != WHOLE else None)
    assert model is not None
    probabilities = calibrate_across_folds(logits, truth, fold, with_bias=True)
    return Validated(model, logits, Answers(labels, probabilities, truth, known_share))


def class_logits(model: Any, texts: Sequence[str]) -> FloatArray:
    """Decision scores as (n, k) logits; the single score that two labels have is that of the second."""
    scores = np.asarray(model.decision_function(texts), dtype=np.float64)
    return np.column_stack([np.zeros_like(scores), scores]) if scores.ndim == 1 else scores


def known_token_shares(vectorizer: CountVectorizer, texts: Sequence[str]) -> FloatArray:
    """Each text's vocabulary coverage, (n,): the share of its tokens in the vocabulary; 1 for a text without tokens."""
    preprocess, tokenize = vectorizer.build_preprocessor(), vectorizer.build_tokenizer()
    vocabulary = vectorizer.vocabulary_
    shares = np.ones(len(texts))
    for row, text in enumerate(texts):
        tokens = tokenize(preprocess(text))
        if tokens:
            shares[row] = sum(token in vocabulary for token in tokens) / len(tokens)
    return shares


def fold_of_each(truth: IntArray) -> IntArray:
    """The fold, of FOLDS, in which each text is held out, (n,); labels are spread evenly over folds."""
    fold = np.empty(len(truth), dtype=np.intp)
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(truth, truth)
    for number, (_, held_out) in enumerate(splits):
        fold[held_out] = number
    return fold


def _fit_all(data: LabelledTexts, corpus: Corpus, fold: IntArray, fit: Fit, processes: int) -> Iterator[_Fitted]:
    jobs = (delayed(_fit_one)(data, corpus, fold, fit, number) for number in [*range(FOLDS), WHOLE])
    # No more at a time than there are processes: queued ones would each hold their own copy of the texts.
    parallel: Any = Parallel(n_jobs=processes, pre_dispatch=processes, return_as="generator_unordered")
    yield from parallel(jobs)


def _fit_one(data: LabelledTexts, corpus: Corpus, fold: IntArray, fit: Fit, number: int) -> _Fitted:
    """The fit without the texts of this fold; fold WHOLE holds none."""
    seen, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
    labels = data.label_names
    # One thread: with more, sums are made in another order and the last digits differ.
    with threadpool_limits(limits=1):
        model = fit(corpus, seen, data.truth(labels)[seen], labels)
        if number == WHOLE:
            return _Fitted(number, model, np.empty((0, len(labels))), np.empty(0))
        texts = [data.texts[row] for row in held_out]
        shares = known_token_shares(model.named_steps["tfidf"], texts)
        return _Fitted(number, None, class_logits(model, texts), shares)

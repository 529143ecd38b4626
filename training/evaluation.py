"""Cross-validation: what the recipe predicts for texts it has not been fitted on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from training.data import LabelledTexts
from training.recipe import Fit

FOLDS = 5
SEED = 0

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
OnFold: TypeAlias = Callable[[int, float], None]


@dataclass(frozen=True)
class OutOfFold:
    """For n texts and k labels: logits (n, k), whose softmax is the probability; truth (n,), label indices."""

    labels: list[str]
    logits: FloatArray
    truth: IntArray

    @property
    def predicted(self) -> IntArray:
        predicted: IntArray = self.logits.argmax(axis=1)
        return predicted


def predict_out_of_fold(data: LabelledTexts, fit: Fit, processes: int, on_fold: OnFold) -> OutOfFold:
    """Fits everything anew for each fold; calls on_fold(fold from 0, accuracy) as each one finishes.

    The result does not depend on the number of processes or on which fold finishes first.
    """
    labels = sorted(set(data.labels))
    truth = np.searchsorted(labels, data.labels)
    logits = np.empty((len(truth), len(labels)))
    for fold, test, fold_logits in _run_folds(data, truth, fit, processes):
        logits[test] = fold_logits
        on_fold(fold, float(np.mean(fold_logits.argmax(axis=1) == truth[test])))
    return OutOfFold(labels, logits, truth)


def fit_reproducibly(fit: Fit, texts: list[str], labels: list[str]) -> Pipeline:
    """Fits on one thread: with more, sums are made in another order and the last digits differ."""
    with threadpool_limits(limits=1):
        return fit(texts, labels)


def class_logits(pipeline: Pipeline, texts: list[str]) -> FloatArray:
    """Decision scores as (n, k) logits; the single score that two labels have is that of the second."""
    scores = np.asarray(pipeline.decision_function(texts), dtype=np.float64)
    return np.column_stack([np.zeros_like(scores), scores]) if scores.ndim == 1 else scores


def _run_folds(
    data: LabelledTexts, truth: IntArray, fit: Fit, processes: int
) -> Iterator[tuple[int, IntArray, FloatArray]]:
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(truth, truth)
    jobs = (delayed(_run_fold)(data, fit, fold, train, test) for fold, (train, test) in enumerate(splits))
    # One fold a process at a time: queued ones would each hold their own copy of the texts.
    parallel: Any = Parallel(n_jobs=processes, pre_dispatch=processes, return_as="generator_unordered")
    yield from parallel(jobs)


def _run_fold(
    data: LabelledTexts, fit: Fit, fold: int, train: IntArray, test: IntArray
) -> tuple[int, IntArray, FloatArray]:
    texts, labels = ([column[i] for i in train] for column in (data.texts, data.labels))
    pipeline = fit_reproducibly(fit, texts, labels)
    return fold, test, class_logits(pipeline, [data.texts[i] for i in test])

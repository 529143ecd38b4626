"""Explains a prediction exactly: a linear model's score is the intercept plus one contribution for each term."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from api.model.classifier import Model, Prediction
from api.model.linear import LinearPipeline, UnsupportedPipeline, kind
from api.model.tokens import share_among_tokens
from api.schemas import ExplainResponse, Term

SINGLE_PRECISION = 1e-5  # a score may differ from the sum of its parts by this share: weights may have 32 bits


class Unexplainable(Exception):
    """The model has no exact explanation. The text names the part that prevents one, and which models have one."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The model has no exact explanation, since {reason}; use one of a text vectoriser with a vocabulary, "
            "steps that keep or select its terms, and a linear classifier."
        )


class Explainer:
    """Explains predictions. The first text pays for the preparation, so that the service starts faster."""

    def __init__(self, model: Model, predict: Callable[[str], Prediction]) -> None:
        self._model, self._predict = model, predict

    def explain(self, text: str) -> ExplainResponse:
        """Raises Unexplainable."""
        labels = self._model.labels
        prediction = self._predict(text)
        label = labels[1] if len(labels) == 2 else prediction.label
        try:
            score, intercept, contributions = self._parts(text, labels.index(label))
        except UnsupportedPipeline as error:
            raise Unexplainable(str(error)) from error
        probabilities = zip(labels, self._model.classify([text])[1][0].tolist(), strict=True)
        strongest_first = sorted(contributions.items(), key=lambda item: (-abs(item[1]), item[0]))
        return ExplainResponse(
            predicted_sentiment=prediction.label,
            confidence=prediction.confidence,
            probabilities={name: round(probability, 6) for name, probability in probabilities},
            model_version=self._model.version,
            label=label,
            score=score,
            intercept=intercept,
            terms=[Term(term=str(term), contribution=contribution) for term, contribution in strongest_first],
            tokens=share_among_tokens(self._model.linear.vectorizer, text, contributions),
        )

    @cached_property
    def _terms(self) -> NDArray[np.object_]:
        """The term of each feature that the classifier is given. Raises UnsupportedPipeline."""
        linear = self._model.linear
        if not (hasattr(linear.vectorizer, "vocabulary_") and hasattr(linear.vectorizer, "build_analyzer")):
            raise UnsupportedPipeline(f"{kind(linear.vectorizer)} has no vocabulary")
        names = linear.vectorizer.get_feature_names_out()
        terms = set(names)
        for step in linear.between:
            names = step.get_feature_names_out(names) if hasattr(step, "get_feature_names_out") else ["?"]
            if len(set(names)) < len(names) or not terms.issuperset(names):
                raise UnsupportedPipeline(f"the columns that {kind(step)} makes are not terms")
        return np.asarray(names, dtype=object)

    def _parts(self, text: str, label: int) -> tuple[float, float, dict[Any, float]]:
        """The score of the label with this index, its intercept, and the contribution of each term of the text."""
        linear = self._model.linear
        (coef, intercepts), terms = linear.weights, self._terms
        features = self._model.pipeline[:-1].transform([text])
        row = 0 if len(coef) == 1 else label
        score = float(np.ravel(linear.classifier.decision_function(features))[row])
        values = csr_array(features)
        products = values.data * coef[row, values.indices]
        contributions = dict(zip(terms[values.indices], products.tolist(), strict=True))
        _check_terms(linear, text, contributions)
        _check_sum(linear, score, float(intercepts[row]), products)
        return score, float(intercepts[row]), contributions


def _check_terms(linear: LinearPipeline, text: str, contributions: dict[Any, float]) -> None:
    """A step may name its columns after terms, and still give them other values: one that centres them does."""
    for term in contributions.keys() - set(linear.vectorizer.build_analyzer()(text)):
        raise UnsupportedPipeline(f"a step gives the term {term!r} a value in a text without it")


def _check_sum(linear: LinearPipeline, score: float, intercept: float, products: NDArray[np.float64]) -> None:
    """A classifier may have coef_ and still score otherwise: one that compares pairs of labels does."""
    size = abs(intercept) + fsum(abs(products))
    if abs(intercept + fsum(products) - score) > SINGLE_PRECISION * size:
        raise UnsupportedPipeline(f"the scores of {kind(linear.classifier)} are not sums of its coef_")

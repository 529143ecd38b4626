"""Why the model answers as it does: a linear model's score is a sum, in which each term of the text has its part."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from api.model.classifier import Model, Prediction
from api.model.tokens import share_among_tokens
from api.schemas import ExplainResponse, Term

SINGLE_PRECISION = 1e-5  # how far, of the size of its parts, the score of a model of 32-bit numbers is from their sum


class Unexplainable(Exception):
    """The model's score is not a sum over terms; the text names the part that prevents it, and what would not."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The model has no exact explanation, since {reason}; use one of a text vectoriser with a vocabulary, "
            "steps that keep or select its terms, and a linear classifier."
        )


class Explainer:
    """Explains a model's answers. What it needs of the model is made for the first text: the start is not slower."""

    def __init__(self, model: Model, predict: Callable[[str], Prediction]) -> None:
        self._model, self._predict = model, predict

    @cached_property
    def _linear(self) -> LinearPipeline:
        return LinearPipeline(self._model.pipeline)

    def explain(self, text: str) -> ExplainResponse:
        """Raises Unexplainable."""
        linear, labels = self._linear, self._model.labels
        prediction = self._predict(text)
        label = labels[1] if len(labels) == 2 else prediction.label
        score, intercept, contributions = linear.parts(text, labels.index(label))
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
            tokens=share_among_tokens(linear.vectorizer, text, contributions),
        )


class LinearPipeline:
    """A pipeline whose scores are sums over the terms of the text. Raises Unexplainable if they are not."""

    def __init__(self, pipeline: Any) -> None:
        steps = [step for _, step in getattr(pipeline, "steps", []) if step not in (None, "passthrough")]
        if not steps:
            raise Unexplainable(f"{_kind(pipeline)} is not a Pipeline")
        self.vectorizer, self._classifier = steps[0], steps[-1]
        if not (hasattr(self.vectorizer, "vocabulary_") and hasattr(self.vectorizer, "build_analyzer")):
            raise Unexplainable(f"{_kind(self.vectorizer)} has no vocabulary")
        self._coef = _coefficients(self._classifier, len(pipeline.classes_))
        self._terms = _terms_of_columns(self.vectorizer, steps[1:-1])
        self._features = pipeline[:-1]

    def parts(self, text: str, label: int) -> tuple[float, float, dict[Any, float]]:
        """The score for the label with this index, its intercept, and what each term of the text adds to that."""
        features = self._features.transform([text])
        row = 0 if len(self._coef) == 1 else label
        score = float(np.ravel(self._classifier.decision_function(features))[row])
        intercept = float(np.broadcast_to(self._classifier.intercept_, len(self._coef))[row])
        values = csr_array(features)
        products = values.data * self._coef[row, values.indices]
        contributions = dict(zip(self._terms[values.indices], products.tolist(), strict=True))
        self._check_terms(text, contributions)
        self._check_sum(score, intercept, products)
        return score, intercept, contributions

    def _check_terms(self, text: str, contributions: dict[Any, float]) -> None:
        """A step may name its columns after terms and yet fill them as it likes, as one that centres them does."""
        for term in contributions.keys() - set(self.vectorizer.build_analyzer()(text)):
            raise Unexplainable(f"a step gives the term {term!r} a value in a text without it")

    def _check_sum(self, score: float, intercept: float, products: NDArray[np.float64]) -> None:
        """A classifier may have coef_ and yet score otherwise, as one that compares pairs of labels does."""
        size = abs(intercept) + fsum(abs(products))
        if abs(intercept + fsum(products) - score) > SINGLE_PRECISION * size:
            raise Unexplainable(f"the scores of {_kind(self._classifier)} are not sums of its coef_")


def _coefficients(classifier: Any, labels: int) -> NDArray[np.float64]:
    """One row for two labels, for the second of them, and else one for each."""
    for name in ("decision_function", "coef_", "intercept_"):
        if not hasattr(classifier, name):
            raise Unexplainable(f"{_kind(classifier)} has no {name}")
    coef = np.atleast_2d(classifier.coef_.toarray() if hasattr(classifier.coef_, "toarray") else classifier.coef_)
    if len(coef) != (1 if labels == 2 else labels):
        raise Unexplainable(f"{_kind(classifier)} has {len(coef)} rows of coef_ for {labels} labels")
    return np.asarray(coef, dtype=np.float64)


def _terms_of_columns(vectorizer: Any, steps: list[Any]) -> NDArray[np.object_]:
    """The term of each column that the last of `steps` gives."""
    names = vectorizer.get_feature_names_out()
    terms = set(names)
    for step in steps:
        names = step.get_feature_names_out(names) if hasattr(step, "get_feature_names_out") else ["?"]
        if len(set(names)) < len(names) or not terms.issuperset(names):
            raise Unexplainable(f"the columns that {_kind(step)} makes are not terms")
    return np.asarray(names, dtype=object)


def _kind(part: Any) -> str:
    return type(part).__name__

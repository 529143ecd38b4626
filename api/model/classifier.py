"""The model: a scikit-learn classifier of texts, its labels and its probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from api.model.linear import LinearPipeline


class ModelUnavailable(Exception):
    """There is no usable model; the text is the reason and how to fix it."""


class Prediction(NamedTuple):
    label: str
    confidence: float  # the model's probability for this label
    known_share: float | None = (
        None  # of the text's tokens that the model knows; None for a model without a vocabulary of words
    )


class Model:
    """A fitted classifier of texts with `predict_proba`, else `decision_function`; `labels` are its `classes_`.

    Without `predict_proba`, probabilities are softmax(scores / temperature). For two labels there is one score, that of
    the second label; the first has score 0, so softmax is the sigmoid. With it, `temperature` is None.
    """

    def __init__(self, pipeline: Any, card: dict[str, Any], temperature: float = 1.0) -> None:
        self.pipeline, self.card = pipeline, card
        self.version: str = card["model_version"]
        self.labels = [str(label) for label in pipeline.classes_]
        self.temperature = None if hasattr(pipeline, "predict_proba") else temperature
        namesakes = Counter(_folded(label) for label in self.labels)
        self._longest_name = max(map(len, namesakes))
        self._by_folded_name = {_folded(label): label for label in self.labels if namesakes[_folded(label)] == 1}
        self._known_share = _known_share(pipeline)
        self.begins_with_words = self._known_share is not None

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        best, probabilities = self.classify(texts)
        answers = zip(best, probabilities, map(self.known_share, texts), strict=True)
        return [self.prediction(label, row[label], known_share) for label, row, known_share in answers]

    def prediction(self, label: int, probability: float, known_share: float | None) -> Prediction:
        """The prediction of the label with this index, with rounded figures."""
        known_share = None if known_share is None else round(known_share, 6)
        return Prediction(self.labels[label], round(float(probability), 6), known_share)

    @cached_property
    def linear(self) -> LinearPipeline:
        """The pipeline taken apart. Raises UnsupportedPipeline."""
        return LinearPipeline(self.pipeline)

    def known_share(self, text: str) -> float | None:
        """The share of the text's tokens, with stop words, that are in the vocabulary; 1 for a text without tokens.

        None for a model without a vocabulary of single words.
        """
        return self._known_share(text) if self._known_share else None

    def classify(self, texts: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The index of the best label, (n,), and the probability of each label, (n, labels)."""
        if self.temperature is None:
            probabilities = np.asarray(self.pipeline.predict_proba(texts))
            return probabilities.argmax(axis=1), probabilities
        scores = np.asarray(self.pipeline.decision_function(texts))
        if scores.ndim == 1:
            scores = np.column_stack([np.zeros_like(scores), scores])
        # By score, because a high temperature can round different scores to the same probability.
        return scores.argmax(axis=1), softmax(scores / self.temperature, axis=1)

    def label_named(self, name: str) -> str | None:
        """The label called `name`, or None.

        Surrounding blanks are ignored. Case is ignored, too, unless labels differ only by case.
        """
        for exact in (name, name.strip()):
            if exact in self.labels:
                return exact
        if len(exact) > self._longest_name:  # folding never shortens a name, and is slow for megabytes
            return None
        return self._by_folded_name.get(_folded(name))


def _known_share(pipeline: Any) -> Callable[[str], float] | None:
    vectorizer: Any = pipeline.steps[0][1] if hasattr(pipeline, "steps") else pipeline
    if not (hasattr(vectorizer, "vocabulary_") and hasattr(vectorizer, "build_tokenizer")):
        return None
    if vectorizer.analyzer != "word" or vectorizer.ngram_range[0] != 1:
        return None
    preprocess, tokenize = vectorizer.build_preprocessor(), vectorizer.build_tokenizer()
    vocabulary = vectorizer.vocabulary_

    def share(text: str) -> float:
        tokens = list(tokenize(preprocess(text)))
        return sum(token in vocabulary for token in tokens) / len(tokens) if tokens else 1.0

    return share


def _folded(name: str) -> str:
    return name.strip().casefold()

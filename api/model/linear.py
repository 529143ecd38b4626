"""Takes a pipeline with a linear classifier apart. The scorer and the explanation share this one reading."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = tuple[NDArray[np.float64], NDArray[np.float64]]  # coefficients, (rows, features), and intercepts, (rows,)


class UnsupportedPipeline(Exception):
    """The pipeline has a part that the scorer or the explanation does not support; the text names the part."""


class LinearPipeline:
    """A fitted pipeline's steps: a vectoriser, the steps `between`, and the classifier. Raises UnsupportedPipeline."""

    def __init__(self, pipeline: Any) -> None:
        steps = [step for _, step in getattr(pipeline, "steps", []) if step not in (None, "passthrough")]
        if not steps:
            raise UnsupportedPipeline(f"{kind(pipeline)} is not a Pipeline")
        self.vectorizer, self.between, self.classifier = steps[0], steps[1:-1], steps[-1]
        self._labels = len(pipeline.classes_)

    @cached_property
    def weights(self) -> Weights:
        """A row for each label; of two labels, one row for the second is enough. Raises UnsupportedPipeline."""
        coef, intercept = weights_of(self.classifier)
        if len(coef) not in ((1, 2) if self._labels == 2 else (self._labels,)):
            raise UnsupportedPipeline(
                f"{kind(self.classifier)} has {len(coef)} rows of coef_ for {self._labels} labels"
            )
        return coef, intercept


def weights_of(classifier: Any) -> Weights:
    """The weights of a linear classifier, not copied if dense and of 64 bits. Raises UnsupportedPipeline."""
    for name in ("decision_function", "coef_", "intercept_"):
        if not hasattr(classifier, name):
            raise UnsupportedPipeline(f"{kind(classifier)} has no {name}")
    coef = classifier.coef_.toarray() if hasattr(classifier.coef_, "toarray") else classifier.coef_
    coef = np.atleast_2d(np.asarray(coef, np.float64))
    return coef, np.broadcast_to(np.asarray(classifier.intercept_, np.float64), len(coef))


def kind(part: Any) -> str:
    return type(part).__name__

"""Temperature calibration, folded into the coefficients so that it costs nothing at run time."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from training.evaluation import FloatArray, IntArray

MAX_TEMPERATURE = 100.0


def fit_temperature(logits: FloatArray, truth: IntArray) -> float:
    """The T that minimises the log loss of softmax(logits / T), between 1/100 and 100.

    Guo et al. (2017), On Calibration of Modern Neural Networks, section 4.2. Predictions do not change.
    """
    bound = float(np.log(MAX_TEMPERATURE))
    # Over log T, where twice and half as sharp are equally far.
    found = minimize_scalar(
        lambda log_t: _log_loss(logits / np.exp(log_t), truth),
        bounds=(-bound, bound),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def calibrated_confidences(logits: FloatArray, temperature: float) -> FloatArray:
    """Probability of the predicted label, (n,), for logits (n, k)."""
    confidences: FloatArray = softmax(logits / temperature, axis=1).max(axis=1)
    return confidences


def fold_temperature(pipeline: Pipeline, temperature: float) -> Pipeline:
    """A plain pipeline with scores divided by the temperature.

    It is built anew rather than changed, so that nothing left over from fitting is shipped: fitting leaves
    a memory address in the vectorizer, for example, which differs from run to run.
    """
    (text_step, vectorizer), (label_step, classifier) = pipeline.steps
    steps = [(text_step, _bare_vectorizer(vectorizer)), (label_step, _scaled_classifier(classifier, temperature))]
    return Pipeline(steps)


def _bare_vectorizer(fitted: TfidfVectorizer) -> TfidfVectorizer:
    # Double precision for serving: another program that sums the same weights gets the same digits.
    bare = clone(fitted).set_params(vocabulary=None, dtype=np.float64)
    # In alphabetical order, and with Python's integers, the file is smaller and loads faster.
    bare.vocabulary_ = {term: int(column) for term, column in sorted(fitted.vocabulary_.items())}
    bare.idf_ = fitted.idf_.astype(np.float64)
    return bare


def _scaled_classifier(fitted: LogisticRegression, temperature: float) -> LogisticRegression:
    scaled = clone(fitted)
    scaled.classes_ = fitted.classes_
    scaled.coef_ = fitted.coef_.astype(np.float64) / temperature
    scaled.intercept_ = fitted.intercept_.astype(np.float64) / temperature
    scaled.n_features_in_ = fitted.n_features_in_
    return scaled


def _log_loss(logits: FloatArray, truth: IntArray) -> float:
    return -float(np.mean(log_softmax(logits, axis=1)[np.arange(len(truth)), truth]))

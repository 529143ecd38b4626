"""Folds a linear model and its calibration into a plain scikit-learn pipeline, at no cost in prediction time."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from training.arrays import FloatArray
from training.calibration import Calibration
from training.terms import NGRAM_RANGE, TOKEN_PATTERN


def to_pipeline(
    terms: list[str], idf: FloatArray, coefficients: FloatArray, intercepts: FloatArray, labels: list[str]
) -> Pipeline:
    """A pipeline with these scores. coefficients is (m, terms) and intercepts (m,), with m = 1 for two labels.

    It is constructed, not fitted, because fitting leaves values that differ between runs, such as a memory address in
    the vectorizer.
    """
    vectorizer = TfidfVectorizer(token_pattern=TOKEN_PATTERN, ngram_range=NGRAM_RANGE, binary=True)
    # In alphabetical order, and with Python's integers, the file is smaller and loads faster.
    vectorizer.vocabulary_ = {term: column for column, term in enumerate(terms)}
    vectorizer.idf_ = idf
    classifier = LogisticRegression()
    classifier.classes_ = np.array(labels)
    classifier.coef_, classifier.intercept_ = coefficients, intercepts
    classifier.n_features_in_ = len(terms)
    return Pipeline([("tfidf", vectorizer), ("classifier", classifier)])


def fold_calibration(pipeline: Pipeline, calibration: Calibration) -> Pipeline:
    """A pipeline with calibrated probabilities; the given one is unchanged.

    Weights are rounded to half precision, which changes probabilities in the fourth digit and makes the file a quarter
    smaller. They are stored in double precision, so that any program that sums them gets the same digits.
    """
    vectorizer, classifier = pipeline.named_steps["tfidf"], pipeline.named_steps["classifier"]
    bias = calibration.bias if len(classifier.intercept_) > 1 else calibration.bias[1:]
    return to_pipeline(
        list(vectorizer.vocabulary_),
        _rounded(vectorizer.idf_),
        _rounded(classifier.coef_ / calibration.temperature),
        classifier.intercept_ / calibration.temperature + bias,
        classifier.classes_.tolist(),
    )


def _rounded(weights: FloatArray) -> FloatArray:
    return weights.astype(np.float16).astype(np.float64)

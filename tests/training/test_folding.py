"""Folding: the shipped pipeline is plain, and its probabilities are the calibrated ones of the scores."""

import io
import pickle

import joblib
import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tests.training.conftest import fit_to_all
from training.calibration import Calibration
from training.evaluation import class_logits
from training.folding import fold_calibration, to_pipeline
from training.terms import NGRAM_RANGE, TOKEN_PATTERN

LABELS = {2: ["negative", "positive"], 3: ["bad", "good", "neither"]}
CALIBRATIONS = {2: Calibration(0.4, np.array([0, -0.7])), 3: Calibration(1.7, np.array([0, 0.4, -1.5]))}
UNSEEN = ["", "word1 word2", "no such thing", "positive1 bad1 good2 negative3 positive3 neither2"]


@pytest.fixture(scope="module")
def fitted(data):
    return fit_to_all(data)


@pytest.fixture(scope="module")
def calibration(fitted):
    return CALIBRATIONS[len(fitted.classes_)]


@pytest.fixture(scope="module")
def folded(fitted, calibration):
    return fold_calibration(fitted, calibration)


def half_precise_pipeline(k):
    """A pipeline whose weights half precision can hold, also when they are halved or doubled."""
    terms = ["bad", "film", "good", "not", "not good"]
    random = np.random.default_rng(0)
    rows = 1 if k == 2 else k
    coefficients = random.integers(-64, 64, (rows, len(terms))) / 16
    return to_pipeline(terms, 1 + np.arange(5) / 8, coefficients, np.array([0.3, -0.2, 0.1][:rows]), LABELS[k])


def test_the_probabilities_are_the_calibrated_ones_of_the_scores(fitted, folded, calibration, data):
    texts = data.texts + UNSEEN
    expected = calibration.probabilities(class_logits(fitted, texts))
    assert folded.predict_proba(texts) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_two_labels_get_the_sigmoid_of_the_score_over_t_plus_b(temperature):
    pipeline, texts = half_precise_pipeline(2), ["A good film", "not good", "bad", ""]
    folded = fold_calibration(pipeline, Calibration(temperature, np.array([0, 0.7])))
    expected = expit(pipeline.decision_function(texts) / temperature + 0.7)
    assert folded.predict_proba(texts) == pytest.approx(np.column_stack([1 - expected, expected]), abs=1e-9)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_three_labels_get_the_softmax_of_the_scores_over_t_plus_b(temperature):
    pipeline, texts = half_precise_pipeline(3), ["A good film", "not good", "bad", ""]
    bias = np.array([0, 0.7, -0.3])
    folded = fold_calibration(pipeline, Calibration(temperature, bias))
    expected = softmax(pipeline.decision_function(texts) / temperature + bias, axis=1)
    assert folded.predict_proba(texts) == pytest.approx(expected, abs=1e-9)


def test_the_pipeline_is_a_vectorizer_and_a_linear_model_with_the_labels(folded, data):
    assert [type(step) for _, step in folded.steps] == [TfidfVectorizer, LogisticRegression]
    assert folded.classes_.tolist() == data.label_names
    assert set(folded.predict(data.texts)) <= set(data.labels)


def test_built_and_fitted_pipelines_with_the_same_weights_give_the_same_answers(two_labels):
    vectorizer = TfidfVectorizer(token_pattern=TOKEN_PATTERN, ngram_range=NGRAM_RANGE, binary=True)
    classifier = LogisticRegression().fit(vectorizer.fit_transform(two_labels.texts), two_labels.labels)
    terms = vectorizer.get_feature_names_out().tolist()
    built = to_pipeline(terms, vectorizer.idf_, classifier.coef_, classifier.intercept_, two_labels.label_names)
    texts = two_labels.texts + UNSEEN
    expected = classifier.predict_proba(vectorizer.transform(texts))
    assert built.predict_proba(texts) == pytest.approx(expected, abs=1e-12)


def test_weights_are_of_half_precision_held_in_double_precision(folded):
    vectorizer, classifier = folded[0], folded[1]
    for weights in (vectorizer.idf_, classifier.coef_):
        assert weights.dtype == np.float64
        assert np.array_equal(weights.astype(np.float16), weights)


def test_folding_leaves_the_fitted_pipeline_as_it_was(data):
    fitted = fit_to_all(data)
    before = pickle.dumps(fitted)
    fold_calibration(fitted, CALIBRATIONS[len(data.label_names)])
    assert pickle.dumps(fitted) == before


def test_the_vocabulary_is_sorted_and_counts_in_python_integers(folded):
    vocabulary = folded[0].vocabulary_
    assert list(vocabulary) == sorted(vocabulary)
    assert list(vocabulary.values()) == list(range(len(vocabulary)))
    assert {type(column) for column in vocabulary.values()} == {int}
    assert {type(term) for term in vocabulary} == {str}


def test_a_folded_pipeline_survives_saving(folded):
    buffer = io.BytesIO()
    joblib.dump(folded, buffer, compress=3)
    buffer.seek(0)
    assert np.array_equal(joblib.load(buffer).predict_proba(UNSEEN), folded.predict_proba(UNSEEN))


def test_nothing_but_parameters_and_what_was_learnt_is_saved(folded, calibration, data):
    """What scikit-learn notes in passing, such as memory addresses, would make the file differ from run to run."""
    again = fold_calibration(fit_to_all(data), calibration)
    parameters = [set(clone(step).get_params()) for _, step in again.steps]
    assert [set(vars(step)) - allowed for (_, step), allowed in zip(again.steps, parameters, strict=True)] == [
        {"_tfidf", "fixed_vocabulary_", "vocabulary_"},
        {"classes_", "coef_", "intercept_", "n_features_in_"},
    ]


def test_a_pipeline_that_has_been_used_is_folded_to_the_same_bytes(data, calibration):
    fitted = fit_to_all(data)
    fresh = pickle.dumps(fold_calibration(fitted, calibration))
    fitted.predict(UNSEEN)
    assert pickle.dumps(fold_calibration(fitted, calibration)) == fresh
    assert b"_stop_words_id" not in fresh

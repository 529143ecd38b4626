"""Folding: the shipped pipeline is plain, and its probabilities are those of the scores divided by T."""

import io
import pickle

import joblib
import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from training.evaluation import class_logits, fit_reproducibly
from training.folding import calibrated_confidences, fit_temperature, fold_temperature
from training.recipe import build_pipeline, fit

TEMPERATURES = [0.3, 1.0, 2.5]
UNSEEN = ["", "word1 word2", "no such thing", "positive1 bad1 good2 negative3 positive3 neither2"]


def fit_in_double_precision(data):
    return build_pipeline().set_params(tfidf__dtype=np.float64).fit(data.texts, data.labels)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_two_labels_get_the_sigmoid_of_the_score_over_t(two_labels, temperature):
    fitted = fit_in_double_precision(two_labels)
    texts = two_labels.texts + UNSEEN
    expected = expit(fitted.decision_function(texts) / temperature)
    folded = fold_temperature(fitted, temperature).predict_proba(texts)
    assert folded == pytest.approx(np.column_stack([1 - expected, expected]), abs=1e-9)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_three_labels_get_the_softmax_of_the_scores_over_t(three_labels, temperature):
    fitted = fit_in_double_precision(three_labels)
    texts = three_labels.texts + UNSEEN
    expected = softmax(fitted.decision_function(texts) / temperature, axis=1)
    assert fold_temperature(fitted, temperature).predict_proba(texts) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("corpus", ["two_labels", "three_labels"])
def test_folding_the_recipe_keeps_predictions_and_calibrated_confidences(corpus, request):
    data = request.getfixturevalue(corpus)
    fitted = fit(data.texts, data.labels)
    folded = fold_temperature(fitted, 0.5)
    expected = calibrated_confidences(class_logits(fitted, data.texts), 0.5)
    assert folded.predict_proba(data.texts).max(axis=1) == pytest.approx(expected, abs=1e-5)
    assert folded.predict(data.texts).tolist() == fitted.predict(data.texts).tolist()


def test_folding_leaves_the_fitted_pipeline_as_it_was(two_labels):
    fitted = fit(two_labels.texts, two_labels.labels)
    before = fitted.predict_proba(two_labels.texts)
    fold_temperature(fitted, 2.0)
    assert np.array_equal(fitted.predict_proba(two_labels.texts), before)


def test_the_folded_vocabulary_is_sorted_and_counts_in_python_integers(two_labels):
    vocabulary = fold_temperature(fit(two_labels.texts, two_labels.labels), 1.0)[0].vocabulary_
    assert list(vocabulary) == sorted(vocabulary)
    assert {type(column) for column in vocabulary.values()} == {int}


def test_a_recipe_with_a_vocabulary_of_its_own_can_be_folded(two_labels):
    vocabulary = ["positive1", "negative1", "word1"]
    fitted = build_pipeline().set_params(tfidf__vocabulary=vocabulary, tfidf__dtype=np.float64)
    fitted.fit(two_labels.texts, two_labels.labels)
    folded = fold_temperature(fitted, 1.0)
    assert np.allclose(folded.predict_proba(UNSEEN), fitted.predict_proba(UNSEEN), atol=1e-9)
    assert folded[0].vocabulary is None


def test_a_folded_pipeline_survives_saving(three_labels):
    folded = fold_temperature(fit(three_labels.texts, three_labels.labels), 1.5)
    buffer = io.BytesIO()
    joblib.dump(folded, buffer, compress=3)
    buffer.seek(0)
    assert np.array_equal(joblib.load(buffer).predict_proba(UNSEEN), folded.predict_proba(UNSEEN))


def test_a_folded_pipeline_keeps_nothing_of_having_been_used(two_labels):
    fitted = fit_reproducibly(fit, two_labels.texts, two_labels.labels)
    fresh = pickle.dumps(fold_temperature(fitted, 1.0))
    fitted.predict(UNSEEN)
    assert pickle.dumps(fold_temperature(fitted, 1.0)) == fresh
    assert b"_stop_words_id" not in fresh


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("n_labels", [2, 4])
def test_scores_that_are_too_sharp_by_a_factor_get_it_as_temperature(factor, n_labels):
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(20_000, n_labels))
    truth = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from softmax(logits)
    assert fit_temperature(logits * factor, truth) == pytest.approx(factor, rel=0.05)


def test_no_other_temperature_has_a_lower_log_loss():
    random = np.random.default_rng(1)
    logits, truth = random.normal(size=(500, 3)), random.integers(0, 3, 500)
    logits[np.arange(500), truth] += 1

    def loss(temperature):
        return -log_softmax(logits / temperature, axis=1)[np.arange(500), truth].mean()

    best = fit_temperature(logits, truth)
    assert all(loss(best) <= loss(best * factor) for factor in (0.2, 0.9, 0.99, 1.01, 1.1, 5))


def test_separable_scores_get_a_small_but_usable_temperature():
    logits = np.array([[0.0, 5.0], [5.0, 0.0]])
    temperature = fit_temperature(logits, np.array([1, 0]))
    assert np.isfinite(calibrated_confidences(logits, temperature)).all()
    assert 0.01 <= temperature < 1

"""Cross-validation: nothing is predicted by a model that has seen it, however the work is divided."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from tests.training.conftest import fit_to_all, ignore, make_rows, to_corpus
from training.calibration import calibrate_across_folds
from training.evaluation import (
    FOLDS,
    WHOLE,
    Answers,
    class_logits,
    cross_validate,
    fold_of_each,
    known_token_shares,
)
from training.recipe import fit


class RemembersTexts:
    """A model that scores 1 for the texts it was fitted on and -1 for others, and knows their words."""

    def __init__(self, texts):
        self.texts = set(texts)
        self.named_steps = {"tfidf": CountVectorizer(token_pattern=r"\S+").fit(texts)}

    def decision_function(self, texts):
        return np.array([1.0 if text in self.texts else -1.0 for text in texts])


@pytest.fixture
def fits():
    """What fit was asked for: rows, truth and labels."""
    return []


@pytest.fixture
def remembering(two_labels, fits):
    """A fit whose models remember their texts."""

    def fit(corpus, rows, truth, labels):
        fits.append((rows, truth, labels))
        return RemembersTexts([two_labels.texts[row] for row in rows])

    return fit


def test_no_text_is_predicted_by_a_model_fitted_on_it(two_labels, remembering):
    found = cross_validate(two_labels, to_corpus(two_labels), remembering, 1, ignore)
    assert len(set(two_labels.texts)) == len(two_labels.texts)
    assert found.logits.tolist() == [[0.0, -1.0]] * len(two_labels.texts)


def test_every_text_is_held_out_of_one_fit_and_none_of_the_last(two_labels, remembering, fits):
    cross_validate(two_labels, to_corpus(two_labels), remembering, 1, ignore)
    everything = np.arange(len(two_labels.texts))
    held_out = [np.setdiff1d(everything, rows) for rows, _, _ in fits[:FOLDS]]
    assert np.sort(np.concatenate(held_out)).tolist() == everything.tolist()
    assert [len(fits), fits[WHOLE][0].tolist()] == [FOLDS + 1, everything.tolist()]


def test_every_fit_is_given_the_labels_of_its_texts(two_labels, remembering, fits):
    cross_validate(two_labels, to_corpus(two_labels), remembering, 1, ignore)
    for rows, truth, labels in fits:
        assert [labels[index] for index in truth] == [two_labels.labels[row] for row in rows]


def test_the_model_is_the_one_that_has_seen_every_text(two_labels, remembering):
    found = cross_validate(two_labels, to_corpus(two_labels), remembering, 1, ignore)
    assert found.model.decision_function(two_labels.texts).tolist() == [1.0] * len(two_labels.texts)


def test_the_words_of_a_text_that_other_folds_do_not_have_are_unknown(two_labels, remembering):
    shares = cross_validate(two_labels, to_corpus(two_labels), remembering, 1, ignore).answers.known_share
    assert shares is not None
    fold = fold_of_each(two_labels.truth(two_labels.label_names))
    for row, text in enumerate(two_labels.texts):
        others = {word for i, other in enumerate(two_labels.texts) if fold[i] != fold[row] for word in other.split()}
        assert shares[row] == pytest.approx(np.mean([word in others for word in text.split()]))
    assert shares.min() < 1


def test_the_models_of_the_recipe_are_those_fitted_to_the_same_texts(data, validated):
    found = validated
    whole = fit_to_all(data)
    assert np.array_equal(found.model[1].coef_, whole[1].coef_)
    labels, truth = data.label_names, data.truth(data.label_names)
    seen = np.flatnonzero(fold_of_each(truth) != 0)
    first = fit(to_corpus(data), seen, truth[seen], labels)
    held_out = np.setdiff1d(np.arange(len(truth)), seen)
    assert np.array_equal(found.logits[held_out], class_logits(first, [data.texts[row] for row in held_out]))


def test_answers_are_calibrated_by_the_other_folds(validated):
    found = validated
    expected = calibrate_across_folds(found.logits, found.answers.truth, fold_of_each(found.answers.truth), True)
    assert np.array_equal(found.answers.probabilities, expected)


def test_truth_points_at_the_label_of_each_text(data, validated):
    answers = validated.answers
    assert answers.labels == sorted(set(data.labels))
    assert [answers.labels[index] for index in answers.truth] == data.labels


def test_every_fold_reports_the_accuracy_of_its_part_and_the_fit_on_all_none(two_labels):
    reports: dict[int, float | None] = {}
    found = cross_validate(two_labels, to_corpus(two_labels), fit, 1, reports.__setitem__)
    right = found.logits.argmax(axis=1) == found.answers.truth
    fold = fold_of_each(found.answers.truth)
    assert reports == {**{number: right[fold == number].mean() for number in range(FOLDS)}, WHOLE: None}
    assert right.mean() > 0.8


@pytest.mark.processes
def test_one_process_and_two_give_the_same_digits(data):
    corpus = to_corpus(data, [text for text, _ in make_rows(data.label_names, seed=2)])
    one, two = (cross_validate(data, corpus, fit, processes, ignore) for processes in (1, 2))
    assert np.array_equal(one.logits, two.logits)
    assert np.array_equal(one.answers.probabilities, two.answers.probabilities)
    shares = [answers.known_share for answers in (one.answers, two.answers) if answers.known_share is not None]
    assert [share.tolist() for share in shares] == [shares[0].tolist()] * 2
    assert np.array_equal(one.model[1].coef_, two.model[1].coef_)


@given(st.lists(st.integers(10, 30), min_size=2, max_size=4), st.randoms())
def test_every_label_is_spread_evenly_over_the_folds(counts, chance):
    truth = [label for label, count in enumerate(counts) for _ in range(count)]
    chance.shuffle(truth)
    fold = fold_of_each(np.array(truth))
    for label, count in enumerate(counts):
        in_folds = np.bincount(fold[np.array(truth) == label], minlength=FOLDS)
        assert in_folds.sum() == count
        assert in_folds.max() - in_folds.min() <= 1
    assert np.array_equal(fold, fold_of_each(np.array(truth)))


def test_the_largest_logit_is_the_prediction(data):
    fitted = fit_to_all(data)
    logits = class_logits(fitted, data.texts)
    assert logits.shape == (len(data.texts), len(fitted.classes_))
    assert fitted.classes_[logits.argmax(axis=1)].tolist() == fitted.predict(data.texts).tolist()


def test_the_one_score_of_two_labels_is_that_of_the_second():
    model = SimpleNamespace(decision_function=lambda texts: [-1.5, 2])
    assert class_logits(model, ["one", "two"]).tolist() == [[0, -1.5], [0, 2]]


@pytest.mark.parametrize(
    ("text", "share"),
    [("good film", 1), ("Good bad GOOD bad", 0.5), ("bad", 0), ("", 1), ("🎬", 1), ("film, not good", 0.5)],
)
def test_known_tokens_are_those_of_the_vocabulary(text, share):
    vectorizer = CountVectorizer(token_pattern=r"\w+|,", ngram_range=(1, 2)).fit(["good film"])
    assert known_token_shares(vectorizer, [text]).tolist() == [share]


def test_answers_know_which_label_is_predicted_how_surely_and_whether_rightly():
    answers = Answers(["a", "b", "c"], np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]), np.array([2, 0]), None)
    assert answers.predicted.tolist() == [1, 0]
    assert answers.confidence.tolist() == [0.5, 0.6]
    assert answers.correct.tolist() == [False, True]

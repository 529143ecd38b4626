"""Cross-validation: nothing is predicted by a model that has seen it, however the work is divided."""

import numpy as np
import pytest

from training.evaluation import FOLDS, class_logits, predict_out_of_fold
from training.recipe import fit


class RemembersTexts:
    """A model that scores 1 for the texts it was fitted on, and -1 for others."""

    def __init__(self, texts, labels):
        self.texts = set(texts)

    def decision_function(self, texts):
        return np.array([1.0 if text in self.texts else -1.0 for text in texts])


def ignore(fold, accuracy):
    """Nobody watches the progress."""


def test_no_text_is_predicted_by_a_model_fitted_on_it(two_labels):
    out_of_fold = predict_out_of_fold(two_labels, RemembersTexts, 1, ignore)
    assert out_of_fold.logits[:, 1].tolist() == [-1.0] * len(two_labels.texts)


def test_truth_points_at_the_label_of_each_text(three_labels):
    out_of_fold = predict_out_of_fold(three_labels, fit, 1, ignore)
    assert [out_of_fold.labels[i] for i in out_of_fold.truth] == three_labels.labels


def test_every_fold_reports_the_accuracy_of_its_part(two_labels):
    reports: dict[int, float] = {}
    out_of_fold = predict_out_of_fold(two_labels, fit, 1, reports.__setitem__)
    assert sorted(reports) == list(range(FOLDS))
    overall = np.mean(out_of_fold.predicted == out_of_fold.truth)
    assert np.mean(list(reports.values())) == pytest.approx(overall)
    assert overall > 0.7


@pytest.mark.parametrize("corpus", ["two_labels", "three_labels"])
def test_one_process_and_two_give_the_same_digits(corpus, request):
    data = request.getfixturevalue(corpus)
    one, two = (predict_out_of_fold(data, fit, processes, ignore) for processes in (1, 2))
    assert np.array_equal(one.logits, two.logits)


@pytest.mark.parametrize("corpus", ["two_labels", "three_labels"])
def test_the_largest_logit_is_the_prediction(corpus, request):
    data = request.getfixturevalue(corpus)
    fitted = fit(data.texts, data.labels)
    logits = class_logits(fitted, data.texts)
    assert logits.shape == (len(data.texts), len(fitted.classes_))
    assert fitted.classes_[logits.argmax(axis=1)].tolist() == fitted.predict(data.texts).tolist()

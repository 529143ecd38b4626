"""Models that were not trained here: what is accepted, how it is asked, and what is refused with which sentence."""

import io
import re

import joblib
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC

from tests.training.conftest import make_rows, to_data
from training.calibration import calibrate_across_folds, fit_calibration
from training.data import DataError, LabelledTexts
from training.evaluation import class_logits, fold_of_each, known_token_shares
from training.own_model import load_model, measure


@pytest.fixture(scope="module")
def validation_of_two():
    return to_data(make_rows(["negative", "positive"], 20, seed=7))


@pytest.fixture(scope="module")
def validation_of_three():
    return to_data(make_rows(["bad", "good", "neither"], 20, seed=7))


@pytest.fixture(scope="module", params=["two", "three"])
def scoring(request):
    """A model without probabilities, and data it was not trained on."""
    data, validation = (
        request.getfixturevalue(name) for name in (f"{request.param}_labels", f"validation_of_{request.param}")
    )
    classifier = {"two": RidgeClassifier(), "three": LinearSVC()}[request.param]
    return make_pipeline(TfidfVectorizer(), classifier).fit(data.texts, data.labels), validation


def measure_scores(model, data):
    """The answers and the calibration of a model that needs one."""
    answers, calibration = measure(model, data)
    assert calibration is not None
    return answers, calibration


def save(model, path):
    joblib.dump(model, path)
    return path


def test_a_model_and_the_content_of_its_file_are_loaded(tmp_path, two_labels):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    path = save(model, tmp_path / "model.joblib")
    loaded, content = load_model(path)
    assert content == path.read_bytes()
    assert np.array_equal(loaded.predict_proba(two_labels.texts), model.predict_proba(two_labels.texts))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.pkl cannot be read: No such file or directory\.$"):
        load_model(tmp_path / "absent.pkl")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x80\x05broken", b"review,sentiment\nfine,positive\n"])
def test_a_file_that_joblib_did_not_write_is_refused(tmp_path, content):
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))} cannot be loaded with joblib: \w+: .*\.$"):
        load_model(path)


def test_a_file_cut_short_is_refused(tmp_path, two_labels):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    path = save(model, tmp_path / "model.pkl")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot be loaded with joblib"):
        load_model(path)


@pytest.mark.parametrize(
    "unusable",
    [
        {"a": "dict"},
        LogisticRegression(),
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        make_pipeline(TfidfVectorizer(), KMeans(2)),
    ],
    ids=["no estimator", "not fitted", "pipeline not fitted", "no classifier"],
)
def test_an_object_that_is_no_fitted_classifier_is_refused(tmp_path, unusable):
    path = save(unusable, tmp_path / "model.pkl")
    with pytest.raises(DataError, match=f"holds a {type(unusable).__name__}; a fitted classifier with classes_ and"):
        load_model(path)


def test_a_model_with_probabilities_is_asked_for_them_and_needs_no_calibration(two_labels, validation_of_two):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    answers, calibration = measure(model, validation_of_two)
    assert calibration is None
    assert answers.labels == ["negative", "positive"]
    assert np.array_equal(answers.probabilities, model.predict_proba(validation_of_two.texts))
    assert answers.correct.mean() == pytest.approx(model.score(validation_of_two.texts, validation_of_two.labels))
    assert answers.correct.mean() > 0.8


def test_a_model_with_scores_gets_a_temperature_that_changes_no_prediction(scoring):
    model, data = scoring
    answers, calibration = measure_scores(model, data)
    assert [answers.labels[index] for index in answers.predicted] == model.predict(data.texts).tolist()
    expected = fit_calibration(class_logits(model, data.texts), answers.truth, with_bias=False)
    assert calibration.temperature == expected.temperature < 1
    assert calibration.bias.tolist() == [0] * len(answers.labels)


def test_the_temperature_makes_the_answers_likelier_than_the_scores_themselves(scoring):
    model, data = scoring
    answers, calibration = measure_scores(model, data)
    logits, right = class_logits(model, data.texts), (np.arange(len(data.texts)), answers.truth)
    raw, calibrated = (np.log(softmax(logits / t, axis=1)[right]).mean() for t in (1, calibration.temperature))
    assert calibrated > raw
    assert np.log(answers.probabilities[right]).mean() > raw


def test_what_is_measured_of_the_temperature_comes_from_other_texts(scoring):
    model, data = scoring
    answers, calibration = measure_scores(model, data)
    logits = class_logits(model, data.texts)
    expected = calibrate_across_folds(logits, answers.truth, fold_of_each(answers.truth), with_bias=False)
    assert np.array_equal(answers.probabilities, expected)
    assert not np.array_equal(answers.probabilities, calibration.probabilities(logits))


def test_integer_labels_are_the_ones_the_data_writes_as_digits(two_labels):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(
        two_labels.texts, [int(label == "positive") for label in two_labels.labels]
    )
    data = LabelledTexts(two_labels.texts, [str(int(label == "positive")) for label in two_labels.labels], 0, "")
    answers, _ = measure(model, data)
    assert answers.labels == ["0", "1"]
    assert answers.correct.mean() > 0.95


def test_labels_stand_in_the_order_of_the_models_columns():
    texts, ratings = ["bad film", "fair film", "good film"] * 10, [2, 3, 10] * 10
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, ratings)
    answers, _ = measure(model, LabelledTexts(texts, [str(rating) for rating in ratings], 0, ""))
    assert answers.labels == ["2", "3", "10"]
    assert answers.correct.all()


def test_a_label_that_the_model_does_not_know_is_named(two_labels):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    data = LabelledTexts(["x", "y"], ["negative", "mixed"], 0, "")
    with pytest.raises(
        DataError, match=r"^The data has the label mixed, and the model only knows negative, positive\.$"
    ):
        measure(model, data)


def test_a_label_of_the_model_may_be_missing_in_the_data(three_labels, validation_of_three):
    model = make_pipeline(TfidfVectorizer(), LinearSVC()).fit(three_labels.texts, three_labels.labels)
    rows = zip(validation_of_three.texts, validation_of_three.labels, strict=True)
    answers, calibration = measure_scores(model, to_data([(text, label) for text, label in rows if label != "neither"]))
    assert answers.labels == ["bad", "good", "neither"]
    assert answers.probabilities.shape == (40, 3)
    assert np.isfinite(calibration.temperature)


def test_the_known_share_is_that_of_the_vocabulary(two_labels, validation_of_two):
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=18)
    model = make_pipeline(vectorizer, LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    share = measure(model, validation_of_two)[0].known_share
    assert share is not None
    assert np.array_equal(share, known_token_shares(vectorizer, validation_of_two.texts))
    assert 0.2 < share.mean() < 1


@pytest.mark.parametrize(
    "vectorizer",
    [
        HashingVectorizer(alternate_sign=False),
        TfidfVectorizer(analyzer="char", ngram_range=(2, 4)),
        TfidfVectorizer(analyzer=str.split),
        CountVectorizer(ngram_range=(2, 2)),
    ],
    ids=["hashing", "characters", "own analyzer", "pairs only"],
)
def test_of_a_model_without_a_vocabulary_of_words_there_is_no_known_share(two_labels, vectorizer):
    model = make_pipeline(vectorizer, MultinomialNB()).fit(two_labels.texts, two_labels.labels)
    answers, _ = measure(model, two_labels)
    assert answers.known_share is None
    assert answers.correct.mean() > 0.9


def test_a_model_that_is_no_pipeline_has_no_known_share(two_labels):
    model = DummyClassifier().fit(two_labels.texts, two_labels.labels)
    answers, _ = measure(model, two_labels)
    assert answers.known_share is None
    assert answers.correct.mean() == 0.5


def test_a_model_that_takes_no_texts_is_refused_in_one_line(two_labels):
    model = LogisticRegression().fit([[0.0], [1.0]], ["negative", "positive"])
    with pytest.raises(DataError, match=r"^The model fails on the texts: ValueError: .*\.$") as refused:
        measure(model, two_labels)
    assert len(str(refused.value).splitlines()) == 1


def test_a_model_whose_probabilities_are_no_numbers_is_refused(two_labels):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    model[-1].coef_[:] = np.nan
    with pytest.raises(DataError):
        measure(model, two_labels)


def test_a_model_that_scores_pairs_of_labels_is_refused():
    """Its scores are as many as there are pairs; with three labels that is as many as labels, and yet not theirs."""
    data = to_data(make_rows(["bad", "good", "neither"], 10))
    machine = SVC(kernel="linear", decision_function_shape="ovo")
    model = make_pipeline(TfidfVectorizer(), machine).fit(data.texts, data.labels)
    assert class_logits(model, data.texts).shape == (30, 3)
    with pytest.raises(DataError):
        measure(model, data)


def test_a_model_that_scores_more_pairs_than_labels_is_refused():
    data = to_data(make_rows(["bad", "fair", "good", "neither"], 10))
    machine = SVC(kernel="linear", decision_function_shape="ovo")
    model = make_pipeline(TfidfVectorizer(), machine).fit(data.texts, data.labels)
    with pytest.raises(DataError):
        measure(model, data)


def test_two_labels_are_one_pair_and_may_be_scored_as_such(two_labels):
    """As the service takes them."""
    machine = SVC(kernel="linear", decision_function_shape="ovo")
    model = make_pipeline(TfidfVectorizer(), machine).fit(two_labels.texts, two_labels.labels)
    answers, _ = measure_scores(model, two_labels)
    assert [answers.labels[index] for index in answers.predicted] == model.predict(two_labels.texts).tolist()


def test_a_compressed_model_is_loaded_too(tmp_path, two_labels):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=("xz", 3))
    path = tmp_path / "model.pkl"
    path.write_bytes(buffer.getvalue())
    assert load_model(path)[0].predict(two_labels.texts).tolist() == model.predict(two_labels.texts).tolist()

"""Models that were not trained here: whatever classifies texts and was dumped with joblib is served."""

from dataclasses import replace

import joblib
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from api.main import create_app
from api.model.classifier import Model
from api.model.loading import load_model
from tests.conftest import TEXTS, dump_model, read_lines, write_model

THREE = TEXTS | {"Neutral": ["it is a film", "it lasts two hours", "a film"]}
WITH_PROBABILITIES = {
    "two labels": (TEXTS, [TfidfVectorizer(), LogisticRegression()]),
    "three labels": (THREE, [HashingVectorizer(n_features=4096, alternate_sign=False), MultinomialNB()]),
}
WITH_SCORES = {
    "two labels, scores": (TEXTS, [TfidfVectorizer(), RidgeClassifier()]),
    "three labels, scores": (THREE, [TfidfVectorizer(), LinearSVC()]),
}
ALL = WITH_PROBABILITIES | WITH_SCORES
WORDS = ["a", "film", "amazing", "awful", "bad", "boring", "hated", "hours", "loved", "two"]
texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=3)).map(" ".join)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """The path of each of ALL, fitted and dumped, beside its card."""
    return {
        name: write_model(tmp_path_factory.mktemp("own"), labelled, make_pipeline(*steps))
        for name, (labelled, steps) in ALL.items()
    }


def load(path):
    return load_model(path, path.with_name("model_card.json"))


@pytest.mark.parametrize("name", ALL)
def test_the_best_label_is_the_one_the_model_predicts_and_probabilities_add_up_to_1(paths, name):
    model, own = load(paths[name]), joblib.load(paths[name])

    @given(st.lists(texts, min_size=1, max_size=5))
    def ask(texts):
        _, probabilities = model.classify(texts)
        predictions = model.predict(texts)

        assert [prediction.label for prediction in predictions] == list(own.predict(texts))
        assert probabilities.sum(axis=1) == pytest.approx(1)
        assert [prediction.confidence for prediction in predictions] == pytest.approx(
            probabilities.max(axis=1), abs=1e-6
        )

    ask()


@pytest.mark.parametrize("name", WITH_PROBABILITIES)
def test_a_models_own_probabilities_are_given_whatever_the_cards_temperature(paths, name):
    own, asked = joblib.load(paths[name]), ["an amazing film", "", "two hours"]
    model = Model(own, {"model_version": "v"}, temperature=5)

    assert np.array_equal(model.classify(asked)[1], own.predict_proba(asked))


@pytest.mark.parametrize(
    ("name", "probabilities"),
    [
        ("two labels, scores", lambda scores: np.column_stack([expit(-scores), expit(scores)])),
        ("three labels, scores", lambda scores: softmax(scores, axis=1)),
    ],
)
@pytest.mark.parametrize("temperature", [None, 0.25, 3])
def test_scores_become_probabilities_by_the_temperature_of_the_card(paths, tmp_path, name, probabilities, temperature):
    own, asked = joblib.load(paths[name]), ["an amazing film", "", "two hours"]
    card = {} if temperature is None else {"calibration": {"method": "any", "temperature": temperature}}

    model = load(dump_model(tmp_path, own, **card))

    expected = probabilities(own.decision_function(asked) / (temperature or 1))
    assert model.classify(asked)[1] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", WITH_SCORES)
def test_a_temperature_changes_the_confidence_and_never_the_label(paths, name):
    own = joblib.load(paths[name])

    @given(texts, st.floats(1, 1e30))
    def ask(text, temperature):
        surer, plain, doubtful = (
            Model(own, {"model_version": "v"}, factor).predict([text])[0]
            for factor in (1 / temperature, 1, temperature)
        )

        assert surer.label == plain.label == doubtful.label == own.predict([text])[0]
        assert surer.confidence >= plain.confidence >= doubtful.confidence >= round(1 / len(own.classes_), 6)

    ask()


@pytest.mark.parametrize("name", ALL)
def test_the_service_is_ready_with_it_answers_and_accepts_its_labels(settings, paths, name):
    path, own = paths[name], joblib.load(paths[name])
    items = [(text, label) for label, of_label in ALL[name][0].items() for text in of_label]
    bodies = [{"text": text, "true_sentiment": label.upper()} for text, label in items]
    app = create_app(replace(settings, model_path=path, model_card_path=path.with_name("model_card.json")))
    with TestClient(app) as client:
        assert client.get("/readyz").status_code == 200
        single = client.post("/predict", json=bodies[0]).json()
        batch = client.post("/predict/batch", json={"items": bodies}).json()["items"]

    lines = read_lines(settings.log_dir / "prediction_logs.json")
    answers = [answer["predicted_sentiment"] for answer in [single, *batch]]
    assert answers == [line["predicted_sentiment"] for line in lines] == list(own.predict([items[0][0], *dict(items)]))
    assert [line["true_sentiment"] for line in lines] == [items[0][1], *dict(items).values()]


@pytest.mark.parametrize("labels", [[0, 1], [-1, 10, 2], np.array(["no", "yes"]), [False, True]])
def test_labels_of_any_kind_are_texts_in_answers_and_in_requests(settings, tmp_path, labels):
    own = make_pipeline(TfidfVectorizer(token_pattern=r"\S+"), LinearSVC())
    path = dump_model(tmp_path, own.fit([str(label) for label in labels], labels))
    app = create_app(replace(settings, model_path=path, model_card_path=path.with_name("model_card.json")))
    with TestClient(app) as client:
        for name in map(str, labels):
            answer = client.post("/predict", json={"text": name, "true_sentiment": name})

            assert (answer.status_code, answer.json()["predicted_sentiment"]) == (200, name)

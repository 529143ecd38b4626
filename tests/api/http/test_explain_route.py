from dataclasses import replace

import joblib
import pytest
from fastapi.testclient import TestClient
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from api.main import create_app
from tests.api.http.test_routes import BAD_BODIES, JSON
from tests.conftest import TEXTS, read_lines, write_model

BAD_TEXTS = [(body, sentence) for body, sentence in BAD_BODIES if b"true_sentiment" not in body]


@pytest.fixture
def of_hashes(settings, tmp_path):
    """Settings with a model that has no vocabulary."""
    pipeline = make_pipeline(HashingVectorizer(n_features=64), LogisticRegression())
    path = write_model(tmp_path, TEXTS, pipeline)
    return replace(settings, model_path=path, model_card_path=path.with_name("model_card.json"))


def test_an_explanation_has_the_answer_and_the_parts_of_its_score(client, settings):
    text = "Amazing! 🎬 Not dull, amazing."

    response = client.post("/explain", json={"text": text})

    explanation, own = response.json(), joblib.load(settings.model_path)
    assert response.status_code == 200
    assert list(explanation) == [
        "predicted_sentiment",
        "confidence",
        "probabilities",
        "model_version",
        "label",
        "score",
        "intercept",
        "terms",
        "tokens",
    ]
    prediction = client.post("/predict", json={"text": text}).json()
    assert explanation.items() >= (prediction.items() - {("prediction_id", prediction["prediction_id"])})
    assert (explanation["label"], explanation["terms"][0]["term"]) == ("positive", "amazing")
    assert explanation["score"] == own.decision_function([text])[0]
    for parts in (explanation["terms"], explanation["tokens"]):
        total = explanation["intercept"] + sum(part["contribution"] for part in parts)
        assert total == pytest.approx(explanation["score"], abs=1e-12)
    words = [text[token["start"] : token["end"]] for token in explanation["tokens"]]
    assert words == ["Amazing", "Not", "dull", "amazing"]


def test_an_explanation_is_neither_logged_nor_counted_as_an_answer(client, settings):
    assert client.post("/explain", json={"text": "amazing"}).status_code == 200

    metrics = client.get("/metrics").text
    assert read_lines(settings.log_dir / "prediction_logs.json") == []
    assert "sentiment_predictions_total{" not in metrics
    assert 'sentiment_requests_total{route="/explain",status="200"} 1.0' in metrics.splitlines()


@pytest.mark.parametrize(("body", "sentence"), BAD_TEXTS, ids=[str(body[:30]) for body, _ in BAD_TEXTS])
def test_what_cannot_be_classified_cannot_be_explained(client, body, sentence):
    response = client.post("/explain", content=body, headers=JSON)

    assert response.status_code == 422
    assert response.json()["detail"].startswith(sentence)


def test_a_label_is_no_part_of_the_question(client):
    response = client.post("/explain", json={"text": "amazing", "true_sentiment": "positive"})

    assert response.status_code == 422
    assert response.json()["detail"] == "true_sentiment is not a field of this request."


def test_a_model_without_exact_explanations_answers_409_with_the_part_that_prevents_them(of_hashes):
    with TestClient(create_app(of_hashes)) as client:
        response = client.post("/explain", json={"text": "amazing"})

        assert response.status_code == 409
        assert response.json()["detail"] == (
            "The model has no exact explanation, since HashingVectorizer has no vocabulary; use one of a text "
            "vectoriser with a vocabulary, steps that keep or select its terms, and a linear classifier."
        )
        assert client.post("/predict", json={"text": "amazing"}).status_code == 200
        assert client.post("/explain", json={"text": " "}).status_code == 422


def test_nothing_is_explained_without_a_model(settings, tmp_path):
    with TestClient(create_app(replace(settings, model_path=tmp_path / "nowhere.pkl"))) as client:
        response = client.post("/explain", json={"text": "amazing"})

    assert response.status_code == 503
    assert "nowhere.pkl cannot be read" in response.json()["detail"]


def test_a_log_that_cannot_be_written_keeps_nobody_from_asking_why(settings):
    settings.log_dir.write_text("a file where the folder should be")
    with TestClient(create_app(settings)) as client:
        assert client.post("/explain", json={"text": "amazing"}).status_code == 200


def test_the_documentation_has_409_for_explanations_only(client):
    paths = client.get("/openapi.json").json()["paths"]

    documented = [path for path, operations in paths.items() for of in operations.values() if "409" in of["responses"]]
    assert documented == ["/explain"]

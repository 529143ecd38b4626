import asyncio
import threading
from dataclasses import replace

import joblib
import numpy as np
import pytest
from fastapi.testclient import TestClient
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from api.main import create_app
from api.model.classifier import Model
from api.model.predictor import SHORT_CHARS, Predictor
from tests.conftest import TEXTS, write_model


@pytest.fixture
def model(small_model) -> Model:
    return Model(joblib.load(small_model), {"model_version": "v"})


@pytest.fixture
def unscorable(tmp_path):
    """A model whose weights are of single precision, which only the pipeline itself can follow."""
    return write_model(tmp_path, TEXTS, make_pipeline(TfidfVectorizer(dtype=np.float32), LogisticRegression()))


def ask(predictor: Predictor, texts: list[str]):
    async def scenario():
        answers = await predictor.ask(texts)
        predictor.close()
        return answers

    return asyncio.run(scenario())


@pytest.mark.parametrize("words", [1, SHORT_CHARS // 8, SHORT_CHARS])
def test_a_text_of_any_length_gets_the_models_answer(model, words):
    text = "amazing " * words

    assert ask(Predictor(model), [text, "dull"]) == model.predict([text, "dull"])


def test_others_have_turns_while_a_long_text_or_a_batch_is_answered(model):
    async def turns_beside(texts: list[str]) -> int:
        predictor, turns = Predictor(model), 0
        asked = asyncio.ensure_future(predictor.ask(texts))
        while not asked.done():
            await asyncio.sleep(0)
            turns += 1
        predictor.close()
        assert asked.result() == model.predict(texts)
        return turns

    short = asyncio.run(turns_beside(["amazing"]))
    assert short < 3
    assert asyncio.run(turns_beside(["amazing " * 100_000])) > 10
    assert asyncio.run(turns_beside(["an amazing film"] * 5000)) > 10


@pytest.mark.parametrize("texts", [["amazing"], ["amazing " * SHORT_CHARS], ["amazing", "dull"] * SHORT_CHARS])
def test_a_model_that_splits_texts_by_a_function_of_its_own_is_asked_in_a_thread_only_when_that_takes_long(
    tmp_path, texts
):
    threads = set()

    def characters(text: str) -> list[str]:
        threads.add(threading.current_thread())
        return list(text)

    pipeline = make_pipeline(TfidfVectorizer(analyzer=characters), LogisticRegression())
    pipeline.fit(["amazing", "dull"], ["positive", "negative"])
    predictor = Predictor(Model(pipeline, {"model_version": "v"}))
    threads.clear()

    assert ask(predictor, texts) == predictor.predict(texts)
    assert predictor.unscorable is None
    assert len(threads) == (1 if sum(map(len, texts)) <= SHORT_CHARS else 2)


def test_a_model_without_a_scorer_answers_itself(unscorable):
    model = Model(joblib.load(unscorable), {"model_version": "v"})
    predictor = Predictor(model)

    assert "float32" in str(predictor.unscorable)
    answers = ask(predictor, ["amazing", "dull", "amazing nonsense"])
    assert answers == model.predict(["amazing", "dull", "amazing nonsense"])
    assert [answer.known_share for answer in answers] == [1, 1, 0.5]


def test_card_and_metrics_say_that_the_exact_scorer_answers(client):
    assert client.get("/model").json()["exact_scorer"] == {"in_use": True, "reason": None}
    assert "sentiment_exact_scorer 1.0" in client.get("/metrics").text.splitlines()


def test_card_and_metrics_say_that_the_pipeline_answers_and_why(settings, unscorable):
    settings = replace(settings, model_path=unscorable, model_card_path=unscorable.with_name("model_card.json"))
    with TestClient(create_app(settings)) as client:
        scorer = client.get("/model").json()["exact_scorer"]

        assert (scorer["in_use"], "float32" in scorer["reason"]) == (False, True)
        assert "sentiment_exact_scorer 0.0" in client.get("/metrics").text.splitlines()
        assert client.post("/predict", json={"text": "amazing"}).json()["predicted_sentiment"] == "positive"

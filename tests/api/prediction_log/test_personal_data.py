import json
from dataclasses import fields, replace

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.main import create_app
from api.prediction_log.personal_data import HASH_CHARS, keeper
from api.prediction_log.records import HashedRecord, PredictionRecord, line
from tests.conftest import read_lines

KEY = "sixteen or more characters"
RECORD = PredictionRecord(
    "2026-11-23T08:20:00.123456+00:00", "write to jo@example.com", "positive", None, "id-1", 0.97, "v", 0.5, True
)


def of(text: str) -> PredictionRecord:
    return replace(RECORD, request_text=text)


# What is kept of a record


def test_by_default_all_of_it_is_kept():
    assert keeper("full", "")(RECORD) is RECORD


def test_redacted_it_is_the_same_but_for_what_names_somebody():
    assert keeper("redacted", "")(RECORD) == of("write to [email]")


@given(st.text())
def test_hashed_it_has_the_figures_of_the_text_in_place_of_the_text(text):
    kept = keeper("hashed", KEY)(of(text))

    assert isinstance(kept, HashedRecord)
    assert of("") == PredictionRecord(**{field.name: getattr(kept, field.name) for field in fields(RECORD)})
    assert (kept.words, kept.characters, len(kept.text_hash)) == (len(text.split()), len(text), HASH_CHARS)
    assert list(json.loads(line(kept)))[-3:] == ["words", "characters", "text_hash"]


@given(st.text(), st.text())
def test_texts_have_one_hash_if_and_only_if_they_are_the_same(one, other):
    first, again = keeper("hashed", KEY), keeper("hashed", KEY)

    assert hash_of(first(of(one))) == hash_of(again(of(one)))
    assert (hash_of(first(of(one))) == hash_of(first(of(other)))) == (one == other)


@pytest.mark.parametrize(("key", "another"), [(KEY, f"{KEY}!"), ("", ""), (KEY, "")])
def test_with_another_key_a_text_has_another_hash(key, another):
    assert hash_of(keeper("hashed", key)(RECORD)) != hash_of(keeper("hashed", another)(RECORD))


def test_without_a_key_of_its_own_a_process_knows_repeats_nevertheless():
    keep = keeper("hashed", "")

    assert keep(RECORD) == keep(RECORD)


def hash_of(record: PredictionRecord) -> str:
    assert isinstance(record, HashedRecord)
    return record.text_hash


# What the service does


@pytest.mark.parametrize(("log_text", "kept"), [("redacted", "[email] bad"), ("hashed", "")])
def test_the_model_reads_the_whole_text_whatever_the_log_keeps(settings, log_text, kept):
    confidences = []
    for one in (settings, replace(settings, log_text=log_text)):
        with TestClient(create_app(one)) as client:
            answer = client.post("/predict", json={"text": "amazing@movie.example bad"}).json()
            confidences.append(answer["confidence"])

    written = read_lines(settings.log_dir / "prediction_logs.json")
    assert [entry["request_text"] for entry in written] == ["amazing@movie.example bad", kept]
    assert confidences[0] == confidences[1] == written[0]["confidence"] == written[1]["confidence"]


def test_a_batch_and_its_labels_are_logged_without_their_texts(settings):
    hashed = replace(settings, log_text="hashed", log_hash_key=KEY)
    texts = ["amazing", "two words", "amazing"]
    with TestClient(create_app(hashed)) as client:
        items = [{"text": text, "true_sentiment": "positive"} for text in texts]
        answers = client.post("/predict/batch", json={"items": items}).json()["items"]
        label = {"prediction_id": answers[0]["prediction_id"], "true_sentiment": "negative"}
        assert client.post("/feedback", json=label).status_code == 200

    lines = read_lines(settings.log_dir / "prediction_logs.json")
    assert [(entry["request_text"], entry["words"], entry["characters"]) for entry in lines] == [
        ("", 1, 7),
        ("", 2, 9),
        ("", 1, 7),
    ]
    assert lines[0]["text_hash"] == lines[2]["text_hash"] != lines[1]["text_hash"]
    assert [entry["predicted_sentiment"] for entry in lines] == [answer["predicted_sentiment"] for answer in answers]
    assert "amazing" not in (settings.log_dir / "prediction_logs.json").read_text()

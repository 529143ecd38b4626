import subprocess
import sys
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from tests.conftest import ROOT, read_lines


@pytest.fixture
def predictions(settings):
    return lambda: read_lines(settings.log_dir / "prediction_logs.json")


@pytest.fixture
def feedback(settings):
    return lambda: read_lines(settings.log_dir / "feedback_logs.json")


def test_an_answer_has_an_id_a_label_a_confidence_and_a_version_and_is_in_the_log(client, predictions):
    response = client.post("/predict", json={"text": "The movie was amazing!", "true_sentiment": "positive"})

    answer = response.json()
    assert response.status_code == 200
    assert list(answer) == ["prediction_id", "predicted_sentiment", "confidence", "model_version"]
    assert answer["predicted_sentiment"] == "positive"
    (line,) = predictions()
    assert line == answer | {
        "timestamp": line["timestamp"],
        "request_text": "The movie was amazing!",
        "true_sentiment": "positive",
        "known_share": 0.5,
        "audit": line["audit"],
    }
    assert UUID(answer["prediction_id"]).version == 4


@pytest.mark.parametrize(("sent", "logged"), [(None, None), ("NEGATIVE", "negative"), (" Positive ", "positive")])
def test_a_true_label_is_optional_and_logged_as_the_model_spells_it(client, predictions, sent, logged):
    assert client.post("/predict", json={"text": "a film", "true_sentiment": sent}).status_code == 200

    assert predictions()[0]["true_sentiment"] == logged


def test_a_batch_is_answered_and_logged_in_order(client, predictions):
    texts = [f"amazing film number {number}" for number in range(150)]

    items = client.post("/predict/batch", json={"items": [{"text": text} for text in texts]}).json()["items"]

    assert [line["request_text"] for line in predictions()] == texts
    assert [line["prediction_id"] for line in predictions()] == [item["prediction_id"] for item in items]


@pytest.mark.parametrize("rate", [0, 1])
def test_the_log_says_of_each_answer_how_much_of_its_text_is_known_and_whether_it_is_in_the_audit_sample(
    settings, predictions, rate
):
    with TestClient(create_app(replace(settings, audit_rate=rate))) as client:
        client.post("/predict", json={"text": "an amazing movie"})
        client.post("/predict/batch", json={"items": [{"text": "amazing nonsense"}, {"text": "?!"}] * 20})

    assert [line["known_share"] for line in predictions()] == [1, *[0.5, 1] * 20]
    assert [line["audit"] for line in predictions()] == [rate == 1] * 41


def test_a_batch_with_one_bad_item_is_refused_as_a_whole(client, predictions):
    response = client.post("/predict/batch", json={"items": [{"text": "good"}, {"text": "x", "true_sentiment": "meh"}]})

    assert response.status_code == 422
    assert response.json()["detail"] == "items[1].true_sentiment is 'meh'; send one of negative, positive."
    assert predictions() == []


def test_feedback_is_a_line_of_its_own(client, predictions, feedback):
    prediction_id = client.post("/predict", json={"text": "a film"}).json()["prediction_id"]

    answer = client.post("/feedback", json={"prediction_id": prediction_id, "true_sentiment": "NEGATIVE"})

    assert answer.json() == {"prediction_id": prediction_id, "true_sentiment": "negative"}
    (line,) = feedback()
    assert line == {"timestamp": line["timestamp"], "prediction_id": prediction_id, "true_sentiment": "negative"}
    assert predictions()[0]["true_sentiment"] is None


def test_the_model_card_is_served(client):
    assert client.get("/model").json()["labels"] == ["negative", "positive"]


def test_health_readiness_and_documentation_answer(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.get("/docs").status_code == 200
    assert "/predict/batch" in client.get("/openapi.json").json()["paths"]


def test_metrics_count_answers_labels_and_requests_by_route(client):
    client.post("/predict", json={"text": "amazing", "true_sentiment": "positive"})
    client.post("/predict", json={})
    client.get("/some/secret/path")

    text = client.get("/metrics").text
    for line in [
        'sentiment_requests_total{route="/predict",status="200"} 1.0',
        'sentiment_requests_total{route="/predict",status="422"} 1.0',
        'sentiment_requests_total{route="other",status="404"} 1.0',
        'sentiment_predictions_total{label="positive"} 1.0',
        'sentiment_labels_total{label="positive"} 1.0',
        "sentiment_log_failures_total 0.0",
        "sentiment_ready 1.0",
    ]:
        assert line in text.splitlines()
    assert "secret" not in text


ODD_TEXTS = [
    "two\nlines\r\nthree",
    "nul \x00 and bell \x07 and escape \x1b[31m",
    "line\u2028separator\u2029 next\x85line",
    "emoji 🎬👩‍👩‍👧 and \u202eright to left\u202c مرحبا",
    "<script>alert(1)</script> & <b>",
    "\ufeffa byte order mark",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "\uffff\U0010ffff",
    "a" * 20_000,
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_but_valid_text_comes_back_from_the_log_exactly_as_sent(client, predictions, text):
    assert client.post("/predict", json={"text": text}).status_code == 200

    assert predictions()[0]["request_text"] == text


JSON = {"Content-Type": "application/json"}
BAD_BODIES = [
    (b'{"text": ""}', "text is blank; send at least one visible character."),
    (b'{"text": " \\n\\t\\u2028 "}', "text is blank"),
    (b"{}", "text is missing."),
    (b"", "The body is missing."),
    (b'{"text": 5}', "text must be a string, not a number."),
    (b'{"text": ["a"]}', "text must be a string, not a list."),
    (b'{"text": null}', "text must be a string, not null."),
    (b'{"text": true}', "text must be a string, not a boolean."),
    (b'{"text": {"a": 1}}', "text must be a string, not an object."),
    (b'{"text": "a", "true_sentiment": 1}', "true_sentiment must be a string, not a number."),
    (b'{"text": "a", "txet": "b"}', "txet is not a field of this request."),
    (b'{"text": "a", "true_sentiment": "great"}', "true_sentiment is 'great'; send one of negative, positive."),
    (b'{"text": "a", "true_sentiment": ""}', "true_sentiment is ''; send one of"),
    (b'{"text": "' + b"a" * 20_001 + b'"}', "text has 20001 characters; send at most 20000."),
    (b'["a"]', "The body must be an object, not a list."),
    (b'"a"', "The body must be an object, not a string."),
    (b"null", "The body must be an object, not null."),
    (b"17", "The body must be an object, not a number."),
    (b'{"text": "a"', "The body is not valid JSON: EOF"),
    (b"{'text': 'a'}", "The body is not valid JSON"),
    (b'{"text": "a"} {"text": "b"}', "The body is not valid JSON: trailing characters"),
    (b'{"text": NaN}', "The body is not valid JSON"),
    (b'{"text": "a", "x": Infinity}', "The body is not valid JSON"),
    (b'{"text": "\xff\xfe"}', "The body is not valid JSON: invalid unicode"),
    (b'{"text": "\\ud800"}', "The body is not valid JSON"),
    (b'{"text": "\\udc00 a"}', "The body is not valid JSON"),
    (b"[" * 50_000, "The body is not valid JSON: recursion limit"),
    (b'{"text": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "The body is not valid JSON: recursion limit"),
    (b'{"text": ' + b"9" * 5_000 + b"}", "The body is not valid JSON: number out of range"),
    (b"\x00\x01\x02", "The body is not valid JSON"),
]


@pytest.mark.parametrize(("body", "sentence"), BAD_BODIES, ids=[str(body[:30]) for body, _ in BAD_BODIES])
def test_a_bad_body_is_one_sentence_and_nothing_is_logged(client, predictions, body, sentence):
    response = client.post("/predict", content=body, headers=JSON)

    assert response.status_code == 422
    assert list(response.json()) == ["detail"]
    assert response.json()["detail"].startswith(sentence)
    assert predictions() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{}", "items is missing."),
        (b'{"items": []}', "items has 0 entries; send at least 1."),
        (b'{"items": {}}', "items must be a list, not an object."),
        (b'{"items": [' + b",".join([b'{"text": "a"}'] * 1001) + b"]}", "items has 1001 entries; send at most 1000."),
        (b'{"items": ["a"]}', "items[0] must be an object, not a string."),
        (b'{"items": [{"text": "a"}, {"text": " "}]}', "items[1].text is blank"),
        (
            b'{"items": [{"text": "a"}, {"text": 1}, {}]}',
            "items[1].text must be a string, not a number; items[2].text is",
        ),
    ],
)
def test_a_bad_batch_names_the_item(client, predictions, body, sentence):
    response = client.post("/predict/batch", content=body, headers=JSON)

    assert response.status_code == 422
    assert response.json()["detail"].startswith(sentence)
    assert predictions() == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"prediction_id": "abc"}, "prediction_id is 'abc'; send the prediction_id that /predict gave."),
        ({"prediction_id": 7}, "prediction_id must be a string, not a number."),
        ({"true_sentiment": None}, "true_sentiment must be a string, not null."),
        ({"true_sentiment": "x" * 500}, "true_sentiment is '" + "x" * 60 + "…'; send one of"),
        ({"comment": "nice"}, "comment is not a field of this request."),
    ],
)
def test_bad_feedback_is_one_sentence_and_nothing_is_logged(client, feedback, change, sentence):
    body = {"prediction_id": str(uuid4()), "true_sentiment": "positive"} | change
    response = client.post("/feedback", json=body)

    assert response.status_code == 422
    assert response.json()["detail"].startswith(sentence)
    assert feedback() == []


@pytest.mark.parametrize(
    ("path", "size", "limit"),
    [
        ("/predict", 1_048_577, 1_048_576),
        ("/explain", 1_048_577, 1_048_576),
        ("/feedback", 1_048_577, 1_048_576),
        ("/predict/batch", 8_388_609, 8_388_608),
    ],
)
def test_a_body_over_the_limit_is_refused_with_the_limit(client, predictions, path, size, limit):
    response = client.post(path, content=b" " * size, headers=JSON)

    assert response.status_code == 413
    assert f"{limit} bytes" in response.json()["detail"]
    assert predictions() == []


def test_a_large_batch_within_its_limit_is_answered(client):
    items = [{"text": "amazing " * 900}] * 1000

    assert client.post("/predict/batch", json={"items": items}).status_code == 200


@pytest.mark.parametrize("header", ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""])
def test_another_content_type_is_415_and_names_it(client, predictions, header):
    response = client.post("/predict", content=b'{"text": "a"}', headers={"Content-Type": header})

    assert response.status_code == 415
    assert "application/json" in response.json()["detail"]
    assert header in response.json()["detail"]
    assert predictions() == []


def test_a_charset_parameter_is_allowed(client):
    response = client.post(
        "/predict", content='{"text": "é"}'.encode(), headers={"Content-Type": "application/json; charset=UTF-8"}
    )

    assert response.status_code == 200


def test_a_wrong_method_and_an_unknown_path_are_sentences(client):
    wrong_method, unknown = client.get("/predict"), client.get("/preditc")

    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    assert wrong_method.json()["detail"] == "GET is not allowed at '/predict'; use POST."
    assert unknown.status_code == 404
    assert unknown.json()["detail"] == "There is nothing at '/preditc'; /docs lists the routes."


def test_without_a_model_the_process_lives_and_says_why_it_is_not_ready(settings, tmp_path):
    app = create_app(replace(settings, model_path=tmp_path / "nowhere.pkl"))
    with TestClient(app) as client:
        answers = [client.get("/readyz"), client.post("/predict", json={"text": "a"}), client.get("/model")]

        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert all("nowhere.pkl cannot be read" in answer.json()["detail"] for answer in answers)
        assert client.get("/healthz").status_code == 200
        assert "sentiment_ready 0.0" in client.get("/metrics").text


def test_a_log_that_cannot_be_written_is_503_with_the_reason(settings):
    settings.log_dir.write_text("a file where the folder should be")
    with TestClient(create_app(settings)) as client:
        answers = [client.get("/readyz"), client.post("/predict", json={"text": "a"})]

        assert [answer.status_code for answer in answers] == [503, 503]
        assert all("File exists" in answer.json()["detail"] for answer in answers)
        assert answers[1].headers["retry-after"] == "1"
        assert "sentiment_log_failures_total 1.0" in client.get("/metrics").text


def test_a_mistake_of_the_service_is_a_500_without_a_traceback(settings):
    app = create_app(settings)

    @app.get("/mistake")
    def mistake():
        raise RuntimeError("secret detail")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/mistake")

    assert (answer.status_code, "secret" in answer.text) == (500, False)


def test_importing_the_module_does_nothing():
    code = (
        "import sys, api.main; "
        "assert 'app' not in vars(api.main); "
        "assert not hasattr(api.main, 'nonsense'); "
        "assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, env={"LOG_SYNC": "wrong"})

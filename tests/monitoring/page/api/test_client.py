"""The client against a real HTTP server, and against none."""

import json
import socket
import threading
import time
from contextlib import suppress

import pytest

from monitoring.page.api.client import TIMEOUT_SECONDS, ApiClient, ApiRefused, ApiUnavailable
from tests.conftest import free_port, serving
from tests.monitoring.conftest import FakeApi

CALLS = {
    "ready": lambda client: client.ready(),
    "model_card": lambda client: client.model_card(),
    "predict": lambda client: client.predict("a text"),
    "feedback": lambda client: client.feedback("id-7", "positive"),
    "explain": lambda client: client.explain("a text"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def reply_to_everything(api, status, document):
    for path in list(api.replies):
        api.replies[path] = (status, document)


def test_a_ready_api_is_ready_and_tells_its_model_card(api):
    client = ApiClient(api.url)

    client.ready()

    assert client.model_card() == api.replies["/model"][1]


@pytest.mark.parametrize("answer", [{}, {"status": "ok"}, {"status": 1}, {"status": ["ready"]}])
def test_another_service_at_its_address_is_not_taken_for_a_ready_api(api, answer):
    api.replies["/readyz"] = (200, answer)

    with pytest.raises(ApiUnavailable, match=f"The service at {api.url} is not the API. Set API_URL"):
        ApiClient(api.url).ready()


def test_a_text_is_sent_and_the_answer_comes_back(api):
    answer = ApiClient(api.url).predict("ganz schön 🎬\n")

    assert answer == api.replies["/predict"][1]
    assert api.received == [("/predict", {"text": "ganz schön 🎬\n"})]


def test_a_text_is_explained(api):
    explanation = ApiClient(api.url).explain("a wonderful film")

    assert [term.term for term in explanation.terms] == ["wonderful", "film"]
    assert api.received == [("/explain", {"text": "a wonderful film"})]


def test_an_explanation_of_another_text_is_not_used(api):
    with pytest.raises(ApiUnavailable, match="sent an invalid explanation"):
        ApiClient(api.url).explain("short")


@pytest.mark.parametrize("missing", ["predicted_sentiment", "model_version", "label", "terms", "tokens"])
def test_an_explanation_with_something_missing_is_a_sentence_that_names_it(api, missing):
    del api.replies["/explain"][1][missing]

    with pytest.raises(ApiUnavailable, match=rf"^The API at {api.url} sent an invalid explanation: .*{missing}.*\.$"):
        ApiClient(api.url).explain("a wonderful film")


@pytest.mark.parametrize(
    "nonsense",
    [
        {"terms": "none"},
        {"terms": [{"term": "a", "contribution": float("nan")}]},
        {"terms": [{"term": "a", "contribution": 10**400}]},
        {"tokens": None},
        {"tokens": [{"start": 0, "end": 10**9, "contribution": 1}]},
        {"label": {"a": 1}},
        {"probabilities": "high"},
        {"probabilities": {"positive": None}},
    ],
)
def test_an_explanation_of_another_shape_is_a_sentence(api, nonsense):
    api.replies["/explain"][1].update(nonsense)

    with pytest.raises(ApiUnavailable, match="sent an invalid explanation"):
        ApiClient(api.url).explain("a wonderful film")


@every_call
def test_half_a_character_which_no_page_can_show_is_a_sentence(api, call):
    reply_to_everything(api, 200, {"detail": "\ud800"})

    with pytest.raises(ApiUnavailable, match=f"^The API does not answer at {api.url}: "):
        call(ApiClient(api.url))


def test_a_label_is_sent_with_the_id_it_belongs_to(api):
    ApiClient(api.url).feedback("id-7", "négatif")

    assert api.received == [("/feedback", {"prediction_id": "id-7", "true_sentiment": "négatif"})]


@every_call
def test_the_token_is_sent_with_every_request_if_there_is_one(api, call):
    for client in (ApiClient(api.url, "a-token-0123456789"), ApiClient(api.url)):
        with suppress(ApiUnavailable):  # what comes back is of another text
            call(client)

    assert api.authorizations == ["Bearer a-token-0123456789", None]


@every_call
def test_the_token_does_not_follow_a_redirect_to_elsewhere(api, call):
    with serving(FakeApi()) as elsewhere:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}/model\r\nContent-Length: 0\r\n\r\n".encode()
        reply_to_everything(api, 0, moved)
        with suppress(ApiUnavailable):
            call(ApiClient(api.url, "a-token-0123456789"))

    assert (api.authorizations, elsewhere.authorizations) == (["Bearer a-token-0123456789"], [None])


@every_call
@pytest.mark.parametrize("status", [307, 308])
def test_a_text_is_not_sent_on_to_where_a_redirect_leads(api, call, status):
    with serving(FakeApi()) as elsewhere:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}/model\r\nContent-Length: 0\r\n\r\n"
        reply_to_everything(api, 0, head.encode())
        with suppress(ApiUnavailable):
            call(ApiClient(api.url))

    assert elsewhere.received == []
    assert len(elsewhere.authorizations) == (0 if api.received else 1)


def test_a_label_that_is_redirected_is_reported_as_refused(api):
    api.replies["/feedback"] = (0, b"HTTP/1.1 307 Moved\r\nLocation: /model\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(ApiUnavailable, match=rf"^The API answered 307 Moved at {api.url}/feedback\.$"):
        ApiClient(api.url).feedback("id-7", "positive")


@every_call
def test_a_request_whose_answer_is_missing_is_not_sent_again(api, call):
    reply_to_everything(api, 0, b"")
    with pytest.raises(ApiUnavailable):
        call(ApiClient(api.url))

    assert len(api.authorizations) == 1


@every_call
@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_accepted_is_told_apart(api, call, status):
    reply_to_everything(api, status, {"detail": "The token is not accepted here."})

    with pytest.raises(ApiRefused, match=r"^The token is not accepted here\.$"):
        call(ApiClient(api.url, "a-token-0123456789"))


def test_the_token_is_not_shown(api):
    assert "0123456789" not in repr(ApiClient(api.url, "a-token-0123456789"))


@every_call
@pytest.mark.parametrize("status", [404, 413, 422, 500, 503])
def test_a_refusal_is_told_in_the_words_of_the_api(api, call, status):
    reply_to_everything(api, status, {"detail": "text has 20,001 characters; at most 20,000 are allowed."})

    with pytest.raises(ApiUnavailable, match=r"^text has 20,001 characters; at most 20,000 are allowed\.$"):
        call(ApiClient(api.url))


@every_call
@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<h1>Bad Gateway</h1>",
        b"[]",
        b"{}",
        b"\xff",
        {"error": "x"},
        pytest.param(b"[" * 100_000, id="deep nesting"),
    ],
)
def test_a_refusal_without_a_reason_tells_status_and_address(api, call, document):
    reply_to_everything(api, 502, document)

    with pytest.raises(ApiUnavailable, match=rf"The API answered 502 Bad Gateway at {api.url}/\w+\."):
        call(ApiClient(api.url))


@every_call
def test_a_refusal_that_breaks_off_tells_status_and_address(api, call):
    reply_to_everything(api, 0, b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n{"det')

    with pytest.raises(ApiUnavailable, match="The API answered 503 Service Unavailable"):
        call(ApiClient(api.url))


@every_call
@pytest.mark.parametrize(
    "document", [b"", b"ok", b"[1]", b"null", b"\xff", pytest.param(b"[" * 100_000, id="deep nesting")]
)
def test_an_answer_that_is_no_object_of_json_is_a_sentence_with_the_address(api, call, document):
    reply_to_everything(api, 200, document)

    with pytest.raises(ApiUnavailable, match=rf"^The API does not answer at {api.url}: .*\.$"):
        call(ApiClient(api.url))


@every_call
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_an_answer_that_is_not_http_or_breaks_off_is_a_sentence_with_the_address(api, call, sent):
    reply_to_everything(api, 0, sent)

    with pytest.raises(ApiUnavailable, match=f"^The API does not answer at {api.url}: "):
        call(ApiClient(api.url))


@pytest.mark.parametrize("missing", ["prediction_id", "predicted_sentiment", "confidence"])
def test_an_answer_of_another_service_is_a_sentence_that_names_what_is_missing(api, missing):
    answer = json.loads(json.dumps(api.replies["/predict"][1]))
    del answer[missing]
    api.replies["/predict"] = (200, answer)

    with pytest.raises(ApiUnavailable, match=f"^The API at {api.url} sent a response without {missing}"):
        ApiClient(api.url).predict("a text")


@every_call
def test_a_closed_port_is_a_sentence_with_the_address(call):
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(ApiUnavailable, match=f"^The API does not answer at {url}: .*refused") as raised:
        call(ApiClient(url))

    assert str(raised.value).endswith(".")


@pytest.mark.parametrize(
    "url", ["http://name.invalid", "http://127.0.0.1:port", "http://127.0.0.1:99999", "http://a b", "http://é\u2028"]
)
def test_an_address_that_leads_nowhere_is_a_sentence_with_the_address(url):
    with pytest.raises(ApiUnavailable, match=f"^The API does not answer at {url}: "):
        ApiClient(url).ready()


def test_an_api_that_hangs_is_given_up_within_seconds():
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: accepted.append(server.accept()[0]), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        started = time.monotonic()

        with pytest.raises(ApiUnavailable, match=f"^The API does not answer at {url}: timed out"):
            ApiClient(url).ready()

        assert time.monotonic() - started < 2 * TIMEOUT_SECONDS
        thread.join()
        accepted[0].close()


@pytest.mark.processes
def test_the_real_api_takes_the_dashboards_token_and_says_why_it_refuses_others(start_api):
    url = start_api(API_TOKENS="dashboard:predict,feedback:right-0123456789 other:predict:other-0123456789").url
    dashboard, other = ApiClient(url, "right-0123456789"), ApiClient(url, "other-0123456789")

    answer = dashboard.predict("amazing")
    dashboard.feedback(answer["prediction_id"], "positive")
    assert dashboard.explain("amazing").label == dashboard.model_card()["labels"][1]
    with pytest.raises(ApiRefused, match=r"^The token of other may not do this; it needs the scope feedback\.$"):
        other.feedback(answer["prediction_id"], "positive")
    with pytest.raises(ApiRefused, match=r"^This needs a token"):
        ApiClient(url).predict("amazing")

"""What a request without the right token, or one too many, is answered: on every route, and before anything of it is
read."""

import asyncio
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Route

from api.http.security.access import OPEN, needed_for
from api.main import create_app
from api.settings import SettingsError
from tests.conftest import read_lines

PREDICT, FEEDBACK, ADMIN = "predict-0123456789", "feedback-0123456789", "admin-0123456789"
TOKENS = f"shop:predict:{PREDICT} desk:feedback:{FEEDBACK} boss:admin:{ADMIN}"
BODIES = {
    "/predict": {"text": "amazing"},
    "/predict/batch": {"items": [{"text": "amazing"}]},
    "/explain": {"text": "amazing"},
    "/feedback": {"prediction_id": str(uuid4()), "true_sentiment": "positive"},
}


@contextmanager
def serving(settings, **changed):
    with TestClient(create_app(replace(settings, **changed))) as client:
        yield client


@pytest.fixture
def guarded(settings):
    with serving(settings, api_tokens=TOKENS) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def asked(client, path: str, headers: dict[str, str] | None = None):
    body = BODIES.get(path)
    return client.post(path, json=body, headers=headers) if body else client.get(path, headers=headers)


def routes(client) -> list[str]:
    return [route.path for route in client.app.routes]


def test_every_route_but_the_probes_wants_a_token(guarded):
    assert all(isinstance(route, Route) for route in guarded.app.routes)
    assert {"/metrics", "/docs", "/openapi.json", *BODIES} <= set(routes(guarded))
    for path in routes(guarded):
        answer = asked(guarded, path)
        assert answer.status_code == (200 if path in OPEN else 401), path
        if path not in OPEN:
            assert answer.headers["www-authenticate"].split(",")[0] == "Bearer"
            assert answer.json() == {"detail": "This needs a token; send the header Authorization: Bearer <token>."}


def test_each_scope_opens_its_routes_and_no_others(guarded, settings):
    for token, name, scopes in [
        (PREDICT, "shop", {"predict"}),
        (FEEDBACK, "desk", {"feedback"}),
        (ADMIN, "boss", {"admin", "predict", "feedback"}),
    ]:
        for path in set(routes(guarded)) - OPEN:
            answer, needed = asked(guarded, path, bearer(token)), needed_for(path)
            assert answer.status_code == (200 if scopes & set(needed) else 403), (name, path)
            if answer.status_code == 403:
                assert answer.json()["detail"] == (
                    f"The token of {name} may not do this; it needs the scope {' or '.join(needed)}."
                )
    assert len(read_lines(settings.log_dir / "prediction_logs.json")) == 4
    assert len(read_lines(settings.log_dir / "feedback_logs.json")) == 2


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "bearer x", f"Basic {PREDICT}", PREDICT, f"Bearer {PREDICT}x", f"Token {PREDICT}"],
)
def test_what_is_no_token_is_refused_in_the_same_way_and_nothing_is_logged(guarded, settings, header):
    answer = asked(guarded, "/predict", {"Authorization": header})

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["detail"].endswith(".")
    assert PREDICT not in answer.text
    assert read_lines(settings.log_dir / "prediction_logs.json") == []


def test_the_kind_of_the_token_may_be_written_in_any_case(guarded):
    assert asked(guarded, "/predict", {"authorization": f"bEARER   {PREDICT} "}).status_code == 200


def test_bytes_that_no_token_has_are_refused(guarded):
    assert guarded.get("/model", headers={"Authorization": b"Bearer \xff\xfe\xe9"}).status_code == 401


def test_nothing_is_read_of_a_request_that_is_refused(settings):
    app = create_app(replace(settings, api_tokens=TOKENS))
    sent = []

    async def receive():
        raise AssertionError("it was read")

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b""}
    asyncio.run(app(scope | {"client": ("192.0.2.1", 5)}, receive, send))

    assert sent[0]["status"] == 401


def test_a_browser_is_asked_for_the_token_as_a_password_but_only_of_the_documentation(guarded):
    for path in ("/docs", "/docs/swagger-ui.css", "/openapi.json"):
        assert "Basic realm=" in guarded.get(path).headers["www-authenticate"]
        assert guarded.get(path, auth=("anybody", ADMIN)).status_code == 200
        assert guarded.get(path, auth=("anybody", PREDICT)).status_code == 403
        for nonsense in ("", "%", b64encode(b"\xff:\xff").decode(), b64encode(ADMIN.encode()).decode()):
            assert guarded.get(path, headers={"Authorization": f"Basic {nonsense}"}).status_code == 401
    assert guarded.post("/predict", json=BODIES["/predict"], auth=("anybody", ADMIN)).status_code == 401
    assert guarded.get("/metrics", auth=("anybody", ADMIN)).status_code == 401


def test_refusals_are_counted_under_the_routes_name(settings):
    with serving(settings, api_tokens=TOKENS, rate_limit=1) as client:
        for headers in (None, bearer(FEEDBACK), bearer(PREDICT), bearer(PREDICT)):
            asked(client, "/predict", headers)
        asked(client, "/model")
        asked(client, "/metrics", bearer("nobody's"))

        lines = client.get("/metrics", headers=bearer(ADMIN)).text.splitlines()
    for status in (401, 403, 200, 429):
        assert f'sentiment_requests_total{{route="/predict",status="{status}"}} 1.0' in lines
    assert 'sentiment_requests_total{route="/model",status="429"} 1.0' in lines
    assert 'sentiment_requests_total{route="/metrics",status="429"} 1.0' in lines
    assert 'sentiment_predictions_total{label="positive"} 1.0' in lines


def test_the_documentation_says_what_each_route_wants(settings):
    with serving(settings, api_tokens=TOKENS, rate_limit=9) as client:
        schema = client.get("/openapi.json", headers=bearer(ADMIN)).json()
        assert client.get("/openapi.json", headers=bearer(ADMIN)).json() == schema

    assert schema["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in schema["paths"].items():
        (operation,) = operations.values()
        assert operation.get("security") == (None if path in OPEN else [{"token": []}])
        assert ("401" in operation["responses"]) == ("403" in operation["responses"]) == (path not in OPEN)
        assert ("429" in operation["responses"]) == (path not in OPEN)
    for path in ("/predict", "/predict/batch"):
        said = schema["paths"][path]["post"]["responses"]["403"]["description"]
        assert said.endswith("With true_sentiment it also needs feedback.")
    assert schema["paths"]["/model"]["get"]["responses"]["403"]["description"].endswith("predict or feedback.")


def test_without_tokens_and_a_limit_nothing_stands_before_a_route(settings):
    plain, guarded = (create_app(replace(settings, api_tokens=tokens)) for tokens in ("", TOKENS))

    def answers(app) -> dict[str, str]:
        return {route.path: route.app.__qualname__ for route in app.routes if "answer" in route.app.__qualname__}

    assert set(answers(plain)) == set(BODIES)
    assert all("JSONRoute" in name for name in answers(plain).values())
    assert not any("JSONRoute" in name for name in answers(guarded).values())
    assert "securitySchemes" not in plain.openapi()["components"]
    assert not any(code in str(plain.openapi()["paths"]) for code in ("'401'", "'403'", "'429'"))


def test_one_request_too_many_is_told_when_to_ask_again(settings):
    with serving(settings, rate_limit=3) as client:
        answers = [asked(client, path) for path in ("/predict", "/model", "/docs", "/predict")]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["retry-after"] == "20"
        assert answers[-1].json() == {"detail": "These are more than 3 requests a minute; ask again in 20 s."}
        assert [asked(client, path).status_code for path in (*OPEN, "/metrics")] == [200, 200, 200]
    assert len(read_lines(settings.log_dir / "prediction_logs.json")) == 1


def test_with_tokens_each_holder_has_a_limit_of_its_own_whatever_token_it_uses(settings):
    with serving(settings, rate_limit=1, api_tokens=f"{TOKENS} shop:predict:{PREDICT}-new") as client:
        tokens = [PREDICT, f"{PREDICT}-new", FEEDBACK, ADMIN, ADMIN]

        assert [client.get("/model", headers=bearer(token)).status_code for token in tokens] == [
            200,
            429,
            200,
            200,
            429,
        ]


def from_address(app, address: str, forwarded: str = "") -> TestClient:
    """A client with another address than that of all test clients, which may say that it asks for somebody else."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return TestClient(app, client=(address, 50_000), headers=headers)


def statuses(*answers) -> list[int]:
    return [answer.status_code for answer in answers]


def test_whom_a_client_claims_to_ask_for_does_not_count(settings):
    with TestClient(create_app(replace(settings, rate_limit=2))) as client:
        for address in ("127.0.0.1", "::1", "192.0.2.1"):
            answers = (from_address(client.app, address, f"198.51.100.{n}").get("/model") for n in range(3))
            assert statuses(*answers) == [200, 200, 429], address


def test_an_address_counts_that_an_allowed_proxy_has_seen(settings):
    allowed = replace(settings, rate_limit=1, forwarded_allow_ips=("192.0.2.0/24", "2001:db8::1"))
    with TestClient(create_app(allowed)) as client:
        for proxy in ("192.0.2.9", "2001:db8::1"):
            new = [f"198.51.100.{len(proxy)}", f"203.0.113.{len(proxy)}, 198.51.100.{len(proxy) + 100}"]
            answers = [from_address(client.app, proxy, claimed).get("/model") for claimed in [*new, *new]]
            assert statuses(*answers) == [200, 200, 429, 429], proxy
        spoofed = from_address(client.app, "192.0.2.9", "203.0.113.250, 198.51.100.9").get("/model")
        stranger = [from_address(client.app, "127.0.0.1", f"203.0.113.{n}").get("/model") for n in range(2)]
    assert statuses(spoofed, *stranger) == [429, 200, 429]


def test_a_client_cannot_have_another_limit_by_taking_another_of_its_own_addresses(settings):
    with TestClient(create_app(replace(settings, rate_limit=2))) as client:
        own = ["2001:db8:0:7::1", "2001:db8:0:7:ffff::2", "2001:db8:0:7::3"]
        assert statuses(*(from_address(client.app, address).get("/model") for address in own)) == [200, 200, 429]
        same = ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"]
        assert statuses(*(from_address(client.app, address).get("/model") for address in same)) == [200, 200, 429]
        assert from_address(client.app, "2001:db8:0:8::1").get("/model").status_code == 200


@pytest.mark.parametrize("wrong", [None, bearer("x" * 20), {"Authorization": "Basic Og=="}])
def test_who_has_no_token_that_is_accepted_is_limited_by_address_and_locks_nobody_out(settings, wrong):
    with serving(settings, api_tokens=TOKENS, rate_limit=3) as client:
        paths = ("/predict", "/metrics", "/docs", "/openapi.json", "/model")
        answers = [asked(client, path, wrong) for path in paths]

        assert statuses(*answers) == [401, 401, 401, 429, 429]
        assert answers[-1].headers["retry-after"] == "20"
        assert answers[-1].json()["detail"] == (
            "These are more than 3 requests a minute without a token that is accepted; ask again in 20 s."
        )
        assert statuses(*(asked(client, "/model", bearer(PREDICT)) for _ in range(4))) == [200, 200, 200, 429]
        assert statuses(*(asked(client, path) for path in OPEN)) == [200, 200]
        assert from_address(client.app, "192.0.2.1").get("/model").status_code == 401


def test_what_a_token_may_not_do_counts_as_its_holders_request(settings):
    with serving(settings, api_tokens=TOKENS, rate_limit=1) as client:
        assert statuses(*(asked(client, "/feedback", bearer(PREDICT)) for _ in range(2))) == [403, 429]
        assert asked(client, "/feedback", bearer(FEEDBACK)).status_code == 200


LABELLED = {"text": "amazing", "true_sentiment": "negative"}


def test_a_label_needs_the_scope_for_labels_wherever_it_is_sent(settings):
    both = "both-0123456789abc"
    with serving(settings, api_tokens=f"{TOKENS} both:predict,feedback:{both}") as client:
        for token, status in ((PREDICT, 403), (both, 200), (ADMIN, 200)):
            for path, body in (("/predict", LABELLED), ("/predict/batch", {"items": [{"text": "dull"}, LABELLED]})):
                answer = client.post(path, json=body, headers=bearer(token))
                assert answer.status_code == status, (token, path)
                if status == 403:
                    assert answer.json()["detail"] == (
                        "The token of shop may not send true_sentiment; it needs the scope feedback, or leave it out."
                    )
        unlabelled = {"text": "amazing", "true_sentiment": None}
        assert client.post("/predict", json=unlabelled, headers=bearer(PREDICT)).status_code == 200

    lines = read_lines(settings.log_dir / "prediction_logs.json")
    assert [line["true_sentiment"] for line in lines] == ["negative", None, "negative"] * 2 + [None]


def test_without_tokens_everybody_may_send_labels(client):
    assert client.post("/predict", json=LABELLED).status_code == 200


def test_a_client_without_an_address_can_be_counted_too(settings):
    app = create_app(replace(settings, rate_limit=1))
    with TestClient(app) as client:
        client.get("/healthz")

        async def without_address(scope, receive, send):
            await app(scope | {"client": None}, receive, send)

        beside = TestClient(without_address)
        assert [beside.get("/model").status_code for _ in range(2)] == [200, 429]


def test_a_file_of_tokens_is_read(settings, tmp_path):
    (tmp_path / "tokens").write_text(TOKENS)

    with serving(settings, api_tokens_file=tmp_path / "tokens") as client:
        assert [asked(client, "/model", bearer(token)).status_code for token in (PREDICT, "x")] == [200, 401]


@pytest.mark.parametrize("tokens", [{"api_tokens": "nonsense"}, {"api_tokens": " "}, {"api_tokens_file": "nowhere"}])
def test_tokens_that_cannot_be_used_stop_the_start(settings, tmp_path, tokens):
    if "api_tokens_file" in tokens:
        tokens["api_tokens_file"] = tmp_path / "nowhere"

    with pytest.raises(SettingsError, match="API_TOKENS"):
        create_app(replace(settings, **tokens))

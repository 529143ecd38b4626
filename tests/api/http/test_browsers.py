"""What browsers, monitors and proxies need: HEAD, other origins, /docs without other servers, a path before all."""

import json
import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Route

from api.http.docs_page import ICON, SCRIPT, STYLE
from api.main import create_app
from tests.api.http.security.test_guard import ADMIN, BODIES, PREDICT, TOKENS, asked, bearer, routes, serving

APP, OTHER = "https://app.example", "https://other.example"


def getting(client) -> list[str]:
    """The routes that answer GET."""
    return [route.path for route in client.app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]


def plain(headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in ("date", "content-length", "last-modified")}


def test_head_is_answered_as_get_is_without_a_body(client):
    assert {"/healthz", "/readyz", "/metrics", "/model", "/docs", "/openapi.json", SCRIPT} <= set(getting(client))
    for path in getting(client):
        get, head = client.get(path), client.head(path)
        assert (head.status_code, head.content, plain(head.headers)) == (get.status_code, b"", plain(get.headers)), path
        assert path == "/metrics" or head.headers["content-length"] == str(len(get.content))


def test_head_needs_the_token_and_counts_as_get_does(settings):
    with serving(settings, api_tokens=TOKENS, rate_limit=2) as client:
        assert client.head("/model").status_code == 401
        answers = [client.head("/model", headers=bearer(PREDICT)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        lines = client.get("/metrics", headers=bearer(ADMIN)).text.splitlines()
    assert 'sentiment_requests_total{route="/model",status="200"} 2.0' in lines


def test_the_documentation_is_counted_as_such(client):
    client.get("/docs")
    client.head(ICON)

    lines = client.get("/metrics").text.splitlines()
    assert all(f'sentiment_requests_total{{route="{path}",status="200"}} 1.0' in lines for path in ("/docs", ICON))


def test_every_route_says_which_methods_it_has(client):
    for path in routes(client):
        expected = {"POST"} if path in BODIES else {"GET", "HEAD"}
        refused = [client.request(method, path) for method in ("DELETE", "TRACE", "OPTIONS", "PUT")]
        assert {answer.status_code for answer in refused} == {405}, path
        assert all(set(answer.headers["allow"].split(", ")) == expected for answer in refused), path
    assert client.head("/predict").status_code == 405


def test_only_get_is_documented(client):
    paths = client.get("/openapi.json").json()["paths"]

    assert {method for operations in paths.values() for method in operations} == {"get", "post"}


@pytest.fixture
def shared(settings):
    with serving(settings, cors_origins=(APP,), api_tokens=TOKENS, rate_limit=5, max_body_bytes=100) as client:
        yield client


def preflight(client, path: str, origin: str = APP, method: str = "POST", headers: str = "authorization,content-type"):
    asks = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return client.options(path, headers={"Origin": origin} | asks)


def test_a_browser_may_ask_first_without_a_token_or_a_limit(shared):
    for path in [*routes(shared), "/nowhere"] * 2:
        answer = preflight(shared, path)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == APP
        assert {"authorization", "content-type"} <= set(
            answer.headers["access-control-allow-headers"].lower().split(", ")
        )
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"


def test_a_page_of_another_origin_may_not(shared):
    for refused in (
        preflight(shared, "/predict", OTHER),
        preflight(shared, "/predict", APP + ".evil.example"),
        preflight(shared, "/predict", "null"),
    ):
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in shared.get("/healthz", headers={"Origin": OTHER}).headers


def test_the_page_can_read_every_answer_and_refusal(shared):
    def answer(path: str, token: str | None = PREDICT, **request):
        return shared.post(path, headers={"Origin": APP} | (bearer(token) if token else {}), **request)

    text = {"text": "amazing"}
    answers = {
        200: answer("/predict", json=text),
        401: answer("/predict", None, json=text),
        403: answer("/feedback", json=text),
        404: answer("/nowhere"),
        405: answer("/healthz"),
        413: answer("/predict", json={"text": "a" * 200}),
        415: answer("/predict", content=b"a"),
        429: [answer("/predict", json=text) for _ in range(9)][-1],
    }

    assert {status: said.status_code for status, said in answers.items()} == {status: status for status in answers}
    for said in answers.values():
        assert said.headers["access-control-allow-origin"] == APP
        assert "Origin" in said.headers["vary"]
        assert said.headers["access-control-expose-headers"] == "Retry-After"


def test_also_a_mistake_of_the_service_can_be_read(settings):
    app = create_app(replace(settings, cors_origins=("*",)))

    @app.get("/broken")
    async def broken():
        raise RuntimeError("a bug")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken", headers={"Origin": APP})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (500, "*")


def test_unless_it_is_set_no_other_origin_is_let_in(client):
    assert preflight(client, "/predict").status_code == 405
    answer = client.post("/predict", json={"text": "amazing"}, headers={"Origin": APP})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_documentation_names_no_other_server(client):
    page = client.get("/docs")

    named = re.findall(r"""(?:src|href)="([^"]*)"|url: '([^']*)'""", page.text)
    assert {"".join(name) for name in named} == {SCRIPT, STYLE, ICON, "/openapi.json"}
    assert "//" not in page.text.replace("<!-- `SwaggerUIBundle`", "").replace("// ", "")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self' 'sha256-")
    kinds = {path: client.get(path).headers["content-type"].split(";")[0] for path in (SCRIPT, STYLE, ICON)}
    assert kinds == {SCRIPT: "text/javascript", STYLE: "text/css", ICON: "image/png"}
    assert client.get("/redoc").status_code == 404


def test_what_the_documentation_loads_is_guarded_and_counts_as_one_request(settings):
    with serving(settings, api_tokens=TOKENS, rate_limit=2) as client:
        for path in (SCRIPT, STYLE, ICON):
            assert client.get(path, auth=("anybody", PREDICT)).status_code == 403
        loaded = [client.get(path, auth=("", ADMIN)) for path in ("/docs", SCRIPT, STYLE, ICON, "/openapi.json")]
    assert [answer.status_code for answer in loaded] == [200] * 5


@pytest.mark.parametrize("stripped", [True, False])
def test_under_a_path_everything_is_answered_whether_a_proxy_strips_it_or_not(settings, stripped):
    before = "" if stripped else "/sentiment"
    with serving(settings, root_path="/sentiment") as client:
        assert client.get(before + "/openapi.json").json()["servers"] == [{"url": "/sentiment"}]
        page = client.get(before + "/docs").text
        assert all(f"/sentiment{path}" in page for path in (SCRIPT, STYLE, ICON, "/openapi.json"))
        for path in routes(client):
            assert asked(client, before + path).status_code == 200 or path in BODIES, path
        for path, body in BODIES.items():
            assert client.post(before + path, json=body).status_code == 200, path
        text = client.get(before + "/metrics").text
    assert 'sentiment_requests_total{route="/predict",status="200"}' in text
    assert "/sentiment" not in json.dumps(re.findall(r'route="(.*?)"', text))

"""Beside FastAPI's own route: the same documentation, and the same answers to what both take."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api.http.bodies.decoding import sentence
from api.http.bodies.json_route import SMALL_BYTES, check_headers, json_route, read_large, read_small
from api.http.bodies.large import LargeBodies
from api.http.errors import add_error_handlers, problem
from api.schemas import BatchRequest, BatchResponse, PredictRequest, PredictResponse, Problem

JSON = {"content-type": "application/json"}


async def echo(item: PredictRequest) -> PredictResponse:
    """Give the text back."""
    return PredictResponse(prediction_id=item.text, predicted_sentiment="é🎬", confidence=1e-06, model_version="v")


async def echo_all(batch: BatchRequest) -> BatchResponse:
    return BatchResponse(items=[await echo(item) for item in batch.items])


ENDPOINTS: dict[str, Callable[..., Any]] = {"/echo": echo, "/echo/batch": echo_all}


def app_of(route_class: type[APIRoute]) -> FastAPI:
    app = FastAPI()
    add_error_handlers(app)
    for path, endpoint in ENDPOINTS.items():
        app.router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            tags=["echo"],
            responses={422: {"model": Problem}},
            route_class_override=route_class,
        )
    return app


def described(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's own description of a body, as the service words it."""
    mistakes = [mistake | {"loc": mistake["loc"][1:]} for mistake in cast(RequestValidationError, error).errors()]
    return problem(422, sentence(mistakes))


OURS, FASTAPIS = app_of(json_route(1000, LargeBodies(1000))), app_of(APIRoute)
FASTAPIS.add_exception_handler(RequestValidationError, described)


def test_the_documentation_is_fastapis():
    assert json.dumps(OURS.openapi()) == json.dumps(FASTAPIS.openapi())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/echo", b'{"text": "a"}'),
        ("/echo", '{"text": "\\u00e9 \\" \\n 🎬", "true_sentiment": "x"}'.encode()),
        ("/echo", b""),
        ("/echo", b"null"),
        ("/echo", b'{"txet": 1}'),
        ("/echo", b'{"text": 1}'),
        ("/echo/batch", b'{"items": [{"text": "a"}, {"text": "b"}]}'),
        ("/echo/batch", b'{"items": [{"text": "a"}, {}, 3]}'),
    ],
)
def test_the_answer_is_fastapis(path, body):
    ours, fastapis = (TestClient(app).post(path, content=body, headers=JSON) for app in (OURS, FASTAPIS))

    assert (ours.status_code, ours.content) == (fastapis.status_code, fastapis.content)
    assert dict(ours.headers) == dict(fastapis.headers)


def read(messages: list[dict[str, Any]], headers: dict[str, str] = JSON, limit: int = 10, large: bool = False) -> bytes:
    async def receive() -> Any:
        return messages.pop(0)

    async def body() -> bytes:
        if large:
            return bytes(await read_large(receive, bytearray(), limit, limit))
        read = bytearray()
        assert not await read_small(receive, read, limit)
        return bytes(read)

    check_headers({"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}, limit)
    return asyncio.run(body())


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("large", [False, True])
def test_a_body_that_comes_in_parts_is_put_together(large):
    assert read([part(b"ab", True), part(b"", True), part(b"c", False)], large=large) == b"abc"


@pytest.mark.parametrize("large", [False, True])
def test_no_more_is_read_once_the_body_is_too_large(large):
    rest = [part(b"x" * 6, True), part(b"x" * 6, True), part(b"x", False)]

    with pytest.raises(HTTPException) as refused:
        read(rest, large=large)

    assert refused.value.status_code == 413
    assert len(rest) == 1


@pytest.mark.parametrize(
    "headers",
    [
        JSON | {"content-length": "11"},
        JSON | {"content-encoding": "gzip"},
        {},
        {"content-type": "text/plain"},
    ],
)
def test_nothing_is_read_of_what_its_head_forbids(headers):
    rest = [part(b"x", False)]

    with pytest.raises(HTTPException):
        read(rest, headers)

    assert len(rest) == 1


def test_a_client_that_goes_away_before_its_body_is_complete_is_no_mistake_of_the_service():
    with pytest.raises(HTTPException) as gone:
        read([part(b"ab", True), {"type": "http.disconnect"}])

    assert gone.value.status_code == 400


def test_a_compressed_body_is_refused_with_the_way_out():
    with pytest.raises(
        HTTPException, match=r"Content-Encoding is 'gzip'; send the body as it is, not compressed"
    ) as no:
        check_headers({"headers": [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]}, 10)

    assert no.value.status_code == 415


@pytest.mark.parametrize("size", [SMALL_BYTES, SMALL_BYTES + 20_000, 3 * SMALL_BYTES])
@pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
def test_a_body_that_is_large_gets_its_memory_and_a_small_one_needs_none(size, length):
    text = "a" * (size - len(b'{"text":""}'))
    body = json.dumps({"text": text}, separators=(",", ":")).encode()
    lent: list[int] = []

    class Noting(LargeBodies):
        def lend(self, size: int) -> Any:
            lent.append(size)
            return super().lend(size)

    limit, parts = 4 * SMALL_BYTES, [part(body[at : at + 10_000], at + 10_000 < size) for at in range(0, size, 10_000)]
    answers: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    app = FastAPI()
    app.router.add_api_route("/echo", echo, methods=["POST"], route_class_override=json_route(limit, Noting(limit)))
    framing = (b"content-length", b"%d" % size) if length else (b"transfer-encoding", b"chunked")
    scope = {"headers": [(b"content-type", b"application/json"), framing]}
    asyncio.run(cast(Any, app.router.routes[-1]).app(scope, receive, send))

    assert json.loads(answers[1]["body"])["prediction_id"] == text
    assert lent == ([] if size <= SMALL_BYTES else [size if length else limit])

"""Beside FastAPI's own route: the same documentation, and the same answers to what both take."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api.errors import add_error_handlers
from api.json_route import LARGE_AT_ONCE, LARGE_BYTES, MAX_MISTAKES, check_head, json_route, parse, read_body
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


OURS, FASTAPIS = app_of(json_route(1000)), app_of(APIRoute)


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


def read(messages: list[dict[str, Any]], headers: dict[str, str] = JSON, limit: int = 10, expected: int = 0) -> bytes:
    async def receive() -> Any:
        return messages.pop(0)

    check_head({"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}, limit)
    return bytes(asyncio.run(read_body(receive, limit, expected)))


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("expected", [0, 2, 3, 4])
def test_a_body_that_comes_in_parts_is_put_together(expected):
    assert read([part(b"ab", True), part(b"", True), part(b"c", False)], expected=expected) == b"abc"


def test_no_more_is_read_once_the_body_is_too_large():
    rest = [part(b"x" * 6, True), part(b"x" * 6, True), part(b"x", False)]

    with pytest.raises(HTTPException) as refused:
        read(rest)

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
        check_head({"headers": [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]}, 10)

    assert no.value.status_code == 415


def test_a_million_mistakes_are_counted_and_not_described_one_by_one():
    body = json.dumps({"text": "a"} | {str(number): 1 for number in range(MAX_MISTAKES + 1)}).encode()

    with pytest.raises(HTTPException, match=f"The body has {MAX_MISTAKES + 1} mistakes; /docs shows") as refused:
        parse(PredictRequest, bytearray(body))

    assert refused.value.status_code == 422


def test_large_bodies_wait_for_each_other_and_small_ones_do_not():
    turns, bodies = asyncio.Event(), 0

    async def receive() -> Any:
        nonlocal bodies
        bodies += 1
        await turns.wait()
        return part(b'{"text": "a"}', False)

    async def send(message: Any) -> None:
        pass

    async def started(length: int, requests: int) -> tuple[int, list[asyncio.Task[None]]]:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % length)]
        before, route = bodies, cast(Any, app.router.routes[-1])
        tasks = [asyncio.create_task(route.app({"headers": headers}, receive, send)) for _ in range(requests)]
        await asyncio.sleep(0)
        return bodies - before, tasks

    async def large_then_small() -> tuple[int, int, int]:
        large, waiting = await started(LARGE_BYTES + 1, LARGE_AT_ONCE + 3)
        small, more = await started(LARGE_BYTES, 5)
        turns.set()
        await asyncio.gather(*waiting, *more)
        return large, small, bodies

    app = FastAPI()
    app.router.add_api_route("/echo", echo, methods=["POST"], route_class_override=json_route(LARGE_BYTES + 1))

    assert asyncio.run(large_then_small()) == (LARGE_AT_ONCE, 5, LARGE_AT_ONCE + 3 + 5)

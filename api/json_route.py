"""Routes that take a JSON body and give a JSON answer, and nothing else: short of FastAPI's general way.

FastAPI documents these routes as it does all others. Answering, it would also solve dependencies, look for
parameters, and open two stacks of things to close; none is used here, and they cost more than a prediction
(docs/performance.md).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from email.message import Message
from typing import Any, TypeVar

from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json
from starlette.types import Receive, Scope, Send

from api.input import echo

LARGE_BYTES = 64 * 1024  # uvicorn keeps so much of a body that nobody reads
LARGE_AT_ONCE = 8  # larger bodies wait their turn in the network, so that many of them do not take all memory
MAX_MISTAKES = (
    2000  # two for each item of a batch; a sentence names three, but pydantic would describe each of a million
)
Item = TypeVar("Item", bound=BaseModel)


def json_route(max_bytes: int) -> type[APIRoute]:
    """The class of routes whose endpoint takes one model, of a body of at most `max_bytes`, and returns another.

    For the app's own router: FastAPI builds the routes of an included one anew, in its general way.
    """

    turns = asyncio.Semaphore(LARGE_AT_ONCE)

    class JSONRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Awaitable[BaseModel]], **options: Any) -> None:
            super().__init__(path, endpoint, **options)
            assert self.body_field is not None, f"{path} takes no body"
            # To pydantic the annotation may be of any type; that of a body is the endpoint's model.
            self._model: type[BaseModel] = self.body_field.field_info.annotation  # type: ignore[assignment]
            self.app = self._answer

        async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
            size = check_head(scope, max_bytes)
            small = size is not None and size <= LARGE_BYTES
            async with nullcontext() if small else turns:
                # Of small bodies any number may be promised that never come, so that they get memory as they do.
                body = await read_body(receive, max_bytes, 0 if small else size or 0)
                answer = to_json(await self.endpoint(parse(self._model, body)))
            length = str(len(answer)).encode()
            headers = [(b"content-length", length), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

    return JSONRoute


def check_head(scope: Scope, max_bytes: int) -> int | None:
    """How long the body will be, None if its head does not say; HTTPException if it is not JSON, or too large."""
    headers = dict(scope["headers"])
    _check_content_type(headers.get(b"content-type", b"").decode("latin-1"))
    if encoding := headers.get(b"content-encoding", b"").decode("latin-1"):
        raise HTTPException(415, f"Content-Encoding is {echo(encoding)}; send the body as it is, not compressed.")
    if b"transfer-encoding" in headers:
        return None
    size = int(headers.get(b"content-length", 0))
    _check_size(size, max_bytes)
    return size


async def read_body(receive: Receive, max_bytes: int, expected: int) -> bytearray:
    """The body; HTTPException if it is too large, and then no more of it is read.

    Memory for a body of `expected` bytes is taken at once: for large ones that grow beside each other it would be up
    to twice as much, because malloc copies what has no room to grow.
    """
    body, read, more = bytearray(expected), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "The connection was closed before the body was complete.")
        part = message.get("body", b"")
        body[read : read + len(part)] = part
        read += len(part)
        _check_size(read, max_bytes)
        more = message.get("more_body", False)
    del body[read:]
    return body


def parse(model: type[Item], body: bytearray) -> Item:
    """The model that a JSON body describes. Raises RequestValidationError, or HTTPException if it is not JSON.

    Unlike json.loads it refuses NaN, lone surrogates and endless nesting as bad input.
    """
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}])
    try:
        return model.model_validate(_decoded(body))
    except ValidationError as error:  # a ValueError too
        if (mistakes := error.error_count()) > MAX_MISTAKES:
            raise HTTPException(422, f"The body has {mistakes} mistakes; /docs shows what it may be.") from error
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error
    except ValueError as error:
        raise HTTPException(422, f"The body is not valid JSON: {error}.") from error


def _decoded(body: bytearray) -> Any:
    if len(body) <= LARGE_BYTES:
        return from_json(body, allow_inf_nan=False)
    gc.disable()  # of a million small lists most of the time would go into looking for cycles, of which JSON has none
    try:
        return from_json(body, allow_inf_nan=False)
    finally:
        gc.enable()


def _check_content_type(sent: str) -> None:
    if sent == "application/json":
        return
    header = Message()
    header["content-type"] = sent or "none/none"
    if header.get_content_type() != "application/json":
        raise HTTPException(
            415, f"Content-Type is {echo(sent) if sent else 'missing'}; send the body as application/json."
        )


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise HTTPException(413, f"The body is larger than the limit of {max_bytes} bytes; send less at once.")

"""Routes with a JSON body and a JSON response, on a shorter path than FastAPI's own.

FastAPI documents these routes like all others. Its own handler would also solve dependencies, parse parameters and open
two exit stacks. None of that is used here, and it costs more than a prediction
(docs/internals/performance.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.message import Message
from mmap import mmap
from typing import Any

from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from api.http.bodies.decoding import Decoder
from api.http.bodies.large import LargeBodies
from api.input import echo
from api.turns import others

SMALL_BYTES = 64 * 1024  # uvicorn buffers this much of a body anyway, so it needs no memory from `large`
QUICK_BYTES = 4096  # decoded within a millisecond, whatever the body holds


def json_route(max_bytes: int, large: LargeBodies) -> type[APIRoute]:
    """The class of routes whose endpoint takes one model, from a body of at most `max_bytes`, and returns another.

    Bodies of more than SMALL_BYTES borrow their memory from `large`. Only for the app's own router: FastAPI rebuilds
    the routes of included routers as its own.
    """

    class JSONRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Awaitable[BaseModel]], **options: Any) -> None:
            super().__init__(path, endpoint, **options)
            assert self.body_field is not None, f"{path} takes no body"
            # The annotation of a body is the endpoint's model, though pydantic allows any type.
            self._decoder = Decoder[BaseModel](self.body_field.field_info.annotation)  # type: ignore[arg-type]
            self.app = self._answer

        async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
            size = check_headers(scope, max_bytes)
            begun, more = bytearray(), True
            if size is None or size <= SMALL_BYTES:
                more = await read_small(receive, begun, max_bytes)
            if not more:
                answer = await self._answered(begun)
            else:
                lent = size or max_bytes
                async with large.lend(lent):
                    async with large.arriving(lent):
                        body = await read_large(receive, begun, lent, max_bytes)
                    answer = await self._answered(body)
            length = str(len(answer)).encode()
            headers = [(b"content-length", length), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

        async def _answered(self, body: bytearray | memoryview) -> bytes:
            if len(body) <= QUICK_BYTES:
                return to_json(await self.endpoint(self._decoder.decode(body)))
            async with large.decoding:
                await others()
                item = self._decoder.decode(body)
            return to_json(await self.endpoint(item))

    return JSONRoute


def check_headers(scope: Scope, max_bytes: int) -> int | None:
    """The length of the body, or None if it is chunked. HTTPException if it is not JSON, or too large."""
    headers = dict(scope["headers"])
    _check_content_type(headers.get(b"content-type", b"").decode("latin-1"))
    if encoding := headers.get(b"content-encoding", b"").decode("latin-1"):
        raise HTTPException(415, f"Content-Encoding is {echo(encoding)}; send the body as it is, not compressed.")
    if b"transfer-encoding" in headers:
        return None
    size = int(headers.get(b"content-length", 0))
    _check_size(size, max_bytes)
    return size


async def read_small(receive: Receive, body: bytearray, max_bytes: int) -> bool:
    """Read into `body` up to the end, or until it is larger than SMALL_BYTES. Returns whether more follows.

    HTTPException if it is too large.
    """
    more = True
    while more and len(body) <= SMALL_BYTES:
        part, more = await _part(receive)
        body += part
        _check_size(len(body), max_bytes)
    return more


async def read_large(receive: Receive, begun: bytearray, size: int, max_bytes: int) -> memoryview:
    """The body that begins with `begun` and has at most `size` bytes. HTTPException as soon as it is too large.

    Its memory comes from mmap, and returns to the system with the body. With concurrent bodies, malloc would keep up to
    twice as much.
    """
    body, read, more = mmap(-1, size), len(begun), True
    body[:read] = begun
    while more:
        part, more = await _part(receive)
        _check_size(read + len(part), max_bytes)
        body[read : read + len(part)] = part
        read += len(part)
    return memoryview(body)[:read]


async def _part(receive: Receive) -> tuple[bytes, bool]:
    """The next bytes of a body, and whether more follow. HTTPException if the client disconnected."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise HTTPException(400, "The connection was closed before the body was complete.")
    return message.get("body", b""), message.get("more_body", False)


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

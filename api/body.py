"""Reads a JSON body: never more of it than the limit, and never on the event loop when it is large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import HTTPException
from fastapi.routing import APIRoute
from pydantic_core import from_json

from api.input import echo

LARGE_BYTES = 64 * 1024


def json_route(max_bytes: int) -> type[APIRoute]:
    """A route class whose requests have a JSON body of at most `max_bytes`."""

    class JSONRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def read_then_handle(request: Request) -> Response:
                return await handle(JSONRequest(request.scope, request.receive, max_bytes))

            return read_then_handle

    return JSONRoute


class JSONRequest(Request):
    def __init__(self, scope: Any, receive: Any, max_bytes: int) -> None:
        super().__init__(scope, receive)
        self._max_bytes = max_bytes

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._check_content_type()
            self._check_size(int(self.headers.get("content-length", 0)))
            received = bytearray()
            async for chunk in self.stream():
                received += chunk
                self._check_size(len(received))
            self._body = bytes(received)
        return self._body

    async def json(self) -> Any:
        """The parsed body; unlike json.loads it refuses NaN, lone surrogates and endless nesting as bad input."""
        body = await self.body()
        try:
            if len(body) < LARGE_BYTES:
                return _parse(body)
            return await asyncio.to_thread(_parse, body)
        except ValueError as error:
            raise HTTPException(422, f"The body is not valid JSON: {error}.") from error

    def _check_content_type(self) -> None:
        sent = self.headers.get("content-type")
        header = Message()
        header["content-type"] = sent or "none/none"
        if header.get_content_type() != "application/json":
            raise HTTPException(
                415, f"Content-Type is {echo(sent) if sent else 'missing'}; send the body as application/json."
            )

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise HTTPException(
                413, f"The body is larger than the limit of {self._max_bytes} bytes; send less at once."
            )


def _parse(body: bytes) -> Any:
    return from_json(body, allow_inf_nan=False)

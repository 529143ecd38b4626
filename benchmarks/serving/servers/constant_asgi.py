"""The upper limit: an ASGI app that reads the request and returns a constant response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

ANSWER = (
    b'{"prediction_id":"00000000-0000-4000-8000-000000000000","predicted_sentiment":"positive",'
    b'"confidence":0.970000,"model_version":"000000000000"}'
)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})

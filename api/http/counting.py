"""ASGI middleware for the metrics of requests."""

from __future__ import annotations

import asyncio
import time
from functools import cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

CLIENT_GONE = 499  # nginx's code for a client that disconnected before the response


class CountRequests:
    """Counts and times each request by its route template, never by the path that the client sent."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        # Looking up a series by its labels takes longer than counting.
        self._series = cache(
            lambda route, status: (metrics.requests.labels(route, status), metrics.seconds.labels(route))
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        except asyncio.CancelledError:
            status = CLIENT_GONE
            raise
        finally:
            route = getattr(scope.get("route"), "path", "other")
            requests, seconds = self._series(route, status)
            requests.inc()
            seconds.observe(time.perf_counter() - started)

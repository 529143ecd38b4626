"""The HTTP interface: translates requests into calls of the service, and what it returns or raises into answers."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api import __version__
from api.http.bodies.json_route import json_route
from api.http.bodies.large import LargeBodies
from api.http.counting import CountRequests
from api.http.docs_page import add_docs_page
from api.http.errors import add_error_handlers
from api.http.printing import WithoutMessages
from api.http.security.guard import check_may_label, guard
from api.http.security.hosts import KnownHosts
from api.http.server.connections import Limits, limited_connections
from api.http.server.listening import listen_apart
from api.input import check_batch
from api.metrics import Metrics, share_between_workers
from api.model.classifier import ModelUnavailable
from api.prediction_log.contract import LogUnavailable
from api.schemas import (
    BatchRequest,
    BatchResponse,
    ExplainRequest,
    ExplainResponse,
    FeedbackRequest,
    FeedbackResponse,
    PredictRequest,
    PredictResponse,
    Problem,
    Status,
)
from api.service import Service
from api.settings import Settings, SettingsError

SWITCH_SECONDS = 0.0005  # a tenth of Python's: how long the thread that asks a pipeline may hold up all others
STARTUP_FAILURE = 3  # the exit code on which uvicorn does not start a failed worker again
LARGE_AT_ONCE = 8  # bodies of the largest size
Endpoint = Callable[..., Awaitable[BaseModel]]
Responses = dict[int | str, dict[str, Any]]
REFUSALS: Responses = {
    code: {"model": Problem, "description": text}
    for code, text in {
        413: "The body is larger than the limit.",
        415: "The body is not sent as application/json, or compressed.",
        422: "The body cannot be answered; nothing was logged.",
        503: "No model, the log cannot be written, or too many connections are open; nothing was answered.",
    }.items()
}
OF_CONNECTIONS: Responses = {
    code: {"model": Problem, "description": text}
    for code, text in {
        400: "This is not a valid HTTP request, or its Host is no name of this service.",
        408: "The request was not complete in time.",
        431: "The head is larger than the limit.",
        503: "Too many connections are open.",
    }.items()
}
NOT_LINEAR = "The loaded model has no exact explanation; the sentence says which part of it has none."

MAY_LOG_EXCEPTIONS = ("uvicorn.api", "uvicorn.error", "asyncio", "concurrent.futures")

logger = logging.getLogger("uvicorn.api")
_without_messages = WithoutMessages()


def create_app(settings: Settings) -> FastAPI:
    shared = settings.web_concurrency > 1
    if shared:
        share_between_workers(Path(tempfile.gettempdir()) / f"sentiment-api-metrics-{os.getppid()}")
    metrics = Metrics(shared)
    service = Service(settings, metrics)
    app = FastAPI(
        title="Sentiment API",
        version=__version__,
        description="Classifies texts. Every answer is in the log before it is sent.",
        responses=OF_CONNECTIONS,
        redirect_slashes=False,  # to the host that the client named, whichever that is
        docs_url=None,  # its own one asks other servers for its files, and so does redoc
        redoc_url=None,
        lifespan=lambda app: _lifespan(service, settings),
    )
    app.root_path = settings.root_path  # the server's is no way: it could not tell whether a proxy strips the path
    app.add_middleware(KnownHosts, allowed=settings.allowed_hosts)
    app.add_middleware(CountRequests, metrics=metrics)
    if settings.forwarded_allow_ips:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.forwarded_allow_ips))
    add_error_handlers(app)
    _add_predictions(app.router, service, settings)
    _add_operations(app.router, service, metrics)
    add_docs_page(app)
    guard(app, settings)
    _answer_head(app)
    if settings.cors_origins:
        # Around all else, so that browsers show their scripts what was refused, and why.
        app.middleware_stack = CORSMiddleware(
            app.build_middleware_stack(),
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After",),
        )
    _log_settings(settings)
    return app


@asynccontextmanager
async def _lifespan(service: Service, settings: Settings) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    if settings.web_concurrency > 1:
        listen_apart(loop)
    await service.start()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # what start-up made stays: looking through it again and again would hold up answers
    with limited_connections(
        loop, Limits(settings.max_connections, settings.client_seconds, settings.keep_alive_seconds)
    ):
        yield
    await service.stop()


def _add_predictions(router: APIRouter, service: Service, settings: Settings) -> None:
    async def predict(item: PredictRequest) -> PredictResponse:
        """Classify a text. The answer is sent once it is in the log."""
        check_may_label([item])
        return (await service.answer([item], [""]))[0]

    async def feedback(item: FeedbackRequest) -> FeedbackResponse:
        """Say what the right label of an earlier prediction was; the latest label counts."""
        return await service.learn(item)

    async def explain(item: ExplainRequest) -> ExplainResponse:
        """Say what each part of a text adds to the model's score for it, exactly. Nothing is logged."""
        return await service.explain(item)

    async def predict_batch(batch: BatchRequest) -> BatchResponse:
        """Classify up to 1000 texts; the answers come in the same order, or none if one item is refused."""
        check_batch(len(batch.items))
        check_may_label(batch.items)
        places = [f"items[{number}]." for number in range(len(batch.items))]
        return BatchResponse(items=await service.answer(batch.items, places))

    large = LargeBodies(LARGE_AT_ONCE * max(settings.max_body_bytes, settings.max_batch_bytes))

    def add(path: str, endpoint: Endpoint, max_bytes: int, responses: Responses = REFUSALS) -> None:
        router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            responses=responses,
            tags=["predictions"],
            route_class_override=json_route(max_bytes, large),
        )

    not_linear: Responses = {409: {"model": Problem, "description": NOT_LINEAR}}
    add("/predict", predict, settings.max_body_bytes)
    add("/feedback", feedback, settings.max_body_bytes)
    add("/explain", explain, settings.max_body_bytes, REFUSALS | not_linear)
    add("/predict/batch", predict_batch, settings.max_batch_bytes)


def _add_operations(router: APIRouter, service: Service, metrics: Metrics) -> None:
    get = partial(router.get, tags=["operations"])

    @get("/model", responses={503: REFUSALS[503]})
    async def model() -> dict[str, Any]:
        """The model card: what the model is, what it was trained on, how good it was then, and its limits."""
        return service.card

    @get("/healthz")
    async def healthz() -> Status:
        """The process answers."""
        return Status(status="ok")

    @get("/readyz", responses={503: REFUSALS[503]})
    async def readyz() -> Status:
        """The model is loaded and the log can be written."""
        service.check_ready()
        return Status(status="ready")

    @get("/metrics", response_class=Response)
    async def prometheus() -> Response:
        """Metrics in Prometheus' text format."""
        with suppress(LogUnavailable, ModelUnavailable):  # the gauge says which it is
            service.check_ready()
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _answer_head(app: FastAPI) -> None:
    """Let every route that answers GET answer HEAD too, without documenting it as an operation of its own."""
    app.openapi()  # keeps what it documents: only what the routes answer by now
    for route in app.routes:
        if isinstance(route, APIRoute) and "GET" in (methods := route.methods or set()):
            methods.add("HEAD")


def _log_settings(settings: Settings) -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(settings.log_level.upper())
    for name in MAY_LOG_EXCEPTIONS:
        change = logging.Logger.removeFilter if settings.log_text == "full" else logging.Logger.addFilter
        change(logging.getLogger(name), _without_messages)
    logging.getLogger("uvicorn.access").addFilter(_printable)
    logger.info("version %s, %s", __version__, settings)


def _printable(record: logging.LogRecord) -> bool:
    """Escape what no terminal should get: uvicorn logs what X-Forwarded-For says as the client's address."""
    parts = cast(tuple[object, ...], record.args)
    record.args = tuple(part if str(part).isprintable() else ascii(part)[1:-1] for part in parts)
    return True


def __getattr__(name: str) -> FastAPI:
    """Makes `app` when a server first asks for api.main:app, so that importing this module does nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        app = globals()["app"] = create_app(Settings.from_env(os.environ))
    except SettingsError as error:
        logger.critical("%s", error)
        sys.exit(STARTUP_FAILURE)
    return app

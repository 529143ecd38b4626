"""The routes: each calls the service and returns what the service answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.http.bodies.json_route import json_route
from api.http.bodies.large import LargeBodies
from api.http.openapi import NOT_LINEAR, REFUSALS, UNAVAILABLE, Responses
from api.http.security.guard import check_may_label
from api.input import check_batch
from api.metrics import Metrics
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
    Status,
)
from api.service import Service
from api.settings import Settings

LARGE_AT_ONCE = 8  # bodies of the largest size
Endpoint = Callable[..., Awaitable[BaseModel]]


def add_predictions(router: APIRouter, service: Service, settings: Settings) -> None:
    async def predict(item: PredictRequest) -> PredictResponse:
        """Classify a text. The prediction is logged before it is sent."""
        check_may_label([item])
        return (await service.answer([item], [""]))[0]

    async def feedback(item: FeedbackRequest) -> FeedbackResponse:
        """Send the true label of an earlier prediction. The latest label counts."""
        return await service.learn(item)

    async def explain(item: ExplainRequest) -> ExplainResponse:
        """Explain the score of a text: the exact contribution of each term and token. Nothing is logged."""
        return await service.explain(item)

    async def predict_batch(batch: BatchRequest) -> BatchResponse:
        """Classify up to 1000 texts, in the order sent. If one item is invalid, the whole batch is refused."""
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

    add("/predict", predict, settings.max_body_bytes)
    add("/feedback", feedback, settings.max_body_bytes)
    add("/explain", explain, settings.max_body_bytes, REFUSALS | NOT_LINEAR)
    add("/predict/batch", predict_batch, settings.max_batch_bytes)


def add_operations(router: APIRouter, service: Service, metrics: Metrics) -> None:
    get = partial(router.get, tags=["operations"])

    @get("/model", responses=UNAVAILABLE)
    async def model() -> dict[str, Any]:
        """The model card: model, training data, metrics and limits."""
        return service.card

    @get("/healthz")
    async def healthz() -> Status:
        """Liveness: the process answers."""
        return Status(status="ok")

    @get("/readyz", responses=UNAVAILABLE)
    async def readyz() -> Status:
        """Readiness: the model is loaded and the log can be written."""
        service.check_ready()
        return Status(status="ready")

    @get("/metrics", response_class=Response)
    async def prometheus() -> Response:
        """Metrics in the Prometheus text format."""
        with suppress(LogUnavailable, ModelUnavailable):  # the gauge says which it is
            service.check_ready()
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def answer_head(app: FastAPI) -> None:
    """Let every GET route answer HEAD too, without an operation of its own in the OpenAPI document."""
    app.openapi()  # FastAPI caches this document, so the methods added below stay out of it
    for route in app.routes:
        if isinstance(route, APIRoute) and "GET" in (methods := route.methods or set()):
            methods.add("HEAD")

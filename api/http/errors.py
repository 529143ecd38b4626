"""Turns every error into a status code and one sentence for the client."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.input import InvalidInput, echo
from api.model.classifier import ModelUnavailable
from api.model.explanation import Unexplainable
from api.prediction_log.contract import LogUnavailable
from api.turns import Busy

logger = logging.getLogger("uvicorn.api")


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(InvalidInput, _invalid_input)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(LogUnavailable, _log_unavailable)
    app.add_exception_handler(ModelUnavailable, _model_unavailable)
    app.add_exception_handler(Unexplainable, _unexplainable)
    app.add_exception_handler(Busy, _busy)
    app.add_exception_handler(Exception, _bug)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)


def _invalid_input(request: Request, error: Exception) -> JSONResponse:
    return problem(422, str(error))


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail, headers = error.detail, dict(error.headers or {})
    if error.status_code == 404:
        detail = f"There is nothing at {echo(request.scope['path'])}; /docs lists the routes."
    if error.status_code == 405:
        detail = f"{request.method} is not allowed at {echo(request.scope['path'])}; use {headers.get('Allow')}."
    return problem(error.status_code, detail, headers)


def _log_unavailable(request: Request, error: Exception) -> JSONResponse:
    detail = f"The log cannot be written, so nothing is answered: {error}. Try again later."
    return problem(503, detail, {"Retry-After": "1"})


def _model_unavailable(request: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error), {"Retry-After": "10"})


def _unexplainable(request: Request, error: Exception) -> JSONResponse:
    return problem(409, str(error))


def _busy(request: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error), {"Retry-After": "1"})


def _bug(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error at %s", echo(request.scope["path"]), exc_info=error)
    return problem(500, "The service made a mistake; its log has the details.")

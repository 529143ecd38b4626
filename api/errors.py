"""Turns everything that can go wrong into one sentence for the client."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.explanation import Unexplainable
from api.group_commit import LogUnavailable
from api.input import InvalidInput, echo
from api.model import ModelUnavailable

JSON_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}

logger = logging.getLogger("uvicorn.api")


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(InvalidInput, _invalid_input)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(LogUnavailable, _log_unavailable)
    app.add_exception_handler(ModelUnavailable, _model_unavailable)
    app.add_exception_handler(Unexplainable, _unexplainable)
    app.add_exception_handler(Exception, _bug)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers)


def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    sentences = dict.fromkeys(_sentence(item) for item in error.errors())
    return problem(422, "; ".join(list(sentences)[:3]) + ".")


def _sentence(error: dict[str, Any]) -> str:
    """One of pydantic's errors as the client would say it, named by its place in the body."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"][1:])
    field, kind, context = echo(place[1:])[1:-1] or "The body", error["type"], error.get("ctx", {})
    if kind == "missing":
        return f"{field} is missing"
    if kind == "extra_forbidden":
        return f"{field} is not a field of this request"
    if kind in ("too_short", "too_long"):
        limit = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return f"{field} has {context['actual_length']} entries; send {limit}"
    if kind == "uuid_parsing":
        return f"{field} is {echo(error['input'])}; send the prediction_id that /predict gave"
    if kind.endswith("_type"):
        expected = {"string_type": "a string", "list_type": "a list", "uuid_type": "a string"}.get(kind, "an object")
        return f"{field} must be {expected}, not {JSON_NAMES.get(type(error['input']), 'a number')}"
    return f"{field}: {error['msg']}"


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


def _bug(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error at %s", echo(request.scope["path"]), exc_info=error)
    return problem(500, "The service made a mistake; its log has the details.")

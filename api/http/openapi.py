"""The answers that /docs lists for a route besides its success: status codes, each with one sentence."""

from __future__ import annotations

from typing import Any

from api.schemas import Problem

Responses = dict[int | str, dict[str, Any]]


def _problems(sentences: dict[int, str]) -> Responses:
    return {code: {"model": Problem, "description": sentence} for code, sentence in sentences.items()}


OF_CONNECTIONS = _problems(
    {
        400: "The request is not valid HTTP, or its Host header names another service.",
        408: "The request was not complete in time.",
        431: "The headers are larger than the limit.",
        503: "Too many connections are open.",
    }
)
REFUSALS = _problems(
    {
        413: "The body is larger than the limit.",
        415: "The body is compressed, or not sent as application/json.",
        422: "The input is not valid; nothing was logged.",
        503: "The model is missing, the log cannot be written, or too many connections are open; nothing was logged.",
    }
)
NOT_LINEAR = _problems({409: "The loaded model has no exact explanation; the answer names the part that prevents it."})
UNAVAILABLE: Responses = {503: REFUSALS[503]}

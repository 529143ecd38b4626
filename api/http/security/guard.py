"""Guards the routes with tokens and rate limits; without these settings there is no guard.

The guard wraps each route, behind the router. So metrics count refusals under the route, paths are parsed only once,
and the body of a refused request is never read.
"""

from __future__ import annotations

import binascii
import logging
from base64 import b64decode
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.docs_page import ICON, SCRIPT, STYLE
from api.http.security.access import LABELLED, LABELS, OPEN, Holder, Tokens, needed_for, parse_tokens
from api.http.security.rate_limit import RateLimit, told_apart
from api.http.security.token_file import TokenFile
from api.schemas import PredictRequest
from api.settings import Settings

UNLIMITED = OPEN | {"/metrics", SCRIPT, STYLE, ICON}  # /docs and the files it loads count as one request
Accepted = Callable[[], Tokens]
NO_TOKEN = "This needs a token; send the header Authorization: Bearer <token>."
WRONG_TOKEN = "The token is not accepted here; ask who runs this service for one."

_asking: ContextVar[Holder] = ContextVar("asking")
logger = logging.getLogger("uvicorn.api")


def guard(app: FastAPI, settings: Settings) -> None:
    """Guard all routes that the app has at this point. Raises SettingsError if the tokens are not valid."""
    accepted = _accepted(settings)
    limit, refusals = (RateLimit(settings.rate_limit) if settings.rate_limit else None for _ in range(2))
    for route in app.routes:
        assert isinstance(route, Route), f"{route} cannot be guarded; add its routes to the app's own router"
        if accepted and route.path not in OPEN:
            route.app = _for_holders(route, accepted, None if route.path in UNLIMITED else limit, refusals)
        elif limit and route.path not in UNLIMITED:
            route.app = _for_anybody(route.app, limit)
    if accepted:
        logger.info("accepted tokens: %s", accepted())
    if accepted or limit:
        _document(app, accepted is not None, limit)


def _accepted(settings: Settings) -> Accepted | None:
    """A function that returns the currently accepted tokens; None if no token is needed."""
    if settings.api_tokens_file:
        return TokenFile(settings.api_tokens_file).tokens
    if settings.api_tokens:
        tokens = parse_tokens(settings.api_tokens, "API_TOKENS")
        return lambda: tokens
    return None


def check_may_label(items: Iterable[PredictRequest]) -> None:
    """Raises HTTPException if an item has a label and the request's token lacks the scope for labels."""
    holder = _asking.get(None)
    if holder and not holder.may(LABELS) and any(item.true_sentiment is not None for item in items):
        needed = " or ".join(LABELS)
        raise HTTPException(
            403,
            f"The token of {holder.name} may not send true_sentiment; it needs the scope {needed}, or leave it out.",
        )


def _for_holders(route: Route, accepted: Accepted, limit: RateLimit | None, refusals: RateLimit | None) -> ASGIApp:
    app, needed = route.app, needed_for(route.path)
    # A browser cannot send a bearer token to open a page, but it can ask for a password.
    token_of = _bearer if route.include_in_schema else _bearer_or_password
    challenge = {"WWW-Authenticate": "Bearer"}
    if token_of is _bearer_or_password:  # a header of its own: Chromium reads one scheme per header
        challenge["www-authenticate"] = 'Basic realm="token as password"'

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        token = token_of(scope)
        holder = None if token is None else accepted().holder(token)
        if holder is None:  # only refusals count against the address: other clients behind it can go on with a token
            if refusals:
                _count(refusals, _address(scope), "without a token that is accepted")
            raise HTTPException(401, NO_TOKEN if token is None else WRONG_TOKEN, challenge)
        if limit:
            _count(limit, holder.name)
        if not holder.may(needed):
            raise HTTPException(
                403, f"The token of {holder.name} may not do this; it needs the scope {' or '.join(needed)}."
            )
        _asking.set(holder)
        await app(scope, receive, send)

    return answer


def _for_anybody(app: ASGIApp, limit: RateLimit) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        _count(limit, _address(scope))
        await app(scope, receive, send)

    return answer


def _address(scope: Scope) -> str:
    return told_apart(scope["client"][0] if scope["client"] else "")


def _count(limit: RateLimit, client: str, of_what: str = "") -> None:
    if seconds := limit.wait(client):
        counted = " ".join(filter(None, (f"These are more than {limit.per_minute} requests a minute", of_what)))
        detail = f"{counted}; ask again in {seconds} s."
        raise HTTPException(429, detail, {"Retry-After": str(seconds)})


def _bearer(scope: Scope) -> bytes | None:
    kind, credentials = _authorization(scope)
    return credentials if kind == b"bearer" else None


def _bearer_or_password(scope: Scope) -> bytes | None:
    """The token, which may also be the password of any user name."""
    kind, credentials = _authorization(scope)
    if kind == b"basic":
        try:
            return b64decode(credentials, validate=True).partition(b":")[2]
        except binascii.Error:
            return None
    return credentials if kind == b"bearer" else None


def _authorization(scope: Scope) -> tuple[bytes, bytes]:
    """The authorization scheme in lower case, and the credentials; empty without the header."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, credentials = value.partition(b" ")
            return kind.lower(), credentials.strip()
    return b"", b""


def _document(app: FastAPI, tokens: bool, limit: RateLimit | None) -> None:
    """Add tokens, and the refusals of the guard, to the OpenAPI document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        schema = plain()
        if tokens:
            schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                operation["responses"] |= _refusals(path, tokens, limit)
                if tokens and path not in OPEN:
                    operation["security"] = [{"token": []}]
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation does it


def _refusals(path: str, tokens: bool, limit: RateLimit | None) -> dict[str, Any]:
    said = {}
    if tokens and path not in OPEN:
        said["401"] = "No token, or one that is not accepted."
        said["403"] = f"The token has not the scope that this needs: {' or '.join(needed_for(path))}."
        if path in LABELLED:
            said["403"] += f" With true_sentiment it also needs {' or '.join(LABELS)}."
    if limit and (path not in UNLIMITED or (tokens and path not in OPEN)):
        said["429"] = f"More than {limit.per_minute} requests a minute; Retry-After says when to ask again."
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {code: {"description": text, "content": content} for code, text in said.items()}

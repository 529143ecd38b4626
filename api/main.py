"""Builds the application: middleware, routes, start and stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api import __version__
from api.http.counting import CountRequests
from api.http.docs_page import add_docs_page
from api.http.errors import add_error_handlers
from api.http.openapi import OF_CONNECTIONS
from api.http.printing import set_up_logging
from api.http.routes import add_operations, add_predictions, answer_head
from api.http.security.guard import guard
from api.http.security.hosts import KnownHosts
from api.http.server.connections import Limits, limited_connections
from api.http.server.listening import listen_apart
from api.metrics import Metrics, share_between_workers
from api.service import Service
from api.settings import Settings, SettingsError

SWITCH_SECONDS = 0.0005  # a tenth of Python's default: how long the model's thread may hold up the event loop
STARTUP_FAILURE = 3  # uvicorn does not restart a worker that ends with this exit code

logger = logging.getLogger("uvicorn.api")


def create_app(settings: Settings) -> FastAPI:
    """Raises SettingsError if the tokens are not valid."""
    shared = settings.web_concurrency > 1
    if shared:
        share_between_workers(Path(tempfile.gettempdir()) / f"sentiment-api-metrics-{os.getppid()}")
    metrics = Metrics(shared)
    service = Service(settings, metrics)
    app = FastAPI(
        title="Sentiment API",
        version=__version__,
        description="Classifies texts. Every prediction is logged before it is sent.",
        responses=OF_CONNECTIONS,
        redirect_slashes=False,  # a redirect would go to any host that the client names
        docs_url=None,  # FastAPI's own pages load files from other servers
        redoc_url=None,
        lifespan=lambda app: _lifespan(service, settings),
    )
    app.root_path = settings.root_path  # uvicorn's own option cannot tell whether a proxy strips the path
    app.add_middleware(KnownHosts, allowed=settings.allowed_hosts)
    app.add_middleware(CountRequests, metrics=metrics)
    if settings.forwarded_allow_ips:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.forwarded_allow_ips))
    add_error_handlers(app)
    add_predictions(app.router, service, settings)
    add_operations(app.router, service, metrics)
    add_docs_page(app)
    guard(app, settings)
    answer_head(app)
    if settings.cors_origins:
        # Outermost, so that scripts in browsers can read refusals too.
        app.middleware_stack = CORSMiddleware(
            app.build_middleware_stack(),
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After",),
        )
    set_up_logging(settings)
    logger.info("version %s, %s", __version__, settings)
    return app


@asynccontextmanager
async def _lifespan(service: Service, settings: Settings) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    if settings.web_concurrency > 1:
        listen_apart(loop)
    await service.start()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # objects made at start-up stay: scanning them again and again would delay answers
    with limited_connections(
        loop, Limits(settings.max_connections, settings.client_seconds, settings.keep_alive_seconds)
    ):
        yield
    await service.stop()


def __getattr__(name: str) -> FastAPI:
    """Makes `app` when a server first asks for api.main:app, so importing this module has no side effects."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        app = globals()["app"] = create_app(Settings.from_env(os.environ))
    except SettingsError as error:
        logger.critical("%s", error)
        sys.exit(STARTUP_FAILURE)
    return app

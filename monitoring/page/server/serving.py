"""Configures Streamlit's server where it has no options: the listen address, and limits for clients."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from streamlit import config
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitoring.network.connections import tend
from monitoring.network.listening import listening, listening_problem
from monitoring.settings import Settings

STOP_SECONDS = 3  # for responses in progress, after a stop signal
MOST_MESSAGE_BYTES = 262_144  # of a websocket: a text to try, in four-byte characters, and all filters


class PageProtocol(H11Protocol):
    """Opens websockets only for GET without a body: uvicorn never answers other upgrade requests.

    Based on h11. Uvicorn prefers httptools, which after an upgrade header reads a body as a request.
    """

    def _should_upgrade(self) -> bool:
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        return self.scope["method"] == "GET" and not has_body and super()._should_upgrade()


def serve_streamlit_by(settings: Settings) -> None:
    """Make `streamlit run` listen at the address of the settings, unless its own option names one.

    Streamlit binds one socket, of one address. It starts uvicorn after it has imported the page, which calls this.
    """
    start_up = uvicorn.Server.startup
    tending = []  # asyncio itself keeps no task

    async def startup(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        self.config.timeout_keep_alive = settings.keep_alive_seconds
        self.config.timeout_graceful_shutdown = STOP_SECONDS
        self.config.ws_max_size = MOST_MESSAGE_BYTES
        self.config.http_protocol_class = PageProtocol
        if sockets:
            _bind_anew(sockets, _own_option() or settings.listen_address)
        await start_up(self, sockets)
        tending.append(asyncio.create_task(tend(self)))

    uvicorn.Server.startup = startup  # type: ignore[method-assign]


def _own_option() -> str | None:
    """The address that was given to Streamlit. Our config.toml binds it to the loopback until it comes here."""
    where = config.get_where_defined("server.address")
    option: str | None = config.get_option("server.address")
    return None if where.endswith("config.toml") else option


def _bind_anew(sockets: list[socket.socket], address: str) -> None:
    port = sockets[0].getsockname()[1]
    for opened in sockets:
        opened.close()
    try:
        sockets[:] = listening(address, port)
    except OSError as error:
        sys.exit(listening_problem(error, address, port, "--server.port"))

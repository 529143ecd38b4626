"""How Streamlit's server is told what it has no options for: where to listen, and what clients may do to it."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from streamlit import config
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitoring.network.connections import tend
from monitoring.network.listening import listening, told
from monitoring.settings import Settings

STOP_SECONDS = 3  # for answers that are under way, once it is told to stop
MOST_MESSAGE_BYTES = 262_144  # of a websocket: a text to try, in the longest letters, and all filters


class PageProtocol(H11Protocol):
    """Opens websockets by GET without a body, since uvicorn never answers other requests for one.

    It is not httptools, which uvicorn prefers, and which takes a body for a request after an offer of another protocol.
    """

    def _should_upgrade(self) -> bool:
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        return self.scope["method"] == "GET" and not has_body and super()._should_upgrade()


def serve_streamlit_by(settings: Settings) -> None:
    """From now on `streamlit run` listens where the settings say, unless it is told another address by its own option.

    It binds one socket, of one address. Its uvicorn starts up just after it has loaded the page, which calls this.
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
    """What somebody has told Streamlit. Our config.toml binds it to the loopback until it comes here."""
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
        sys.exit(told(error, address, port, "--server.port"))

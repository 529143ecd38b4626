"""Clients that speak Streamlit's protocol, and mean the page no good."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.conftest import wait_until


@contextmanager
def session(url: str, host: str = "", origin: str | None = None) -> Iterator[ClientConnection]:
    """A websocket to the page at `url`, asked for by the name `host`, as if a page of `origin` had opened it."""
    address = urlsplit(url)
    name = host or address.netloc
    with (
        socket.create_connection(("127.0.0.1", address.port or 80), 20) as connection,
        connect(
            f"ws://{name}/_stcore/stream",
            sock=connection,
            origin=Origin(origin) if origin else None,
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            ping_interval=None,
            compression=None,
            close_timeout=0.1,
        ) as websocket,
    ):
        yield websocket


def rerun(url: str = "") -> bytes:
    """What a browser sends first: draw the page, which is at `url`."""
    message = BackMsg()
    message.rerun_script.context_info.url = url
    return message.SerializeToString()


def shows(websocket: ClientConnection, text: str) -> bool:
    """Whether the page sends the text within 20 s."""
    websocket.send(rerun())
    with suppress(ConnectionClosed):
        return bool(wait_until(lambda: text.encode() in websocket.recv(20), "the page sends the text"))
    return False


def session_id(websocket: ClientConnection) -> str:
    """What Streamlit calls this session, which it tells whoever opens one."""
    websocket.send(rerun())
    first = wait_until(lambda: ForwardMsg.FromString(websocket.recv(20)).new_session, "a session")
    return str(first.initialize.session_id)


def xsrf_token(url: str) -> str:
    """What Streamlit wants with uploads, which it gives to anybody."""
    with urlopen(url + "/_stcore/health", timeout=20) as response:
        return str(response.headers["Set-Cookie"].split("=", 1)[1].split(";")[0])

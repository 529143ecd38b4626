"""A listening socket for each worker, so that the kernel shares new connections out among them.

uvicorn gives all its workers one socket. Of connections that arrive together one worker then accepts all it finds,
and as it keeps them, the others have nothing to do.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

BALANCED = sys.platform == "linux"  # elsewhere the last of such sockets gets every connection


def listen_apart(loop: asyncio.AbstractEventLoop) -> None:
    """Let servers that are started in this loop listen on a socket of their own, at the address they are given."""
    if not BALANCED:
        return
    create_server: Any = loop.create_server

    async def create_server_apart(*args: Any, sock: socket.socket | None = None, **options: Any) -> asyncio.Server:
        if sock and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock = own_socket(sock)
        return await create_server(*args, sock=sock, **options)  # type: ignore[no-any-return]  # of overloads, so Any

    # uvicorn leaves no other place between the address it has bound and the server that listens there.
    loop.create_server = create_server_apart  # type: ignore[method-assign]


def own_socket(bound: socket.socket) -> socket.socket:
    """A socket at the address of one that is bound, and not listening, with SO_REUSEADDR; raises OSError."""
    own = socket.socket(bound.family)
    if bound.family == socket.AF_INET6:  # whether it takes the port of IPv4 too
        v6_only = bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6_only)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        own.setsockopt(socket.SOL_SOCKET, option, 1)
    own.bind(bound.getsockname())
    return own

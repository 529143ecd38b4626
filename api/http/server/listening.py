"""Gives each worker a listening socket of its own, so that the kernel balances new connections.

uvicorn's workers share one socket: when connections arrive together, one worker accepts them all, and the others have
nothing to do.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

BALANCED = sys.platform == "linux"  # elsewhere the last socket gets every connection


def listen_apart(loop: asyncio.AbstractEventLoop) -> None:
    """Let servers that start in this loop listen on a socket of their own, at the given address."""
    if not BALANCED:
        return
    create_server: Any = loop.create_server

    async def create_server_apart(*args: Any, sock: socket.socket | None = None, **options: Any) -> asyncio.Server:
        if sock and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock = own_socket(sock)
        return await create_server(*args, sock=sock, **options)  # type: ignore[no-any-return]  # of overloads, so Any

    # uvicorn has no hook between binding the address and listening there.
    loop.create_server = create_server_apart  # type: ignore[method-assign]


def own_socket(bound: socket.socket) -> socket.socket:
    """A second socket at the address of a bound one, not listening yet. Raises OSError."""
    own = socket.socket(bound.family)
    if bound.family == socket.AF_INET6:  # whether it also takes the port on IPv4
        v6_only = bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6_only)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        own.setsockopt(socket.SOL_SOCKET, option, 1)
    own.bind(bound.getsockname())
    return own

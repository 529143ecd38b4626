"""Binds the listening sockets, for IPv4 and IPv6 if the machine has both."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence

LOCAL, EVERYWHERE = "localhost", "*"
BOTH = {LOCAL: ("127.0.0.1", "::1"), EVERYWHERE: ("0.0.0.0", "::")}
NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
OTHERS = "set it to localhost, * or an address of this machine"
REASONS = {
    errno.EADDRINUSE: "another program listens there; end it, or take another port",
    errno.EACCES: "this user may not listen there; take a port from 1024 on",
    errno.EADDRNOTAVAIL: f"this machine has no such address; {OTHERS}",
}
MakeSocket = Callable[[int, int], socket.socket]


class CannotListen(Exception):
    """The text names the address, the reason, and how to fix it."""


def bound(address: str, port: int, make: MakeSocket = socket.socket) -> list[socket.socket]:
    """Sockets bound to `address`, not listening yet. Raises CannotListen.

    `localhost` and `*` mean IPv4 and IPv6; a family that the machine lacks is skipped.
    """
    sockets: list[socket.socket] = []
    try:
        for family, place in _places(address, port):
            try:
                sockets.append(_bound(family, place, make))
            except OSError as error:
                if address not in BOTH or error.errno not in NOT_HERE:
                    raise
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, "")
    except (OSError, UnicodeError) as error:  # an invalid name cannot be looked up
        for opened in sockets:
            opened.close()
        raise CannotListen(why(error, address, port)) from error
    return sockets


def why(error: Exception, address: str, port: int) -> str:
    """The sentence for an error of the system."""
    reason = REASONS.get(getattr(error, "errno", 0), f"{getattr(error, 'strerror', error)}; {OTHERS}")
    return f"LISTEN_ADDRESS is {address!r}, port {port}: {reason}."


def shown(sockets: Sequence[socket.socket]) -> str:
    """The sockets' addresses as URLs."""
    places = [bound.getsockname() for bound in sockets]
    return " and ".join(
        f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}" for host, port, *_ in places
    )


def _places(address: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """Families and addresses to bind. Raises OSError if the name has none."""
    found: dict[tuple[int, tuple[object, ...]], None] = {}
    for host in BOTH.get(address, (address.removeprefix("[").removesuffix("]"),)):
        for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
            found[family, place] = None
    return list(found)


def _bound(family: int, place: tuple[object, ...], make: MakeSocket) -> socket.socket:
    opened = make(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # else it would also take the port on IPv4, and show IPv4 clients as IPv6 ones
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(place)
    except OSError:
        opened.close()
        raise
    return opened

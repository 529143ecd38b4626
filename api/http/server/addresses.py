"""The sockets that the service listens at: one for IPv4 and one for IPv6, whichever of them the machine has."""

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
    """A sentence that names the address and the way out."""


def bound(address: str, port: int, make: MakeSocket = socket.socket) -> list[socket.socket]:
    """Sockets that are bound to `address` and do not listen yet; `localhost` and `*` mean IPv4 and IPv6.

    Of these two, what the machine does not have is passed over. Raises CannotListen.
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
    except (OSError, UnicodeError) as error:  # an impossible name cannot be looked up
        for opened in sockets:
            opened.close()
        raise CannotListen(why(error, address, port)) from error
    return sockets


def why(error: Exception, address: str, port: int) -> str:
    """The sentence for what the system said about listening there."""
    reason = REASONS.get(getattr(error, "errno", 0), f"{getattr(error, 'strerror', error)}; {OTHERS}")
    return f"LISTEN_ADDRESS is {address!r}, port {port}: {reason}."


def shown(sockets: Sequence[socket.socket]) -> str:
    """The addresses of sockets, as a browser takes them."""
    places = [bound.getsockname() for bound in sockets]
    return " and ".join(
        f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}" for host, port, *_ in places
    )


def _places(address: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    """Families and addresses to bind; raises OSError if the name means none."""
    found: dict[tuple[int, tuple[object, ...]], None] = {}
    for host in BOTH.get(address, (address.removeprefix("[").removesuffix("]"),)):
        for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
            found[family, place] = None
    return list(found)


def _bound(family: int, place: tuple[object, ...], make: MakeSocket) -> socket.socket:
    opened = make(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # else it would take the port of IPv4 as well, and show IPv4 clients as IPv6 ones
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(place)
    except OSError:
        opened.close()
        raise
    return opened

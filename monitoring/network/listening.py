"""Opens the sockets of the page and the alerting service."""

from __future__ import annotations

import errno
import os
import socket

LOOPBACK = ("127.0.0.1", "::1")
NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def listening(address: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `port`: for `localhost` on 127.0.0.1 and ::1, for `*` on every address, for another name
    on the addresses it resolves to. Addresses that the machine lacks are skipped unless none is left. Raises
    OSError."""
    if address == "*":
        if socket.has_dualstack_ipv6():
            return [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)]
        return [socket.create_server(("", port))]
    hosts = LOOPBACK if address == "localhost" else (address,)
    found = [place for host in hosts for place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    sockets: list[socket.socket] = []
    for number, (family, *_, place) in enumerate(found):
        try:
            sockets.append(socket.create_server(place[:2], family=family))
        except OSError as error:
            if error.errno not in NO_SUCH_ADDRESS or (number + 1 == len(found) and not sockets):
                for opened in sockets:
                    opened.close()
                raise
    return sockets


def listening_problem(error: OSError, address: str, port: int, port_setting: str) -> str:
    """The sentence for an error of `listening`. It names the setting."""
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return f"{port_setting} {port} cannot be used: {os.strerror(error.errno)}. Set it to a free port."
    why = error.strerror.partition(" (while")[0] if error.strerror else error
    return (
        f"LISTEN_ADDRESS {address!r} cannot be used: {why}. Set it to localhost, to * for every address, or to an "
        "address of this machine."
    )

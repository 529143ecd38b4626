"""Which host names clients may use.

A web page from elsewhere can make a browser send requests here under a name of its own (DNS rebinding), and read the
answers. An IP address cannot be made to mean another machine, and nobody else can own `localhost`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from monitoring.settings import Settings

MOST_SHOWN = 100  # characters of a name that is refused
STREAMLIT_ALLOWS = {"localhost", "127.0.0.1"}  # pages of any port of this machine
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@\\\s]+?)\.?(:[0-9]*)?")


class Hosts:
    """Answers 400 to requests for a host that is not allowed, and to websockets from a page of another host. Who asks
    for a path in `exempt` may use any."""

    def __init__(self, app: ASGIApp, settings: Settings, exempt: Collection[str] = ()) -> None:
        self._app, self._exempt = app, exempt
        self._allowed = {*settings.allowed_hosts.split(), urlsplit(settings.public_url).hostname}
        self._is_told = settings.allowed_hosts != ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
        elif sentence := self._refusal(scope):
            await PlainTextResponse(sentence, 400)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """Why it is not answered; empty if it is."""
        headers, is_local = Headers(scope=scope), is_loopback(scope["server"])
        names = headers.getlist("host")
        for name in names:
            if not self._allows(host_of(name), is_local):
                return (
                    f"The host {name[:MOST_SHOWN]!r} is not allowed; add it to ALLOWED_HOSTS if it is this service's."
                )
        for origin in headers.getlist("origin") if scope["type"] == "websocket" else []:
            page = origin.partition("://")[2]
            # Before it refused another one, Streamlit would ask the internet for its own address, and serve nobody.
            if page not in names and host_of(page) not in STREAMLIT_ALLOWS:
                return f"The page of {origin[:MOST_SHOWN]!r} may not open this one; a proxy must pass on Host as it is."
        return ""

    def _allows(self, host: str | None, is_local: bool) -> bool:
        if host is None:
            return False
        if is_address(host) or host == "localhost" or host.endswith(".localhost"):
            return True
        if not (self._is_told or is_local):
            return True
        above = {"*." + part for part in _above(host)}
        return not self._allowed.isdisjoint({"*", host} | above)


def host_of(authority: str) -> str | None:
    """The host of `host`, `host:port` or `[address]:port`, in lower case; None for anything else."""
    found = HOST.fullmatch(authority.lower())
    return found[1].strip("[]") if found else None


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(server: tuple[str, int | None] | None) -> bool:
    """Whether a connection came to an address that only this machine reaches; a socket for both families names IPv4
    addresses as `::ffff:127.0.0.1`."""
    host = server[0] if server else ""
    return is_address(host) and ip_address(host.removeprefix("::ffff:")).is_loopback


def _above(host: str) -> list[str]:
    """`b.c` and `c` for `a.b.c`."""
    parts = host.split(".")
    return [".".join(parts[place:]) for place in range(1, len(parts))]

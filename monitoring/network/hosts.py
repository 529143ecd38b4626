"""Refuses requests for unknown host names, which protects against DNS rebinding.

In DNS rebinding, another web site lets its own name resolve to this machine, so that a browser sends requests here and
the site reads the responses. IP addresses and `localhost` cannot be rebound.
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

MOST_SHOWN = 100  # characters of a refused name
STREAMLIT_ALLOWS = {"localhost", "127.0.0.1"}  # pages of this machine, on any port
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@\\\s]+?)\.?(:[0-9]*)?")


class Hosts:
    """Middleware. Answers 400 to requests for a host that is not allowed, and to websockets from a page of another
    host. Paths in `exempt` accept any host."""

    def __init__(self, app: ASGIApp, settings: Settings, exempt: Collection[str] = ()) -> None:
        self._app, self._exempt = app, exempt
        self._allowed = {*settings.allowed_hosts.split(), urlsplit(settings.public_url).hostname}
        self._is_set = settings.allowed_hosts != ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._exempt:
            await self._app(scope, receive, send)
        elif sentence := self._refusal(scope):
            await PlainTextResponse(sentence, 400)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """The reason for refusing the request; empty if it is allowed."""
        headers, is_local = Headers(scope=scope), is_loopback(scope["server"])
        names = headers.getlist("host")
        for name in names:
            if not self._allows(host_of(name), is_local):
                return (
                    f"The host {name[:MOST_SHOWN]!r} is not allowed; add it to ALLOWED_HOSTS if it is this service's."
                )
        for origin in headers.getlist("origin") if scope["type"] == "websocket" else []:
            page = origin.partition("://")[2]
            # Refused here, because Streamlit would first look up its own address on the internet and block meanwhile.
            if page not in names and host_of(page) not in STREAMLIT_ALLOWS:
                return f"A page of {origin[:MOST_SHOWN]!r} may not connect here; a proxy must pass on the Host header."
        return ""

    def _allows(self, host: str | None, is_local: bool) -> bool:
        if host is None:
            return False
        if is_address(host) or host == "localhost" or host.endswith(".localhost"):
            return True
        if not (self._is_set or is_local):
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
    """Whether the connection is to a loopback address. A dual-stack socket writes IPv4 addresses as
    `::ffff:127.0.0.1`."""
    host = server[0] if server else ""
    return is_address(host) and ip_address(host.removeprefix("::ffff:")).is_loopback


def _above(host: str) -> list[str]:
    """`b.c` and `c` for `a.b.c`."""
    parts = host.split(".")
    return [".".join(parts[place:]) for place in range(1, len(parts))]

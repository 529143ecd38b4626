"""Checks the Host header, against DNS rebinding.

A website can point a name of its own at this machine's address, and its scripts then count as the same origin. But
browsers send that name as Host, so requests for unknown names are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.errors import problem
from api.http.security.access import OPEN
from api.input import echo

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:]+?)\.?)(?::\d*)?")
LONGEST_HOST = 300  # a name of 253 characters and a port; bounds the memory of the cache
NONE = "The request has no Host header; HTTP/1.1 needs one."
SEVERAL = "The request has several Host headers; send one."


class KnownHosts:
    """ASGI middleware: answers 400 unless the Host is localhost, an IP address or `allowed`.

    If `allowed` is None, only connections to a loopback address are checked. Probes are never checked, because they
    may send any Host.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str] | None) -> None:
        self._app, self._allowed = app, allowed or ()
        self._any, self._only_local = "*" in self._allowed, allowed is None
        self._known = lru_cache(maxsize=1024)(self._is_known)  # checking a name takes longer than a look-up

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and (refusal := self._refusal(scope)):
            app = problem(400, refusal)
        await app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """The reason to refuse the request; empty if it is allowed."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and (self._any or (len(hosts[0]) <= LONGEST_HOST and self._known(hosts[0]))):
            return ""
        if scope["path"].removeprefix(scope.get("root_path", "")) in OPEN:
            return ""
        if len(hosts) != 1:
            return SEVERAL if hosts else NONE if scope.get("http_version") == "1.1" else ""
        if self._only_local and not (scope["server"] and is_loopback(scope["server"][0])):
            return ""
        said = echo(hosts[0].decode("latin-1"))
        return f"Host is {said}, which is no name of this service; ALLOWED_HOSTS can allow it."

    def _is_known(self, host: bytes) -> bool:
        match = HOST.fullmatch(host.decode("latin-1").lower())
        if not match:
            return False
        address, name = match.groups()
        if address or _is_address(name):
            return _is_address(name or address)
        return name == "localhost" or name.endswith(".localhost") or any(_means(entry, name) for entry in self._allowed)


@lru_cache(maxsize=64)
def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address; False for the path of a Unix socket."""
    with suppress(ValueError):
        ip = ip_address(address)
        return ((isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip).is_loopback
    return False


def _means(entry: str, name: str) -> bool:
    return name.endswith(entry[1:]) if entry.startswith("*.") else name == entry


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return False

"""How often each client may ask: a token bucket for each, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

MINUTE = 60 * 10**9  # nanoseconds, since their sums are exact
MOST_CLIENTS = 10_000
LONGEST_ADDRESS = 64
ELSEWHERE = "elsewhere"  # all clients without an address, such as those of a Unix socket


def told_apart(address: str) -> str:
    """The name under which a client with this address is counted: of IPv6 the /64, which one client has to itself."""
    return _network(address) if len(address) <= LONGEST_ADDRESS else ELSEWHERE


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return ELSEWHERE
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((ip, 64), strict=False))


class RateLimit:
    """So many requests a minute, all at once or one after the other.

    A bucket is kept as the moment at which it is full again, to which each request adds what it takes to fill in one
    (the generic cell rate algorithm). Of more than `most` clients, who has not asked for longest is forgotten.
    """

    def __init__(self, per_minute: int, clock: Callable[[], int] = time.monotonic_ns, most: int = MOST_CLIENTS) -> None:
        self.per_minute, self._clock, self._most = per_minute, clock, most
        self._interval = MINUTE // per_minute
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def wait(self, client: str) -> int:
        """0 if the client may ask now, which then counts; else the whole seconds until it may."""
        now = self._clock()
        full_at = max(self._full_at.pop(client, now), now)
        too_soon = full_at + self._interval - now - MINUTE
        self._full_at[client] = full_at if too_soon > 0 else full_at + self._interval
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return -(-too_soon // 10**9) if too_soon > 0 else 0

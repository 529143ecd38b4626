"""Rate limit: a token bucket for each client, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Network, ip_address

MINUTE = 60 * 10**9  # nanoseconds, so that sums are exact
MOST_CLIENTS = 10_000
LONGEST_ADDRESS = 64
ELSEWHERE = "elsewhere"  # all clients without an address, such as those of a Unix socket


def told_apart(address: str) -> str:
    """The key of a client with this address; for IPv6 its /64 network, which one client has to itself."""
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
    """Allows each client `per_minute` requests a minute, spread out or in one burst.

    A bucket is stored as the time at which it will be full again; each request adds the time that refills one request
    (the generic cell rate algorithm). Beyond `most` clients, the least recent one is dropped.
    """

    def __init__(self, per_minute: int, clock: Callable[[], int] = time.monotonic_ns, most: int = MOST_CLIENTS) -> None:
        self.per_minute, self._clock, self._most = per_minute, clock, most
        self._interval = MINUTE // per_minute
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def wait(self, client: str) -> int:
        """0 if the client may send a request now, which then counts; else the seconds to wait, rounded up."""
        now = self._clock()
        full_at = max(self._full_at.pop(client, now), now)
        too_soon = full_at + self._interval - now - MINUTE
        self._full_at[client] = full_at if too_soon > 0 else full_at + self._interval
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return -(-too_soon // 10**9) if too_soon > 0 else 0

"""The HTTP client of the page and the alerting service, and the proxy it uses."""

from __future__ import annotations

import logging
import ssl
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from monitoring.network.neighbours import is_neighbour

HEADERS = {"Content-Type": "application/json", "User-Agent": "sentiment-monitor", "Connection": "close"}
logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs addresses, which may hold secrets


@cache
def http_client(proxy: str | None = None) -> httpx2.Client:
    """One client per proxy, shared by all threads. Raises ValueError or ImportError if the proxy is unusable.

    Each request opens a new connection (`Connection: close`). A reused one may have been closed by the server, and a
    POST without a response must not be sent again.
    """
    return httpx2.Client(
        proxy=proxy,
        trust_env=False,
        verify=ssl.create_default_context(),  # httpx2 would ignore SSL_CERT_FILE without trust_env
        headers=HEADERS,
        limits=httpx2.Limits(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        event_hooks={"response": [_keep_body]},
    )


def proxy_for(url: str) -> str | None:
    """The environment's proxy for this address; None for neighbours and for hosts in `no_proxy`."""
    parts = urlsplit(url)
    if is_neighbour(url) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def reason(error: BaseException) -> BaseException:
    """The original error inside httpx2's, usually the operating system's."""
    while isinstance(wrapped := error.__cause__ or next(iter(error.args), None), BaseException):
        error = wrapped
    return error


def _keep_body(response: httpx2.Response) -> None:
    """Do not follow redirects that would send the body of a POST to another address."""
    if response.status_code in (307, 308) and response.request.method == "POST":
        response.headers.pop("Location", None)

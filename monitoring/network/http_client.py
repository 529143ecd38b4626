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
    """The client that threads share, one for each proxy. Raises ValueError or ImportError for an unusable proxy.

    Each request has a connection of its own (`Connection: close`): one that died while idle would fail the next
    request, and a POST whose answer is missing must not be sent again.
    """
    return httpx2.Client(
        proxy=proxy,
        trust_env=False,
        verify=ssl.create_default_context(),  # unlike httpx2's, it obeys SSL_CERT_FILE without trust_env
        headers=HEADERS,
        limits=httpx2.Limits(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        event_hooks={"response": [_keep_body]},
    )


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this address. Neighbours and hosts of `no_proxy` are asked directly."""
    parts = urlsplit(url)
    if is_neighbour(url) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def reason(error: BaseException) -> BaseException:
    """The error that httpx2 wrapped: the operating system's, if there is one."""
    while isinstance(wrapped := error.__cause__ or next(iter(error.args), None), BaseException):
        error = wrapped
    return error


def _keep_body(response: httpx2.Response) -> None:
    """Do not follow a redirect that would send the body of a POST to another address."""
    if response.status_code in (307, 308) and response.request.method == "POST":
        response.headers.pop("Location", None)

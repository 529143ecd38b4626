"""Recognises neighbours: hosts that are asked without a proxy, because a company's proxy cannot reach them."""

from __future__ import annotations

from collections.abc import MutableMapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

PRIVATE = "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1 fc00::/7 fe80::/10"
NETWORKS = [ip_network(network) for network in PRIVATE.split()]
ENDINGS = (".localhost", ".svc", ".cluster.local")


def is_neighbour(url: str) -> bool:
    """Whether the host is this machine, a name without a dot (as in Compose or a Kubernetes namespace), a full
    Kubernetes name, or a private or link-local IP address."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(ENDINGS)
    return any(address in network for network in NETWORKS)


def keep_from_proxy(url: str, environ: MutableMapping[str, str]) -> None:
    """Add the host to `no_proxy` if it is a neighbour, for clients that read the environment."""
    if url and is_neighbour(url):
        others = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        environ["no_proxy"] = f"{others},{urlsplit(url).hostname}".lstrip(",")

"""Which addresses are asked directly, whatever proxy the environment names: a company's proxy does not know them."""

from __future__ import annotations

from collections.abc import MutableMapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

PRIVATE = "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1 fc00::/7 fe80::/10"
NETWORKS = [ip_network(network) for network in PRIVATE.split()]
ENDINGS = (".localhost", ".svc", ".cluster.local")


def is_neighbour(url: str) -> bool:
    """Whether its host is this machine, a name without a dot, as in Compose and in a namespace of Kubernetes, one of
    Kubernetes' full names, or a private or link-local IP address."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(ENDINGS)
    return any(address in network for network in NETWORKS)


def keep_from_proxy(url: str, environ: MutableMapping[str, str]) -> None:
    """Let clients that go by the environment ask this host directly, if it is a neighbour."""
    if url and is_neighbour(url):
        others = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        environ["no_proxy"] = f"{others},{urlsplit(url).hostname}".lstrip(",")

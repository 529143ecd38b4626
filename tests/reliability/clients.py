"""Clients of the service that mean it no good, and one that does, meanwhile."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import Server, post, repeating

JSON_HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def head(path: str = "/predict", headers: bytes = b"") -> bytes:
    return JSON_HEAD % path.encode() + headers + b"\r\n"


def connection(api: Server, seconds: float = 60) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(api.url.rsplit(":", 1)[1])), seconds)


def answer(client: socket.socket) -> tuple[int, str]:
    """The status and the body of the only answer, once the service has closed the connection; 0 without an answer."""
    received = b""
    with suppress(ConnectionError):  # what the service had not read when it closed is answered with a reset
        while part := client.recv(65_536):
            received += part
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    status, _, rest = received.partition(b"\r\n")
    return int(status.split()[1]) if status else 0, rest.partition(b"\r\n\r\n")[2].decode()


def sent(client: socket.socket, parts: Iterator[bytes]) -> int:
    """How many bytes of the parts could be sent before the service closed the connection."""
    total = 0
    with suppress(ConnectionError):
        for part in parts:
            client.sendall(part)
            total += len(part)
    return total


def sent_in_turn(clients: Sequence[socket.socket], size: int) -> int:
    """How many bytes were sent, of `size` blanks by each, a part of each after the other, until none takes more."""
    left = dict.fromkeys(clients, size)
    while ready := select.select([], [client for client in left if left[client]], [], 0.5)[1]:
        for client in ready:
            left[client] -= client.send(b" " * min(left[client], 2**16), socket.MSG_DONTWAIT)
        time.sleep(0.002)  # for other threads of this process, as an honest client's
    return sum(size - rest for rest in left.values())


def drip(client: socket.socket, pause: float = 0.2) -> float:
    """Send a byte, and another one after each pause; seconds until the service has an answer or hangs up."""
    started = time.monotonic()
    with suppress(ConnectionError):
        while not select.select([client], [], [], pause)[0]:
            client.sendall(b"a")
    return time.monotonic() - started


def memory(api: Server) -> int:
    """Bytes of memory that the service has in use."""
    (resident,) = (
        line.split()[1]
        for line in Path(f"/proc/{api.process.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return int(resident) * 1024


def more_memory(api: Server, before: int) -> int:
    """Bytes more than `before`; none if it has meanwhile given back some."""
    return max(0, memory(api) - before)


def connected(api: Server) -> set[int]:
    """The ports of all clients whose connection the service has open, as the system knows them (proc_net_tcp)."""
    own = f":{int(api.url.rsplit(':', 1)[1]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    served = [row for row in rows if row[1].endswith(own) and row[3] in ("01", "08") and row[9] != "0"]
    return {int(row[2].rsplit(":", 1)[1], 16) for row in served}


class Honest:
    """How long an honest client waited for its answers, in seconds."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __str__(self) -> str:
        return f"an honest client waited {max(self.waits) * 1000:.0f} ms at most ({len(self.waits):,} answers)"


@contextmanager
def honest_client(api: Server) -> Iterator[Honest]:
    """Asks for predictions one after the other, each on a new connection, and wants each one answered."""
    honest, failed = Honest(), []

    def ask() -> None:
        started = time.perf_counter()
        status, said = post(api.url + "/predict", {"text": "amazing"})
        honest.waits.append(time.perf_counter() - started)
        if status != 200:
            failed.append(json.dumps(said))

    with repeating(ask, 0.002):
        yield honest
    assert not failed, failed

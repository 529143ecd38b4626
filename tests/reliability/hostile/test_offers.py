"""Clients that offer to go on with another protocol, and connections that stay open between requests."""

import json
import select
from contextlib import ExitStack
from itertools import product

import pytest

from tests.conftest import many, read_lines, starting_api
from tests.reliability.clients import connected, connection, head

pytestmark = pytest.mark.processes
KEEP_ALIVE = 2
OFFERS = {
    "HTTP/2, as curl --http2 and Java do": b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "a WebSocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "TLS": b"Connection: keep-alive, upgrade\r\nUpgrade: TLS/1.2\r\n",
}
POSTS = "/predict", "/predict/batch", "/explain", "/feedback"
GETS = "/healthz", "/readyz", "/model", "/metrics", "/openapi.json", "/docs"
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def api(small_model, tmp_path_factory):
    with starting_api(small_model, tmp_path_factory.mktemp("api")) as start:
        yield start(KEEP_ALIVE_SECONDS=str(KEEP_ALIVE))


def request_of(path: str, body: bytes, headers: bytes = b"", chunked: bool = False) -> tuple[bytes, bytes]:
    if chunked:
        return head(path, headers + b"Transfer-Encoding: chunked\r\n"), b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return head(path, headers + b"Content-Length: %d\r\n" % len(body)), body


def answers(api, *parts: bytes) -> list[int]:
    """The statuses of all answers to what is sent, with one to LAST, which is 200."""
    received = b""
    with connection(api) as client:
        for part in (*parts, LAST):
            client.sendall(part)
            received += client.recv(65_536) if select.select([client], [], [], 0.05)[0] else b""
        while part := client.recv(65_536):
            received += part
    *statuses, last = (int(answer[:3]) for answer in received.split(b"HTTP/1.1 ")[1:])
    assert last == 200
    return statuses


@pytest.mark.promise(
    "Hostile input",
    "clients offer an upgrade to another protocol (HTTP/2, WebSockets, TLS)",
    "the offer is ignored, the request handled; its body is never read as a request",
)
def test_whatever_is_offered_a_request_is_answered_and_its_body_is_no_request(api, publish):
    bodies = {
        "/predict": {"text": "offered"},
        "/predict/batch": {"items": [{"text": "offered"}]},
        "/explain": {"text": "amazing"},
        "/feedback": {"prediction_id": "e86ec2a0-9680-48ae-9561-b3cc48cd7044", "true_sentiment": "positive"},
    }
    smuggled = b"".join(request_of("/predict", b'{"text": "smuggled"}'))
    sent = 0
    for offer, path, chunked in product(OFFERS.values(), POSTS, (False, True)):
        first, body = request_of(path, json.dumps(bodies[path]).encode(), offer, chunked)
        for parts in ([first + body], [first, body]):
            sent += path.startswith("/predict")
            assert answers(api, *parts) == [200], (offer, path, chunked)
        assert answers(api, *request_of(path, smuggled, offer, chunked)) == [422]
        assert answers(api, *request_of("/nowhere", smuggled, offer, chunked)) == [404]
    for offer, path in product(OFFERS.values(), GETS):
        get = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + offer + b"\r\n"
        assert answers(api, get) == [200]
        assert answers(api, get + get) == [200, 200]
        assert answers(api, get[:-2] + b"Content-Length: %d\r\n\r\n" % len(smuggled), smuggled) == [200]

    logged = [line["request_text"] for line in read_lines(api.log_dir / "prediction_logs.json")]
    assert logged == ["offered"] * sent
    publish(
        f"{', '.join(OFFERS)}, on {len(POSTS) + len(GETS)} routes: each answered as without; of {sent} bodies all are "
        f"logged, and no body that was itself a request was read as one"
    )


@pytest.mark.promise(
    "Hostile input",
    "connections are idle between requests",
    "the service closes them after `KEEP_ALIVE_SECONDS` (75), later than usual proxies",
)
def test_an_idle_connection_is_closed_by_the_service_only_after_keep_alive_seconds(api, publish):
    request = b"".join(request_of("/predict", b'{"text": "amazing"}'))
    number = many(20, 200)
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(api)) for _ in range(number)]
        for _ in range(2):
            for client in clients:
                client.sendall(request)
                received = b""
                while not received.endswith(b"}"):
                    received += client.recv(65_536)
                assert received.startswith(b"HTTP/1.1 200 OK")
            closed = select.select(clients, [], [], KEEP_ALIVE / 2)[0]
            assert not closed
        assert all(client.recv(1) == b"" for client in clients)
        assert not connected(api)
    publish(f"{number} connections idle for {KEEP_ALIVE / 2:g} s of {KEEP_ALIVE} s each were answered; then closed")

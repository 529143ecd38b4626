"""Clients that send without end, all at once, or more than it looks like."""

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, repeat

import pytest

from api.http.server.connections import MAX_HEAD_BYTES, MAX_PIPELINED
from tests.conftest import get, many, read_lines, starting_api, wait_until
from tests.reliability.clients import (
    answer,
    connected,
    connection,
    head,
    honest_client,
    memory,
    more_memory,
    sent,
    sent_in_turn,
)

pytestmark = pytest.mark.processes
LARGEST = 8 * 2**20  # bytes of a body
LENGTH = b"Content-Length: %d\r\n" % LARGEST
CHUNKED = b"Transfer-Encoding: chunked\r\n"  # how long it will be is not said, so it is copied as it grows
MB = 10**6
ENDLESS_HEADS: dict[str, tuple[bytes, bytes]] = {
    "headers": (b"GET /healthz HTTP/1.1\r\n", b"a: b\r\n" * 1000),
    "header": (b"GET /healthz HTTP/1.1\r\na: ", b"a" * 8000),
    "first line": (b"GET /", b"a" * 8000),
    "blank lines": (b"", b"\r\n" * 4000),
    "trailers": (head(headers=CHUNKED) + b"2\r\n{}\r\n0\r\n", b"a: b\r\n" * 1000),
    "trailers of a refused body": (head("/nowhere", CHUNKED) + b"2\r\n{}\r\n0\r\n", b"a: b\r\n" * 1000),
    "chunk's extension": (head(headers=CHUNKED) + b"2;", b"a" * 8000),
}


@pytest.fixture(scope="module")
def api(small_model, tmp_path_factory):
    with starting_api(small_model, tmp_path_factory.mktemp("api")) as start:
        yield start()


def endless(beginning: bytes, part: bytes) -> Iterator[bytes]:
    """Some of it at least: 100 MB."""
    return chain([beginning], repeat(part, 100 * MB // len(part)))


@pytest.mark.promise(
    "Hostile input",
    "endless request lines, headers, trailers and chunk extensions",
    "431 at 32 kB; memory stays constant",
)
def test_a_head_without_end_is_refused(api, publish):
    before, totals = memory(api), {}
    for what, (beginning, part) in ENDLESS_HEADS.items():
        with connection(api) as client:
            totals[what] = sent(client, endless(beginning, part))
            status, said = answer(client)
        assert totals[what] < 20 * MB, what
        # A client that is still sending may lose what it was told, and one that was refused was told before.
        assert status in (0, 404) or (status, f"larger than {MAX_HEAD_BYTES} bytes" in said) == (431, True), what

    taken = more_memory(api, before)
    assert taken < 20 * MB
    publish(
        f"{', '.join(ENDLESS_HEADS)}: cut off after at most {max(totals.values()) / MB:.1f} MB, which the network "
        f"held, {taken / MB:.1f} MB of memory taken"
    )


@pytest.mark.parametrize("headers", [b"a: " + b"a" * 2 * MAX_HEAD_BYTES, b"a: b\r\n" * 10_000], ids=["one", "many"])
def test_a_head_that_is_too_large_gets_a_sentence(api, headers):
    with connection(api) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\n" + headers + b"\r\n\r\n")
        status, said = answer(client)

    assert (status, json.loads(said)) == (
        431,
        {"detail": f"The request's headers are larger than {MAX_HEAD_BYTES} bytes; send fewer headers."},
    )


def test_a_head_below_the_limit_is_read(api):
    with connection(api) as client:
        client.sendall(
            b"GET /healthz HTTP/1.1\r\nConnection: close\r\na: " + b"a" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n"
        )
        assert answer(client)[0] == 200


@pytest.mark.parametrize("size", [1, 100, 60_000])
def test_the_size_of_chunks_does_not_matter(api, size):
    body = json.dumps({"text": "amazing " * 2000}).encode()
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    with connection(api) as client:
        client.sendall(head(headers=CHUNKED + b"Connection: close\r\n"))
        client.sendall(b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n")

        assert answer(client)[0] == 200


@pytest.mark.promise(
    "Hostile input",
    "an endless body",
    "413 at the limit; the rest is dropped",
)
def test_a_body_without_end_is_refused(api, publish):
    before, chunk = memory(api), b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    with connection(api) as client:
        total = sent(client, endless(head("/predict/batch", CHUNKED), chunk))
        client.shutdown(1)
        status, said = answer(client)

    taken = more_memory(api, before)
    assert (status, said) == (
        413,
        '{"detail":"The body is larger than the limit of 8388608 bytes; send less at once."}',
    )
    assert taken < 30 * MB
    publish(f"413 at 8 MB, the rest of {total / MB:.0f} MB was dropped, {taken / MB:.1f} MB of memory taken")


@pytest.mark.promise(
    "Hostile input",
    "a compressed bomb",
    "415 with a sentence; nothing is decompressed",
)
@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_a_compressed_body_is_refused_and_not_unpacked(api, publish, encoding):
    before, bomb = memory(api), gzip.compress(b" " * many(10, 500) * MB)
    with connection(api) as client:
        lengths = b"Content-Encoding: %s\r\nContent-Length: %d\r\nConnection: close\r\n" % (encoding, len(bomb))
        client.sendall(head(headers=lengths) + bomb)
        status, said = answer(client)

    taken = more_memory(api, before)
    assert (status, said) == (
        415,
        f'{{"detail":"Content-Encoding is \'{encoding.decode()}\'; send the body as it is, not compressed."}}',
    )
    assert taken < 10 * MB
    if encoding == b"gzip":
        publish(f"415; {len(bomb) / MB:.1f} MB that would be {many(10, 500)} MB took {taken / MB:.1f} MB of memory")


@pytest.mark.promise(
    "Hostile input",
    "many bodies of the largest size at once",
    "memory for eight of them; small requests get responses meanwhile",
)
@pytest.mark.parametrize(
    ("how", "headers", "start", "copies"),
    [("their length given", LENGTH, b"", 1), ("in chunks", CHUNKED, b"%x\r\n" % LARGEST, 2)],
    ids=["length", "chunked"],
)
def test_large_bodies_that_come_together_do_not_take_all_memory(api, publish, how, headers, start, copies):
    clients, before = many(16, 200), memory(api)
    with ExitStack() as stack, honest_client(api) as honest:
        sending = [stack.enter_context(connection(api)) for _ in range(clients)]
        for client in sending:
            client.sendall(head("/predict/batch", headers) + start)
        total = sent_in_turn(sending, LARGEST - 1)
        taken = more_memory(api, before)
    wait_until(lambda: not connected(api), "what they sent is dropped")

    assert total >= 8 * (LARGEST - 1)
    assert taken < copies * 8 * LARGEST + clients * 2**20
    publish(
        f"{clients} connections with 8 MB each but for the last byte, {how}: {taken / MB:.0f} MB of memory taken, "
        f"{honest}"
    )


def requests_of(size: int, path: str) -> dict[str, bytes]:
    """An honest request with a body of that many bytes, its length given, and the same in chunks. It is mostly blanks,
    so that to answer it takes no time of its own."""
    item = {"text": "amazing film"}
    body = json.dumps({"items": [item]} if path == "/predict/batch" else item).encode().ljust(size)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1000], body[1000:])) + b"0\r\n\r\n"
    close = b"Connection: close\r\n"
    return {
        f"{size:,} bytes": head(path, close + b"Content-Length: %d\r\n" % len(body)) + body,
        f"{size:,} bytes in chunks": head(path, close + CHUNKED) + chunks,
    }


@pytest.mark.promise(
    "Hostile input",
    "clients send large bodies except for the last byte",
    "an honest request of any size and encoding waits at most 1 s longer than alone",
)
@pytest.mark.parametrize(
    ("path", "size", "headers", "start"),
    [
        ("/predict", 70_000, b"Content-Length: 70000\r\n", b""),
        ("/predict", 70_000, CHUNKED, b"11170\r\n"),
        ("/predict/batch", LARGEST, LENGTH, b""),
        ("/predict/batch", LARGEST, CHUNKED, b"%x\r\n" % LARGEST),
    ],
    ids=["70 kB", "70 kB in chunks", "8 MB", "8 MB in chunks"],
)
def test_clients_that_never_finish_their_bodies_keep_nobody_waiting(api, publish, request, path, size, headers, start):
    honest = requests_of(9_000, "/predict") | requests_of(70_000, "/predict") | requests_of(LARGEST, "/predict/batch")

    def seconds(requested: bytes) -> float:
        with connection(api) as client:
            started = time.monotonic()
            client.sendall(requested)
            assert answer(client)[0] == 200
            return time.monotonic() - started

    alone = {name: min(seconds(requested) for _ in range(2)) for name, requested in honest.items()}
    with ExitStack() as stack:
        slow = [stack.enter_context(connection(api)) for _ in range(many(24, 200))]
        for client in slow:
            client.sendall(head(path, headers) + start)
        sent_in_turn(slow, size - 1)
        waited = {name: seconds(requested) - alone[name] for name, requested in honest.items()}
    wait_until(lambda: not connected(api), "what they sent is dropped")

    longest = max(waited, key=lambda name: waited[name])
    publish(
        f"{len(slow)} clients that never send the last byte of {request.node.callspec.id}: an honest request of "
        f"{longest} waited {max(waited[longest], 0):.2f} s longer than alone, no other of {len(honest)} longer"
    )
    assert waited[longest] < 1, waited


@pytest.mark.promise(
    "Hostile input",
    "pipelined requests",
    "a hundred get responses in order; a client that sends more is disconnected",
)
def test_requests_sent_ahead_are_answered_in_order_up_to_a_limit(api, publish):
    texts = [f"ahead {number}" for number in range(MAX_PIPELINED)]
    bodies = [json.dumps({"text": text}).encode() for text in texts]
    requests = [head(headers=b"Content-Length: %d\r\n" % len(body)) + body for body in bodies]
    last = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"
    with connection(api) as client:
        client.sendall(b"".join(requests) + last)
        _, answers = answer(client)
    logged = [line["request_text"] for line in read_lines(api.log_dir / "prediction_logs.json")]
    assert [text for text in logged if text.startswith("ahead ")] == texts
    assert answers.count("prediction_id") == MAX_PIPELINED
    assert answers.endswith('{"status":"ok"}')

    before, started, flood = memory(api), time.monotonic(), repeat(b"GET /healthz HTTP/1.1\r\n\r\n" * 1000, 4000)
    with honest_client(api) as honest, connection(api) as client:
        total = sent(client, iter(flood))
    taken = more_memory(api, before)
    assert total < 20 * MB
    assert taken < 20 * MB
    assert get(api.url + "/healthz")[0] == 200
    publish(
        f"{MAX_PIPELINED} at once answered in order; of 4,000,000 cut off after {time.monotonic() - started:.1f} s, "
        f"{taken / MB:.1f} MB of memory taken, {honest}"
    )

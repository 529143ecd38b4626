"""JSON of the largest allowed size that takes its decoder as long as possible."""

import json
from contextlib import ExitStack

import pytest

from api.http.bodies.decoding import DESCRIBED_BYTES
from tests.conftest import many, starting_api
from tests.reliability.clients import answer, connection, head, honest_client

pytestmark = pytest.mark.processes
LARGEST = 8 * 2**20  # bytes of a body
NESTED = b"[" * 100 + b"]" * 100
BODIES: dict[str, tuple[bytes, bytes, bytes, int, str]] = {  # how it begins, goes on and ends; status and sentence
    "lists in lists": (b'{"items":[', NESTED + b",", b"0]}", 422, "items[0] must be an object, not a list."),
    "lists without end": (b'{"items":', b"[", b"", 422, "items[0] must be an object, not a list."),
    "objects": (b'{"items":[', b"{},", b"{}]}", 422, "items[0].text is missing."),
    "numbers": (b'{"items":[', b"1,", b"1]}", 422, "items[0] must be an object, not a number."),
    "a number": (b'{"items":[1', b"1", b"]}", 422, "items[0]: Number out of range."),
    "unknown fields": (b'{"items":[],', b'"a":1,', b'"b":2}', 422, "a is not a field of this request."),
    "the name of a field": (b'{"', b"a", b'":1}', 422, f"{'a' * 60}… is not a field of this request."),
    "backticks in the name of a field": (b'{"', b"` - at `$", b'":1}', 422, "is not a field of this request."),
    "a field again and again": (b'{"items":[{"text":"a",', b'"text":"a",', b'"text":"a"}]}', 200, ""),
    "too many items": (b'{"items":[', b'{"text":"a"},', b'{"text":"a"}]}', 422, "send at most 1000."),
    "the last item wrong": (b'{"items":[', b'{"text":"a"},', b"7]}", 422, "must be an object, not a number."),
    "escapes": (b'{"items":[{"text":"', b"\\u00e9", b'"}]}', 422, "send at most 20000."),
    "a text of blanks": (b'{"items":[{"text":"', b" ", b'"}]}', 422, "items[0].text is blank"),
    "blanks": (b'{"items":[', b" ", b'{"text":"a"}]}', 200, ""),
    "bytes that are no UTF-8": (b'{"items":[{"text":"', b"\xff", b'"}]}', 422, "The body is not valid JSON"),
    "a label": (b'{"items":[{"text":"a","true_sentiment":"', "İ".encode(), b'"}]}', 422, "send one of"),
    "no end": (b'{"items":[{"text":"', b"a", b"", 422, "The body is not valid JSON: Input data was truncated."),
}


@pytest.fixture(scope="module")
def api(small_model, tmp_path_factory):
    with starting_api(small_model, tmp_path_factory.mktemp("api")) as start:
        yield start()


def body_of(size: int, beginning: bytes, part: bytes, end: bytes) -> bytes:
    return beginning + part * ((size - len(beginning) - len(end)) // len(part)) + end


def sent(api, body: bytes) -> tuple[int, str]:
    with connection(api) as client:
        client.sendall(head("/predict/batch", b"Content-Length: %d\r\nConnection: close\r\n" % len(body)) + body)
        return answer(client)


@pytest.mark.promise(
    "Hostile input",
    "JSON of the largest size that takes a decoder long",
    "an honest request waits at most 0.2 s longer than alone",
)
def test_no_body_holds_up_others(api, publish):
    with honest_client(api) as alone:
        while len(alone.waits) < 200:
            pass
    longest, of = 0.0, ""
    for name, (*parts, status, sentence) in BODIES.items():
        body = body_of(LARGEST, *parts)
        with honest_client(api) as honest:
            for _ in range(many(1, 5)):
                answered, said = sent(api, body)
                assert (answered, sentence in said) == (status, True), (name, said[:200])
        if max(honest.waits) > longest:
            longest, of = max(honest.waits), name

    publish(
        f"{len(BODIES)} bodies of 8 MB: beside them an honest client waited {longest * 1000:.0f} ms at most ({of}), "
        f"alone {max(alone.waits) * 1000:.0f} ms"
    )
    assert longest < max(alone.waits) + 1, of


@pytest.mark.promise(
    "Hostile input",
    "many bodies with thousands of mistakes at once",
    "they are described one by one; others get responses in between",
)
def test_bodies_that_take_long_to_describe_have_their_turns_one_by_one(api, publish):
    body = json.dumps({"items": [1] * 40_000}, separators=(",", ":")).encode()
    assert 4096 < len(body) <= DESCRIBED_BYTES
    request = head("/predict/batch", b"Content-Length: %d\r\nConnection: close\r\n" % len(body)) + body
    with ExitStack() as stack, honest_client(api) as honest:
        clients = [stack.enter_context(connection(api)) for _ in range(30)]
        for client in clients:
            client.sendall(request)
        answers = {answer(client) for client in clients}

    assert answers == {(422, '{"detail":"The body has 40000 mistakes; /docs shows what it may be."}')}
    assert max(honest.waits) < 1
    publish(f"30 bodies of {len(body) // 1000} kB with 40,000 mistakes each: {honest}")

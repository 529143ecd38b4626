"""Clients that take their time, and clients that only take up connections."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.conftest import many, seconds_until, starting_api, wait_until
from tests.reliability.clients import answer, connected, connection, drip, head, honest_client, memory, more_memory

pytestmark = pytest.mark.processes
PATIENCE = many(1, 5)
LATEST = PATIENCE + 2.5  # the service looks at its connections once a second
BEGINNINGS = {
    "head": b"POST /predict HTTP/1.1\r\nHost: ",
    "body": head(headers=b"Content-Length: 1000\r\n") + b'{"text": "',
    "chunk": head(headers=b"Transfer-Encoding: chunked\r\n") + b"fff\r\n",
    "chunk's extension": head(headers=b"Transfer-Encoding: chunked\r\n") + b"fff;",
    "rest of a refused body": head("/nowhere", b"Content-Length: 1000\r\n"),
}


@pytest.fixture(scope="module")
def api(small_model, tmp_path_factory):
    with starting_api(small_model, tmp_path_factory.mktemp("api")) as start:
        yield start(CLIENT_SECONDS=str(PATIENCE))


@pytest.mark.promise(
    "Hostile input",
    "clients send headers or body one byte at a time",
    "they are disconnected after `CLIENT_SECONDS`, with 408 if it was a request; others notice nothing",
)
def test_a_client_that_sends_a_byte_at_a_time_is_cut_off(api, publish):
    with ExitStack() as stack, honest_client(api) as honest, ThreadPoolExecutor() as threads:
        clients = [stack.enter_context(connection(api)) for _ in BEGINNINGS]
        for client, beginning in zip(clients, BEGINNINGS.values(), strict=True):
            client.sendall(beginning)
        refused = b""
        while not refused.endswith(b"}"):
            refused += clients[-1].recv(65_536)
        assert b" 404 " in refused
        seconds = list(threads.map(drip, clients))
        answers = dict(zip(BEGINNINGS, map(answer, clients), strict=True))

    assert all(PATIENCE <= waited < LATEST for waited in seconds), seconds
    late = f"The request was not complete within {PATIENCE} seconds; send the {{}} faster."
    assert answers.pop("rest of a refused body") == (0, "")
    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(answers, 408)
    assert late.format("headers") in answers["head"][1]
    assert late.format("body") in answers["body"][1]
    publish(f"{', '.join(BEGINNINGS)}: cut off after at most {max(seconds):.1f} s of {PATIENCE}, {honest}")


@pytest.mark.promise(
    "Hostile input",
    "a client does not read its responses",
    "it is disconnected after `CLIENT_SECONDS`; only a few responses are kept for it",
)
def test_a_client_that_does_not_take_its_answers_is_cut_off(api, publish):
    body = json.dumps({"text": "ab " * 6000}).encode()
    request = head("/explain", b"Content-Length: %d\r\n" % len(body)) + body
    before = memory(api)
    with honest_client(api) as honest, connection(api) as client:
        started = time.monotonic()
        client.sendall(request * 50)
        port = client.getsockname()[1]
        wait_until(lambda: port in connected(api), "a service that is busy has accepted it, too")
        # What is on its way to the client stays there, so only the system knows that the service has hung up.
        seconds = seconds_until(lambda: port not in connected(api), "it is cut off", LATEST + 20, started)

    taken = more_memory(api, before)
    assert PATIENCE <= seconds < LATEST + 10  # answers are made until all buffers are full
    assert taken < 50 * 2**20
    publish(f"cut off after {seconds:.1f} s of {PATIENCE}, {taken / 1e6:.0f} MB taken, {honest}")


@pytest.mark.promise(
    "Hostile input",
    "a thousand silent connections",
    "others get responses; the silent ones are closed after `CLIENT_SECONDS`",
)
def test_idle_connections_neither_hold_up_others_nor_stay(api, publish):
    number, before = many(200, 1000), memory(api)
    with ExitStack() as stack, honest_client(api) as honest:
        started = time.monotonic()
        idle = [stack.enter_context(connection(api)) for _ in range(number)]
        wait_until(lambda: len(connected(api)) >= number, "all are open")
        taken = more_memory(api, before)
        assert {answer(client) for client in idle} == {(0, "")}
        seconds = time.monotonic() - started

    assert seconds < LATEST + 5
    assert taken / number < 40_000
    publish(
        f"{number:,} idle connections took {taken / number / 1000:.0f} kB each and were closed within "
        f"{seconds:.1f} s of {PATIENCE}, {honest}"
    )


@pytest.mark.promise(
    "Hostile input",
    "more connections than `MAX_CONNECTIONS`",
    "503 with a sentence, and normal responses again as soon as one is closed",
)
def test_a_connection_beyond_the_limit_gets_a_503_and_the_next_one_an_answer(small_model, tmp_path, publish):
    most, more = many(20, 1000), many(20, 1000)
    with starting_api(small_model, tmp_path) as start, ExitStack() as stack:
        api = start(MAX_CONNECTIONS=str(most))
        wait_until(lambda: not connected(api), "those that looked whether it is ready are closed")
        held = [stack.enter_context(connection(api)) for _ in range(most)]
        wait_until(lambda: len(connected(api)) == most, "all that are allowed are open")
        refused = [answer(stack.enter_context(connection(api))) for _ in range(more)]

        assert {status for status, _ in refused} == {503}
        assert f"Too many connections are open (MAX_CONNECTIONS allows {most}); try again later." in refused[0][1]
        held[0].close()
        wait_until(lambda: len(connected(api)) < most, "it has noticed")
        with connection(api) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer(client)[0] == 200
    publish(
        f"{most:,} connections open, {more:,} more refused with 503 one after the other; one closed, the next answered"
    )

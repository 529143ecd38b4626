"""Questions why, from more clients than can be answered, and from clients that hang up."""

import json
import time
from contextlib import ExitStack
from threading import Thread

import pytest

from api.model.grouping import MOST_QUESTIONS
from api.settings import Settings
from tests.conftest import many, post, starting_api
from tests.reliability.clients import answer, connection, head, honest_client

pytestmark = pytest.mark.processes
BODY = json.dumps({"text": "the film was good and bad, " * 740}).encode()[:19_900] + b'"}'
REQUEST = head("/explain", b"Connection: close\r\nContent-Length: %d\r\n" % len(BODY)) + BODY


@pytest.fixture
def api(tmp_path):
    """The service with its own model: what a small one is asked costs too little."""
    with starting_api(Settings.model_path, tmp_path) as start:
        yield start()


@pytest.mark.promise(
    "Hostile input",
    "clients request explanations and hang up at once",
    "their requests are skipped; others get responses meanwhile",
)
def test_questions_that_nobody_waits_for_any_more_hold_up_nobody(api, publish):
    number, waits = many(200, 2000), list[float]()

    def ask_and_hang_up() -> None:
        for _ in range(number):
            with connection(api) as client:
                client.sendall(REQUEST)

    post(api.url + "/explain", {"text": "amazing"})  # the first one takes the model apart
    asking = Thread(target=ask_and_hang_up)
    with honest_client(api) as honest:
        asking.start()
        while asking.is_alive() or not waits:
            started = time.monotonic()
            status, said = post(api.url + "/explain", {"text": "amazing"})
            waits.append(time.monotonic() - started)
            assert status == 200 or (status == 503 and "wait to be explained" in said["detail"])
        assert post(api.url + "/explain", {"text": "amazing"})[0] == 200
    publish(
        f"{number:,} questions of 20,000 characters, each hung up on at once: an honest one took {max(waits):.2f} s at "
        f"most, and {honest} for a prediction"
    )
    assert max(waits) < 3
    assert max(honest.waits) < 2


@pytest.mark.promise(
    "Hostile input",
    "more explanations are requested than can be made soon, and SIGTERM meanwhile",
    "503 with `Retry-After` beyond 32 waiting; the service ends within 5 s",
)
def test_more_questions_than_can_be_answered_soon_get_a_503_and_the_service_still_stops(api, publish):
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(api)) for _ in range(many(100, 1000))]
        for client in clients:
            client.sendall(REQUEST)
        refused = post(api.url + "/explain", {"text": "amazing"})
        started = time.monotonic()
        api.stop()
        seconds = time.monotonic() - started
        answers = [answer(client) for client in clients]

    statuses = [status for status, _ in answers]
    assert refused[0] in (200, 503)
    assert set(statuses) <= {0, 200, 503}
    assert 0 < statuses.count(503) < len(statuses)
    waiting = f"{MOST_QUESTIONS} texts already wait to be explained; try again later."
    assert any(waiting in said for status, said in answers if status == 503)
    assert seconds < 5
    publish(
        f"{len(clients):,} questions at once: {statuses.count(200)} answered, {statuses.count(503)} refused with 503; "
        f"told to stop meanwhile it ended in {seconds:.1f} s"
    )

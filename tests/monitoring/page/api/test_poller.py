"""Whether the API is ready, asked beside everything else: of a real server, and of none."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from monitoring.page.api.client import ApiClient
from monitoring.page.api.poller import ApiState, ApiWatch
from tests.conftest import free_port, wait_until

LONG = 3_600.0  # seconds, in which no test asks a second time
PATIENCE = 20.0


class Counted(dict):
    """What a server replies, and how often it was asked for each path."""

    def __init__(self, replies):
        super().__init__(replies)
        self.asked: Counter[str] = Counter()

    def get(self, path, default=None):
        self.asked[path] += 1
        return super().get(path, default)


@pytest.fixture
def counted(api):
    api.replies = Counted(api.replies)
    return api


@pytest.fixture
def watch_of() -> Iterator[Callable[..., ApiWatch]]:
    with ExitStack() as opened:
        yield lambda url, *seconds, **options: opened.enter_context(
            closing(ApiWatch(ApiClient(url), *seconds or [LONG], **options))
        )


def thread_since(before: set[threading.Thread]) -> threading.Thread:
    """The one thread that has begun to poll since then."""
    (asking,) = (thread for thread in set(threading.enumerate()) - before if thread.name == "api-watch")
    return asking


def test_an_api_that_is_ready_has_no_problem_and_a_card(api, watch_of):
    state = watch_of(api.url).state(PATIENCE)

    assert state.problem == ""
    assert state.card == api.replies["/model"][1]
    assert state.labels == ["negative", "positive"]


def test_what_nobody_waits_for_is_not_known_yet(watch_of):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        state = watch_of(f"http://127.0.0.1:{silent.getsockname()[1]}").state()

    assert state == ApiState(problem=None, card=None)
    assert state.labels == []


def test_an_api_that_is_down_is_a_sentence(watch_of):
    url = f"http://127.0.0.1:{free_port()}"

    state = watch_of(url).state(PATIENCE)

    assert state == ApiState(f"The API does not answer at {url}: Connection refused.", None)


def test_an_api_that_is_not_ready_says_why_in_its_own_words(api, watch_of):
    api.replies["/readyz"] = (503, {"detail": "The log cannot be written: disk full."})

    assert watch_of(api.url).state(PATIENCE).problem == "The log cannot be written: disk full."


@pytest.mark.parametrize("path", ["/readyz", "/model"])
@pytest.mark.parametrize("nonsense", [(200, b"nonsense"), (200, [1]), (0, b"nonsense\r\n\r\n"), (500, b"\xff")])
def test_nonsense_is_a_sentence(api, path, nonsense, watch_of):
    api.replies[path] = nonsense

    problem = watch_of(api.url).state(PATIENCE).problem

    assert problem is not None
    assert problem.startswith("The API ")
    assert problem.endswith(".")


def test_an_api_that_takes_long_delays_nobody(watch_of):
    """Whoever looks is told at once what is known; only what has never been asked may be waited for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watch = watch_of(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.01)
        started = time.monotonic()
        first = {watch.state().problem for _ in range(100)}
        took = time.monotonic() - started

        silent.accept()[0].close()  # which ends the first question; nobody will answer the second
        assert "The API does not answer" in str(watch.state(PATIENCE).problem)
        with silent.accept()[0]:
            started = time.monotonic()
            later = {watch.state(PATIENCE).problem for _ in range(100)}
            took_later = time.monotonic() - started

    assert (first, len(later)) == ({None}, 1)
    assert max(took, took_later) < 1


@pytest.mark.parametrize(
    ("labels", "read"),
    [
        (None, []),
        ("ab", []),
        (7, []),
        ({"a": 1}, []),
        ([], []),
        ([0, 1], ["0", "1"]),
        (["b", "a", "b"], ["b", "a"]),
        (["", None], ["", "None"]),
    ],
)
def test_labels_are_those_of_the_card_each_once(labels, read):
    assert ApiState("", {"labels": labels}).labels == read


def test_a_token_that_is_not_accepted_any_more_is_seen_and_one_that_is_again_too(api, watch_of):
    card, watch = api.replies["/model"], watch_of(api.url, 0.01)
    api.replies["/model"] = (401, {"detail": "The token is not accepted here."})
    assert watch.state(PATIENCE) == ApiState("The token is not accepted here.", None, refused=True)

    api.replies["/model"] = card
    wait_until(lambda: watch.state().problem == "", "the API is ready again")
    assert not watch.state().refused


def test_an_api_that_comes_back_is_seen_and_keeps_its_card_meanwhile(api, watch_of):
    ready, watch = api.replies["/readyz"], watch_of(api.url, 0.01)
    card = watch.state(PATIENCE).card

    api.replies["/readyz"] = (503, {"detail": "Starting."})
    wait_until(lambda: watch.state().problem == "Starting.", "the API is not ready")
    assert watch.state().card == card

    api.replies["/readyz"] = ready
    wait_until(lambda: watch.state().problem == "", "the API is ready again")


def test_one_asks_for_all_who_look(counted, watch_of):
    watch, together = watch_of(counted.url), threading.Barrier(10)

    def look(_):
        together.wait()
        return watch.state(PATIENCE)

    with ThreadPoolExecutor(10) as pool:
        states = list(pool.map(look, range(10)))

    assert {state.problem for state in states} == {""}
    assert counted.replies.asked == {"/readyz": 1, "/model": 1}


def test_the_card_is_asked_for_less_often_than_whether_the_api_is_ready(counted, watch_of):
    watch = watch_of(counted.url, 0.01)

    wait_until(lambda: watch.state() and counted.replies.asked["/readyz"] > 5, "it is asked again and again")

    assert counted.replies.asked["/model"] == 1


def test_when_nobody_has_looked_for_long_it_asks_no_more_and_then_nobody_is_told_what_was_long_ago(counted, watch_of):
    before = set(threading.enumerate())
    watch = watch_of(counted.url, 0.1, idle=0.05)
    assert watch.state(PATIENCE).problem == ""

    asking = thread_since(before)
    asking.join(PATIENCE)
    assert not asking.is_alive()
    assert counted.replies.asked["/readyz"] == 1

    counted.replies["/readyz"] = (503, {"detail": "Down since last night."})
    assert watch.state(PATIENCE).problem == "Down since last night."


def test_a_closed_watch_asks_no_more(counted, watch_of):
    before = set(threading.enumerate())
    watch = watch_of(counted.url)
    watch.state(PATIENCE)
    asking = thread_since(before)

    watch.close()

    asking.join(PATIENCE)
    assert not asking.is_alive()
    assert watch.state(PATIENCE).problem == ""

"""Sends synthetic requests and labels at a steady rate, and shows progress.

The demo must stand alone, with the standard library only, so it has a small HTTP client of its own.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any
from urllib.parse import urlsplit

from scripts.demo.steering import CannotSteer, levels

WORKERS, TIMEOUT, WAITING = 4, 20.0, 50


class DemoError(Exception):
    """A sentence that says why the demo cannot continue."""


class Api:
    """The service at `url`. Each request has a new connection, so that no idle timeout closes it; none is sent
    twice."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self._address = url, urlsplit(url)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("POST", path, json.dumps(body))

    def explain(self, text: str) -> dict[str, Any]:
        """Raises CannotSteer if the model has no explanation."""
        status, answer = self._exchange("POST", "/explain", json.dumps({"text": text}))
        if status == 409:
            raise CannotSteer("the model's answers cannot be explained word by word")
        return self._accepted("/explain", status, answer)

    def request(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        return self._accepted(path, *self._exchange(method, path, body))

    def _accepted(self, path: str, status: int, answer: Any) -> dict[str, Any]:
        if status != 200 or not isinstance(answer, dict):
            detail = answer.get("detail") if isinstance(answer, dict) else None
            raise DemoError(f"{self.url}{path} answered {status}: {detail or 'no reason given'}")
        return answer

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[int, Any]:
        host, port = self._address.hostname or "localhost", self._address.port or 80
        try:
            with closing(HTTPConnection(host, port, timeout=TIMEOUT)) as connection:
                connection.request(method, self._address.path + path, body, self._headers)
                response = connection.getresponse()
                content = response.read()
        except (OSError, HTTPException, UnicodeError) as error:  # the last for a name that no host can have
            why = error or type(error).__name__
            raise DemoError(f"Nothing answers at {self.url} ({why}); `make run` starts the system.") from error
        try:
            return response.status, json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DemoError(f"What answers at {self.url} is not the sentiment service: no JSON at {path}.") from error


@dataclass(frozen=True)
class Phase:
    """`right` gives the probability that a label confirms the prediction, by the elapsed part of the phase (0 to 1)
    and the prediction's confidence."""

    number: int
    requests: int
    seconds: float
    compose: Callable[[], str]
    labelled: float
    delay: float
    right: Callable[[float, float], float]


@dataclass
class Sent:
    """Counts of a phase so far."""

    requests: int = 0
    labels: int = 0
    right: int = 0


@dataclass(order=True)
class Label:
    """A label to be sent at `due`, in seconds of the monotonic clock."""

    due: float
    body: dict[str, str] = field(compare=False)


class Traffic:
    """Sends phases to the API, each request and label at its time."""

    def __init__(self, api: Api, labels: Sequence[str], seed: int) -> None:
        self._api, self._labels = api, labels
        self._random = Random(seed)  # its own: texts are drawn while answers come, now sooner and now later
        self._chances = (level for level, *_ in levels(self._random))  # so that few labels are right as often as many
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="demo")
        self._answers: deque[tuple[float, Future[dict[str, Any]]]] = deque()
        self._feedback: deque[Future[dict[str, Any]]] = deque()
        self._due: list[Label] = []

    def close(self) -> None:
        """Wait for open requests, and send nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def run(self, phase: Phase) -> Sent:
        """Send a phase. Raises DemoError."""
        sent, start = Sent(), time.monotonic()
        for number in range(phase.requests):
            text = phase.compose()
            self._pass_until(start + number * phase.seconds / phase.requests, phase, sent)
            future = self._pool.submit(self._api.post, "/predict", {"text": text})
            self._answers.append((number / phase.requests, future))
            sent.requests += 1
            show_progress(phase, sent)
        while self._answers or self._due or self._feedback:
            self._pass_until(time.monotonic() + 0.02, phase, sent)
        show_progress(phase, sent)
        return sent

    def _pass_until(self, moment: float, phase: Phase, sent: Sent) -> None:
        """Collect responses, and send labels when they are due."""
        while True:
            self._take_answers(phase, sent)
            self._send_labels()
            left = moment - time.monotonic()
            if left <= 0 and len(self._answers) < WAITING:
                return
            time.sleep(min(max(left, 0.001), 0.02))

    def _take_answers(self, phase: Phase, sent: Sent) -> None:
        while self._answers and self._answers[0][1].done():
            progress, future = self._answers.popleft()
            answer = future.result()
            if self._random.random() < phase.labelled:
                self._label(answer, phase, progress, sent)
        while self._feedback and self._feedback[0].done():
            self._feedback.popleft().result()

    def _label(self, answer: Mapping[str, Any], phase: Phase, progress: float, sent: Sent) -> None:
        predicted = answer["predicted_sentiment"]
        right = next(self._chances) < phase.right(progress, answer["confidence"])
        truth = predicted if right else self._random.choice([each for each in self._labels if each != predicted])
        due = time.monotonic() + phase.delay * self._random.uniform(0.5, 1.5)
        heapq.heappush(self._due, Label(due, {"prediction_id": answer["prediction_id"], "true_sentiment": truth}))
        sent.labels += 1
        sent.right += right

    def _send_labels(self) -> None:
        while self._due and self._due[0].due <= time.monotonic():
            body = heapq.heappop(self._due).body
            self._feedback.append(self._pool.submit(self._api.post, "/feedback", body))


def show_progress(phase: Phase, sent: Sent) -> None:
    if sys.stdout.isatty():
        end = "\r" if sent.requests < phase.requests else "\r\033[K"
        print(f"  {sent.requests:,} of {phase.requests:,} requests, {sent.labels:,} labels", end=end, flush=True)

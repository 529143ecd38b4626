"""Shows each alarm of the dashboard: `make demo` sends invented traffic to a running system for about two minutes.

First reviews like those the model was made for, then texts from elsewhere, then reviews again with labels that say more
and more often that the answer was wrong. Standard library only.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import re
import sys
import textwrap
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Never
from urllib.parse import urlsplit

from scripts.demo_steering import CannotSteer, Composer, Profile, levels
from scripts.demo_texts import facts_elsewhere, film_facts, film_sentences, of_length, sentences_elsewhere

PROFILE = Path(__file__).resolve().parent.parent / "monitoring" / "reference.json"
RATE = 24  # requests a second
WORKERS, TIMEOUT, WAITING = 4, 20.0, 50
SENTENCES = 60  # of each topic and mood
LONGER, LONGEST = 1.8, 700  # texts from elsewhere: times as long, and at most so many words
NOTABLE_SHIFT = 0.35  # in standard deviations, of the samples' mean
ACCURACY = 0.93  # where the profile cannot say it
FIRST_RIGHT, LAST_RIGHT = 0.85, 0.35  # of the answers in the third phase, by their labels

SHOWN = {  # by number of the phase: its name, what comes, and what to look at
    1: (
        "Everything is fine",
        "Film reviews like those that the model was made for: their lengths, words and answers are distributed as in "
        "the reference profile. Three in ten get a label, which says of about 93 % of the answers that they are right.",
        "Look at the top of the page: nothing there is red or yellow once there are 30 labels, and requests and labels "
        "grow. No alarm may come on in this phase. The words that moved are those of the demo's small grammar: "
        "they are no alarm. Open a recent request to see which words made its answer.",
    ),
    2: (
        "Other texts than the model was made for",
        "Reviews of telephones and hotels, nearly twice as long as the film reviews and without labels: nobody says "
        "that the answers are worse, and yet it shows.",
        "Look at the drift of sentence length, of vocabulary (fewer words are known to the model; the words that moved "
        "are listed) and of confidence: their alarms come on within a few seconds. They go off again in the next "
        "phase, once some hundred ordinary requests have proven that the drift is over. The page also says that the "
        "feedback does not look like the traffic any more: the new texts have none.",
    ),
    3: (
        "Answers become wrong",
        "Film reviews again. Their labels arrive through POST /feedback some seconds after the answers, and say more "
        f"and more often that these were wrong: {FIRST_RIGHT:.0%} are right at first, {LAST_RIGHT:.0%} in the end.",
        "Look at the top of the page: first accuracy is worse than when the model was shipped, then, some seconds "
        "later, the red banner says that it is below 80 %. Wrong answers are listed further down.",
    ),
}


class DemoError(Exception):
    """A sentence that says why the demo cannot go on."""


class Api:
    """The service at `url`. Each request has a connection of its own, which no idle time closes; none is sent twice."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self._address = url, urlsplit(url)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("POST", path, json.dumps(body))

    def explain(self, text: str) -> dict[str, Any]:
        """Raises CannotSteer where the model has no explanation."""
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
    """`right` gives the probability that an answer's label says it was right, by how much of the phase is over (0 to 1)
    and by the answer's confidence."""

    number: int
    requests: int
    seconds: float
    compose: Callable[[], str]
    labelled: float
    delay: float
    right: Callable[[float, float], float]


@dataclass
class Sent:
    """What a phase has sent so far."""

    requests: int = 0
    labels: int = 0
    right: int = 0


@dataclass(order=True)
class Label:
    """A label that is to be sent at `due`, in seconds of the monotonic clock."""

    due: float
    body: dict[str, str] = field(compare=False)


class Traffic:
    """Sends phases to the API, each request and each label at its time."""

    def __init__(self, api: Api, labels: Sequence[str], seed: int) -> None:
        self._api, self._labels = api, labels
        self._random = Random(seed)  # its own: texts are drawn while answers come, now sooner and now later
        self._chances = (level for level, *_ in levels(self._random))  # so that few labels are right as often as many
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="demo")
        self._answers: deque[tuple[float, Future[dict[str, Any]]]] = deque()
        self._feedback: deque[Future[dict[str, Any]]] = deque()
        self._due: list[Label] = []

    def close(self) -> None:
        """Waits for what is under way, and sends nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def run(self, phase: Phase) -> Sent:
        """Raises DemoError."""
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
        """Take answers as they come, and send labels as they are due."""
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


def phases(api: Api, version: str, seconds: float, seed: int) -> list[Phase]:
    """The demo in `seconds`; says what it finds out on the way. Raises DemoError."""
    random, profile = Random(seed), load_profile()
    review, accuracy = reviews(api, profile, version, random)
    elsewhere, at = sentences_elsewhere(random, SENTENCES), levels(random)

    def long_text() -> str:
        words = min(LONGER * profile.length(next(at)[0]), LONGEST)
        return of_length(elsewhere, words, facts_elsewhere(random), random)

    def falling(progress: float, confidence: float) -> float:
        return FIRST_RIGHT + (LAST_RIGHT - FIRST_RIGHT) * progress

    parts = [(0.42, 150), (0.16, 120), (0.42, 360)]  # of the time, and requests at least: fewer prove nothing
    counts = [max(least, round(RATE * part * seconds)) for part, least in parts]
    (first, _), (second, _), (third, _) = parts
    return [
        Phase(1, counts[0], first * seconds, review, 0.3, 0.0, lambda progress, confidence: accuracy(confidence)),
        Phase(2, counts[1], second * seconds, long_text, 0.0, 0.0, falling),
        Phase(3, counts[2], third * seconds, review, 0.75, seconds / 30, falling),
    ]


def reviews(
    api: Api, profile: Profile, version: str, random: Random
) -> tuple[Callable[[], str], Callable[[float], float]]:
    """What makes film reviews, and how often answers of a confidence are right."""
    sentences = film_sentences(random, SENTENCES)
    try:
        if version != profile.version:
            raise CannotSteer(
                f"the API serves the model {version}, and monitoring/reference.json describes {profile.version}"
            )
        composer = Composer(profile, sentences, api.explain, random)
    except CannotSteer as reason:
        say(
            f"The reviews cannot be made like those of the reference profile, since {reason}. They are sent as they "
            "come: drift may be seen in the first phase already, and answers of a model that the dashboard has no "
            "profile of are compared with none, so that of its alarms only the red banner for accuracy comes on."
        )
        at = levels(random)
        return (
            lambda: of_length(sentences, profile.length(next(at)[0]), film_facts(random), random),
            lambda confidence: ACCURACY,
        )
    warn_of(profile.shifts(composer.samples))
    return composer.next, profile.accuracy


def warn_of(shifts: Mapping[str, float]) -> None:
    """A model and a profile of other texts than film reviews may not let themselves be met."""
    missed = [f"{name} by {shift:+.1f}" for name, shift in shifts.items() if abs(shift) > NOTABLE_SHIFT]
    if missed:
        say(
            f"The reviews differ from the reference profile, in its standard deviations: {', '.join(missed)}. "
            "So a drift alarm may come on in the first phase already."
        )


def load_profile() -> Profile:
    try:
        return Profile(json.loads(PROFILE.read_text(encoding="utf-8")))
    except OSError as error:
        raise DemoError(f"monitoring/reference.json cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DemoError(f"monitoring/reference.json is not a reference profile: {error!r}.") from error


def served_model(api: Api) -> tuple[str, list[str]]:
    """The version and the labels of the model that answers. Raises DemoError."""
    card = api.request("GET", "/model")
    labels, version = card.get("labels"), card.get("model_version")
    if not isinstance(labels, list) or len(labels) < 2 or not isinstance(version, str):
        raise DemoError(f"What answers at {api.url} is not the sentiment service: its /model names no labels.")
    return version, labels


def demonstrate(api: Api, seconds: float, seed: int, dashboard: str) -> None:
    """Raises DemoError."""
    version, labels = served_model(api)
    say(
        f"Open {dashboard} beside this window. All texts are invented, and so are all labels: chance decides whether "
        "they call an answer right or wrong, so that they say nothing about the model. Alarms of earlier traffic, as "
        "of an earlier demo, are still on; `make clean` and then `make run` begin with an empty log."
    )
    say(f"Asking the model what it makes of some hundred sentences (seed {seed}) …")
    with closing(Traffic(api, labels, seed)) as traffic:
        for phase in phases(api, version, seconds, seed):
            name, what, look = SHOWN[phase.number]
            say(f"{phase.number} of {len(SHOWN)}: {name}, for {phase.seconds:.0f} seconds", "=")
            say(what)
            say(look)
            report(traffic.run(phase))
    say("What the page should say now", "=")
    say(
        "At the top the red banner that accuracy is below 80 %, and that it is worse than when the model was shipped, "
        "each with the label that it is thought to have started with. The warnings of drift in sentence length, "
        "vocabulary and confidence have gone, or will with more ordinary requests. `make clean` stops the system and "
        "deletes its log, and with it all that the demo has sent."
    )


def report(sent: Sent) -> None:
    labels = (
        f"{sent.labels:,} labels, {sent.right / sent.labels:.1%} of them for right answers"
        if sent.labels
        else "no labels"
    )
    say(f"Sent: {sent.requests:,} requests and {labels}.")


def show_progress(phase: Phase, sent: Sent) -> None:
    if sys.stdout.isatty():
        end = "\r" if sent.requests < phase.requests else "\r\033[K"
        print(f"  {sent.requests:,} of {phase.requests:,} requests, {sent.labels:,} labels", end=end, flush=True)


def say(text: str, underline: str = "") -> None:
    print("\n" + textwrap.fill(text, 100), flush=True)
    if underline:
        print(underline * min(len(text), 100), flush=True)


def address(value: str) -> str:
    parts = urlsplit(value)
    try:
        usable = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"'{value}' is not an address like http://localhost:8000")
    return value.rstrip("/")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        raise DemoError(f"{message}; --help lists the options.")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(prog="demo", allow_abbrev=False, description="Show each alarm of the dashboard.")
    option = parser.add_argument
    option("--url", type=address, default="http://localhost:8000", help="of the API (default: %(default)s)")
    option("--token", help="that the API asks for (default: API_TOKEN of the environment, which nobody else can see)")
    option("--seconds", type=float, default=120.0, help="how long it takes, 10 to 3600 (default: %(default)s)")
    option("--seed", type=int, help="for the same texts again, which then are repeats (default: by chance)")
    options = parser.parse_args(argv)
    options.token = (os.environ.get("API_TOKEN", "") if options.token is None else options.token).strip()
    if options.token and not re.fullmatch(r"[\w.~+/-]+=*", options.token, re.ASCII):
        parser.error("the token (--token, or API_TOKEN) cannot be one; give it alone, without its name and scopes")
    if not 10 <= options.seconds <= 3600:
        parser.error(f"--seconds must lie between 10 and 3600, not {options.seconds:g}")
    if options.seed is None:
        options.seed = SystemRandom().randrange(1_000_000)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    dashboard = f"http://localhost:{os.environ.get('DASHBOARD_PORT') or '8501'}"
    try:
        options = parse(argv)
        demonstrate(Api(options.url, options.token), options.seconds, options.seed, dashboard)
    except DemoError as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndemo: Stopped. What was sent stays in the log; `make clean` deletes it.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measure the accuracy of the running API on a labelled test file.

This file must stand alone, with the standard library only, so it has a small HTTP client of its own.

The 95 % interval is the score interval of E. B. Wilson (1927), "Probable Inference, the Law of Succession,
and Statistical Inference", Journal of the American Statistical Association 22(158), 209-212.
"""

import argparse
import json
import os
import re
import reprlib
import shutil
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from pathlib import Path
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, DefaultSelector
from statistics import NormalDist
from typing import Never, TextIO
from urllib.parse import urlsplit

# The first match counts, so subclasses come before their base classes.
NETWORK_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "there was no answer within {timeout:g} s"),
    (ConnectionRefusedError, "the connection was refused"),
    (socket.gaierror, "the host is unknown"),
    (UnicodeError, "the host name is not valid"),
    (ssl.SSLError, "there is no secure connection ({error})"),
    (ConnectionError, "the connection was lost before the answer came"),
    (IncompleteRead, "the connection was lost in the middle of the answer"),
    (HTTPException, "the answer is not HTTP"),
    (Exception, "there is no connection ({error})"),
)
MOST_AT_ONCE = 1000  # threads
INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
TOKEN = r"[\w.~+/-]+=*"
ADDRESS = r"https?://(\[[\da-f:.]+\]|[\w.-]+)(:\d*)?(/[\w/.~%!$&'()*+,;=:-]*)?"
NOT_SENT = "The item was not sent, because the API had stopped answering."
WAY_OUT = "start it with `make run` or give its address with --url."


class ProblemError(Exception):
    """A sentence for the user."""


class LostError(ProblemError):
    """There was no complete HTTP answer. `closed` means that the server closed an idle connection."""

    def __init__(self, sentence: str, closed: bool = False) -> None:
        super().__init__(sentence)
        self.closed = closed


@dataclass(frozen=True)
class Api:
    url: str
    timeout: float
    token: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"Content-Type": "application/json", **authorization}

    def connection(self) -> HTTPConnection:
        parts = urlsplit(self.url)
        make, port = (HTTPSConnection, 443) if parts.scheme == "https" else (HTTPConnection, 80)
        return make(parts.hostname or "", parts.port or port, timeout=self.timeout)


@dataclass(frozen=True)
class Prediction:
    number: int
    text: str
    expected: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Failure:
    number: int
    text: str
    reason: str
    lost: bool = False


@dataclass(frozen=True)
class LabelScore:
    """One row of the table; None means a division by zero."""

    label: str
    precision: float | None
    recall: float | None
    support: int


@dataclass(frozen=True)
class Report:
    """The result of a run. Accuracy and its interval cover the evaluated items; they are None if there are none."""

    items: int
    evaluated: int
    correct: int
    accuracy: float | None
    interval: tuple[float, float] | None
    labels: tuple[LabelScore, ...]
    failures: tuple[Failure, ...]
    wrong: tuple[Prediction, ...]
    sent_again: tuple[int, ...] = ()  # numbers of items that the API may have logged twice


Outcome = Prediction | Failure
Sent = tuple[Outcome, bool]  # True if it was sent twice
Answer = tuple[int, dict[str, object]]
Waiting = SimpleQueue[tuple[int, object]]


def load_items(path: Path) -> list[object]:
    try:
        items = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ProblemError(f"{path} cannot be read: {error.strerror}; name a test file with --file.") from None
    except (ValueError, RecursionError) as error:
        form = "UTF-8" if isinstance(error, UnicodeDecodeError) else "JSON"
        raise ProblemError(f"{path} is not {form}: {error}; correct it or name another with --file.") from None
    if not isinstance(items, list) or not items:
        found = reprlib.repr(items)
        raise ProblemError(f"{path} must contain a list of items with text and true_sentiment, not {found}.")
    return items


def question(item: object) -> tuple[str, str]:
    """Return the text and the true label of an item."""
    match item:
        case {"text": str(text), "true_sentiment": str(label)} | {"text": str(text), "true_label": str(label)}:
            return text, label
        case _:
            found = reprlib.repr(item)
            raise ProblemError(f"The item must have the strings text and true_sentiment, but is {found}.")


def normal(label: str) -> str:
    return label.strip().casefold()


def exchange(api: Api, connection: HTTPConnection, endpoint: str, body: str | None = None) -> Answer:
    """Return the status and the JSON object, {} if the answer is not one. Sends once: the API may have logged it."""
    if connection.sock is not None and has_news(connection.sock):
        connection.close()  # the server closed it; the next request opens a new one
    kept_alive = connection.sock is not None
    path = urlsplit(api.url).path + endpoint
    try:
        connection.request("POST" if body else "GET", path, body, api.headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException, UnicodeError) as error:
        connection.close()
        words = next(words for kind, words in NETWORK_ERRORS if isinstance(error, kind))
        closed = kept_alive and isinstance(error, ConnectionError)
        raise LostError(words.format(error=error, timeout=api.timeout), closed) from None
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}


def has_news(connection: socket.socket) -> bool:
    """Whether an idle connection is readable, which usually means that the server has closed it."""
    with DefaultSelector() as selector:
        selector.register(connection, EVENT_READ)
        return bool(selector.select(0))


def ask(api: Api, endpoint: str) -> Answer:
    with closing(api.connection()) as connection:
        return exchange(api, connection, endpoint)


def detail(answer: dict[str, object]) -> str:
    return str(answer.get("detail", "it gives no reason")).rstrip(".")


def check_ready(api: Api) -> None:
    try:
        status, answer = ask(api, "/readyz")
        allowed, refusal = ask(api, "/model") if status == 200 else (status, answer)
    except LostError as error:
        raise ProblemError(f"The API at {api.url} cannot be reached: {error}; {WAY_OUT}") from None
    if status != 200:
        state = "is not ready" if status == 503 else f"answered {status} to /readyz"
        raise ProblemError(f"The API at {api.url} {state}: {detail(answer)}; {WAY_OUT}")
    if allowed in (401, 403):
        raise ProblemError(f"The API at {api.url} answered {allowed}: {detail(refusal)}; give a token with --token.")


def understand(status: int, answer: dict[str, object]) -> tuple[str, float]:
    """Return the predicted label and its confidence."""
    if status != 200:
        raise ProblemError(f"The API answered {status}: {detail(answer)}.")
    match answer:
        case {"predicted_sentiment": str(label), "confidence": float() | int() as score} if 0 <= score <= 1:
            return label, float(score)
        case _:
            raise ProblemError("The API's answer is not JSON with predicted_sentiment and confidence.")


def text_of(item: object) -> str:
    match item:
        case {"text": str(text)}:
            return text
        case _:
            return reprlib.repr(item)


def send(api: Api, connection: HTTPConnection, number: int, item: object) -> Sent:
    """Send again if the server has just closed the idle connection: it may or may not have processed the item."""
    try:
        return predict(api, connection, number, item), False
    except LostError:
        return predict(api, connection, number, item), True


def predict(api: Api, connection: HTTPConnection, number: int, item: object) -> Outcome:
    """Raises LostError if the item may be sent again."""
    try:
        text, label = question(item)
        body = json.dumps({"text": text, "true_sentiment": label})
        predicted, confidence = understand(*exchange(api, connection, "/predict", body))
    except LostError as problem:
        if problem.closed:
            raise
        return Failure(number, text_of(item), f"The item got no answer: {problem}.", lost=True)
    except ProblemError as problem:
        return Failure(number, text_of(item), str(problem))
    return Prediction(number, text, normal(label), normal(predicted), confidence)


def work(api: Api, waiting: Waiting, done: SimpleQueue[Sent], gone: threading.Event) -> None:
    with closing(api.connection()) as connection, suppress(Empty):
        while True:
            number, item = waiting.get_nowait()
            if gone.is_set():
                done.put((Failure(number, text_of(item), NOT_SENT, lost=True), False))
            else:
                done.put(send(api, connection, number, item))


def evaluate(api: Api, items: list[object], concurrency: int) -> list[Sent]:
    """Send all items. After many unanswered items in a row, the rest fail without being sent."""
    waiting, done, gone = Waiting(), SimpleQueue[Sent](), threading.Event()
    for numbered in enumerate(items, start=1):
        waiting.put(numbered)
    for _ in range(min(concurrency, len(items))):
        # Daemon threads, so that Ctrl-C does not wait for pending answers.
        threading.Thread(target=work, args=(api, waiting, done, gone), daemon=True).start()
    sent: list[Sent] = []
    lost = 0
    while len(sent) < len(items):
        sent.append(done.get())
        outcome, _ = sent[-1]
        lost = lost + 1 if isinstance(outcome, Failure) and outcome.lost else 0
        if lost > max(4, concurrency):
            gone.set()
        show_progress(len(sent), len(items))
    return sorted(sent, key=lambda found: found[0].number)


def show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        bar = "#" * (30 * done // total)
        print(f"\r[{bar:<30}] {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Return the limits of the 95 % confidence interval of a share."""
    z, share = NormalDist().inv_cdf(0.975), correct / total
    middle = share + z * z / (2 * total)
    half = z * (share * (1 - share) / total + (z / (2 * total)) ** 2) ** 0.5
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def score_label(label: str, predictions: Sequence[Prediction]) -> LabelScore:
    support = sum(p.expected == label for p in predictions)
    claimed = sum(p.predicted == label for p in predictions)
    hits = sum(p.expected == p.predicted == label for p in predictions)
    return LabelScore(label, hits / claimed if claimed else None, hits / support if support else None, support)


def score(outcomes: Sequence[Outcome], sent_again: Sequence[int] = ()) -> Report:
    predictions = [outcome for outcome in outcomes if isinstance(outcome, Prediction)]
    failures = tuple(outcome for outcome in outcomes if isinstance(outcome, Failure))
    wrong = tuple(p for p in predictions if p.expected != p.predicted)
    total, correct = len(predictions), len(predictions) - len(wrong)
    accuracy, interval = (correct / total, wilson(correct, total)) if total else (None, None)
    names = sorted({name for p in predictions for name in (p.expected, p.predicted)})
    labels = tuple(score_label(name, predictions) for name in names)
    return Report(len(outcomes), total, correct, accuracy, interval, labels, failures, wrong, tuple(sent_again))


def shown(text: str, width: int) -> str:
    """Make untrusted text fit on one line of a terminal."""
    visible = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: width + 1])
    return visible if len(visible) <= width else visible[: width - 3] + "..."


def render(report: Report) -> str:
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    lines = [f"{report.items} items, {report.evaluated} evaluated, {len(report.failures)} failed", summary(report)]
    if report.sent_again:
        lines.append(resent(report.sent_again))
    if report.labels:
        lines += ["", *table(report.labels)]
    if report.failures:
        lines += ["", "Failures:"]
    for f in report.failures:
        lines += [f"  #{f.number} {shown(f.text, width - 10)}", f"     {shown(f.reason, 300)}"]
    if report.wrong:
        lines += ["", "Wrong predictions:"]
    for p in report.wrong:
        verdict = f"expected {shown(p.expected, 20)}, predicted {shown(p.predicted, 20)} ({p.confidence:.2f})"
        lines += [f"  #{p.number} {verdict}", f"     {shown(p.text, width - 5)}"]
    return "\n".join(lines)


def summary(report: Report) -> str:
    if report.accuracy is None or report.interval is None:
        return "Accuracy: none, because no item could be evaluated"
    low, high = (f"{100 * bound:.1f} %" for bound in report.interval)
    right = f"{report.correct} of {report.evaluated}"
    return f"Accuracy: {100 * report.accuracy:.1f} % ({right}), 95 % interval {low} to {high}"


def resent(numbers: Sequence[int]) -> str:
    named = ", ".join(f"#{number}" for number in numbers[:20]) + (", …" if len(numbers) > 20 else "")
    what, it = ("item was", "it") if len(numbers) == 1 else ("items were", "them")
    return (
        f"{len(numbers)} {what} sent again, because the API closed the connection before answering; "
        f"its log may hold {it} twice: {named}"
    )


def table(labels: Sequence[LabelScore]) -> list[str]:
    rows = [("label", "precision", "recall", "support")]
    for row in labels:
        precision, recall = ("-" if x is None else f"{x:.3f}" for x in (row.precision, row.recall))
        rows.append((shown(row.label, 20), precision, recall, str(row.support)))
    wide = max(len(row[0]) for row in rows)
    return [f"{row[0]:<{wide}}  {row[1]:>9}  {row[2]:>6}  {row[3]:>7}" for row in rows]


def say(text: str, stream: TextIO) -> None:
    """Print in the stream's encoding. A closed pipe is not an error."""
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except OSError as error:
        # Buffered output would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise ProblemError(f"The report cannot be printed ({error.strerror}).") from None


def complain(sentence: str) -> None:
    say(shown(f"evaluate.py: {sentence}", 1000), sys.stderr)


def address(value: str) -> str:
    url = value.strip().rstrip("/")
    try:
        usable = urlsplit(url).port != 0 and re.fullmatch(ADDRESS, url, re.ASCII | re.IGNORECASE)
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"'{value}' is not an address like http://localhost:8000")
    return url


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        raise ProblemError(f"{message}; --help lists the options.")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(allow_abbrev=False, description="Measure the accuracy of the running API on a test file.")
    option = parser.add_argument
    option("--url", type=address, default="http://localhost:8000", help="address of the API (default: %(default)s)")
    option("--token", help="token for the API (default: the variable API_TOKEN, which other users cannot see)")
    option("--file", type=Path, default=Path(__file__).with_name("test.json"), help="test file (default: %(default)s)")
    option("--concurrency", type=int, default=8, help="parallel requests (default: %(default)s)")
    option("--timeout", type=float, default=10.0, help="seconds to wait for an answer (default: %(default)s)")
    option("--min-accuracy", type=float, default=0.0, help="exit with 1 if the accuracy is below this, 0 to 1")
    option(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write the report as JSON to FILE, or print it",
    )
    options = parser.parse_args(argv)
    options.token = (os.environ.get("API_TOKEN", "") if options.token is None else options.token).strip()
    if options.token and not re.fullmatch(TOKEN, options.token, re.ASCII):
        parser.error("the token (--token or API_TOKEN) is not valid; give it alone, without its name and scopes")
    if not 1 <= options.concurrency <= MOST_AT_ONCE:
        parser.error(f"--concurrency must be between 1 and {MOST_AT_ONCE}, not {options.concurrency}")
    if not 0 < options.timeout <= 3600:
        parser.error(f"--timeout must be above 0 and at most 3600 seconds, not {options.timeout:g}")
    if not 0 <= options.min_accuracy <= 1:
        parser.error(f"--min-accuracy must be between 0 and 1, not {options.min_accuracy:g}")
    return options


def publish(report: Report, target: str | None) -> None:
    document = json.dumps(asdict(report), indent=2)
    say(document if target == "-" else render(report), sys.stdout)
    if target in (None, "-"):
        return
    try:
        Path(target).write_text(document + "\n", encoding="utf-8")
    except OSError as error:
        raise ProblemError(f"{target} cannot be written ({error.strerror}); name another with --json.") from None


def verdict(report: Report, min_accuracy: float) -> int:
    if report.accuracy is None:
        raise ProblemError(f"None of the {report.items} items could be evaluated, so there is no accuracy.")
    below = report.accuracy < min_accuracy
    if below:
        complain(f"The accuracy {report.accuracy:.4f} is below --min-accuracy {min_accuracy:g}.")
    if report.failures:
        raise ProblemError(f"{len(report.failures)} of {report.items} items could not be evaluated.")
    return int(below)


def main(argv: Sequence[str] | None = None) -> int:
    try:
        options = parse(argv)
        api, items = Api(options.url, options.timeout, options.token), load_items(options.file)
        check_ready(api)
        sent = evaluate(api, items, options.concurrency)
        again = [outcome.number for outcome, twice in sent if twice]
        report = score([outcome for outcome, _ in sent], again)
        publish(report, options.json)
        return verdict(report, options.min_accuracy)
    except ProblemError as problem:
        complain(str(problem))
        return 2
    except KeyboardInterrupt:
        complain("Interrupted before all items were evaluated, so there is no report.")
        return INTERRUPTED


if __name__ == "__main__":
    status = main()
    if status == INTERRUPTED:  # threads still wait for answers, and Python 3.11.2 can crash when it stops them
        os._exit(status)
    sys.exit(status)

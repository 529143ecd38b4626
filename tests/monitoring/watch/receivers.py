"""Receivers of notifications: a webhook's, and a stand-in for Alertmanager that accepts what its API v2 accepts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Received(NamedTuple):
    time: float
    path: str
    headers: dict[str, str]
    body: Any


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answer(self.path, body)
        self.server.tried.append(status)
        if 200 <= status < 300:
            self.server.taken.append(Received(time.time(), self.path, dict(self.headers), body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.tried.append(-1)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class Receiver(ThreadingHTTPServer):
    """Remembers what it answered with a 2xx. `answer` says what it answers: 200, until a test wants another."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.taken: list[Received] = []
        self.tried: list[int] = []  # the status of each answer; -1 for a GET
        self.answer: Callable[[str, Any], int] = lambda path, body: 200

    @property
    def events(self) -> list[tuple[str, str]]:
        """Name and state of every event that was taken."""
        return [(found.body["name"], found.body["state"]) for found in self.taken]

    @property
    def ids(self) -> list[str]:
        return [found.body["id"] for found in self.taken]


class Refuses(BaseHTTPRequestHandler):
    server: RefusingProxy

    def do_GET(self) -> None:
        self.server.asked.append(self.requestline)
        self.send_error(503, "No such host")

    def do_POST(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class RefusingProxy(ThreadingHTTPServer):
    """A company's proxy that knows nothing of this machine; keeps the first line of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Refuses)
        self.asked: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """What tells programs to use it for everything."""
        address, names = f"http://127.0.0.1:{self.server_port}", ("http_proxy", "https_proxy", "all_proxy")
        return {cased: address for name in names for cased in (name, name.upper())} | {"no_proxy": "", "NO_PROXY": ""}


class StandInForAlertmanager(Receiver):
    """Knows each alert by its labels, and refuses with 400 what `postableAlerts` of the documented API v2 is not."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.alerts: dict[frozenset[tuple[str, str]], dict[str, Any]] = {}
        self.answer = self._take

    def active(self) -> set[str]:
        """The signals of the alerts that it would call firing now."""
        now = datetime.now(UTC)
        return {dict(labels)["signal"] for labels, alert in self.alerts.items() if moment(alert["endsAt"]) > now}

    def _take(self, path: str, body: Any) -> int:
        if path != "/am/api/v2/alerts":
            return 404
        problems = [problem for alert in body for problem in problems_of(alert)]
        self.refused += problems
        if not problems:
            self.alerts |= {frozenset(alert["labels"].items()): alert for alert in body}
        return 400 if problems else 200


def problems_of(alert: dict[str, Any]) -> list[str]:
    """What keeps it from being a `postableAlert`."""
    known = {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}
    problems = [f"unknown: {key}" for key in set(alert) - known]
    for name in ("labels", "annotations"):
        for key, value in alert[name].items():
            if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", key) or not isinstance(value, str) or not value:
                problems.append(f"{name}: {key}={value!r}")
    if not alert["labels"].get("alertname"):
        problems.append("no alertname")
    if moment(alert["endsAt"]) < moment(alert["startsAt"]):
        problems.append("start time must be before end time")
    return problems


def moment(text: str) -> datetime:
    """RFC 3339, which always says its offset."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text), text
    return datetime.fromisoformat(text)

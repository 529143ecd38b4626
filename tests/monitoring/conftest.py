"""Log lines as files hold them, tables as the statistics take them, and a small real HTTP server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring.log_reader import LogReader
from monitoring.monitor import Monitor
from tests.conftest import serving
from tests.monitoring.receivers import Receiver, StandInForAlertmanager

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Reply = tuple[int, object]  # a status with a JSON document; bytes are sent as they are


def at(minutes: float) -> str:
    """So many minutes after noon, as the log writes it."""
    return (NOON + timedelta(minutes=minutes)).isoformat(timespec="microseconds")


def prediction(**fields: Any) -> bytes:
    """A line of prediction_logs.json."""
    record = {
        "timestamp": at(0),
        "request_text": "a wonderful film",
        "predicted_sentiment": "positive",
        "true_sentiment": None,
        "prediction_id": "id-1",
        "confidence": 0.9,
        "model_version": "v1",
        "known_share": 0.7,
        "audit": False,
    }
    return json.dumps(record | fields).encode() + b"\n"


def feedback(prediction_id: str, true_sentiment: str, minutes: float = 0) -> bytes:
    """A line of feedback_logs.json."""
    label = {"timestamp": at(minutes), "prediction_id": prediction_id, "true_sentiment": true_sentiment}
    return json.dumps(label).encode() + b"\n"


def append(path: Path, *lines: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(lines))


def watched_log(directory: Path) -> LogReader:
    """A reader of a log that is compared with nothing."""
    return LogReader(directory, Monitor(None, 0.8, 0.02))


def answers(predicted: Sequence[str], true: Sequence[str | None], words: int = 3) -> pd.DataFrame:
    """Predictions as a snapshot holds them, one a minute."""
    n = len(predicted)
    return pd.DataFrame(
        {
            "timestamp": pd.date_range(NOON, periods=n, freq="min", unit="us"),
            "request_text": pd.Series(["a wonderful film"] * n, dtype="object"),
            "words": pd.Series([words] * n, dtype="int64"),
            "predicted_sentiment": pd.Series(list(predicted), dtype="str"),
            "true_sentiment": pd.Series(list(true), dtype="str"),
            "prediction_id": pd.Series([f"id-{number}" for number in range(n)], dtype="str"),
            "confidence": pd.Series([0.9] * n, dtype="float64"),
            "model_version": pd.Series([None] * n, dtype="str"),
            "known_share": pd.Series([0.7] * n, dtype="float64"),
            "audit": pd.Series([False] * n, dtype="bool"),
        }
    )


class Handler(BaseHTTPRequestHandler):
    server: FakeApi

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(body)))
        self._reply()

    def _reply(self) -> None:
        status, document = self.server.replies.get(self.path, (404, {"detail": "Not Found"}))
        if status == 0:
            assert isinstance(document, bytes)
            self.wfile.write(document)
            return
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class FakeApi(ThreadingHTTPServer):
    """Answers as `replies` says, by path; status 0 sends bytes in place of an HTTP answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.replies: dict[str, Reply] = {
            "/readyz": (200, {"status": "ready"}),
            "/model": (
                200,
                {
                    "name": "small model",
                    "model_version": "0123456789ab",
                    "labels": ["negative", "positive"],
                    "metrics": {"accuracy": {"value": 0.9173}},
                },
            ),
            "/predict": (
                200,
                {
                    "prediction_id": "id-7",
                    "predicted_sentiment": "positive",
                    "confidence": 0.8125,
                    "model_version": "0123456789ab",
                },
            ),
            "/feedback": (200, {"prediction_id": "id-7", "true_sentiment": "positive"}),
            "/explain": (
                200,
                {
                    "predicted_sentiment": "positive",
                    "confidence": 0.8125,
                    "model_version": "0123456789ab",
                    "label": "positive",
                    "score": 1.5,
                    "intercept": 0.25,
                    "terms": [{"term": "wonderful", "contribution": 2.0}, {"term": "film", "contribution": -0.75}],
                    "tokens": [
                        {"start": 2, "end": 11, "contribution": 2.0},
                        {"start": 12, "end": 16, "contribution": -0.75},
                    ],
                },
            ),
        }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as server:
        yield server


@pytest.fixture
def alertmanager() -> Iterator[StandInForAlertmanager]:
    with serving(StandInForAlertmanager()) as server:
        yield server


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi()) as server:
        yield server

"""Log lines as files hold them, tables as the statistics take them, and a small real HTTP server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from monitoring.alarms.monitor import Monitor
from monitoring.log.encoding import MOST_WORDS, NO_ID, microseconds
from monitoring.log.format import Prediction
from monitoring.log.lines import NO_LABELS, read_predictions
from monitoring.reader import LogReader, Snapshot
from monitoring.stats.tables import Tables, tables_of
from monitoring.store.columns import Columns
from monitoring.store.rows import Store
from tests.conftest import serving
from tests.monitoring.watch.receivers import Receiver, RefusingProxy, StandInForAlertmanager

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEFT_OUT: dict[str, Any] = {"request_text": "", "words": 4, "characters": 20, "text_hash": "0a8f6ac5d1bd1b1d"}
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


def every(columns: Columns) -> npt.NDArray[np.bool_]:
    """The mask that wants all requests."""
    return np.ones(len(columns.time), dtype=np.bool_)


def predictions_of(snapshot: Snapshot) -> pd.DataFrame:
    """All requests in order of time, read back from disk, with Prediction's fields as columns and the labels that came
    later."""
    return table(lines_of(snapshot))


def lines_of(snapshot: Snapshot) -> list[Prediction]:
    """All requests in order of time, read back from disk, with the labels that came later. None of them may have gone,
    and what memory has of them must say the same."""
    requests = snapshot.requests
    rows = requests.where(every)
    lines = [request.line for request in requests.read(rows)]
    remembered = zip(*remembered_of(snapshot, rows).values(), strict=True)
    assert repr([tuple(fields) for fields in remembered]) == repr([_remembered(line) for line in lines])
    return lines


def remembered_of(snapshot: Snapshot, rows: npt.NDArray[Any]) -> dict[str, list[Any]]:
    """What memory has of these rows, by column, with names in place of their numbers."""
    columns, names = snapshot.requests.part(rows), snapshot.requests.names.texts
    named = {
        field: [names[number] for number in getattr(columns, field).tolist()]
        for field in ("predicted", "true", "version")
    }
    plain = {field: getattr(columns, field).tolist() for field in ("time", "words", "confidence", "known_share")}
    return {**plain, "audit": columns.audit.tolist(), "has_id": (columns.key != NO_ID).tolist(), **named}


def _remembered(line: Prediction) -> tuple[Any, ...]:
    """As remembered_of has it."""
    numbers = microseconds(line.timestamp), min(line.words, MOST_WORDS), line.confidence, line.known_share
    texts = line.predicted_sentiment, line.true_sentiment, line.model_version
    return *numbers, line.audit, line.prediction_id is not None, *texts


def table(rows: Sequence[Prediction]) -> pd.DataFrame:
    """The log's lines as rows of a table, as they stand."""
    return pd.DataFrame(rows, columns=list(Prediction._fields)).astype(
        {
            "timestamp": "datetime64[us, UTC]",
            "request_text": "object",  # texts may hold anything a Python string can
            "words": "int64",
            "predicted_sentiment": "str",
            "true_sentiment": "str",
            "prediction_id": "str",
            "confidence": "float64",
            "model_version": "str",
            "known_share": "float64",
            "audit": "bool",
        }
    )


def store_of(*lines: bytes) -> Store:
    """What is kept of these lines of a prediction file."""
    store = Store()
    found, unreadable = read_predictions([line.rstrip(b"\n") for line in lines], 0, store.names)
    assert unreadable == 0
    store.table.append(found, 0)
    store.index(0)
    store.label(0, NO_LABELS)
    return store


def tables_from(answers: pd.DataFrame) -> Tables:
    """The tables of a log that holds these `answers`, one of each."""
    rows = answers.drop(columns=["n", "distinct", "words"]).to_dict("records")
    lines = [prediction(**{str(name): _as_json(value) for name, value in row.items()}) for row in rows]
    store = store_of(*lines)
    return tables_of(store.whole, store.names)


def _as_json(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return None if pd.isna(value) else value


def answers(predicted: Sequence[str], true: Sequence[str | None], words: int = 3) -> pd.DataFrame:
    """Answers to different texts, a row and a minute each, with all columns that statistics take of Tables
    but the words of `steps`."""
    n = len(predicted)
    return pd.DataFrame(
        {
            "timestamp": pd.date_range(NOON, periods=n, freq="min", unit="us"),
            "request_text": pd.Series([f"wonderful film {number}" for number in range(n)], dtype="object"),
            "words": pd.Series([words] * n, dtype="int64"),
            "predicted_sentiment": pd.Series(list(predicted), dtype="str"),
            "true_sentiment": pd.Series(list(true), dtype="str"),
            "prediction_id": pd.Series([f"id-{number}" for number in range(n)], dtype="str"),
            "confidence": pd.Series([0.9] * n, dtype="float64"),
            "model_version": pd.Series([None] * n, dtype="str"),
            "known_share": pd.Series([0.7] * n, dtype="float64"),
            "audit": pd.Series([False] * n, dtype="bool"),
            "n": pd.Series([1] * n, dtype="int64"),
            "distinct": pd.Series([1] * n, dtype="int64"),
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
        self.server.authorizations.append(self.headers["Authorization"])
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
        self.authorizations: list[str | None] = []
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
def proxy() -> Iterator[RefusingProxy]:
    with serving(RefusingProxy()) as server:
        yield server


@pytest.fixture
def alertmanager() -> Iterator[StandInForAlertmanager]:
    with serving(StandInForAlertmanager()) as server:
        yield server


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi()) as server:
        yield server

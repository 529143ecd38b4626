"""Anything at all is sent to the service: it answers as it says it does, and its log stays a log."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st

from api.schemas import BatchResponse, ExplainResponse, FeedbackResponse, PredictResponse, Problem
from tests import preloaded
from tests.conftest import ROOT, Server, free_port, get, many, wait_until
from tests.reliability.clients import answer, connection
from tests.reliability.requests import HEADERS, NASTY, ROUTES, Sent, requests, sound

pytestmark = pytest.mark.processes
ANSWERS: dict[str, Any] = dict(
    zip(ROUTES, (PredictResponse, BatchResponse, FeedbackResponse, ExplainResponse), strict=True)
)
PRINTED = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL): +\S")
CASES = many(300, 10_000)


def documented(api) -> dict[tuple[str, str], set[int]]:
    """The statuses of each method and path in the service's own documentation."""
    paths = json.loads(get(api.url + "/openapi.json")[1])["paths"]
    return {
        (method.upper(), path): {int(status) for status in operation["responses"]}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def log_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log as the most careless of readers sees them."""
    return [json.loads(line) for line in path.read_bytes().decode().splitlines()] if path.exists() else []


def forged(output: Path) -> list[str]:
    """What the service printed and would not have written itself, or what a terminal would not just show."""
    lines = output.read_bytes().decode().splitlines()
    return [line for line in lines if not (PRINTED.match(line) and line.isprintable())]


@pytest.mark.promise(
    "Hostile input",
    "random requests: JSON with mistakes, bytes that are no JSON, wrong headers",
    "documented responses in one sentence, no 500; one log line for each 200, equal to what was sent",
)
def test_whatever_is_sent_gets_a_documented_answer_and_what_was_answered_is_what_is_logged(start_api, publish):
    api = start_api(LOG_LEVEL="debug")
    statuses, known = Counter[int](), documented(api)
    texts: list[str] = []
    labels: list[tuple[str, str]] = []

    @given(requests())
    @example(sound("/predict", {"text": "amazing"}))
    @example(sound("/feedback", {"prediction_id": str(UUID(int=0)), "true_sentiment": "negative"}))
    @of_hypothesis(max_examples=CASES, database=None)
    def send(sent: Sent) -> None:
        with connection(api) as client:
            client.sendall(sent.raw)
            status, said = answer(client)
        statuses[status] += 1
        allowed = known.get((sent.method, sent.path), {404, 405, 400})
        assert status in allowed | {405} - {503}, (sent, said)
        if status != 200:
            assert Problem.model_validate_json(said).detail.endswith(".")
        elif sent.method == "POST":
            ANSWERS[sent.path].model_validate_json(said)
            note(sent.path, json.loads(sent.body), json.loads(said))

    def note(path: str, body: dict[str, Any], said: dict[str, Any]) -> None:
        if path in ("/predict", "/predict/batch"):
            texts.extend(item["text"] for item in body.get("items", [body]))
        elif path == "/feedback":
            labels.append((said["prediction_id"], said["true_sentiment"]))

    send()

    logged = log_lines(api.log_dir / "prediction_logs.json")
    learnt = log_lines(api.log_dir / "feedback_logs.json")
    assert [line["request_text"] for line in logged] == texts != []
    assert [(line["prediction_id"], line["true_sentiment"]) for line in learnt] == labels != []
    assert forged(api.output) == []
    assert {400, 415, 422} < set(statuses)
    publish(
        f"{statuses.total():,} requests: {', '.join(f'{n:,} × {status}' for status, n in sorted(statuses.items()))}; "
        f"{len(texts) + len(labels):,} lines in the log, all read back, each as it was sent"
    )


@pytest.mark.promise(
    "Hostile input",
    "line breaks, escape sequences and lone surrogates in paths and headers",
    "no request forges a line of the service's output",
)
def test_no_request_forges_a_line_of_what_the_service_prints(small_model, tmp_path, publish):
    port, output, cases = free_port(), tmp_path / "output.txt", CASES // 10
    environ = os.environ | {"LOG_DIR": str(tmp_path), "MODEL_PATH": str(small_model), "LOG_LEVEL": "debug"}
    command = ["uvicorn", "api.main:app", "--port", str(port)]  # it logs each request
    process = preloaded.Process(*command, cwd=ROOT, env=environ, output=output)
    api = Server(process, f"http://127.0.0.1:{port}", tmp_path, output)

    @given(st.binary(max_size=30) | st.sampled_from(NASTY).map(escaped), HEADERS)
    @example(b"", (b"X-Forwarded-For", b"\x9b2J"))
    @of_hypothesis(max_examples=cases, database=None)
    def send(path: bytes, header: tuple[bytes, bytes]) -> None:
        with connection(api) as client:
            client.sendall(
                b"GET /%s HTTP/1.1\r\nHost: localhost\r\n%s: %s\r\nConnection: close\r\n\r\n" % (path, *header)
            )
            client.sendall(b"\r\n" * 2)
            answer(client)

    try:
        wait_until(lambda: get(api.url + "/readyz")[0] == 200, "it is ready", state=output.read_text)
        send()
    finally:
        api.stop()

    printed = output.read_text().count("\n")
    assert printed > cases / 2
    assert forged(output) == []
    publish(f"{cases:,} requests, {printed:,} lines printed, none of them forged, nothing in them but what can be seen")


def escaped(text: str) -> bytes:
    return "".join(f"%{byte:02x}" for byte in f"{text}INFO:     forged".encode("utf-8", "surrogatepass")).encode()


@pytest.mark.promise(
    "Hostile input",
    "valid and invalid requests generated from the OpenAPI document (Schemathesis)",
    "the service does what its documentation says",
)
def test_the_service_does_what_its_own_documentation_says(start_api, tmp_path, publish):
    api, report = start_api(), tmp_path / "report.json"
    # Which labels a model has the schema cannot know, so it allows some that are refused with 422.
    checks = ["--checks", "all", "--exclude-checks", "positive_data_acceptance", "--continue-on-failure"]
    size = ["--max-examples", str(CASES // 4), "--report-json-path", str(report), "--no-color"]
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{api.url}/openapi.json", *checks, *size]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout
    cases = json.loads(report.read_text())["test_cases"]
    assert cases["generated"] >= CASES / 2
    counted = re.findall(r"^sentiment_(requests|predictions)_total\{(.*)\} (\S+)$", get(api.url + "/metrics")[1], re.M)
    assert [row for row in counted if 'status="5' in row[1]] == []
    answers = sum(float(number) for of, _, number in counted if of == "predictions")
    assert len(log_lines(api.log_dir / "prediction_logs.json")) == answers > 0
    publish(
        f"{cases['generated']:,} cases generated from the OpenAPI document: {cases['unique_failures']} failures, no "
        f"status of 500 or above, and as many lines in the log as answers ({answers:,.0f})"
    )

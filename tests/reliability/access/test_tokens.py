"""Who may do what at the API: real services, asked by whom they must refuse, while their tokens change."""

from __future__ import annotations

import hmac
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.routing import Route

from api.http.security.access import OPEN, Holder, Tokens, needed_for
from api.main import STARTUP_FAILURE, create_app
from api.settings import Settings
from scripts.local_services import SERVICES
from tests.conftest import ROOT, Server, free_port, get, many, read_lines, seconds_until, wait_until

ID = "0b5c2f6e-7a64-4f0e-9a0c-3a1f6c1d2e3f"
BODIES: dict[str, object] = {
    "/predict": {"text": "amazing"},
    "/predict/batch": {"items": [{"text": "amazing"}] * 3},
    "/explain": {"text": "amazing"},
    "/feedback": {"prediction_id": ID, "true_sentiment": "positive"},
}
Asked = tuple[int, dict[str, str]]  # status and headers


def asked(api: HTTPConnection, path: str, authorization: str | None = None) -> Asked:
    """The answer to one request of the right kind for the path."""
    body = json.dumps(BODIES[path]) if path in BODIES else None
    headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
    api.request("POST" if body else "GET", path, body, headers)
    answer = api.getresponse()
    answer.read()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def connected(server: Server) -> HTTPConnection:
    return HTTPConnection(urlsplit(server.url).netloc, timeout=20)


def lines(server: Server) -> int:
    return sum(len(read_lines(path)) for path in server.log_dir.glob("*.json"))


@pytest.mark.promise(
    "Access control",
    "no token, a wrong one, or one without the scope, on every route",
    "401 or 403, counted, and nothing is logged",
)
@pytest.mark.processes
def test_nothing_is_answered_or_logged_without_the_right_token(start_api, publish):
    tokens = {scope: f"{scope}-{'0123456789' * 3}" for scope in ("predict", "feedback", "admin")}
    server = start_api(API_TOKENS=" ".join(f"{scope}:{scope}:{token}" for scope, token in tokens.items()))
    guarded = [
        route.path for route in create_app(Settings()).routes if isinstance(route, Route) and route.path not in OPEN
    ]
    wrong = [f"Bearer {token}" for token in ("x", *(t[:-1] for t in tokens.values()), tokens["admin"].upper())]
    wrong += [tokens["admin"], f"Token {tokens['admin']}", "Bearer", "Basic Og==", f"Bearer {'x' * 8000}"]
    refused = 0

    with closing(connected(server)) as api:
        for path in guarded:
            for authorization in (None, *wrong):
                assert asked(api, path, authorization)[0] == 401, (path, authorization)
            for scope in sorted(set(tokens) - {"admin", *needed_for(path)}):
                assert asked(api, path, f"Bearer {tokens[scope]}")[0] == 403, (path, scope)
                refused += 1
            refused += 1 + len(wrong)
        assert lines(server) == 0
        assert all(asked(api, path, f"Bearer {tokens['admin']}")[0] == 200 for path in guarded)
        counted = _refusals_counted(server, tokens["admin"])
    assert lines(server) == 5  # of /predict, /predict/batch and /feedback, now that they were allowed
    assert not any(token in server.output.read_text() for token in tokens.values())
    publish(f"{refused} requests on {len(guarded)} routes: all refused, {counted} of them counted, 0 lines in the log")


def _refusals_counted(server: Server, token: str) -> int:
    with closing(connected(server)) as api:
        api.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        text = api.getresponse().read().decode()
    return int(sum(map(float, re.findall(r'^sentiment_requests_total\{.*status="40[13]"\} (.*)$', text, re.M))))


@pytest.mark.promise(
    "Access control",
    "a request without a token whose body never comes",
    "it is refused at once; its body is not read",
)
@pytest.mark.processes
def test_a_body_that_is_never_sent_is_not_waited_for(start_api, publish):
    server = start_api(API_TOKENS=f"shop:predict:{'0123456789' * 2}")
    head = (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    )

    started = time.monotonic()
    for _ in range(many(3, 50)):
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=10) as client:
            client.sendall(head.encode() + b'{"te')
            assert client.recv(65536).startswith(b"HTTP/1.1 401 ")
    longest = (time.monotonic() - started) / many(3, 50)
    publish(f"{many(3, 50)} requests with 4 of 1,000,000 bytes sent: 401 after {longest * 1000:.0f} ms on average")


class Client(threading.Thread):
    """Asks without pause with the token that it has at the moment, on one connection."""

    def __init__(self, server: Server, token: str) -> None:
        super().__init__(daemon=True)
        self.api, self.token, self.stopped = connected(server), token, False
        self.statuses: list[int] = []
        self.last = token

    def run(self) -> None:
        with closing(self.api):
            while not self.stopped:
                token = self.token
                self.statuses.append(asked(self.api, "/predict", f"Bearer {token}")[0])
                self.last = token


def replace_file(path: Path, *tokens: str) -> None:
    new = path.with_suffix(".new")
    new.write_text("".join(f"shop:predict:{token}\n" for token in tokens))
    new.replace(path)


@pytest.mark.promise(
    "Access control",
    "tokens are rotated in their file under load",
    "no client with a valid token is refused; the old token is, about a second after its removal",
)
@pytest.mark.processes
def test_tokens_are_replaced_under_load_and_nobody_with_the_right_one_is_refused(start_api, tmp_path, publish):
    path, rotations, token = tmp_path / "tokens", many(2, 20), "the-first-0123456789"
    replace_file(path, token)
    server = start_api(API_TOKENS_FILE=str(path))
    clients, late = [Client(server, token) for _ in range(4)], []
    with closing(connected(server)) as probe:
        for client in clients:
            client.start()
        for number in range(rotations):
            old, token = token, f"token-{number}-0123456789"
            replace_file(path, old, token)
            late.append(_seconds_until(probe, token, 200))
            for client in clients:
                client.token = token
            wait_until(lambda new=token: all(client.last == new for client in clients), "all have the new one")
            replace_file(path, token)
            late.append(_seconds_until(probe, old, 401))
        for client in clients:
            client.stopped = True
            client.join(20)

    statuses = [status for client in clients for status in client.statuses]
    assert set(statuses) == {200}
    assert max(late) < 3
    publish(
        f"{rotations} tokens replaced while {len(statuses):,} requests came: 0 refused; "
        f"a changed file counted after {max(late):.1f} s at the latest"
    )


def _seconds_until(api: HTTPConnection, token: str, status: int) -> float:
    return seconds_until(lambda: asked(api, "/model", f"Bearer {token}")[0] == status, f"{status} for the token")


SPOILT = {
    "nonsense": lambda path: path.write_text("nonsense"),
    "empty": lambda path: path.write_text(""),
    "too short": lambda path: path.write_text("shop:predict:secret"),
    "binary": lambda path: path.write_bytes(b"\xff\x00"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.promise(
    "Access control",
    "the token file becomes invalid while the service runs",
    "the current tokens stay valid, and the service prints one message",
)
@pytest.mark.processes
def test_a_file_of_tokens_that_becomes_bad_changes_nothing_and_is_said_once(start_api, tmp_path, publish):
    path, token, requests = tmp_path / "tokens", "a-token-0123456789", 0
    replace_file(path, token)
    server = start_api(API_TOKENS_FILE=str(path))

    def times_said() -> int:
        return server.output.read_text().count("Until it is fixed, the previous tokens stay valid.")

    with closing(connected(server)) as api:
        for number, spoil in enumerate(SPOILT.values(), start=1):
            spoil(path)
            deadline = time.monotonic() + 10
            while times_said() < number and time.monotonic() < deadline:
                assert asked(api, "/model", f"Bearer {token}")[0] == 200
                assert asked(api, "/model", "Bearer another-0123456789")[0] == 401
                requests += 2
            assert times_said() == number
    assert "secret" not in server.output.read_text()
    publish(f"{len(SPOILT)} ways to spoil it, {requests:,} requests meanwhile: each answered as before, each said once")


@pytest.mark.promise(
    "Access control",
    "invalid tokens at start",
    "the service does not start, and prints no token",
)
@pytest.mark.processes
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_never_starts_without_the_tokens_that_it_was_to_ask_for(start_api, tmp_path, publish, workers):
    secret = "secret-0123456789"
    bad = [
        {"API_TOKENS": tokens} for tokens in (secret, f"shop:all:{secret}", f"{secret}:predict:shop", "shop:admin:x")
    ]
    bad += [{"API_TOKENS_FILE": str(tmp_path / "none")}, {"API_TOKENS": f"a:admin:{secret}", "API_TOKENS_FILE": "b"}]
    bad = bad[: many(1, len(bad))]
    for environment in bad:
        server = start_api(ready=False, WEB_CONCURRENCY=workers, **environment)
        code = server.process.wait(timeout=60)

        said = server.output.read_text()
        assert code == {"1": STARTUP_FAILURE, "2": 0}[workers]  # the parent of workers has no code of its own
        assert get(server.url + "/healthz")[0] == 0
        assert "API_TOKENS" in said
        assert secret not in said
    publish(f"{workers} worker(s): {len(bad)} kinds of unusable tokens, none started, none printed a token")


@pytest.mark.promise(
    "Access control",
    "a client sends requests without pause, with `RATE_LIMIT`",
    "requests up to the limit are served and logged; the rest get 429 with a sufficient `Retry-After`",
)
@pytest.mark.processes
def test_a_limit_lets_through_what_it_says_and_then_says_when_to_come_again(start_api, publish):
    limit, seconds = 120, many(2, 65)
    server = start_api(RATE_LIMIT=str(limit))
    passed = refused = 0
    with closing(connected(server)) as api:
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds:
            status, headers = asked(api, "/predict")
            assert status in (200, 429)
            assert status == 200 or headers["retry-after"] == "1"
            passed, refused = passed + (status == 200), refused + (status == 429)
        assert all(asked(api, path)[0] == 200 for path in (*OPEN, "/metrics") for _ in range(3))
        again = seconds_until(lambda: asked(api, "/predict")[0] == 200, "there is room again")

    most = limit + elapsed * limit / 60
    assert refused > 0
    assert most - 2 <= passed <= most + 1
    assert again < 1
    assert lines(server) == passed + 1
    publish(
        f"{passed + refused:,} requests in {seconds} s at a limit of {limit} a minute: {passed} answered and logged "
        f"({limit} at once, then 2 a second), {refused:,} refused; room again after {again:.2f} s, said: 1 s"
    )


@pytest.mark.promise(
    "Access control",
    "a client claims other addresses in `X-Forwarded-For`, with `RATE_LIMIT`",
    "it still has one limit, also on this machine: only `FORWARDED_ALLOW_IPS` are trusted",
)
@pytest.mark.processes
@pytest.mark.parametrize("believed", [{}, {"FORWARDED_ALLOW_IPS": "192.0.2.1"}])
def test_who_claims_to_ask_for_others_has_one_limit(start_api, publish, believed):
    limit, claims = 20, many(40, 1000)
    server = start_api(RATE_LIMIT=str(limit), **believed)
    statuses = []
    with closing(connected(server)) as api:
        started = time.monotonic()
        for number in range(claims):
            api.request("GET", "/model", headers={"X-Forwarded-For": f"198.51.{number // 250}.{number % 250}"})
            statuses.append((answer := api.getresponse()).status)
            answer.read()
        elapsed = time.monotonic() - started

    passed = statuses.count(200)
    assert set(statuses) == {200, 429}
    assert limit <= passed <= limit + elapsed * limit / 60 + 1
    publish(f"{claims} addresses claimed at a limit of {limit} a minute: {passed} requests answered")


@pytest.mark.promise(
    "Access control",
    "a client guesses tokens, with `RATE_LIMIT`",
    "429 after as many guesses as the limit; a valid token from the same address always works",
)
@pytest.mark.processes
def test_who_tries_tokens_is_slowed_down_and_locks_nobody_out(start_api, publish):
    limit, tries, token = 20, many(50, 2000), "a-token-0123456789"
    server = start_api(RATE_LIMIT=str(limit), API_TOKENS=f"shop:predict:{token}")
    refused, answered = [], []
    with closing(connected(server)) as api:
        for number in range(tries):
            refused.append(asked(api, "/predict", f"Bearer guess-{number}-0123456789")[0])
            if number % (tries // 10) == 0:
                answered.append(asked(api, "/predict", f"Bearer {token}")[0])

    assert set(refused) == {401, 429}
    assert refused.count(401) < limit + tries / 10
    assert answered == [200] * 10
    publish(
        f"{tries} wrong tokens at a limit of {limit} a minute: {refused.count(401)} × 401, {refused.count(429)} × 429; "
        f"the right token from the same address answered {len(answered)} times of {len(answered)}"
    )


@pytest.mark.promise(
    "Access control",
    "a website maps its own name to this machine's address (DNS rebinding) and calls the API",
    "400 on every route except the probes, and nothing is logged",
)
@pytest.mark.processes
def test_a_website_that_has_this_machines_address_is_refused(start_api, publish):
    server, refused = start_api(), 0
    foreign = (
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "xn--e1afmkfd.example",
    )
    with closing(connected(server)) as api:
        for host in foreign:
            for path in (
                "/predict",
                "/predict/batch",
                "/explain",
                "/feedback",
                "/model",
                "/metrics",
                "/docs",
                "/nowhere",
            ):
                body = json.dumps(BODIES[path]) if path in BODIES else None
                api.request("POST" if body else "GET", path, body, {"Host": host, "Content-Type": "application/json"})
                answer = api.getresponse()
                assert (answer.status, json.load(answer)["detail"][:9]) == (400, "Host is '"), (host, path)
                refused += 1
        assert lines(server) == 0
        for host in ("localhost", "LOCALHOST:1", "app.localhost", "127.0.0.1", "[::1]:8000"):
            api.request("GET", "/model", headers={"Host": host})
            answer = api.getresponse()
            answer.read()
            assert answer.status == 200
    publish(f"{refused} requests with {len(foreign)} names of others: all refused, 0 lines in the log")


@pytest.mark.promise(
    "Access control",
    "guessing a token by response time",
    "every token is compared, by digest, in constant time",
)
def test_a_token_is_compared_with_all_of_them_whichever_it_is(publish):
    tokens, compared = [f"token-{number}-0123456789".encode() for number in range(1000)], []

    def compare(known: bytes, given: bytes) -> bool:
        compared.append(known)
        return hmac.compare_digest(known, given)

    digests = [sha256(token).digest() for token in tokens]
    accepted = Tokens([Holder(str(n), frozenset(), digest) for n, digest in enumerate(digests)], compare)
    for token in (tokens[0], tokens[500], tokens[-1], b"nobody's", b""):
        compared.clear()
        found = accepted.holder(token)
        assert (found is not None) == (token in tokens)
        assert compared == digests
    publish("with 1,000 tokens the first, the last and an unknown one each cost 1,000 comparisons in constant time")


@pytest.mark.promise(
    "Access control",
    "another machine connects to what `make run` started without Docker",
    "nothing listens for it: all three services are bound to this machine",
)
@pytest.mark.processes
def test_what_runs_without_docker_answers_this_machine_only(small_model, tmp_path, publish):
    environ = os.environ | {"MODEL_PATH": str(small_model), "LOG_DIR": str(tmp_path), "STATE_DIR": str(tmp_path / "s")}
    for service in SERVICES:
        port = free_port()
        command = [sys.executable, "-m", *service.arguments, str(port)]
        with (tmp_path / "output.txt").open("wb") as sink:
            process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=sink, stderr=sink)
        try:
            url = f"http://localhost:{port}{service.health}"
            wait_until(lambda url=url: get(url)[0] == 200, f"the {service.name} answers", 60)
            with socket.socket() as stranger:  # this machine by an address that is not 127.0.0.1
                assert stranger.connect_ex(("127.0.0.2", port)) != 0, f"the {service.name} listens everywhere"
        finally:
            process.kill()
            process.wait()
    publish(f"{len(SERVICES)} of {len(SERVICES)} services answer at localhost and refuse every other address")

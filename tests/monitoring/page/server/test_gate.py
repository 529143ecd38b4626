"""What of Streamlit answers: a new version of it with a new route, or a new kind of message, fails here first."""

import asyncio
import json
import subprocess
import sys

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from monitoring.page.server.gate import MESSAGES, MOST_SESSIONS, Gate
from tests.conftest import ROOT

ROUTES = """
import json
import streamlit as st
from streamlit import config
for option in ("server.enableStaticServing", "server.scriptHealthCheckEnabled"):  # which bring routes of their own
    config.set_option(option, True)
app = st.App("monitoring/dashboard.py")._build_starlette_app()
print(json.dumps([(route.path, sorted(getattr(route, "methods", None) or [])) for route in app.routes]))
"""  # a process can have one of Streamlit's servers, and other tests may have theirs
ANSWERED = {
    "/_stcore/health": {"GET", "HEAD"},
    "/_stcore/host-config": {"GET", "HEAD"},
    "/_stcore/metrics": {"GET", "HEAD"},
    "/_stcore/stream": {"websocket"},
    "/media/{file_id:path}": {"GET", "HEAD"},
    "/auth/login": {"GET", "HEAD"},
    "/auth/logout": {"GET", "HEAD"},
    "/oauth2callback": {"GET", "HEAD"},
    "": {"any"},  # where Streamlit's own files are, which any path not named before leads to
}
REFUSED = {
    "/_stcore/upload_file/{session_id}/{file_id}",
    "/_stcore/script-health-check",
    "/_stcore/bidi-components/{path:path}",
    "/component/{path:path}",
    "/app/static/{path:path}",
    "/_stcore/agent/interact",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/mcp",
}
SOMETHING = {"{file_id:path}": "a.csv", "{path:path}": "a/b.js", "{session_id}": "a", "{file_id}": "b"}


def gate(base_path: str = "", signs_in: bool = True) -> Gate:
    return Gate(answering, base_path, signs_in)


async def answering(scope, receive, send) -> None:
    """An app that reads all it is sent and then answers."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"answered"})


@pytest.mark.processes
def test_of_the_routes_that_the_installed_streamlit_has_those_of_the_page_answer():
    command = [sys.executable, "-c", ROUTES]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = {}
    for path, methods in json.loads(printed):
        found.setdefault(path, set()).update(methods or ["websocket" if path == "/_stcore/stream" else "any"])

    assert set(found) == {*ANSWERED, *REFUSED}
    for path, methods in found.items():
        example = path
        for parameter, value in SOMETHING.items():
            example = example.replace(parameter, value)
        open_to = {method for method in methods - {"any"} if lets_in(gate(), method, example)}
        assert open_to == ANSWERED.get(path, set()) - {"any"}, path


def lets_in(found: Gate, method: str, path: str) -> bool:
    return found.lets_in("websocket" if method == "websocket" else "http", method, path)


@pytest.mark.parametrize("path", ["/", "/index.html", "/favicon.png", "/manifest.json", "/static/js/index.js"])
def test_the_files_of_the_page_are_read_and_nothing_else_is_done_to_them(path):
    assert lets_in(gate(), "GET", path)
    assert lets_in(gate(), "HEAD", path)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "websocket"):
        assert not lets_in(gate(), method, path)


@pytest.mark.parametrize(
    "path", ["/anything", "/requests/_stcore/stream", "/_stcore/health/", "/static", "//", "/Media/a"]
)
def test_no_other_path_leads_to_the_page(path):
    assert not lets_in(gate(), "GET", path)
    assert not lets_in(gate(), "websocket", path)


def test_without_a_provider_there_is_nothing_to_sign_in_to():
    for path in ("/auth/login", "/auth/logout", "/oauth2callback"):
        assert not lets_in(gate(signs_in=False), "GET", path)


def test_under_a_base_path_all_of_it_is_there_and_nothing_outside():
    below = gate("/team/sentiment")

    for path in ("", "/", "/_stcore/health", "/static/js/index.js", "/oauth2callback"):
        assert lets_in(below, "GET", "/team/sentiment" + path)
        assert not lets_in(below, "GET", path)
    assert lets_in(below, "websocket", "/team/sentiment/_stcore/stream")
    assert not lets_in(below, "GET", "/team/sentiments")


def test_a_refused_body_is_not_read():
    async def receive() -> dict:
        raise AssertionError("it was read")

    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/a/b", "headers": []}
    assert asyncio.run(answered(gate(), scope, receive)) == [404]


async def answered(found: Gate, scope: dict, receive) -> list[int]:
    statuses: list[int] = []

    async def send(message) -> None:
        if "status" in message:
            statuses.append(message["status"])

    await found(scope, receive, send)
    return statuses


def test_every_kind_of_message_of_the_installed_streamlit_is_known():
    kinds = {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}

    assert kinds - MESSAGES == {
        "clear_cache",  # of all users
        "set_run_on_save",
        "load_git_info",
        "debug_disconnect_websocket",
        "debug_shutdown_runtime",
        "file_urls_request",  # before an upload
    }
    assert kinds >= MESSAGES


def test_messages_that_the_page_does_not_send_are_passed_over():
    heartbeat, nonsense = BackMsg(app_heartbeat=True).SerializeToString(), b"\xff\xff"
    sent = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "bytes": BackMsg(clear_cache=True).SerializeToString()},
        {"type": "websocket.receive", "bytes": heartbeat},
        {"type": "websocket.receive", "bytes": nonsense},  # which Streamlit refuses
        {"type": "websocket.receive", "text": "a text"},  # and this too
        {"type": "websocket.disconnect"},
    ]
    passed: list[dict] = []

    async def listening(scope, receive, send) -> None:
        while not passed or passed[-1]["type"] != "websocket.disconnect":
            passed.append(await receive())

    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    asyncio.run(answered(Gate(listening, "", signs_in=False), scope, coming(sent)))

    assert passed == [message for number, message in enumerate(sent) if number != 1]


def coming(messages: list[dict]):
    left = iter(messages)

    async def receive() -> dict:
        return next(left)

    return receive


def test_one_session_too_many_is_refused_until_another_one_ends():
    async def scenario() -> list[list[int]]:
        ended = asyncio.Event()

        async def waiting(scope, receive, send) -> None:
            await ended.wait()
            await send({"type": "websocket.accept", "status": 101})

        found = Gate(waiting, "", signs_in=False)
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
        held = [asyncio.create_task(answered(found, scope, coming([]))) for _ in range(MOST_SESSIONS)]
        await asyncio.sleep(0)
        refused = await answered(found, scope, coming([]))
        ended.set()
        await asyncio.gather(*held)
        return [refused, await answered(found, scope, coming([]))]

    assert asyncio.run(scenario()) == [[503], [101]]

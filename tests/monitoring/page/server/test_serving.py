"""Where a real page listens, and how long it keeps a connection."""

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT, free_port, starting_dashboard
from tests.monitoring.network.test_listening import connects

pytestmark = pytest.mark.processes
WEBSOCKET = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
IDLE_SECONDS = 7  # longer than the five that uvicorn keeps one by itself


@pytest.fixture(scope="module")
def page(tmp_path_factory, running_api) -> Iterator[int]:
    """The port of a page with its default settings."""
    with starting_dashboard(tmp_path_factory.mktemp("page")) as start:
        yield port_of(start(running_api).url)


def port_of(url: str) -> int:
    return urlsplit(url).port or 80


def reached(port: int) -> list[str]:
    return [host for host in ("127.0.0.1", "127.0.0.2", "::1") if connects(host, port)]


def head(host: str, port: int) -> int:
    """The status of the answer to HEAD, as monitors of uptime ask."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.request("HEAD", "/_stcore/health")
    answer = connection.getresponse()
    assert answer.read() == b""
    connection.close()
    return answer.status


def asked_after_idling(host: str, port: int, path: str) -> bytes:
    """The first line of the second answer on one connection, which said nothing for longer than IDLE_SECONDS."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with socket.create_connection((host, port), 20) as client:
        client.sendall(request)
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        client.settimeout(1)
        while _is_sent_more(client):  # the rest of the answer
            pass
        client.settimeout(IDLE_SECONDS)
        assert not _is_sent_more(client)
        client.settimeout(20)
        client.sendall(request)
        return client.recv(65_536).partition(b"\r\n")[0]


def answers_to_a_body_after_an_offer(port: int, path: str, protocol: str = "h2c") -> int:
    """How often one request is answered that offers another protocol, and whose body is a request itself."""
    body = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    offer = f"Connection: Upgrade\r\nUpgrade: {protocol}\r\n" + WEBSOCKET
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{offer}Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.settimeout(1)
        found = b""
        for part in (head, body):  # so that each has packets of its own
            client.sendall(part)
            with suppress(TimeoutError):
                while more := client.recv(65_536):
                    found += more
    return found.count(b"HTTP/1.1 ")


def _is_sent_more(client: socket.socket) -> bool:
    """Whether more comes, or an end, before its time is over."""
    try:
        client.recv(65_536)
    except TimeoutError:
        return False
    return True


def test_by_itself_it_listens_to_this_machine_by_ipv4_and_ipv6_and_keeps_connections(page):
    assert reached(page) == ["127.0.0.1", "::1"]
    assert (head("127.0.0.1", page), head("::1", page)) == (200, 200)
    assert asked_after_idling("::1", page, "/_stcore/health") == b"HTTP/1.1 200 OK"


def test_a_body_after_an_offer_of_another_protocol_is_never_taken_for_a_request(page):
    for path in ("/_stcore/health", "/_stcore/stream"):
        for protocol in ("h2c", "websocket", "other"):
            assert answers_to_a_body_after_an_offer(page, path, protocol) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("framing", ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"])
def test_whatever_offers_a_websocket_is_answered(page, method, framing):
    offer = f"Connection: Upgrade\r\nUpgrade: websocket\r\n{WEBSOCKET}{framing}"
    with socket.create_connection(("127.0.0.1", page), 20) as client:
        client.sendall(f"{method} /_stcore/stream HTTP/1.1\r\nHost: localhost\r\n{offer}\r\n".encode())
        expected = b"101" if (method, framing) == ("GET", "") else b"404"
        assert client.recv(65_536).split()[1] == expected


def test_told_to_it_listens_everywhere_also_when_another_setting_is_bad(start_dashboard, running_api):
    url = start_dashboard(running_api, LISTEN_ADDRESS="*", MIN_LABELS="many")

    assert reached(port_of(url)) == ["127.0.0.1", "127.0.0.2", "::1"]


def test_the_option_of_streamlit_comes_first(tmp_path, running_api):
    with starting_dashboard(tmp_path) as start:
        page = start(running_api, LISTEN_ADDRESS="*", STREAMLIT_SERVER_ADDRESS="localhost")
        assert reached(port_of(page.url)) == ["127.0.0.1", "::1"]


def test_an_address_that_is_none_is_a_sentence(tmp_path):
    environ = {"PATH": "", "LOG_DIR": str(tmp_path), "STATE_DIR": str(tmp_path), "LISTEN_ADDRESS": "nonsense.invalid"}
    command = [sys.executable, "-m", "streamlit", "run", "monitoring/dashboard.py", "--server.port", str(free_port())]
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 1
    assert ended.stderr.startswith("LISTEN_ADDRESS 'nonsense.invalid' cannot be used: ")
    assert "Traceback" not in ended.stderr

"""The page as strangers reach it: who has not signed in, and pages of other sites in a browser of who may see it."""

import re
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import streamlit
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from monitoring.network.connections import MOST_CONNECTIONS
from monitoring.page.server.gate import MOST_SESSIONS
from monitoring.page.server.serving import MOST_MESSAGE_BYTES, STOP_SECONDS
from tests.conftest import get, many, seconds_until, starting_dashboard, wait_until
from tests.monitoring.conftest import append, prediction
from tests.reliability.clients import connection, drip, memory, more_memory
from tests.reliability.visitors import rerun, session, session_id, shows, xsrf_token

pytestmark = pytest.mark.processes
TEXT = "only who may see the page may read this sentence"
MB = 1_000_000
END = b"\r\n--b--\r\n"  # of an upload
SIGN_IN = {
    "OIDC_METADATA_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
    "OIDC_CLIENT_ID": "sentiment-monitor",
    "OIDC_CLIENT_SECRET": "any secret will do",
    "OIDC_COOKIE_SECRET": "what signs the cookies of these tests",
    "PUBLIC_URL": "http://monitor.example.org",
}


@pytest.fixture(scope="module")
def start(running_api, tmp_path_factory):
    """Starts a page on a log with one request."""
    directory = tmp_path_factory.mktemp("page")
    append(directory / "logs" / "prediction_logs.json", prediction(request_text=TEXT, prediction_id=str(uuid4())))
    with starting_dashboard(directory) as start:
        yield lambda **environment: start(running_api, **{"LOG_DIR": str(directory / "logs")} | environment)


@pytest.fixture(scope="module")
def guarded(start):
    """A page that asks for a sign-in, which nobody has."""
    return start(**SIGN_IN)


@pytest.fixture(scope="module")
def page(start):
    return start()


@pytest.mark.promise(
    "Access control",
    "a client without sign-in opens the page endlessly",
    "256 sessions are held, each with a message of at most 256 kB; the next one gets 503",
)
def test_so_many_sessions_are_held_and_no_more(guarded, publish):
    before = memory(guarded)
    with ExitStack() as stack:
        held = [stack.enter_context(session(guarded.url)) for _ in range(MOST_SESSIONS)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, held))
        with pytest.raises(InvalidStatus) as refused, session(guarded.url):
            pass
        grown = more_memory(guarded, before)
        assert refused.value.response.status_code == 503
        assert f"{MOST_SESSIONS} open sessions".encode() in refused.value.response.body
        assert get(guarded.url + "/_stcore/health")[0] == 200
    wait_until(lambda: opens(guarded), "a session again", 20)

    publish(f"{MOST_SESSIONS} sessions with the longest message take {grown / MB:.0f} MB, the next one gets 503")
    assert grown < 4 * MOST_SESSIONS * MOST_MESSAGE_BYTES


def ask(websocket) -> None:
    """Send the longest message there may be, and take the first of the answer."""
    websocket.send(rerun("x" * (MOST_MESSAGE_BYTES - 100)))
    websocket.recv(60)


def opens(server) -> bool:
    try:
        with session(server.url):
            return True
    except InvalidStatus:
        return False


@pytest.mark.promise(
    "Access control",
    "a client without sign-in uploads files to the page",
    "404, and nothing of them is kept",
)
def test_uploads_are_refused_unread(guarded, publish):
    size, uploads = 150 * MB, many(2, 6)
    with session(guarded.url) as websocket:
        name, token = session_id(websocket), xsrf_token(guarded.url)
        before = memory(guarded)
        statuses = [upload(guarded, f"/_stcore/upload_file/{name}/{number}", token, size) for number in range(uploads)]
        grown = more_memory(guarded, before)

    publish(f"{uploads} uploads of {size // MB} MB: 404 each, {grown / MB:.0f} MB more memory")
    assert statuses == [404] * uploads
    assert grown < 20 * MB


def upload(server, path: str, token: str, size: int) -> int:
    """The status of the answer to a file, all of which is sent, as Streamlit's program in the browser sends it."""
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    headers = {
        "Host": "localhost",
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(len(start) + size + len(END)),
        "X-Xsrftoken": token,
        "Cookie": f"_streamlit_xsrf={token}",
    }
    with connection(server) as client:
        client.sendall(f"PUT {path} HTTP/1.1\r\n".encode())
        client.sendall("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + start)
        for _ in range(size // MB):
            client.sendall(bytes(MB))
        client.sendall(END)
        return int(client.recv(100).split()[1])


@pytest.mark.promise(
    "Access control",
    "a client without sign-in sends long messages through the page's websocket",
    "it is closed, and nothing of them is kept",
)
def test_the_frame_of_a_long_message_is_not_waited_for(guarded, publish):
    before, clients = memory(guarded), many(4, 40)
    with ExitStack() as stack:
        for _ in range(clients):
            websocket = stack.enter_context(session(guarded.url))
            with suppress(OSError):  # it closes meanwhile
                send_half(websocket.socket, 100 * MB)
            with pytest.raises(ConnectionClosed):
                websocket.recv(20)
        grown = more_memory(guarded, before)

    publish(f"{clients} websockets with half of 100 MB: all closed, {grown / MB:.0f} MB more memory")
    assert grown < 20 * MB


def send_half(client: socket.socket, size: int) -> None:
    """The start of a frame, and half of what it says that it holds."""
    client.sendall(struct.pack(">BBQ", 0x82, 0x80 | 127, size) + bytes(4))
    for _ in range(size // MB // 2):
        client.sendall(bytes(MB))


@pytest.mark.promise(
    "Access control",
    "connections to the page that send nothing, half a header, single bytes, or read nothing",
    "others are served; these end after `KEEP_ALIVE_SECONDS`, the oldest beyond 1,000 at once",
)
def test_connections_that_only_wait_are_ended_and_the_page_answers_meanwhile(start, publish):
    """Those that send nothing, half a head, a byte of it at a time, or take nothing of an answer."""
    patient, seconds, waiting = start(KEEP_ALIVE_SECONDS="2"), 2, MOST_CONNECTIONS + 100
    begun = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    with ExitStack() as stack:

        def clients(number: int, sent: bytes) -> list[socket.socket]:
            found = [stack.enter_context(connection(patient)) for _ in range(number)]
            for client in found:
                client.sendall(sent)
            return found

        file, size = largest_file()
        unread = clients(20, f"GET {file} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        heads = clients(20, begun)
        assert all(drip(client) < seconds + 5 for client in clients(1, begun))
        assert all(received(client, seconds) < size for client in unread)
        assert [received(client, seconds) for client in heads] == [0] * len(heads)
        silent = clients(waiting, b"")
        slowest = seconds_until(lambda: get(patient.url + "/_stcore/health")[0] == 200, "it is healthy")
        assert [received(client, seconds) for client in silent] == [0] * waiting

    publish(f"{waiting} silent connections: healthy after {slowest:.1f} s; all are ended after the 2 s that were set")


def test_told_to_stop_the_page_does_not_wait_for_who_takes_nothing_of_an_answer(start):
    stopped = start()
    with connection(stopped) as client, session(stopped.url):
        client.sendall(f"GET {largest_file()[0]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        client.recv(100)
        told = time.monotonic()
        stopped.stop()

    assert time.monotonic() - told < STOP_SECONDS + 2


def largest_file() -> tuple[str, int]:
    """The address and the size of the largest of the page's files, far more than a connection holds."""
    static = Path(streamlit.__file__).with_name("static")
    largest = max((path for path in static.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    return f"/{largest.relative_to(static)}", largest.stat().st_size


def received(client: socket.socket, seconds: float) -> int:
    """How many bytes come until the page ends the connection, soon after so many seconds."""
    client.settimeout(seconds + 5)
    size = 0
    with suppress(ConnectionError):
        while part := client.recv(MB):
            size += len(part)
    return size


def test_nobody_empties_the_caches_of_all(page):
    """Streamlit does that for anybody who sends this message, and the whole log would be read again."""
    with session(page.url) as websocket:
        assert shows(websocket, TEXT)
        websocket.send(BackMsg(clear_cache=True).SerializeToString())
        assert shows(websocket, TEXT)
    made = re.findall(
        r'^cache_lookups_total{cache="monitoring.page.sources.the_log",.*"miss"} (.*)$', metrics(page), re.M
    )
    assert made == ["1"]


def metrics(server) -> str:
    return get(server.url + "/_stcore/metrics")[1]


PAGES = ["http://evil.example", "http://203.0.113.5", "http://localhost.evil.example", "null"]
FOREIGN = ["evil.example", "evil.example:80", "localhost.evil.example", "localhost:80@evil.example"]


@pytest.mark.promise(
    "Access control",
    "a website maps its name to this machine's address (DNS rebinding) and requests the page",
    "400 that names the host and `ALLOWED_HOSTS`, before anything is sent",
)
def test_a_site_that_says_that_its_name_is_this_machine_reads_nothing(page, publish):
    """DNS rebinding: the browser takes the page for one of that site."""
    for host in FOREIGN:
        with pytest.raises(InvalidStatus) as refused, session(page.url, host, f"http://{host}") as websocket:
            shows(websocket, TEXT)
        assert refused.value.response.status_code == 400, host
        assert b"ALLOWED_HOSTS" in refused.value.response.body

    publish(f"{len(FOREIGN)} names: 400 each, before anything is sent")


@pytest.mark.parametrize("origin", PAGES)
def test_a_page_of_another_site_opens_no_websocket(page, origin):
    with pytest.raises(InvalidStatus) as refused, session(page.url, origin=origin) as websocket:
        shows(websocket, TEXT)

    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "monitor.localhost"])
def test_the_page_opens_under_each_name_of_this_machine(page, host):
    name = f"{host}:{urlsplit(page.url).port}"
    with session(page.url, name, f"http://{name}") as websocket:
        assert shows(websocket, TEXT)

"""The service as a process: killed, stopped, starved, and several at once on one folder."""

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, get, post, read_lines, wait_until

pytestmark = pytest.mark.processes


def request_bytes(body: bytes, path: str = "/predict") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def send_all(url: str, count: int, after_answer) -> list[str]:
    """`count` requests, each on a connection of its own, all at once; returns the texts that were acknowledged."""
    port = int(url.rsplit(":", 1)[1])
    acknowledged: list[str] = []

    async def send(number: int) -> None:
        text = f"amazing film number {number}"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request_bytes(json.dumps({"text": text}).encode()))
            status = await reader.readline()
            writer.close()
        except OSError:
            return
        if b" 200 " in status:
            acknowledged.append(text)
            after_answer(len(acknowledged))

    await asyncio.gather(*(send(number) for number in range(count)))
    return acknowledged


@pytest.fixture
def many_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_killed_amid_2000_concurrent_requests_no_acknowledged_answer_is_lost(start_api, many_connections):
    api = start_api()

    def kill_at_500(answers: int) -> None:
        if answers == 500:
            api.process.kill()

    acknowledged = asyncio.run(send_all(api.url, 2000, kill_at_500))
    api.process.wait()
    log = api.log_dir / "prediction_logs.json"
    before = log.read_bytes()
    assert 500 <= len(acknowledged) < 2000
    assert set(acknowledged) <= {line["request_text"] for line in read_lines(log)}

    again = start_api(port=int(api.url.rsplit(":", 1)[1]))
    assert post(again.url + "/predict", {"text": "after the restart"})[0] == 200
    after = log.read_bytes()
    assert after.startswith(before)
    (line,) = after[len(before) :].split(b"\n")[-2:-1]  # the kill may have torn the line that ends here
    assert json.loads(line)["request_text"] == "after the restart"


def test_a_terminated_service_answers_what_it_has_taken_and_is_gone_within_5_seconds(start_api, many_connections):
    api = start_api()

    def terminate_at_100(answers: int) -> None:
        if answers == 100:
            api.process.send_signal(signal.SIGTERM)

    acknowledged = asyncio.run(send_all(api.url, 500, terminate_at_100))

    assert api.process.wait(timeout=5) in (0, -signal.SIGTERM)
    logged = [line["request_text"] for line in read_lines(api.log_dir / "prediction_logs.json")]
    assert sorted(acknowledged) == sorted(logged)


@pytest.mark.parametrize("sync", ["always", "everysec", "no"])
def test_each_way_to_sync_answers_and_logs(start_api, sync):
    api = start_api(LOG_SYNC=sync)

    assert post(api.url + "/predict", {"text": "amazing"})[0] == 200
    assert len(read_lines(api.log_dir / "prediction_logs.json")) == 1


def test_two_processes_on_one_folder_have_a_file_each(start_api):
    one, two = start_api(), start_api()
    post(one.url + "/predict", {"text": "to the first"})
    post(two.url + "/predict", {"text": "to the second"})

    assert [line["request_text"] for line in read_lines(one.log_dir / "prediction_logs.json")] == ["to the first"]
    assert [line["request_text"] for line in read_lines(one.log_dir / "prediction_logs.1.json")] == ["to the second"]


def test_two_workers_have_a_file_each_and_their_metrics_are_added_up(start_api, tmp_path):
    api = start_api(WEB_CONCURRENCY="2", TMPDIR=str(tmp_path))
    files = [api.log_dir / "prediction_logs.json", api.log_dir / "prediction_logs.1.json"]
    wait_until(lambda: all(path.exists() for path in files), "both workers have opened their file")
    asyncio.run(send_all(api.url, 200, lambda answers: None))

    total = 200.0
    assert sum(len(read_lines(path)) for path in files) == total
    counted = [
        line for line in get(api.url + "/metrics")[1].splitlines() if line.startswith("sentiment_predictions_total")
    ]
    assert sum(float(line.split()[-1]) for line in counted) == total


def listeners(port: int) -> int:
    """How many sockets listen at a port of this machine."""
    sockets = [line.split()[1:4:2] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(state == "0A" and address.endswith(f":{port:04X}") for address, state in sockets)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares connections out among sockets at one address")
def test_connections_that_come_at_once_are_shared_out_among_the_workers(start_api, tmp_path):
    api = start_api(WEB_CONCURRENCY="2", TMPDIR=str(tmp_path))
    wait_until(lambda: listeners(int(api.url.rsplit(":", 1)[1])) == 2, "each worker listens on a socket of its own")

    asyncio.run(send_all(api.url, 200, lambda answers: None))

    shares = [len(read_lines(api.log_dir / name)) for name in ("prediction_logs.json", "prediction_logs.1.json")]
    assert sum(shares) == 200
    assert min(shares) > 50  # of 200 tosses of a coin, fewer than 51 heads come up once in 10¹² times


def test_a_full_disk_is_a_503_with_the_reason_and_recovers_by_itself(start_api):
    api = start_api()
    log = api.log_dir / "prediction_logs.json"
    post(api.url + "/predict", {"text": "before"})

    resource.prlimit(api.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 50, resource.RLIM_INFINITY))
    status, answer = post(api.url + "/predict", {"text": "while there is no room"})
    assert status == 503
    assert "File too large" in answer["detail"]
    assert get(api.url + "/readyz")[0] == 503
    assert get(api.url + "/healthz")[0] == 200

    resource.prlimit(api.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: get(api.url + "/readyz")[0] == 200, "ready again without a request")
    assert post(api.url + "/predict", {"text": "after"})[0] == 200
    assert [line["request_text"] for line in read_lines(log)] == ["before", "after"]


def test_a_huge_body_is_refused_before_it_is_sent_whole(running_api):
    with socket.create_connection(("127.0.0.1", int(running_api.url.rsplit(":", 1)[1])), timeout=5) as connection:
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b'Content-Length: 9999999999\r\n\r\n{"text": "')

        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_huge_body_of_unknown_length_is_refused_at_the_limit(running_api):
    with socket.create_connection(("127.0.0.1", int(running_api.url.rsplit(":", 1)[1])), timeout=5) as connection:
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            connection.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")

        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_process_answers_while_long_texts_are_classified(start_api):
    api = start_api()
    items = [{"text": "amazing " * 1000}] * 1000

    async def ask_meanwhile() -> list[int]:
        batch = asyncio.create_task(asyncio.to_thread(post, api.url + "/predict/batch", {"items": items}))
        answers = []
        while not batch.done():
            answers.append((await asyncio.to_thread(get, api.url + "/healthz"))[0])
        assert (await batch)[0] == 200
        return answers

    answers = asyncio.run(ask_meanwhile())
    assert len(answers) > 3
    assert set(answers) == {200}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_setting_stops_start_up_with_a_sentence_and_no_traceback(workers):
    run = subprocess.run(
        [sys.executable, "-m", "uvicorn", "api.main:app", "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"LOG_SYNC": "sometimes", "WEB_CONCURRENCY": workers},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "LOG_SYNC is 'sometimes'; set it to one of always, everysec, no" in run.stderr
    assert "Traceback" not in run.stderr
    if workers == "1":  # with several, uvicorn's parent stops with 0
        assert run.returncode == 3

"""The load generator: what it is told, what it says, and that both fit the wrk that is installed."""

import ast
import json
import re
import shutil

import pytest

from benchmarks.serving import __main__, growth, wrk
from benchmarks.serving.server import CONSTANT_ASGI
from benchmarks.serving.server import serving as server_of

OUTPUT = """\
Running 1s test @ http://127.0.0.1:8000/predict
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.00ms    1.00ms   9.00ms   90.00%
Requests/sec:   2000.00
{"requests": 4000, "us": 2000000, "mean": 2000.5, "p50": 1900, "p99": 5200, "max": 9000, "errors": 2, "refused": 10}
"""


def test_what_it_printed_becomes_a_result():
    assert wrk.parse(OUTPUT) == wrk.Result(
        requests=4000,
        seconds=2.0,
        requests_per_second=2000.0,
        mean_ms=2.0005,
        p50_ms=1.9,
        p99_ms=5.2,
        max_ms=9.0,
        errors=12,
        answers=3990,
    )


def test_output_without_a_result_is_shown():
    with pytest.raises(ValueError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:8000 Connection refused")


def test_the_script_holds_the_body_in_escapes_that_lua_reads_as_python_does():
    body = {"text": 'a "quoted" \\ line\nand 素晴らしい 🎬 \x00 %d'}

    [quoted] = re.findall(r"^wrk\.body = (.*)$", wrk.lua(body), re.MULTILINE)

    assert set(re.findall(r"\\(.)", quoted)) == {"\\", '"'}
    assert quoted.isascii()
    assert json.loads(ast.literal_eval(quoted)) == body


@pytest.mark.parametrize("command", [__main__.main, growth.main, wrk.require_wrk])
def test_without_wrk_one_sentence_says_what_to_do(command, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["benchmark"])

    with pytest.raises(SystemExit) as left:
        command()

    assert left.value.code == (
        "This needs the load generator wrk, and it is not on the PATH; install the Debian package wrk: apt install wrk"
    )


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed (Debian package wrk)")
def test_a_real_run_against_a_real_server(tmp_path):
    with server_of(CONSTANT_ASGI, tmp_path) as server:
        result = wrk.run(server.url("/predict"), {"text": "A film."}, connections=2, seconds=1)
        memory = server.memory_mb()

    assert result.requests == result.answers > 0
    assert result.errors == 0
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms
    assert result.requests_per_second == pytest.approx(result.requests / result.seconds)
    assert memory > 1
    assert server.process.poll() is not None


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed (Debian package wrk)")
def test_without_a_server_it_exits_with_what_wrk_says():
    with pytest.raises(SystemExit, match="unable to connect"):
        wrk.run("http://127.0.0.1:9/predict", {}, connections=1, seconds=1)

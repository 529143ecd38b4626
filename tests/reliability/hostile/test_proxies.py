"""A company's proxy in the environment, which knows nothing of this machine and of the services beside each other."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from tests.charts.conftest import CHART
from tests.conftest import ROOT, environment, free_port, serving
from tests.monitoring.watch.receivers import RefusingProxy

pytestmark = pytest.mark.processes
WATCH = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["watch"]
DOCKERFILES = {name: (ROOT / name / "Dockerfile").read_text() for name in ("api", "monitoring")}
HEALTH_CHECKS: dict[str, list[str]] = {
    "the API's image": json.loads(re.findall(r"^HEALTHCHECK .*\n  CMD (.*)", DOCKERFILES["api"], re.M)[0]),
    "the dashboard's image": json.loads(re.findall(r"^HEALTHCHECK .*\n  CMD (.*)", DOCKERFILES["monitoring"], re.M)[0]),
    "the watch of docker-compose.yml": WATCH["healthcheck"]["test"][1:],
}


class Service(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[RefusingProxy]:
    with serving(RefusingProxy()) as proxy:
        yield proxy


@contextmanager
def service(status: int) -> Iterator[int]:
    """The port of a service that answers everything with this status."""
    handler = type("Answers", (Service,), {"status": status})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        yield server.server_port


def checked(command: list[str], port: int, environ: dict[str, str]) -> int:
    """The exit code of a health check that asks this port in place of its own."""
    asks = re.sub(r"(?<=//127\.0\.0\.1:)\d+", str(port), command[-1])
    assert asks != command[-1]
    return subprocess.run([sys.executable, "-c", asks], env=environ, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize("name", HEALTH_CHECKS)
def test_a_health_check_asks_its_service_whatever_proxy_there_is(proxy, name):
    command = HEALTH_CHECKS[name]
    assert command[:2] == ["python", "-c"]

    with service(200) as port:
        assert checked(command, port, environment(**proxy.environment)) == 0
    with service(503) as port:
        assert checked(command, port, environment(**proxy.environment)) == 1
    assert checked(command, free_port(), environment(**proxy.environment)) == 1
    assert proxy.asked == []


@pytest.mark.promise(
    "Local environment",
    "the environment sets a company proxy that cannot reach this machine",
    "health checks, `make run`, `helm test`, `evaluate.py` and the demo do not use it",
)
def test_no_proxy_is_asked_for_what_is_on_this_machine(proxy, running_api, tmp_path, publish):
    items = [{"text": f"A fine film, number {number}", "true_sentiment": "positive"} for number in range(5)]
    (tmp_path / "items.json").write_text(json.dumps(items))
    ready = f"from scripts.local_services import answers; assert answers({running_api.url + '/readyz'!r})"
    model = f"from scripts.demo import show, traffic; show.served_model(traffic.Api({running_api.url!r}))"
    clients = {
        "evaluate.py": ["evaluate.py", "--url", running_api.url, "--file", str(tmp_path / "items.json")],
        "demo": ["-c", model],
        "local_services.py": ["-c", ready],
        "helm test": [str(CHART / "files" / "round_trip.py")],
    }
    release = {"API_URL": running_api.url, "LOG_DIR": str(running_api.log_dir)}
    for name, command in clients.items():
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(**proxy.environment) | release,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"
    for name, command in HEALTH_CHECKS.items():
        with service(200) as port:
            assert checked(command, port, environment(**proxy.environment)) == 0, name

    assert proxy.asked == []
    publish(f"{len(clients) + len(HEALTH_CHECKS)} clients got their answers, the proxy was asked 0 times")


def test_the_proxy_of_these_tests_is_one_that_programs_use(proxy):
    """Or the other tests could not fail."""
    ask = "import urllib.request as u; u.urlopen('http://127.0.0.1:1/', timeout=4)"
    done = subprocess.run(
        [sys.executable, "-c", ask], env=environment(**proxy.environment), capture_output=True, text=True
    )

    assert "503" in done.stderr
    assert proxy.asked == ["GET http://127.0.0.1:1/ HTTP/1.1"]

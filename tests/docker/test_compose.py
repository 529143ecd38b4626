"""The product as a newcomer runs it with Docker: built, run, used, killed and cleaned up by make, from a clone."""

import json
import os
import subprocess
import threading

import pytest
from playwright.sync_api import expect

from tests.conftest import get, post, wait_until
from tests.docker.stack import started

pytestmark = pytest.mark.docker
PROJECT = f"sentiment-test-{os.getpid()}"
MEGABYTE = 1e6


def left_behind() -> str:
    """Everything of this project that Docker still knows."""
    label = f"label=com.docker.compose.project={PROJECT}"
    commands = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
    found = [
        subprocess.run(["docker", *command, "--quiet", "--filter", label], capture_output=True, text=True, check=True)
        for command in commands
    ]
    return "".join(run.stdout for run in found)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    own = {"WEBHOOK_URL": "http://api:9000/hook", "MIN_LABELS": "5"}
    with started(tmp_path_factory.mktemp("clone"), PROJECT, **own) as stack:
        yield stack


def test_a_request_is_in_the_volume_and_on_the_page(stack, page):
    page.goto(stack.dashboard)
    expect(page.get_by_text("The API at http://api:8000 is ready.")).to_be_visible(timeout=30_000)
    status, answer = post(stack.api + "/predict", {"text": "The movie was amazing!", "true_sentiment": "positive"})

    assert (status, answer["predicted_sentiment"]) == (200, "positive")
    assert stack.logged()[-1] == "The movie was amazing!"
    expect(page.get_by_text("The newest 1 of 1 requests")).to_be_visible(timeout=5_000)


def test_a_killed_api_is_said_on_the_page_and_appends_after_what_it_had_acknowledged(stack, page):
    page.goto(stack.dashboard)
    expect(page.get_by_text("is ready.")).to_be_visible(timeout=30_000)
    acknowledged: list[str] = []
    enough = threading.Event()

    def send(sender: int) -> None:
        for number in range(10_000):
            text = f"request {number} of sender {sender}"
            try:
                if post(stack.api + "/predict", {"text": text})[0] == 200:
                    acknowledged.append(text)
            except OSError:
                return
            if len(acknowledged) > 100:
                enough.set()

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    stack.compose("kill", "api")
    for sender in senders:
        sender.join()

    assert set(acknowledged) <= set(stack.logged())
    expect(page.get_by_role("heading", name="The API is not ready")).to_be_visible(timeout=10_000)

    stack.compose("start", "api")
    wait_until(lambda: get(stack.api + "/readyz")[0] == 200, "the API is ready again", 60)
    assert post(stack.api + "/predict", {"text": "after the kill"})[0] == 200
    assert stack.logged()[-1] == "after the kill"
    expect(page.get_by_text("is ready.")).to_be_visible(timeout=10_000)


def test_the_page_shows_the_accuracy_that_evaluate_prints(stack, page):
    report = stack.directory / "report.json"
    subprocess.run(["python3", "evaluate.py", "--url", stack.api, "--json", str(report)], cwd=stack.directory)
    result = json.loads(report.read_text())
    assert result["evaluated"] == result["items"] >= 200

    page.goto(stack.dashboard)
    labels, right = result["items"] + 1, result["correct"] + 1  # the first test sent one more, and it was right
    figures = f"{right / labels:.1%} of {labels} labelled predictions were right"
    expect(page.get_by_text(figures)).to_be_visible(timeout=30_000)


RECEIVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("/tmp/received", "ab").write(body + b"\\n")
        self.send_response(204)
        self.end_headers()
HTTPServer(("", 9000), Handler).serve_forever()
"""


def test_bad_labels_are_told_to_a_webhook_with_no_page_open(stack):
    assert "sentiment_monitor_log_readable 1.0" in get(stack.watch)[1]
    stack.compose("exec", "--detach", "api", "python", "-c", RECEIVER)
    answers = [post(stack.api + "/predict", {"text": f"A fine film, number {number}"})[1] for number in range(150)]
    for answer in answers:
        wrong = "negative" if answer["predicted_sentiment"] == "positive" else "positive"
        post(stack.api + "/feedback", {"prediction_id": answer["prediction_id"], "true_sentiment": wrong})

    def received() -> str:
        return stack.compose("exec", "-T", "api", "sh", "-c", "cat /tmp/received 2>/dev/null; true")

    wait_until(lambda: '"name": "accuracy"' in received(), "the webhook was told", 90, 0.5)
    told = [json.loads(line) for line in received().splitlines()]
    assert [event["state"] for event in told if event["name"] == "accuracy"] == ["firing"]


@pytest.mark.parametrize("service", ["api", "monitoring", "watch"])
def test_a_container_has_no_more_rights_than_it_needs(stack, service):
    host = stack.container(service)["HostConfig"]

    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert 0 < host["Memory"] <= 2 * 1024**3
    published = [binding for bindings in host["PortBindings"].values() for binding in bindings]
    assert [binding["HostIp"] for binding in published] == ["127.0.0.1"]
    assert stack.compose("exec", "-T", service, "id", "-u").strip() == "10001"


@pytest.mark.parametrize(("service", "writes"), [("api", True), ("monitoring", False), ("watch", False)])
def test_only_the_api_can_write_to_the_log(stack, service, writes):
    script = "touch /app/logs/probe && rm /app/logs/probe && echo written || echo refused"

    assert ("written" in stack.compose("exec", "-T", service, "sh", "-c", script)) == writes


@pytest.mark.parametrize(("service", "limit"), [("api", 450), ("monitoring", 780)])
def test_an_image_is_small_and_says_what_it_is(stack, service, limit):
    image = stack.image(service)

    assert image["Size"] < limit * MEGABYTE
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Healthcheck"]["Test"][:2] == ["CMD", "python"]
    labels = image["Config"]["Labels"]
    assert all(labels[f"org.opencontainers.image.{name}"] for name in ("title", "version", "revision", "licenses"))


@pytest.mark.parametrize("service", ["api", "monitoring"])
def test_an_image_has_no_compiler_no_installer_and_no_tests(stack, service):
    script = (
        "command -v gcc cc make; find /opt/venv /app -type d -name tests; find /app -name 'test*'; ls /opt/venv/bin/pip"
    )
    found = stack.compose("exec", "-T", service, "sh", "-c", f"({script}) 2>/dev/null; true")

    assert found == ""


UNCOMPILED = """
import sys
from importlib.util import cache_from_source
from pathlib import Path
{imports}
sources = [m.__file__ for m in list(sys.modules.values()) if (getattr(m, "__file__", None) or "").endswith(".py")]
assert len(sources) > 500
print([source for source in sources if not Path(cache_from_source(source)).exists()])
"""
IMPORTS = {
    "api": "import uvicorn, api.model.predictor; uvicorn.Config('api.main:app', log_level='error').load()",
    "monitoring": "import streamlit.web.bootstrap, monitoring.page.layout\n"
    "import authlib.integrations.starlette_client, joserfc",
    "watch": "import monitoring.watch.command",
}


@pytest.mark.parametrize("service", IMPORTS)
def test_an_image_has_the_bytecode_of_what_is_imported_since_a_container_cannot_keep_any(stack, service):
    script = UNCOMPILED.format(imports=IMPORTS[service])

    assert stack.compose("exec", "-T", service, "python", "-c", script).splitlines()[-1] == "[]"


def test_a_stopped_service_ends_by_itself_within_5_seconds_and_keeps_its_log(stack):
    before = stack.logged()
    stack.compose("stop", "--timeout", "5")

    exit_codes = [stack.container(service)["State"]["ExitCode"] for service in ("api", "monitoring", "watch")]
    assert exit_codes == [0, 0, 0]  # 137 would say that Docker had to kill it

    stack.make("run")
    assert stack.logged() == before


def test_clean_leaves_nothing_behind(stack):
    assert left_behind() != ""

    stack.make("clean")

    assert left_behind() == ""
    assert get(stack.api + "/healthz")[0] == 0

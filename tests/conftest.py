"""A small real model for every test, and real servers for those that need one."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request

import joblib
import pytest
import sklearn
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as of_hypothesis
from playwright.sync_api import Browser, Page, sync_playwright
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from api.main import create_app
from api.settings import Settings
from benchmarks.reliability.__main__ import COLLECT
from scripts.local_services import DIRECTLY
from scripts.screenshots import CHROMIUM_ARGS
from tests import chromium, preloaded
from tests.api.prediction_log.disk_recorder import DiskRecorder

# How long an example takes says nothing on a busy machine, and other tests run on its other cores.
unhurried = of_hypothesis(deadline=None, suppress_health_check=[HealthCheck.too_slow])
of_hypothesis.register_profile("usual", unhurried, max_examples=30)
of_hypothesis.register_profile("thorough", unhurried, max_examples=1000)  # make test-properties
of_hypothesis.load_profile("usual")

ROOT = Path(__file__).parent.parent
LEVELS = ("processes", "docker", "browser", "smoke", "evidence")
TEXTS = {
    "positive": ["a wonderful amazing movie", "I loved it", "great and moving", "amazing, a delight"],
    "negative": ["an awful boring movie", "I hated it", "dull and bad", "terrible, a waste"],
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out files without a test of the chosen level: importing all of them takes each process 20 seconds."""
    chosen = config.getoption("-m")
    if collection_path.suffix != ".py" or not chosen:
        return None
    text = collection_path.read_text()
    if chosen in LEVELS:
        return True if f"mark.{chosen}" not in text else None
    whole = re.search(rf"^pytestmark = .*mark\.({'|'.join(LEVELS)})\b", text, re.MULTILINE)
    return True if whole and f"not {whole[1]}" in chosen else None


def pytest_collection_finish() -> None:
    """Thousands of tests are held to the end: the garbage collector would look through them again and again."""
    gc.collect()
    gc.freeze()


def write_model(directory: Path, texts: dict[str, list[str]], pipeline: Pipeline | None = None) -> Path:
    """A pipeline trained on the texts of each label, and its card, in `directory`; returns the model's path."""
    rows = [(text, label) for label, of_label in texts.items() for text in of_label]
    pipeline = pipeline or make_pipeline(TfidfVectorizer(), LogisticRegression())
    return dump_model(directory, pipeline.fit(*zip(*rows, strict=True)), name="small model", labels=sorted(texts))


def dump_model(directory: Path, model: object, **card: object) -> Path:
    """Any object as a model file, beside its card; returns the model's path."""
    path = directory / "sentiment_model.pkl"
    joblib.dump(model, path, compress=3)
    write_card(path, **card)
    return path


def write_card(path: Path, **card: object) -> None:
    """A card for the model at `path`: what the service needs, and `card`."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    needed = {"model_version": digest[:12], "sha256": digest, "versions": {"scikit-learn": sklearn.__version__}}
    path.with_name("model_card.json").write_text(json.dumps(needed | card))


@pytest.fixture(scope="session")
def small_model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"), TEXTS)


@pytest.fixture
def settings(small_model, tmp_path) -> Settings:
    return Settings(
        log_dir=tmp_path / "logs",
        model_path=small_model,
        model_card_path=small_model.with_name("model_card.json"),
        log_sync="no",
    )


@pytest.fixture
def client(settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def read_lines(path: Path) -> list[dict]:
    """Every line of a log file, which must all be whole."""
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]] if path.exists() else []


@contextmanager
def serving(server: ThreadingHTTPServer):
    """Serve in a thread of its own, to the end of the with block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def free_port() -> int:
    """A port that stays free until who asked for it listens: no other test process and no connection is given it.

    The system gives connections, of which tests make thousands, ports from 32768 (Linux) or 49152 on.
    """
    ours = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = random.SystemRandom().randrange(20_000 + ours, 30_000, processes)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition, what: str, seconds: float = 20, pause: float = 0.02, state=lambda: ""):
    """The first true value of `condition()`; fails with `what`, and what `state()` says, when the deadline passes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause)
    pytest.fail(f"not within {seconds} s: {what}\n{state()}")


def seconds_until(condition, what: str, seconds: float = 20, since: float | None = None) -> float:
    """How long it takes until the condition holds, from now or `since` a time of the monotonic clock; as wait_until."""
    started = time.monotonic() if since is None else since
    wait_until(condition, what, seconds)
    return time.monotonic() - started


def get(url: str) -> tuple[int, str]:
    """Status and body; status 0 when nothing answers."""
    try:
        with DIRECTLY.open(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, HTTPException):
        return 0, ""


def post(url: str, body: dict) -> tuple[int, dict]:
    """Status and answer; raises OSError when there is none, or not the whole of it."""
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with DIRECTLY.open(request, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except HTTPException as error:  # a server killed between head and body of its answer
        raise ConnectionError("the answer broke off") from error


@contextmanager
def repeating(act: Callable[[], object], pause: float) -> Iterator[None]:
    """Meanwhile `act` is called by a thread, at least once, with a pause of so many seconds after each call."""
    ended = threading.Event()

    def repeat() -> None:
        act()
        while not ended.wait(pause):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class Server:
    process: preloaded.Process
    url: str
    log_dir: Path
    output: Path

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


@contextmanager
def starting_api(model: Path, directory: Path) -> Iterator[Callable[..., Server]]:
    """What starts the service as its users do, in a process of its own; several may share a log folder."""
    servers: list[Server] = []

    def start(log_dir: Path = directory / "logs", ready: bool = True, port: int = 0, **environment: str) -> Server:
        port = port or free_port()
        output = directory / f"api-{len(servers)}.txt"
        environ = os.environ | {"LOG_DIR": str(log_dir), "MODEL_PATH": str(model)} | environment
        command = ["uvicorn", "api.main:app", "--port", str(port), "--no-access-log"]
        process = preloaded.Process(*command, cwd=ROOT, env=environ, output=output)
        server = Server(process, f"http://127.0.0.1:{port}", log_dir, output)
        servers.append(server)
        if ready:
            wait_until(lambda: get(server.url + "/readyz")[0] == 200, "ready", 60, state=output.read_text)
        return server

    try:
        yield start
    finally:
        for server in servers:
            with suppress(ProcessLookupError):
                os.killpg(server.process.pid, signal.SIGKILL)  # its workers, too, which would outlive it
            server.process.wait()


@pytest.fixture
def start_api(small_model, tmp_path):
    with starting_api(small_model, tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def running_api(small_model, tmp_path_factory):
    """A service for every test that changes nothing of it but its log, in which others may have written before."""
    with starting_api(small_model, tmp_path_factory.mktemp("api")) as start:
        yield start()


@contextmanager
def starting_dashboard(directory: Path) -> Iterator[Callable[..., Server]]:
    """What starts the dashboard as its users do, on the log folder of a running API."""
    servers: list[Server] = []

    def start(api: Server, base_path: str = "", port: int = 0, **environment: str) -> Server:
        port, output = port or free_port(), directory / f"dashboard-{len(servers)}.txt"
        environment |= {"STREAMLIT_SERVER_BASE_URL_PATH": base_path} if base_path else {}
        own = {"LOG_DIR": str(api.log_dir), "STATE_DIR": str(directory / f"state-{len(servers)}"), "API_URL": api.url}
        environ = os.environ | own | {"REFRESH_SECONDS": "1"} | environment
        command = ["streamlit", "run", "monitoring/dashboard.py", "--server.port", str(port)]
        process = preloaded.Process(*command, cwd=ROOT, env=environ, output=output)
        server = Server(process, f"http://localhost:{port}{base_path}", Path(environ["LOG_DIR"]), output)
        servers.append(server)
        wait_until(lambda: get(server.url + "/_stcore/health")[0] == 200, "it answers", 60, state=output.read_text)
        return server

    try:
        yield start
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()


@pytest.fixture
def start_dashboard(tmp_path):
    """Starts the dashboard and returns its address."""
    with starting_dashboard(tmp_path) as start:
        yield lambda *arguments, **environment: start(*arguments, **environment).url


@pytest.fixture(scope="session")
def browser():
    """A real Chromium; its path can be given in CHROMIUM."""
    found = Path(chromium.PATH).exists()
    require("BROWSER", found, f"there is no Chromium at {chromium.PATH}; name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.__file__, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@contextmanager
def quiet_page(browser: Browser, but: Sequence[str] = (), **options) -> Iterator[Page]:
    """An empty page in a context of its own; what the browser's console calls an error fails the test, `but` what has
    one of these words."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 1000}} | options)
    errors: list[str] = []
    page.on(
        "console",
        lambda message: errors.append(f"{message.text} {message.location}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page
    finally:
        page.close()
    assert [error for error in errors if not any(word in error for word in but)] == []


@pytest.fixture
def page(browser, start_api, start_dashboard):
    """An empty page, closed before the services are."""
    with quiet_page(browser) as page:
        yield page


def environment(**variables: str) -> dict[str, str]:
    """The present environment with `variables`, but without what a surrounding make tells the makes it starts."""
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return own | variables


def repository_copy(directory: Path) -> Path:
    """What a clone of the present work tree would hold, in `directory`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name)
    return directory


@pytest.fixture
def folder_of_another_user() -> Iterator[Path]:
    """An empty folder of a user for whom permissions count, as who the test runs: for root they do not."""
    is_root, nobody = os.geteuid() == 0, 65534
    with tempfile.TemporaryDirectory() as name:
        if is_root:
            os.chown(name, nobody, nobody)
            os.setresuid(nobody, nobody, 0)  # the real one, too, of which access() speaks
        try:
            yield Path(name)
        finally:
            if is_root:
                os.setresuid(0, 0, 0)


@pytest.fixture
def recorder(monkeypatch) -> DiskRecorder:
    """What is asked of the disk, in its order. The calls are made: this is the one thing here that is patched."""
    return DiskRecorder(monkeypatch)


def many(few: int, all_of_them: int) -> int:
    """How often a promise of docs/internals/reliability.md is put to the test: `make reliability` does it all."""
    return all_of_them if COLLECT in os.environ else few


@pytest.fixture
def publish(request) -> Callable[[str], None]:
    """Notes what was measured of a promise of docs/internals/reliability.md, for `make reliability`."""

    def note(result: str) -> None:
        if path := os.environ.get(COLLECT):
            test = f"{request.node.path.relative_to(ROOT)}::{request.node.originalname}"
            with Path(path).open("a") as file:
                file.write(json.dumps({"test": test, "result": result}) + "\n")

    return note


def require(engine: str, found: bool, why: str) -> None:
    """Skip without `engine`, but fail where REQUIRE_<ENGINE> says that it must be there."""
    if not found and os.environ.get(f"REQUIRE_{engine}"):
        pytest.fail(f"REQUIRE_{engine} is set, but {why}")
    if not found:
        pytest.skip(why)


def docker_works() -> bool:
    return bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True).returncode

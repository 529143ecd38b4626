"""What users type, on a machine without a Docker engine; and that every target is documented."""

import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, environment, free_port, get, post, read_lines, repository_copy, wait_until
from tests.reliability.images.test_supply import wheel_of

MAKEFILE = (ROOT / "Makefile").read_text()
VENV = Path(sys.prefix)
made_by_make = pytest.mark.skipif(
    not (VENV / ".services").exists(), reason="run by `make test-processes`, whose virtual environment make knows"
)


@dataclass
class Clone:
    directory: Path
    environ: dict[str, str]

    def make(self, target: str, **variables: str) -> subprocess.CompletedProcess:
        command = ["make", *(f"{name}={value}" for name, value in ({"VENV": str(VENV)} | variables).items()), target]
        return subprocess.run(
            command, cwd=self.directory, env=self.environ, capture_output=True, text=True, timeout=300
        )


def copied(folder: Path) -> Clone:
    directory = repository_copy(folder / "clone")
    (directory / "tests").rename(folder / "not needed to run")
    environ = environment(
        DOCKER_HOST=f"unix://{folder}/nowhere.sock",
        API_PORT=str(free_port()),
        DASHBOARD_PORT=str(free_port()),
        WATCH_PORT=str(free_port()),
    )
    return Clone(directory, environ)


@pytest.fixture
def clone(tmp_path):
    """A clone that uses the packages already installed here, on ports of its own, where no Docker engine answers."""
    clone = copied(tmp_path)
    yield clone
    clone.make("stop")


@pytest.fixture(scope="module")
def shared_clone(tmp_path_factory):
    """Such a clone, for tests in which make must refuse: nothing is ever started in it."""
    clone = copied(tmp_path_factory.mktemp("shared"))
    yield clone
    clone.make("stop")


@made_by_make
@pytest.mark.processes
def test_without_docker_make_runs_both_services_as_processes_and_ends_them(clone):
    ports = ("API_PORT", "DASHBOARD_PORT", "WATCH_PORT")
    api, dashboard, watch = (f"http://localhost:{clone.environ[port]}" for port in ports)
    clone.environ |= {"http_proxy": "http://127.0.0.1:1", "no_proxy": ""}  # knows nothing of this machine
    run = clone.make("run")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[0].startswith("There is no Docker engine")
    assert api in run.stdout
    assert dashboard in run.stdout
    assert get(dashboard + "/_stcore/health")[0] == 200
    assert post(api + "/predict", {"text": "The movie was amazing!"})[1]["predicted_sentiment"] == "positive"
    assert len(read_lines(clone.directory / "logs" / "prediction_logs.json")) == 1

    seen = "sentiment_monitor_requests_total 1.0"
    wait_until(lambda: seen in get(watch + "/metrics")[1], "the watch has seen it")

    again = clone.make("run")
    assert again.returncode == 0, again.stdout

    assert clone.make("stop").returncode == 0
    assert get(api + "/healthz")[0] == 0
    assert get(dashboard + "/_stcore/health")[0] == 0
    assert get(watch + "/metrics")[0] == 0
    assert (clone.directory / "state" / "watch.json").exists()
    assert (clone.directory / "logs" / "prediction_logs.json").exists()

    clone.make("clean")
    assert not {"logs", "state"} & {path.name for path in clone.directory.iterdir()}


def test_building_without_docker_is_a_sentence(shared_clone):
    build = shared_clone.make("build")

    assert build.returncode != 0
    assert "needs a running Docker engine" in build.stdout


@pytest.mark.processes
def test_what_pip_does_meanwhile_is_shown(clone, tmp_path):
    """With a wheel from a folder in place of the services' packages, which take a minute to download."""
    wheel = wheel_of("invented-package", "1.0", tmp_path)
    pin = f"invented-package==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    for service in ("api", "monitoring"):
        (clone.directory / service / "requirements.txt").write_text(pin)
    venv = tmp_path / "venv"
    environ = clone.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    command = ["make", f"PYTHON={sys.executable}", f"VENV={venv}", f"{venv}/.services"]
    done = subprocess.run(command, cwd=clone.directory, env=environ, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    assert "Installing the services' packages" in done.stdout
    assert "Installing collected packages: invented-package" in done.stdout
    assert "Successfully installed invented-package-1.0" in done.stdout


@pytest.mark.parametrize("port", ["abc", "99999", "0", "-1", "9" * 4301])
@pytest.mark.parametrize("target", ["run-local", "run-docker"])
def test_a_port_that_is_none_is_said_before_anything_is_done(shared_clone, target, port):
    clone = Clone(shared_clone.directory, shared_clone.environ | {"API_PORT": port})
    run = clone.make(target, VENV=sys.prefix, PYTHON=sys.executable)

    assert run.returncode != 0
    assert "API_PORT is '" in run.stderr
    assert "; set it to a port from 1 to 65535, or unset it for 8000." in run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    assert "docker compose" not in run.stdout


@made_by_make
@pytest.mark.processes
def test_a_taken_port_is_a_sentence(clone, running_api):
    clone.environ["API_PORT"] = running_api.url.rsplit(":", 1)[1]

    run = clone.make("run-local")

    assert run.returncode != 0
    assert f"Port {clone.environ['API_PORT']} is taken by another program" in run.stdout


@made_by_make
@pytest.mark.processes
def test_a_service_that_does_not_start_is_said_with_the_end_of_its_output(clone):
    clone.environ["LOG_SYNC"] = "sometimes"

    run = clone.make("run-local")

    assert run.returncode != 0
    assert "The api service did not start" in run.stdout
    assert "LOG_SYNC is 'sometimes'" in run.stdout


def listed(target: str) -> list[str]:
    command = ["make", "--no-print-directory", *filter(None, [target])]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_every_target_has_a_help_text_and_help_all_lists_it():
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)) - {"urls"}

    assert {line.split()[0] for line in listed("help-all") if line.startswith("  ")} == targets
    assert {"build", "run", "run-local", "stop", "logs", "clean", "test", "lint", "train"} <= targets


def test_make_alone_lists_the_usual_targets_on_one_screen():
    lines = listed("")

    assert lines == listed("help")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    assert {"build", "run", "clean", "demo", "test", "lint", "help-all"} <= {line.split()[0] for line in lines if line}


def test_the_pre_commit_hook_runs_what_make_lint_runs():
    config = ROOT / ".pre-commit-config.yaml"
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", config], check=True)
    (hook,) = yaml.safe_load(config.read_text())["repos"][0]["hooks"]

    assert hook["entry"] == "make lint"


@made_by_make
@pytest.mark.processes
def test_training_without_data_says_how():
    run = subprocess.run(["make", f"VENV={VENV}", "train"], cwd=ROOT, capture_output=True, text=True)

    assert run.returncode != 0
    assert 'make train DATA="IMDB Dataset.csv"' in run.stdout

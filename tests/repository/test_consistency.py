"""Facts that stand in several files are the same in all of them, and parts that must not know each other do not."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import Settings as ApiSettings
from monitoring.settings import NEEDED_TO_SIGN_IN
from monitoring.settings import Settings as MonitoringSettings
from tests.conftest import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SERVICES: dict[str, tuple[str, Any]] = {"api": ("8000", ApiSettings), "monitoring": ("8501", MonitoringSettings)}


def imports(path) -> set[str]:
    """The top-level packages and the project's modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_the_port_is_the_same_in_image_health_check_command_and_compose(service):
    port, _ = SERVICES[service]
    dockerfile = (ROOT / service / "Dockerfile").read_text()

    assert re.findall(r"EXPOSE (\d+)", dockerfile) == [port]
    assert re.findall(r"127\.0\.0\.1:(\d+)/", dockerfile) == [port]
    assert f'port", "{port}"' in dockerfile
    assert re.findall(r"\bLISTEN_ADDRESS=(\S+)", dockerfile) == ["*"]
    assert COMPOSE[service]["ports"] == [
        f"127.0.0.1:${{{'API' if service == 'api' else 'DASHBOARD'}_PORT:-{port}}}:{port}"
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_compose_sets_only_what_the_service_reads_with_the_same_defaults(service):
    _, settings = SERVICES[service]
    environment = COMPOSE[service]["environment"]
    passed_on = {
        name: match.group(1)
        for name, value in environment.items()
        if (match := re.fullmatch(rf"\$\{{{name}:-(.*)\}}", str(value)))
    }

    assert settings.from_env(passed_on) == settings()
    assert {name.lower() for name in environment} <= set(settings.__dataclass_fields__)


def test_the_watch_is_the_dashboards_image_with_the_same_settings_but_the_pages_own_and_a_state_of_its_own():
    watch, dashboard = COMPOSE["watch"], COMPOSE["monitoring"]
    own = {"WATCH_NAME", "WEBHOOK_URL", "ALERTMANAGER_URL"}
    of_the_page = {"API_URL", "API_TOKEN", "ALLOWED_HOSTS", *NEEDED_TO_SIGN_IN, "SIGN_IN_ALLOWED", "SIGN_IN_HOURS"}

    assert watch["image"] == dashboard["image"]
    assert {n: v for n, v in watch["environment"].items() if n not in own} == {
        name: value for name, value in dashboard["environment"].items() if name not in of_the_page
    }
    assert {name.lower() for name in watch["environment"]} <= set(MonitoringSettings.__dataclass_fields__)
    assert watch["volumes"] == ["prediction-logs:/app/logs:ro", "watch-state:/app/state"]
    assert dashboard["volumes"] == ["prediction-logs:/app/logs:ro", "dashboard-state:/app/state"]
    port = str(MonitoringSettings().watch_port)
    assert watch["ports"] == [f"127.0.0.1:${{WATCH_PORT:-{port}}}:{port}"]
    assert f"http://127.0.0.1:{port}/metrics" in watch["healthcheck"]["test"][-1]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("own", ["", "a.example,b.example"])
def test_a_service_answers_to_its_name_in_compose_whatever_other_names_it_is_given(service, own):
    _, settings = SERVICES[service]
    told = COMPOSE[service]["environment"]["ALLOWED_HOSTS"].replace("${ALLOWED_HOSTS:-}", own)

    allowed = settings.from_env({"ALLOWED_HOSTS": told}).allowed_hosts
    names = allowed.split() if isinstance(allowed, str) else list(allowed)
    assert names == [service, *filter(None, own.split(","))]


def test_the_dashboard_reaches_the_api_by_its_service_name_and_reads_what_it_writes():
    assert COMPOSE["monitoring"]["environment"]["API_URL"] == "http://api:8000"
    assert COMPOSE["api"]["volumes"] == ["prediction-logs:/app/logs"]
    assert COMPOSE["monitoring"]["volumes"][0] == "prediction-logs:/app/logs:ro"
    assert COMPOSE["api"]["environment"]["LOG_DIR"] == COMPOSE["monitoring"]["environment"]["LOG_DIR"] == "/app/logs"


def test_both_images_have_the_same_user_base_and_build_steps():
    api, monitoring = ((ROOT / service / "Dockerfile").read_text() for service in SERVICES)

    for pattern in [
        r"FROM (\S+)",
        r"USER (\S+)",
        r"chown (\S+)",
        r"pip install .*",
        r"RUN find .*",
        r"RUN PYTHONDONTWRITEBYTECODE=",
    ]:
        assert re.findall(pattern, api) == re.findall(pattern, monitoring) != []


def test_both_images_are_built_on_the_one_base_that_is_allowed():
    for service in SERVICES:
        dockerfile = (ROOT / service / "Dockerfile").read_text()
        assert re.findall(r"^FROM (\S+)", dockerfile, re.M) == ["$BASE_IMAGE"] * 2
        assert re.findall(r"^ARG BASE_IMAGE=(.*)", dockerfile, re.M) == ["python:3.13-slim"]
        assert COMPOSE[service]["build"]["args"]["BASE_IMAGE"] == "${BASE_IMAGE:-python:3.13-slim}"


INSTALLERS = {path: (ROOT / path).read_text() for path in ("Makefile", "api/Dockerfile", "monitoring/Dockerfile")}
INSTALLATIONS = [
    (path, line) for path, text in INSTALLERS.items() for line in text.splitlines() if "pip install" in line
]


@pytest.mark.parametrize(("path", "line"), INSTALLATIONS)
def test_pip_installs_only_pins_whose_hashes_are_known(path, line):
    named = re.findall(r"-r (\S+)", line)
    assert "--require-hashes" in line
    assert named
    for name in named:
        requirements = ((ROOT / path).parent / name).read_text()
        pins = re.findall(r"^[^ #\n].*(?:\n    .*)*", requirements, re.M)
        hashed = r"[a-z0-9.-]+(\[.*\])?==\S+ [^#]*--hash=sha256:[0-9a-f]{64}"
        assert [pin for pin in pins if not re.match(hashed, pin)] == []
        assert pins


def test_each_shared_package_has_one_version_everywhere():
    versions: dict[str, set[str]] = {}
    folders = ("api", "monitoring", "training")
    for name in ("requirements-dev.txt", *(f"{folder}/requirements.txt" for folder in folders)):
        for package, version in re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.M):
            versions.setdefault(package, set()).add(version)

    assert len(versions) > 50
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_nothing_in_streamlits_folder_hides_another_module_or_makes_pages():
    """Streamlit puts the folder of its script first on `sys.path`, and takes `pages/` and `static/` for its own."""
    names = {path.stem for path in (ROOT / "monitoring").iterdir() if path.suffix == ".py" or path.is_dir()}
    installed = {name for name in packages_distributions() if name != "monitoring"}

    assert len(names) > 10
    assert names & (sys.stdlib_module_names | installed | {"pages", "static", "api"}) == set()


def test_evaluate_needs_nothing_but_python():
    assert {name.split(".")[0] for name in imports(ROOT / "evaluate.py")} <= sys.stdlib_module_names


CODE = [ROOT / name for name in ("api", "monitoring", "benchmarks", "scripts")]
FOLDERS = [path for top in CODE for path in [top, *top.rglob("*")] if path.is_dir() and any(path.glob("*.py"))]


def entries(folder: Path) -> set[str]:
    """The names of a folder's modules and of its folders with code."""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return modules | {path.parent.name for path in folder.glob("*/*.py")}


def test_a_folder_of_code_can_be_taken_in_at_a_glance():
    assert len(FOLDERS) > 25
    assert {str(folder.relative_to(ROOT)): found for folder in FOLDERS if len(found := entries(folder)) > 12} == {}


def test_no_file_repeats_the_name_of_its_folder():
    repeated = [
        f"{folder.name}/{name}" for folder in FOLDERS for name in entries(folder) if folder.name in name.split("_")
    ]

    assert repeated == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_folder_of_code_is_named_in_what_comes_into_the_image(service):
    """Docker's classic builder looks into no folder that is not named."""
    lines = (ROOT / service / ".dockerignore").read_text().splitlines()
    code = [path for kind in ("py", "css", "js") for path in (ROOT / service).rglob(f"*.{kind}")]
    needed = {
        f"!{path.parent.relative_to(ROOT / service).as_posix()}/*{path.suffix}".replace("!./", "!") for path in code
    }

    assert len(needed) > 7
    assert needed - set(lines) == set()
    assert lines[2] == "*"

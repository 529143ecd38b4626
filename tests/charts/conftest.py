"""Renders the chart with the real Helm; each distinct set of values once."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, require

CHART = ROOT / "charts" / "sentiment-monitor"
SHAPES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
TEMPLATES = sorted(path for path in CHART.glob("templates/**/*") if path.is_file())
KUBERNETES = "1.34.0"
WITHOUT_COLLECTION = os.environ | {"GOGC": "off"}  # of garbage, a third of Helm's time: no process of it lives long


class Refused(Exception):
    """Helm's own words when it does not render."""


class Loader(yaml.CSafeLoader):
    """Refuses a mapping that has a key twice, which YAML forbids and PyYAML overlooks."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice in {keys}, {node.start_mark}"
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="session", autouse=True)
def helm():
    require("KUBERNETES", bool(shutil.which("helm")), "helm is not on the PATH")


def tool(name: str) -> str:
    """The path of a tool that `make chart-tools` installs."""
    path = Path(sys.prefix) / "bin" / name
    require("KUBERNETES", path.exists(), f"{path.name} is not installed; `make chart-tools` does that")
    return str(path)


def values_file(shape: str) -> Path:
    return CHART / "ci" / f"{shape}-values.yaml"


def values_of(shape: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(values_file(shape).read_text())
    return found


def nested(path: str, value: Any) -> dict[str, Any]:
    """`{"a": {"b": value}}` for "a.b"."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """Deeply merged, as Helm does with several files of values."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def manifest(values: dict[str, Any] | None = None, *options: str, chart: Path = CHART, helm: str = "helm") -> str:
    """What Helm renders, as text. Raises Refused."""
    return _manifest(json.dumps(values or {}), options, chart, helm)


@cache
def _manifest(values: str, options: tuple[str, ...], chart: Path, helm: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(values)
        file.flush()
        command = [helm, "template", "opinion", str(chart), "--namespace", "reviews", "--values", file.name]
        command += ["--kube-version", KUBERNETES, *options]
        done = subprocess.run(command, env=WITHOUT_COLLECTION, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def render(values: dict[str, Any] | None = None, *options: str, **where: Any) -> list[dict[str, Any]]:
    """The rendered objects."""
    return [found for found in yaml.load_all(manifest(values, *options, **where), Loader) if found]


def of_kind(objects: list[dict[str, Any]], kind: str, component: str = "") -> dict[str, Any]:
    """The one object of a kind (and component)."""
    (found,) = [
        item
        for item in objects
        if item["kind"] == kind
        and component in ("", item["metadata"].get("labels", {}).get("app.kubernetes.io/component"))
    ]
    return found


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each pod's metadata and spec, by component; that of `helm test` included."""
    found = {}
    for item in objects:
        if item["kind"] in ("Deployment", "Pod"):
            component = item["metadata"]["labels"]["app.kubernetes.io/component"]
            found[component] = item["spec"]["template"] if item["kind"] == "Deployment" else item
    return found

"""The cluster's script where it can be looked at without a cluster; tests/smoke uses it for real."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import values_of
from tests.conftest import ROOT

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "kind-config.yaml").read_text())


def run(*arguments: str, path: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "scripts.kind_cluster", *arguments]
    return subprocess.run(command, cwd=ROOT, env={"PATH": str(path)}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("command", "tool"), [("up", "docker"), ("load", "docker"), ("require", "kind"), ("port-forward", "kind")]
)
def test_a_missing_tool_is_named_in_a_sentence(tmp_path, command, tool):
    done = run(command, path=tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"This needs `{tool}`, and it is not on the PATH; install it, then try again.\n"


def test_a_wrong_command_shows_the_right_ones(tmp_path):
    done = run("destroy", path=tmp_path)

    assert done.returncode == 1
    assert "up | load | port-forward | require | down" in done.stderr


def test_the_cluster_has_two_workers_that_share_a_folder():
    control_plane, *workers = CONFIG["nodes"]

    assert [node["role"] for node in CONFIG["nodes"]] == ["control-plane", "worker", "worker"]
    assert "extraMounts" not in control_plane
    assert workers[0]["extraMounts"] == workers[1]["extraMounts"]


def test_host_ports_are_open_to_this_machine_only_and_are_those_of_the_node_port_values():
    mapped = CONFIG["nodes"][0]["extraPortMappings"]
    values = values_of("node-port")

    assert {mapping["listenAddress"] for mapping in mapped} == {"127.0.0.1"}
    assert [(mapping["containerPort"], mapping["hostPort"]) for mapping in mapped] == [
        (port, port) for port in (values[component]["service"]["nodePort"] for component in ("api", "monitoring"))
    ]

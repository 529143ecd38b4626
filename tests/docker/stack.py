"""A clone of the project whose services run under Compose, by make, with names and ports of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import docker_works, environment, free_port, repository_copy, require


@dataclass
class Stack:
    """A clone whose stack has names and ports of its own, so that one in use on this machine is left alone."""

    directory: Path
    environ: dict[str, str]
    api: str
    dashboard: str
    watch: str

    def make(self, target: str) -> str:
        return self._run("make", target)

    def compose(self, *arguments: str, given: str | None = None) -> str:
        """What the command prints, if it succeeds; `given` is its standard input."""
        return self._run("docker", "compose", *arguments, given=given)

    def container(self, service: str) -> dict:
        return self._inspect(self.compose("ps", "--all", "--quiet", service).strip())

    def image(self, service: str) -> dict:
        return self._inspect(self.container(service)["Image"])

    def logged(self) -> list[str]:
        """The texts of all whole lines; where the API was killed one line may be torn."""
        lines = self.compose("exec", "-T", "monitoring", "cat", "/app/logs/prediction_logs.json").split("\n")
        return [json.loads(line)["request_text"] for line in lines[:-1] if line.endswith("}")]

    def _inspect(self, name: str) -> dict:
        found: list[dict] = json.loads(self._run("docker", "inspect", name))
        return found[0]

    def _run(self, *command: str, given: str | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=environment(**self.environ),
            input=given,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout


@contextmanager
def started(directory: Path, project: str, override: str = "", **settings: str) -> Iterator[Stack]:
    """The services, built and run from a clone; `override` is put into docker-compose.override.yml."""
    require("DOCKER", docker_works(), "no Docker engine answers")
    api, dashboard, watch = free_port(), free_port(), free_port()
    ports = {"API_PORT": str(api), "DASHBOARD_PORT": str(dashboard), "WATCH_PORT": str(watch)}
    stack = Stack(
        repository_copy(directory),
        {"COMPOSE_PROJECT_NAME": project, "IMAGE_TAG": project, **ports, **settings},
        f"http://localhost:{api}",
        f"http://localhost:{dashboard}",
        f"http://localhost:{watch}/metrics",
    )
    if override:
        (directory / "docker-compose.override.yml").write_text(override)
    try:
        printed = stack.make("run")
        assert stack.api in printed
        assert stack.dashboard in printed
        yield stack
    finally:
        stack.compose("down", "--volumes", "--rmi", "all")

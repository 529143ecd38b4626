"""A release of the chart, driven by Helm, looked at through the Kubernetes API; nothing that Helm owns is patched."""

import base64
import json
import logging
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from playwright.sync_api import Browser, Page, expect

from scripts.kind_cluster import CONTEXT, VALUES
from tests.charts.conftest import CHART
from tests.conftest import free_port, get, wait_until
from tests.smoke.cluster import NotStarted, core, execute, is_ready, kubectl

logger = logging.getLogger(__name__)
PREDICT = """
import json, os, sys, urllib.request as u
body = json.dumps({"text": sys.argv[1]}).encode()
request = u.Request(os.environ["API_URL"] + "/predict", body, {"Content-Type": "application/json"})
print(u.build_opener(u.ProxyHandler({})).open(request, timeout=10).read().decode())
"""
READ_LOG = """
import base64, json, pathlib, zlib
files = {path.name: path.read_text() for path in pathlib.Path("/app/logs").glob("prediction_logs*.json")}
print(base64.b64encode(zlib.compress(json.dumps(files).encode())).decode())
"""


@dataclass
class Release:
    namespace: str
    name: str = "opinion"
    helm: str = "helm"

    @property
    def full_name(self) -> str:
        return f"{self.name}-sentiment-monitor"

    def install(self, values: dict[str, Any] | None = None) -> None:
        """Install or upgrade, until everything is ready; the API server must not have warned of anything."""
        arguments = ["--values", str(VALUES), "--values", "-", "--wait", "--timeout", "4m"]
        done = self._must("upgrade", "--install", self.name, str(CHART), *arguments, stdin=json.dumps(values or {}))
        assert "warning" not in done.stderr.lower(), done.stderr

    def rollback(self) -> None:
        self._must("rollback", self.name, "--wait", "--timeout", "4m")

    def uninstall(self) -> None:
        self._must("uninstall", self.name, "--wait", "--timeout", "2m")

    def test(self) -> subprocess.CompletedProcess[str]:
        return self._run("test", self.name, "--timeout", "3m")

    def _must(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        done = self._run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{self.state()}"
        return done

    def _run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [self.helm, "--kube-context", CONTEXT, "--namespace", self.namespace, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=600)

    def pods(self, component: str) -> list[client.V1Pod]:
        """The pods that are ready and not on their way out."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = core().list_namespaced_pod(self.namespace, label_selector=selector).items
        return [pod for pod in found if is_ready(pod) and not pod.metadata.deletion_timestamp]

    def ready_pods(self, api: int = 1, monitoring: int = 1) -> list[client.V1Pod]:
        """The pods of both components, once there are as many as asked for."""

        def found() -> list[client.V1Pod]:
            pods = {"api": self.pods("api"), "monitoring": self.pods("monitoring")}
            as_asked = (len(pods["api"]), len(pods["monitoring"])) == (api, monitoring)
            return [*pods["api"], *pods["monitoring"]] if as_asked else []

        return list(self.wait_for(found, f"{api} API pods and {monitoring} dashboard are ready"))

    def claims(self) -> list[str]:
        return [claim.metadata.name for claim in core().list_namespaced_persistent_volume_claim(self.namespace).items]

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """The first true value; fails with the pods' last state and logs."""
        return wait_until(condition, what, seconds, pause=0.5, state=self.state)

    def state(self) -> str:
        """The pods' last state, events and logs, for a failure's message."""
        inside = ["--namespace", self.namespace]
        parts = [
            kubectl(*inside, "get", "pods,pvc", "--output", "wide").stdout,
            kubectl(*inside, "get", "events", "--sort-by=.lastTimestamp").stdout[-3000:],
        ]
        for pod in core().list_namespaced_pod(self.namespace).items:
            parts += [self._printed(pod, container.name) for container in pod.spec.containers]
        return "\n".join(parts)

    def _printed(self, pod: client.V1Pod, container: str) -> str:
        name = pod.metadata.name
        try:
            logs = core().read_namespaced_pod_log(name, self.namespace, container=container, tail_lines=20)
        except client.ApiException as error:  # not started yet
            logs = str(error.reason)
        return f"--- {name} {container}\n{(logs or '')[-2000:]}"

    def execute(self, component: str, *command: str, container: str = "") -> tuple[int, str]:
        """Exit code and output of a command in a ready pod of a component, in the container of its name or in another;
        again where the node could not start it."""

        def ended() -> tuple[int, str] | None:
            pods = self.pods(component)
            try:
                name = container or component
                return execute(self.namespace, pods[0].metadata.name, *command, container=name) if pods else None
            except NotStarted as error:
                logger.warning("asked again: %s", error)
                return None

        found: tuple[int, str] = self.wait_for(ended, f"{command} runs in a ready pod of {component}")
        return found

    def restarted(self) -> list[str]:
        """The pods whose container ended and was started again; nothing that the tests do makes that happen."""
        pods = core().list_namespaced_pod(self.namespace).items
        return [pod.metadata.name for pod in pods if any(s.restart_count for s in pod.status.container_statuses or [])]

    def predict(self, text: str) -> dict[str, Any]:
        """Ask through the Service, from the dashboard's pod; again while nodes do not know yet which pods are ready."""

        def answer() -> str:
            status, output = self.execute("monitoring", "python", "-c", PREDICT, text)
            return "" if status else output

        found: dict[str, Any] = json.loads(self.wait_for(answer, "the API answers through its Service", 30))
        return found

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """Each file of the log as the dashboard's pod sees it; a line that is not whole fails."""
        status, output = self.execute("monitoring", "python", "-c", READ_LOG)
        assert status == 0, output
        files = json.loads(zlib.decompress(base64.b64decode(output)))
        lines = {name: text.split("\n") for name, text in files.items()}
        assert [name for name, found in lines.items() if found[-1]] == []
        return {name: [json.loads(line) for line in found if line.strip()] for name, found in lines.items()}

    def logged(self) -> list[str]:
        """The id of every record."""
        return [record["prediction_id"] for records in self.records().values() for record in records]

    @contextmanager
    def forwarded(self, component: str, port: int) -> Iterator[str]:
        """The address on this machine of a component's Service."""
        local = free_port()
        target = [f"service/{self.full_name}-{component}", f"{local}:{port}"]
        command = ["kubectl", "--context", CONTEXT, "--namespace", self.namespace, "port-forward", *target]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                url = f"http://localhost:{local}"
                self.wait_for(lambda: get(url + "/")[0] != 0, f"{component} answers through a port-forward", 30)
                yield url
            finally:
                process.terminate()

    @contextmanager
    def page(self, browser: Browser) -> Iterator[Page]:
        """The dashboard in a real browser, once it shows as many requests as the log has."""
        with self.forwarded("monitoring", 8501) as url:
            page = browser.new_page(viewport={"width": 1280, "height": 2000})
            page.goto(url)
            requests = page.locator(".st-key-section_tiles li").filter(has_text="Requests").locator(".value")
            expect(requests).to_have_text(str(len(self.logged())), timeout=30_000)
            yield page
            page.close()

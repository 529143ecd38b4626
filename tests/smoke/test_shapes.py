"""Every shape in ci/ passes a real API server; those that a bare kind cluster can carry are installed and tested."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import SHAPES, manifest, merged, tool, values_of
from tests.smoke.cluster import core, kubectl, namespace
from tests.smoke.release import Release

pytestmark = pytest.mark.smoke
# The others need what kind has not: an autoscaler's metrics, a registry, a storage class.
INSTALLABLE = ["base-path", "api-alone", "single-pod-volume", "node-port", "network-policy", "observability"]
INSTALLABLE += ["ingress", "http-route", "tokens", "sign-in"]
ELSEWHERE = {"default": "test_release", "shared-node": "test_replicas", "read-write-many": "test_nodes"}
NOT_IN_KIND = {"autoscaling", "everything"}


@pytest.fixture(scope="module", autouse=True)
def custom_resources():
    """The kinds that the Gateway API and the Prometheus operator bring; those that were not there are removed again."""
    before = kubectl("get", "crds", "--output", "name").stdout
    files = [path for path in sorted(Path(tool("crds")).glob("*.yaml")) if yaml_name(path) not in before]
    for path in files:
        kubectl("apply", "--server-side", "--filename", str(path))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", "--filename", str(path))
    yield
    for path in files:
        kubectl("delete", "--filename", str(path))


def yaml_name(path: Path) -> str:
    return str(yaml.safe_load(path.read_text())["metadata"]["name"])


def installable(shape: str) -> dict[str, Any]:
    """The shape's values; a node port that another release has is left to the cluster."""
    values = values_of(shape)
    services = core().list_service_for_all_namespaces().items
    taken = {port.node_port for service in services for port in service.spec.ports}
    for component in ("api", "monitoring"):
        if values.get(component, {}).get("service", {}).get("nodePort") in taken:
            values = merged(values, {component: {"service": {"nodePort": 0}}})
    return values


def test_every_shape_is_installed_or_has_its_reason():
    assert {*INSTALLABLE, *ELSEWHERE, *NOT_IN_KIND} == set(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_api_server_takes_every_object_without_a_warning(release, shape):
    text = manifest(installable(shape)).replace("namespace: reviews", f"namespace: {release.namespace}")
    text = re.sub("serviceAccountName: .*", "serviceAccountName: default", text)  # a dry run makes no account
    done = kubectl("--namespace", release.namespace, "create", "--dry-run=server", "--filename", "-", stdin=text)

    assert done.stderr == ""
    assert done.stdout.count("(server dry run)") == text.count("\nkind: ")


def install_and_test(shape: str) -> None:
    with namespace(f"smoke-{shape}-{os.getpid()}") as name:
        release = Release(name)
        release.install(installable(shape))
        done = release.test()
        assert done.returncode == 0, f"{shape}: {done.stdout}{done.stderr}{release.state()}"
        release.uninstall()


def test_every_shape_that_kind_can_carry_is_installed_and_passes_its_helm_test():
    """Three at a time, under the restricted standard, without a warning."""
    with ThreadPoolExecutor(3) as pool:
        for outcome in [pool.submit(install_and_test, shape) for shape in INSTALLABLE]:
            outcome.result()


def test_helm_3_installs_tests_upgrades_and_uninstalls_it(own_release):
    own_release.helm = tool("helm3")
    own_release.install()
    assert own_release.test().returncode == 0
    own_release.install({"api": {"logLevel": "debug"}})
    own_release.uninstall()

    assert own_release.claims() == [f"{own_release.full_name}-log"]

"""One release with the default values through its whole life: install, use, kill, upgrade, roll back, uninstall,
reinstall. The tests are one story, in their order."""

import json
import os
import re
import socket
import subprocess
import sys
from functools import partial

import pytest
from kubernetes.client.exceptions import ApiException
from playwright.sync_api import expect

from scripts.kind_cluster import CLUSTER
from tests.conftest import ROOT, environment, free_port, get
from tests.smoke.cluster import core, kubectl, node_of
from tests.smoke.release import Release
from tests.smoke.traffic import under_load

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def release(release):
    """Installed as the README has it: nothing is set but the images."""
    done = make_for(release, "helm-install")
    assert done.returncode == 0, done.stdout + done.stderr + release.state()
    return release


def test_both_pods_are_ready_on_one_node_in_a_restricted_namespace(release):
    pods = release.ready_pods()

    assert len({node_of(pod) for pod in pods}) == 1
    assert (
        core().read_namespace(release.namespace).metadata.labels["pod-security.kubernetes.io/enforce"] == "restricted"
    )
    assert [status.restart_count for pod in pods for status in pod.status.container_statuses] == [0, 0, 0]


def test_the_restricted_namespace_refuses_a_pod_that_the_standard_forbids(release):
    """So that the admission of the chart's pods proves something."""
    bad = {"metadata": {"name": "bad"}, "spec": {"containers": [{"name": "bad", "image": "bad:1"}]}}

    with pytest.raises(ApiException) as refused:
        core().create_namespaced_pod(release.namespace, bad)
    assert refused.value.status == 403
    assert "violates PodSecurity" in refused.value.body


def test_no_pod_has_a_token_of_the_kubernetes_api(release):
    for component in ("api", "monitoring"):
        status, output = release.execute(component, "ls", "/var/run/secrets/kubernetes.io")
        assert status != 0, output


def test_a_prediction_through_the_service_is_a_record_that_the_dashboards_pod_reads(release):
    answer = release.predict("A wonderful film on Kubernetes")

    (record,) = [r for rs in release.records().values() for r in rs if r["prediction_id"] == answer["prediction_id"]]
    assert record["request_text"] == "A wonderful film on Kubernetes"
    assert record["predicted_sentiment"] == answer["predicted_sentiment"]


def test_the_page_shows_the_record(release, browser):
    sentence = "This sentence is looked for on the page"
    release.predict(sentence)
    with release.page(browser) as page:
        expect(page.get_by_text("is ready.")).to_be_visible(timeout=30_000)
        words = page.get_by_role("textbox", name="Text contains")
        words.fill(sentence)
        words.press("Enter")
        expect(page.get_by_text("1 request with these words")).to_be_visible()


def test_the_watch_sees_every_prediction_and_remembers_them_when_its_pod_is_replaced(release):
    """Its state is in a folder of the log's volume, which it cannot write to but there."""
    for number in range(3):
        release.predict(f"A film that the watch sees, number {number}")
    seen = len(release.logged())
    release.wait_for(lambda: watched(release) == seen, f"the watch has seen {seen} requests")
    (pod,) = release.pods("monitoring")
    core().delete_namespaced_pod(pod.metadata.name, release.namespace)
    release.wait_for(
        lambda: [p for p in release.pods("monitoring") if p.metadata.uid != pod.metadata.uid], "a new dashboard pod"
    )

    release.wait_for(lambda: watched(release) == seen, f"the new watch knows of {seen} requests")
    status, output = release.execute("monitoring", "ls", "/app/state", container="watch")
    assert (status, output.split()) == (0, ["watch.json", "watch.lock"])
    status, output = release.execute("monitoring", "touch", "/app/logs/new", container="watch")
    assert status != 0
    assert "Read-only file system" in output


def watched(release: Release) -> int:
    """How many requests the watch has taken in, as Prometheus would get it from its Service."""
    with release.forwarded("watch", 9108) as url:
        found = re.findall(r"^sentiment_monitor_requests_total (\S+)$", get(url + "/metrics")[1], re.M)
    return int(float(found[0])) if found else -1


@pytest.mark.parametrize(
    ("component", "path", "reason"),
    [
        ("monitoring", "/app/logs/prediction_logs.json", "Read-only file system"),
        ("monitoring", "/app/logs/new", "Read-only file system"),
        ("monitoring", "/app/new", "Read-only file system"),
        ("monitoring", "/new", "Read-only file system"),
        ("api", "/new", "Read-only file system"),
    ],
)
def test_nothing_can_be_written_where_nothing_needs_to_be(release, component, path, reason):
    status, output = release.execute(component, "sh", "-c", f"echo x >> {path}")

    assert status != 0
    assert reason in output


def test_helm_test_follows_a_prediction_into_the_log(release):
    before = len(release.logged())
    done = make_for(release, "helm-test")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Its line is in the log." in done.stdout + done.stderr
    assert len(release.logged()) == before + 1


def test_make_port_forward_brings_both_to_this_machine_and_evaluate_scores_the_release(release):
    """As the README has it, with other ports."""
    api, dashboard = free_port(), free_port()
    environ = environment(
        NAMESPACE=release.namespace, RELEASE=release.name, API_PORT=str(api), DASHBOARD_PORT=str(dashboard)
    )
    with subprocess.Popen(["make", "port-forward"], cwd=ROOT, env=environ, start_new_session=True) as forward:
        try:
            release.wait_for(lambda: get(f"http://localhost:{api}/readyz")[0] == 200, "the API answers", 30)
            release.wait_for(
                lambda: get(f"http://localhost:{dashboard}/_stcore/health")[0] == 200, "the page answers", 30
            )
            command = [sys.executable, "evaluate.py", "--url", f"http://localhost:{api}"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        finally:
            os.killpg(forward.pid, 15)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "240 evaluated, 0 failed" in done.stdout


def test_a_killed_api_pod_loses_no_acknowledged_prediction(release, measured):
    with under_load(release) as traffic:
        (pod,) = release.pods("api")
        core().delete_namespaced_pod(pod.metadata.name, release.namespace, grace_period_seconds=0)
        release.wait_for(
            lambda: [p for p in release.pods("api") if p.metadata.uid != pod.metadata.uid], "a new API pod"
        )

    measured("API pod killed, 1 replica", traffic)
    assert len(traffic.acknowledged) > 200
    assert traffic.acknowledged - set(release.logged()) == set()


@pytest.mark.promise(
    "Faults",
    "upgrade and rollback under load, with Helm",
    "no acknowledged prediction is lost; refused requests can be sent again",
)
def test_an_upgrade_and_a_rollback_under_load_lose_nothing(own_release, measured, publish):
    own_release.install()
    told = []
    for event, change in (
        ("upgrade, 1 replica", partial(own_release.install, {"api": {"logLevel": "warning"}})),
        ("rollback, 1 replica", own_release.rollback),
    ):
        before = own_release.pods("api")[0].metadata.uid
        with under_load(own_release) as traffic:
            change()
        measured(event, traffic)
        assert own_release.pods("api")[0].metadata.uid != before
        assert traffic.acknowledged - set(own_release.logged()) == set()
        assert len({node_of(pod) for pod in own_release.ready_pods()}) == 1
        told.append(f"{event}: {traffic.failed} of {len(traffic.attempts):,} requests not answered")

    env = {entry.name: entry.value for entry in own_release.ready_pods()[0].spec.containers[0].env}
    assert env["LOG_LEVEL"] == "info"
    status, output = own_release.execute("api", "python", "-m", "api.prediction_log", "verify")
    assert status == 0, output
    publish(f"{'; '.join(told)}; 0 acknowledged lost; {output.splitlines()[-1]}")


def test_an_upgrade_restarts_only_the_pods_it_concerns(release):
    before = {pod.metadata.uid for pod in release.pods("api")}
    release.install({"monitoring": {"minLabels": 20}})

    assert {pod.metadata.uid for pod in release.pods("api")} == before


def test_a_rollback_brings_back_what_was(release):
    release.rollback()

    env = {entry.name: entry.value for entry in release.ready_pods()[1].spec.containers[0].env}
    assert env["MIN_LABELS"] == "30"
    assert release.test().returncode == 0


def test_helm_test_fails_when_it_is_told_to(release):
    """Else it would prove nothing. Brings the release to its tests' switch and back."""
    release.install({"tests": {"fail": True}})
    done = release.test()

    assert done.returncode != 0
    assert "answered 422" in done.stdout + done.stderr


def test_uninstalling_keeps_the_log_and_a_reinstall_goes_on_with_it(release):
    ids = release.logged()
    done = make_for(release, "helm-uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    left = json.loads(
        kubectl("--namespace", release.namespace, "get", "deployments,services", "--output", "json").stdout
    )

    assert release.claims() == [f"{release.full_name}-log"]
    assert left["items"] == []

    release.install()
    assert len(ids) > 200  # which the load alone wrote
    again = release.predict("Written after the reinstall")["prediction_id"]
    assert set(release.logged()) == {*ids, again}


@pytest.mark.parametrize("target", ["kind-load", "helm-install", "helm-test", "port-forward", "helm-uninstall"])
def test_no_command_touches_another_cluster(target):
    done = make(target, KIND_CLUSTER=f"not-{CLUSTER}")

    assert done.returncode != 0
    assert f"There is no kind cluster 'not-{CLUSTER}'; `make kind-up` creates it." in done.stderr


def test_images_that_the_nodes_have_are_not_loaded_again():
    done = make("kind-load")

    assert done.returncode == 0, done.stderr
    assert "The nodes have sentiment-monitor-api:" in done.stdout
    assert "Loading" not in done.stdout


def test_a_taken_port_is_said_in_a_sentence(release):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = make_for(release, "port-forward", API_PORT=port)

    assert f"Port {port} is taken by another program; choose another: API_PORT=… make port-forward." in done.stderr


def test_forwarding_a_release_that_is_not_there_says_so(release):
    done = make("port-forward", NAMESPACE=release.namespace, RELEASE="nobody")

    assert "has no service of release 'nobody'; `make helm-install` installs it." in done.stderr


def make(target: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", target], cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=300
    )


def make_for(release: Release, target: str, **variables: str) -> subprocess.CompletedProcess:
    return make(target, NAMESPACE=release.namespace, RELEASE=release.name, **variables)

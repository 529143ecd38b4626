"""What happens to nodes and their disks; in one file, whose tests run one after the other, as some need every node."""

import os

import pytest

from tests.charts.conftest import merged, values_of
from tests.smoke.cluster import core, kubectl, node_of, node_shell, pinned_volume, shared_volume, workers
from tests.smoke.traffic import under_load

pytestmark = pytest.mark.smoke
CHANGED = {"api": {"logLevel": "warning"}}


@pytest.mark.parametrize(("replicas", "what"), [(1, "node drained, 1 replica"), (2, "node drained, 2 replicas on it")])
def test_after_a_drain_all_pods_come_back_together_with_the_log(own_release, measured, replicas, what):
    """On a disk that can follow them, as a cloud's can; kind's own cannot leave its node."""
    release = own_release
    release.name = f"drained-{os.getpid()}"  # as the drain picks the pods by it
    with shared_volume(release.namespace, ["ReadWriteOnce"]) as claim:
        log = {"existingClaim": claim, "allReplicasOnOneNode": replicas > 1}
        release.install({"log": log, "api": {"replicas": replicas}})
        (before,) = {node_of(pod) for pod in release.ready_pods(api=replicas)}
        try:
            with under_load(release) as traffic:
                selector = f"--pod-selector=app.kubernetes.io/instance={release.name}"
                kubectl("drain", before, selector, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
                (after,) = {node_of(pod) for pod in release.ready_pods(api=replicas)}
        finally:
            kubectl("uncordon", before)

        measured(what, traffic)
        assert after != before
        assert traffic.acknowledged - set(release.logged()) == set()
        release.uninstall()


def test_a_disk_that_belongs_to_root_is_made_writable_by_its_group(own_release):
    """Kind's own storage class hides this: its folders are open to everybody."""
    release = own_release
    node = workers()[0]
    with pinned_volume(release.namespace, node) as (claim, folder):
        assert node_shell(node, f"stat -c '%U %a' {folder}") == "root 755\n"
        release.install({"log": {"existingClaim": claim}})

        assert {node_of(pod) for pod in release.ready_pods()} == {node}
        release.predict("Written to a disk that was root's")
        assert len(release.logged()) == 1
        release.uninstall()


def test_replicas_on_several_nodes_share_a_read_write_many_volume(own_release, measured):
    release = own_release
    with shared_volume(release.namespace, ["ReadWriteMany"]):
        release.install(values_of("read-write-many"))
        release.ready_pods(api=2)
        assert len({node_of(pod) for pod in release.pods("api")}) == 2

        with under_load(release) as traffic:
            release.install(merged(values_of("read-write-many"), CHANGED))

        measured("upgrade, 2 replicas on two nodes, `ReadWriteMany`", traffic)
        assert traffic.acknowledged - set(release.logged()) == set()
        assert traffic.failed == 0
        release.uninstall()


def test_the_nodes_are_as_they_were():
    nodes = core().list_node().items

    assert [node.metadata.name for node in nodes if node.spec.unschedulable] == []
    assert len(nodes) == 3

"""Several API pods on one volume of one node (ReadWriteOnce)."""

import pytest

from tests.charts.conftest import merged, values_of
from tests.smoke.cluster import node_of
from tests.smoke.traffic import under_load

pytestmark = pytest.mark.smoke
CHANGED = {"api": {"logLevel": "warning"}}


@pytest.fixture(scope="module")
def release(release):
    """First as most begin, with one replica and the default values; then with two, by an upgrade."""
    release.install()
    release.predict("Written by the only replica")
    release.install(values_of("shared-node"))
    return release


def test_both_replicas_are_on_the_dashboards_node(release):
    assert len({node_of(pod) for pod in release.ready_pods(api=2)}) == 1


def test_each_replica_writes_its_own_file_and_the_dashboard_adds_them_up(release, browser):
    release.ready_pods(api=2)
    answered = {release.predict("One of two answers")["prediction_id"] for _ in range(30)}
    written = [{record["prediction_id"] for record in records} & answered for records in release.records().values()]

    assert sum(bool(ids) for ids in written) == 2
    assert sum(len(ids) for ids in written) == len(answered) == 30

    with release.page(browser):
        pass  # it shows the sum


def test_an_upgrade_of_two_replicas_on_one_node_fails_no_request(release, measured):
    release.ready_pods(api=2)
    before = {pod.metadata.uid for pod in release.pods("api")}
    with under_load(release) as traffic:
        release.install(merged(values_of("shared-node"), CHANGED))

    measured("upgrade, 2 replicas on one node", traffic)
    release.ready_pods(api=2)
    assert {pod.metadata.uid for pod in release.pods("api")} & before == set()
    assert traffic.acknowledged - set(release.logged()) == set()
    assert traffic.failed == 0


def test_one_replica_that_may_stand_beside_another_is_upgraded_without_a_failure_too(release, measured):
    one = {"log": {"allReplicasOnOneNode": True}}
    release.install(one)
    release.ready_pods()
    with under_load(release) as traffic:
        release.install(merged(one, CHANGED))

    measured("upgrade, 1 replica, `log.allReplicasOnOneNode=true`", traffic)
    assert traffic.acknowledged - set(release.logged()) == set()
    assert traffic.failed == 0


def test_it_can_go_back_to_one_replica_and_the_other_strategy(release):
    """Helm must take away what only a rolling update may have."""
    before = set(release.logged())
    release.install()
    release.ready_pods()

    assert before <= set(release.logged())
    assert release.test().returncode == 0

"""Nothing is silently wrong with the volume: each set-up either can run or is refused with the way out."""

import itertools

import pytest

from tests.charts.conftest import Refused, merged, of_kind, pods, render

VOLUMES: dict[str, dict] = {
    "ReadWriteOnce": {"log": {"accessModes": ["ReadWriteOnce"]}},
    "ReadWriteOncePod": {"log": {"accessModes": ["ReadWriteOncePod"]}},
    "ReadWriteMany": {"log": {"accessModes": ["ReadWriteMany"]}},
    "existing ReadWriteOnce": {"log": {"existingClaim": "there"}},
    "existing ReadWriteMany": {"log": {"existingClaim": "there", "accessModes": ["ReadWriteMany"]}},
    "emptyDir": {"log": {"emptyDir": True}},
}
SCALES: dict[str, dict] = {
    "api.replicas=1": {"api": {"replicas": 1}},
    "api.replicas=3": {"api": {"replicas": 3}},
    "api.autoscaling.maxReplicas=5": {"api": {"autoscaling": {"enabled": True, "maxReplicas": 5}}},
}
MANY = ("api.replicas=3", "api.autoscaling.maxReplicas=5")
TABLE = list(itertools.product(VOLUMES, SCALES, (False, True), (False, True)))


def expected_refusals(volume: str, scale: str, one_node: bool, dashboard: bool) -> list[list[str]]:
    """For each thing that cannot be: the two values and the ways out that its message must name."""
    refusals = []
    if volume == "emptyDir" and dashboard:
        refusals.append(
            ["log.emptyDir=true", "monitoring.enabled=true", "log.emptyDir=false", "monitoring.enabled=false"]
        )
    if volume == "ReadWriteOncePod" and dashboard:
        refusals.append(
            ["[ReadWriteOncePod]", "monitoring.enabled=true", "[ReadWriteOnce]", "monitoring.enabled=false"]
        )
    if volume == "ReadWriteOncePod" and scale in MANY:
        refusals.append([scale, "log.accessModes=[ReadWriteOncePod]", "log.accessModes=[ReadWriteMany]"])
    if volume.endswith("ReadWriteOnce") and scale in MANY and not one_node:
        ways_out = ["log.accessModes=[ReadWriteMany]", "log.allReplicasOnOneNode=true"]
        refusals.append([scale, "log.accessModes=[ReadWriteOnce]", *ways_out])
    return refusals


def values(volume: str, scale: str, one_node: bool, dashboard: bool) -> dict:
    return merged(
        VOLUMES[volume],
        SCALES[scale],
        {"log": {"allReplicasOnOneNode": one_node}, "monitoring": {"enabled": dashboard}},
    )


def share_a_node(pod: dict) -> bool:
    """The pod must be where other pods of its release are, itself counted."""
    terms = pod["spec"].get("affinity", {}).get("podAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    release = {"app.kubernetes.io/name": "sentiment-monitor", "app.kubernetes.io/instance": "opinion"}
    wanted = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": release}}
    return wanted in (terms or []) and release.items() <= pod["metadata"]["labels"].items()


def mounts_claim(pod: dict) -> bool:
    return any("persistentVolumeClaim" in volume for volume in pod["spec"].get("volumes", []))


def count(objects: list[dict]) -> int:
    """The most API pods that there can be."""
    if scalers := [item for item in objects if item["kind"] == "HorizontalPodAutoscaler"]:
        return scalers[0]["spec"]["maxReplicas"]
    return of_kind(objects, "Deployment", "api")["spec"]["replicas"]


@pytest.mark.parametrize(("volume", "scale", "one_node", "dashboard"), TABLE)
def test_each_set_up_can_be_scheduled_or_is_refused_with_the_values_and_the_way_out(volume, scale, one_node, dashboard):
    refusals = expected_refusals(volume, scale, one_node, dashboard)
    if refusals:
        with pytest.raises(Refused) as refused:
            render(values(volume, scale, one_node, dashboard))
        lines = [line for line in str(refused.value).splitlines() if line.startswith("- ")]

        assert len(lines) == len(refusals)
        for named, line in zip(refusals, lines, strict=True):
            assert [part for part in named if part not in line] == []
        return

    objects = render(values(volume, scale, one_node, dashboard))
    on_volume = {name: pod for name, pod in pods(objects).items() if mounts_claim(pod)}
    deployments = [item for item in objects if item["kind"] == "Deployment"]
    new_beside_old = [item["spec"]["strategy"]["type"] == "RollingUpdate" for item in deployments]

    assert len(deployments) == 1 + dashboard
    if volume.endswith("ReadWriteOnce"):  # one node may mount it
        assert set(on_volume) == ({"api", "monitoring", "tests"} if dashboard else {"api", "tests"})
        assert all(share_a_node(pod) for pod in on_volume.values())
        assert new_beside_old == [one_node] * len(deployments)
    elif volume == "ReadWriteOncePod":  # one pod may
        assert set(on_volume) == {"api"}
        assert count(objects) == 1
        assert not any(new_beside_old)
    elif volume.endswith("ReadWriteMany"):  # every node may
        assert len(on_volume) == len(deployments) + 1
        assert all(share_a_node(pod) == one_node for pod in on_volume.values())
        assert all(new_beside_old)
    else:  # every pod has its own
        assert on_volume == {}
        assert all(new_beside_old)


def test_read_only_volumes_and_impossible_pairs_are_refused():
    for modes, reason in [
        (["ReadOnlyMany"], "does not let the API write"),
        (["ReadWriteOncePod", "ReadWriteMany"], "cannot be combined with another mode"),
    ]:
        with pytest.raises(Refused, match=reason):
            render({"log": {"accessModes": modes}, "monitoring": {"enabled": False}})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"log": {"emptyDir": True, "existingClaim": "there"}, "monitoring": {"enabled": False}}, "exclude each other"),
        (
            {"api": {"autoscaling": {"enabled": True, "minReplicas": 4}}, "log": {"accessModes": ["ReadWriteMany"]}},
            "min",
        ),
        ({"api": {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]}}, "cannot be spread"),
        ({"api": {"nodeSelector": {"a": "b"}}, "monitoring": {"nodeSelector": {"a": "c"}}}, "no node has both"),
        ({"api": {"ingress": {"enabled": True}}}, "api.ingress.hosts"),
        ({"monitoring": {"httpRoute": {"enabled": True}}}, "monitoring.httpRoute.parentRefs"),
        ({"monitoring": {"signIn": {"enabled": True}}}, r"needs monitoring\.signIn\.existingSecret; name the Secret"),
        ({"monitoring": {"signIn": {"enabled": True}}}, r"needs monitoring\.signIn\.publicUrl; set it to the address"),
        ({"monitoring": {"signIn": {"allowed": ["@example.org"]}}}, "the page would be open to everybody"),
        (
            {"monitoring": {"basePath": "/a", "signIn": {"enabled": True, "publicUrl": "https://b.example/b"}}},
            "does not end with monitoring.basePath=/a, under which the page is served. Add it",
        ),
        (
            {
                "log": {"accessModes": ["ReadWriteOncePod"]},
                "monitoring": {"enabled": False},
                "api": {"strategy": {"type": "RollingUpdate"}},
            },
            "Set it to Recreate",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused(values, reason):
    with pytest.raises(Refused, match=reason):
        render(values)


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(Refused) as refused:
        render({"api": {"replicas": 3, "ingress": {"enabled": True}}, "log": {"emptyDir": True, "existingClaim": "x"}})

    assert str(refused.value).count("\n- ") == 3


def test_pods_on_any_node_can_be_spread():
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname"}
    objects = render({"api": {"topologySpreadConstraints": [spread]}, "log": {"accessModes": ["ReadWriteMany"]}})

    (constraint,) = pods(objects)["api"]["spec"]["topologySpreadConstraints"]
    assert constraint["labelSelector"]["matchLabels"] == pods(objects)["api"]["metadata"]["labels"]


def test_a_users_own_affinity_stays_beside_the_volumes():
    own = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "customers"}}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [own]}
    pod = pods(render({"api": {"affinity": {"podAffinity": required, "nodeAffinity": {"any": {}}}}}))["api"]

    assert share_a_node(pod)
    assert own in pod["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert pod["spec"]["affinity"]["nodeAffinity"] == {"any": {}}


def test_the_claim_is_kept_unless_one_value_says_otherwise():
    kept = of_kind(render(), "PersistentVolumeClaim")
    given_up = of_kind(render({"log": {"keepOnUninstall": False}}), "PersistentVolumeClaim")

    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in given_up["metadata"]
    assert kept["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}


@pytest.mark.parametrize(("given", "rendered"), [("fast", "fast"), ("-", "")])
def test_the_storage_class_can_be_named_or_none(given, rendered):
    assert (
        of_kind(render({"log": {"storageClass": given}}), "PersistentVolumeClaim")["spec"]["storageClassName"]
        == rendered
    )


def test_no_claim_is_made_that_nothing_mounts():
    for log in ({"existingClaim": "there"}, {"emptyDir": True}):
        objects = render({"log": log, "monitoring": {"enabled": False}})
        assert [item for item in objects if item["kind"] == "PersistentVolumeClaim"] == []


def test_an_existing_claim_is_the_one_that_is_mounted():
    for pod in pods(render({"log": {"existingClaim": "there"}})).values():
        (volume,) = (found for found in pod["spec"]["volumes"] if found["name"] == "log")
        assert volume == {"name": "log", "persistentVolumeClaim": {"claimName": "there"}}

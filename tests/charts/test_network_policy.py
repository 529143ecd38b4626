"""Who may talk to whom when `networkPolicy.enabled`, worked out from the rendered policies and pods."""

from typing import Any

import pytest

from tests.charts.conftest import pods, render, values_of

STRANGER: dict[str, Any] = {"metadata": {"labels": {"app": "stranger"}}, "spec": {"containers": [{}]}}


@pytest.fixture
def objects() -> list[dict[str, Any]]:
    return render({"networkPolicy": {"enabled": True}})


def pod(name: str) -> dict[str, Any]:
    return pods(render())[name]


def selects(selector: dict[str, Any], pod: dict[str, Any]) -> bool:
    return selector.get("matchLabels", {}).items() <= pod["metadata"]["labels"].items()


def policies(direction: str, pod: dict[str, Any], objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        item["spec"]
        for item in objects
        if item["kind"] == "NetworkPolicy"
        and direction in item["spec"]["policyTypes"]
        and selects(item["spec"]["podSelector"], pod)
    ]


def port_numbers(rule: dict[str, Any], target: dict[str, Any]) -> set[int]:
    """The rule's ports; a named one is what the target's container calls so."""
    containers = target["spec"]["containers"]
    names = {port["name"]: port["containerPort"] for found in containers for port in found.get("ports", [])}
    return {port["port"] if isinstance(port["port"], int) else names.get(port["port"], 0) for port in rule["ports"]}


def allowed(source: dict[str, Any], target: dict[str, Any], port: int, objects: list[dict[str, Any]]) -> bool:
    """Pods of one namespace: the source may send, and the target may receive."""

    def permits(pod: dict[str, Any], other: dict[str, Any], direction: str, side: str) -> bool:
        found = policies(direction, pod, objects)
        return not found or any(
            port in port_numbers(rule, target)
            and (
                side not in rule
                or any("podSelector" in peer and selects(peer["podSelector"], other) for peer in rule[side])
            )
            for policy in found
            for rule in policy[direction.lower()]
        )

    return permits(source, target, "Egress", "to") and permits(target, source, "Ingress", "from")


def test_the_dashboard_and_the_helm_test_reach_what_they_need(objects):
    assert allowed(pod("monitoring"), pod("api"), 8000, objects)
    assert allowed(pod("tests"), pod("api"), 8000, objects)
    assert allowed(pod("tests"), pod("monitoring"), 8501, objects)


def test_nobody_else_is_let_in_and_the_api_reaches_nobody(objects):
    for target, port in (("api", 8000), ("monitoring", 8501), ("monitoring", 9108)):
        assert not allowed(STRANGER, pod(target), port, objects)
        assert not allowed(pod(target), STRANGER, 443, objects)
    assert not allowed(pod("api"), pod("monitoring"), 8501, objects)
    assert not allowed(pod("monitoring"), pod("api"), 22, objects)


def test_names_can_be_resolved(objects):
    dns: dict[str, Any] = {"metadata": {"labels": {"k8s-app": "kube-dns"}}, "spec": {"containers": [{}]}}
    for name in ("api", "monitoring"):
        assert allowed(pod(name), dns, 53, objects)
        assert allowed(pod(name), dns, 5353, objects)
        (policy,) = policies("Egress", pod(name), objects)
        assert {port["protocol"] for port in policy["egress"][0]["ports"]} == {"UDP", "TCP"}


def test_every_service_of_the_release_is_behind_a_policy(objects):
    assert all(policies("Ingress", pod(name), objects) for name in ("api", "monitoring"))
    assert policies("Ingress", pod("api"), render()) == []


def test_named_peers_are_let_in_and_named_ways_out_are_open():
    given = values_of("network-policy")["networkPolicy"]
    objects = render(values_of("network-policy"))
    (api,) = policies("Ingress", pod("api"), objects)
    (monitoring,) = policies("Ingress", pod("monitoring"), objects)

    assert api["ingress"][0]["from"][1:] == given["apiFrom"]
    assert monitoring["ingress"][0]["from"][1:] == given["monitoringFrom"]
    assert monitoring["ingress"][1]["from"][1:] == given["watchFrom"]
    assert monitoring["ingress"][1]["ports"] == [{"port": "metrics"}]
    assert api["egress"][-1:] == monitoring["egress"][-1:] == given["extraEgress"]

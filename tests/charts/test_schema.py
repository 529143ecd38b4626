"""The values: closed, described, used, and the same in values.yaml, schema and templates."""

import json
import re
import shutil
from typing import Any

import pytest
import yaml

from tests.charts.conftest import CHART, Refused, manifest, merged, nested, pods, render

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = {path.relative_to(CHART).as_posix(): path.read_text() for path in CHART.glob("templates/**/*.*")}
SCALED = {"api": {"replicas": 2}, "log": {"accessModes": ["ReadWriteMany"]}}
SIGN_IN = {
    "enabled": True,
    "metadataUrl": "https://login.example/metadata",
    "publicUrl": "https://monitor.example",
    "existingSecret": "sign-in",
}
# What must be set before a value can do anything; the longest path that starts a value's own path counts.
BEFORE: dict[str, dict[str, Any]] = {
    "api.autoscaling": merged(SCALED, {"api": {"autoscaling": {"enabled": True}}}),
    "api.podDisruptionBudget": SCALED,
    "api.replicas": SCALED,
    "api.topologySpreadConstraints": SCALED,
    "api.strategy": SCALED,
    "api.service.nodePort": {"api": {"service": {"type": "NodePort"}}},
    "monitoring.service.nodePort": {"monitoring": {"service": {"type": "NodePort"}}},
    "log.emptyDir": {"monitoring": {"enabled": False}},
    "monitoring.signIn": {"monitoring": {"signIn": SIGN_IN}},
    "networkPolicy": {"networkPolicy": {"enabled": True}},
    "metrics.serviceMonitor": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "metrics.prometheusRule": {"metrics": {"prometheusRule": {"enabled": True}}},
    "metrics.grafanaDashboard": {"metrics": {"grafanaDashboard": {"enabled": True}}},
} | {
    f"{component}.{route}": {component: {route: {"enabled": True, needed: [example]}}}
    for component in ("api", "monitoring")
    for route, needed, example in [("ingress", "hosts", "a.example"), ("httpRoute", "parentRefs", {"name": "gateway"})]
}
# Another value than the default, where "one more" or "the other one" is not it.
OTHER: dict[str, Any] = {
    "accessModes": ["ReadWriteMany"],
    "size": "1Gi",
    "digest": "sha256:" + 64 * "0",
    "pullPolicy": "Never",
    "type": "LoadBalancer",
    "strategy": {"type": "RollingUpdate"},
    "logSync": "no",
    "logText": "redacted",
    "logLevel": "error",
    "basePath": "/path",
    "clusterDomain": "cluster.example",
    "forwardedAllowIps": ["10.0.0.0/8"],
    "allowedHosts": ["b.example"],
    "corsOrigins": ["https://b.example"],
    "ipFamilyPolicy": "PreferDualStack",
    "interval": "1m",
    "hosts": ["b.example"],
    "hostnames": ["b.example"],
    "nodePort": 30001,
    "tls": [{"secretName": "tls"}],
    "parentRefs": [{"name": "other"}],
    "filters": [{"type": "RequestMirror"}],
    "additionalRules": [{"name": "more"}],
    "imagePullSecrets": [{"name": "secret"}],
    "extraEnv": [{"name": "A", "value": "b"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}],
    "affinity": {"nodeAffinity": {"key": {}}},
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}},
    "apiFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    "watchFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    "monitoringFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    "extraEgress": [{"ports": [{"port": 443}]}],
    "relabelings": [{"action": "drop"}],
    "metricRelabelings": [{"action": "drop"}],
    "extraObjects": ["kind: ConfigMap"],
    "fsGroupChangePolicy": "Always",
    "drop": ["NET_RAW"],
    "cpu": "1",
    "memory": "3Gi",
    "replicas": 3,
    "maxReplicas": 5,
    "targetCPUUtilizationPercentage": 50,
    "auditRate": 0.5,
    "segmentMB": 64,
    "keepDays": 30,
    "keepGB": 4.5,
    "accuracyThreshold": 0.5,
    "falseAlarmBudget": 0.1,
    "webhookUrl": "https://hooks.example/a",
    "metadataUrl": "https://b.example/metadata",
    "publicUrl": "https://b.example",
    "allowed": ["@b.example"],
    "alertmanagerUrl": "https://alertmanager.example",
    "refreshSeconds": 5,
}


def leaves(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Every value by its dotted path; an empty mapping or a list is one value."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, f"{path}{key}.")
        else:
            found[f"{path}{key}"] = value
    return found


def schema_at(path: str) -> dict[str, Any]:
    """The schema of one value, with its references followed."""
    node = SCHEMA
    for key in path.split("."):
        if "properties" not in node:
            return node["additionalProperties"]
        node = resolved(node["properties"][key])
    return node


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    for reference in [node, *node.get("allOf", [])]:
        if "$ref" in reference:
            return SCHEMA["definitions"][reference["$ref"].rsplit("/", 1)[1]] | node
    return node


def comments() -> dict[str, str]:
    """What values.yaml says of each value in helm-docs' form."""
    found: dict[str, str] = {}
    path: list[str] = []
    text: list[str] = []
    for line in (CHART / "values.yaml").read_text().splitlines():
        if match := re.match(r" *# -- (.*)", line):
            text = [match[1]]
        elif text and (match := re.match(r" *# (.*)", line)):
            text.append(match[1])
        elif match := re.match(r"( *)(\w+):", line):
            path = [*path[: len(match[1]) // 2], match[2]]
            if text:
                found[".".join(path)] = " ".join(text)
            text = []
    return found


def documented(path: str) -> str | None:
    """The nearest value on the way to `path` that has a comment."""
    parts = path.split(".")
    return next((p for n in range(len(parts), 0, -1) if (p := ".".join(parts[:n])) in comments()), None)


def other(path: str, value: Any) -> Any:
    name = path.rsplit(".", 1)[1] if "." in path else path
    if name in OTHER:
        return OTHER[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if isinstance(value, str) else {"key": "value"}


@pytest.mark.parametrize("path", leaves(VALUES))
def test_every_value_is_described_in_values_and_schema_with_the_same_words(path):
    commented = documented(path)

    assert commented, f"{path} has no comment"
    node = schema_at(commented)
    assert node["description"] == comments()[commented]
    assert {"type", "enum", "allOf"} & set(node)


def test_the_schema_has_no_value_that_is_not_in_values():
    def properties(node: dict[str, Any], values: Any, path: str) -> list[str]:
        node = resolved(node)
        if not isinstance(values, dict) or "properties" not in node:
            return []
        if path in comments():  # Kubernetes' own fields, of which the default names some
            return []
        return [f"{path}.{key}" for key in node["properties"] if key not in values] + [
            missing
            for key, inner in node["properties"].items()
            for missing in properties(inner, values.get(key), f"{path}.{key}".lstrip("."))
        ]

    assert properties(SCHEMA, VALUES, "") == []


def closed_keys(values: dict[str, Any], path: str = "") -> list[tuple[str, str, Any]]:
    """Every key, with the path of its parent and its value, but for those of free maps."""
    with_resources = ("api", "monitoring", "monitoring.watch", "tests")
    open_maps = {"global", "metrics.grafanaDashboard.labels"} | {
        f"{component}.resources.{part}" for component in with_resources for part in ("requests", "limits")
    }
    found = []
    for key, value in values.items() if path not in open_maps else []:
        found.append((path, key, value))
        if isinstance(value, dict):
            found += closed_keys(value, f"{path}.{key}".lstrip("."))
    return found


def test_every_misspelled_key_is_refused():
    """All of them at once: Helm names each."""
    mistakes = {(path, f"{key}x"): value for path, key, value in closed_keys(VALUES)}
    misspelled = [nested(f"{path}.{key}".lstrip("."), value) for (path, key), value in mistakes.items()]

    with pytest.raises(Refused) as refused:
        manifest(merged(VALUES, *misspelled))
    reported = {
        (where.strip("/").replace("/", "."), key)
        for where, keys in re.findall(r"at '([^']*)': additional properties (.*) not allowed", str(refused.value))
        for key in re.findall(r"'([^']+)'", keys)
    }
    assert len(mistakes) > 150
    assert set(mistakes) - reported == set()


@pytest.mark.parametrize("path", sorted(set(leaves(VALUES)) - {"enabled"}))
def test_every_value_does_something(path):
    prefixes = [prefix for prefix in BEFORE if path == prefix or path.startswith(prefix + ".")]
    before = BEFORE[max(prefixes, key=len)] if prefixes else {}
    if path.endswith(".enabled") and leaves(before).get(path) is True:
        before, changed = {}, before
    else:
        changed = merged(before, nested(path, other(path, leaves(VALUES)[path])))

    assert manifest(before) != manifest(changed)


def test_every_value_a_template_uses_is_declared():
    declared = set(leaves(VALUES)) | {
        path.rsplit(".", depth)[0] for path in leaves(VALUES) for depth in range(1, path.count(".") + 1)
    }
    for name, text in TEMPLATES.items():
        for path in re.findall(r"\.Values\.([A-Za-z][\w.]*)", text):
            assert path in declared, f"{name}: .Values.{path}"
        for path in re.findall(r"\$values\.([A-Za-z][\w.]*)", text):
            assert {f"api.{path}", f"monitoring.{path}"} & declared, f"{name}: $values.{path}"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"api": {"logSync": "sometimes"}}, "always"),
        ({"api": {"logText": "none"}}, "redacted"),
        ({"api": {"auditRate": 5}}, "maximum"),
        ({"api": {"rateLimit": 100_001}}, "maximum"),
        ({"api": {"rateLimit": 0.5}}, "integer"),
        ({"api": {"image": {"digest": "sha256:1234"}}}, "pattern"),
        ({"api": {"image": {"tag": 1.0}}}, "string"),
        ({"monitoring": {"basePath": "sentiment/"}}, "pattern"),
        ({"api": {"basePath": "sentiment/"}}, "pattern"),
        ({"api": {"allowedHosts": ["https://a.example"]}}, "pattern"),
        ({"monitoring": {"allowedHosts": ["a.example:8501"]}}, "pattern"),
        ({"api": {"corsOrigins": ["a.example"]}}, "pattern"),
        ({"api": {"forwardedAllowIps": ["proxy.example"]}}, "pattern"),
        ({"api": {"service": {"ipFamilyPolicy": "DualStack"}}}, "RequireDualStack"),
        ({"monitoring": {"accuracyThreshold": 80}}, "maximum"),
        ({"monitoring": {"falseAlarmBudget": 2}}, "maximum"),
        ({"monitoring": {"watch": {"webhookUrl": "hooks.example"}}}, "pattern"),
        ({"monitoring": {"signIn": {"allowed": ["example.org"]}}}, "pattern"),
        ({"log": {"accessModes": []}}, "minItems"),
        ({"log": {"accessModes": ["RWO"]}}, "ReadWriteOnce"),
        ({"log": {"size": "big"}}, "pattern"),
        ({"api": {"replicas": -1}}, "minimum"),
        ({"fullnameOverride": "Sentiment_Monitor"}, "pattern"),
        ({"api": {"extraEnv": [{"value": "nameless"}]}}, "name"),
        ({"securityContext": {"readOnlyRootFileSystem": True}}, "readOnlyRootFileSystem"),
    ],
)
def test_a_value_of_another_kind_is_refused(values, reason):
    with pytest.raises(Refused, match=reason):
        manifest(values)


def test_it_works_as_a_subchart(tmp_path):
    parent = tmp_path / "parent"
    shutil.copytree(CHART, parent / "charts" / "sentiment-monitor")
    dependency = {"name": "sentiment-monitor", "version": "0.1.0", "condition": "sentiment-monitor.enabled"}
    chart = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(chart))
    shared = {"global": {"imageRegistry": "registry.example.org", "somebodyElses": 1}}

    objects = render(shared | {"sentiment-monitor": {"enabled": True}}, chart=parent)
    without = render({"sentiment-monitor": {"enabled": False}}, chart=parent)

    images = {pod["spec"]["containers"][0]["image"] for pod in pods(objects).values()}
    assert {image.split("/")[0] for image in images} == {"registry.example.org"}
    assert without == []


def test_no_default_is_null():
    assert [path for path, value in leaves(VALUES).items() if value is None] == []

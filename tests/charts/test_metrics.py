"""The alerts and the Grafana dashboard ask only for what the /metrics of the API and the watch have."""

import json
import re
import subprocess

import pytest
import yaml

from tests.charts.conftest import CHART, of_kind, render, tool, values_of
from tests.monitoring.watch.test_metrics import DOCUMENTED

FILES = CHART / "files"
# Words of PromQL, functions and the labels that Prometheus itself adds.
PROMETHEUS_LABELS = {"namespace", "job", "pod", "le"}


def expressions() -> list[str]:
    rules = [
        rule["expr"]
        for group in yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
        for rule in group["rules"]
    ]
    dashboard = json.loads((FILES / "grafana-dashboard.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return rules + panels


@pytest.fixture
def samples(client) -> dict[str, set[str]]:
    """Each metric with its labels: of the API's /metrics after one request of each kind, and the watch's documented
    ones."""
    answer = client.post("/predict", json={"text": "wonderful", "true_sentiment": "positive"})
    assert answer.status_code == 200
    client.get("/readyz")
    found: dict[str, set[str]] = {name: {label} - {""} for name, label, _ in DOCUMENTED}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", client.get("/metrics").text, re.M):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def test_every_metric_and_label_asked_for_exists(samples):
    assert len(expressions()) > 10
    for expression in expressions():
        asked = set(re.findall(r"\b(sentiment_\w+)", expression))
        assert asked
        assert asked <= set(samples), expression
        labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression))
        for group in re.findall(r"(?:by|without|on|ignoring)\s*\(([^)]*)\)", expression):
            labels |= set(re.findall(r"\w+", group))
        assert labels - PROMETHEUS_LABELS <= set().union(*(samples[name] for name in asked)), expression


@pytest.mark.parametrize(("verb", "name"), [("check", "alerts.yaml"), ("test", "alerts.test.yaml")])
def test_promtool_agrees(verb, name):
    done = subprocess.run([tool("promtool"), verb, "rules", name], cwd=FILES, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rule_and_the_dashboard_are_the_files():
    objects = render(values_of("observability"))
    rule, dashboard = of_kind(objects, "PrometheusRule"), of_kind(objects, "ConfigMap")

    assert rule["spec"] == yaml.safe_load((FILES / "alerts.yaml").read_text())
    assert json.loads(dashboard["data"]["sentiment-monitor.json"]) == json.loads(
        (FILES / "grafana-dashboard.json").read_text()
    )
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize("component", ["api", "watch"])
def test_the_service_monitor_finds_the_service_and_its_metrics(component):
    objects = render(values_of("observability"))
    monitor, service = (of_kind(objects, kind, component) for kind in ("ServiceMonitor", "Service"))
    monitor = monitor["spec"]

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["endpoints"]
    assert (endpoint["path"], endpoint["port"]) == ("/metrics", service["spec"]["ports"][0]["name"])
    assert "authorization" not in endpoint


def test_prometheus_sends_a_token_to_the_api_alone():
    objects = render(values_of("tokens"))
    (api,), (watch,) = (of_kind(objects, "ServiceMonitor", name)["spec"]["endpoints"] for name in ("api", "watch"))

    assert api["authorization"] == {"credentials": {"name": "tokens-extra", "key": "admin-token"}}
    assert "authorization" not in watch

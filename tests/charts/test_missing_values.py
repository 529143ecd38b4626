"""Values that are not there: of an older release that is upgraded with `--reuse-values`, or because they are null."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.charts.conftest import CHART, TEMPLATES, Refused, manifest, merged, nested, pods, render, tool, values_of
from tests.charts.test_schema import VALUES, comments, leaves

EVERYTHING = values_of("everything")
HELPERS = (CHART / "templates" / "_defaults.tpl").read_text()
WHOLE = set(re.findall(r'"(\w+)"', next(line for line in HELPERS.splitlines() if "$whole := list" in line)))


def maps(values: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """Every mapping that holds something, by its dotted path."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= {f"{path}{key}": value, **maps(value, f"{path}{key}.")}
    return found


def is_whole(path: str) -> bool:
    """Whether the value is one that Kubernetes defines, or a part of it; not of the test's pod."""
    return bool(set(path.split(".")) & WHOLE) and not path.startswith("tests.")


def without(values: dict[str, Any], path: str) -> dict[str, Any]:
    key, _, rest = path.partition(".")
    if key not in values:
        return values
    if not rest:
        return {name: value for name, value in values.items() if name != key}
    return values | {key: without(values[key], rest)}


def outcome(values: dict[str, Any], **where: Any) -> str:
    """The rendered chart, or the error if values cannot be combined."""
    try:
        return manifest(values, **where)
    except Refused as refused:
        return re.sub(r".*(these values cannot be combined)", r"\1", str(refused), flags=re.S)


def test_the_defaults_that_templates_fall_back_to_are_those_of_values_yaml():
    copy = CHART / "files" / "values.yaml"

    assert copy.read_text() == (CHART / "values.yaml").read_text(), "`make chart-docs` copies it"


def test_what_is_one_value_is_what_has_one_comment():
    described = {path for path in maps(VALUES) if path in comments()}

    assert {path.rsplit(".", 1)[-1] for path in described} == WHOLE


@pytest.mark.parametrize("path", [path for path in maps(VALUES) if not is_whole(path)])
def test_a_group_of_values_that_is_missing_has_its_defaults(path):
    assert outcome(merged(EVERYTHING, nested(path, None))) == outcome(without(EVERYTHING, path))


@pytest.mark.parametrize("group", VALUES)
def test_each_value_that_is_missing_has_its_default(group):
    missing = [path for path in leaves({group: VALUES[group]}) if not is_whole(path)]
    expected = EVERYTHING
    for path in missing:
        expected = without(expected, path)

    assert outcome(merged(EVERYTHING, *(nested(path, None) for path in missing))) == outcome(expected)


@pytest.mark.parametrize("path", [path for path in maps(VALUES) if is_whole(path)])
def test_what_kubernetes_defines_may_be_left_out_in_whole_or_in_part(path):
    objects = render(merged(EVERYTHING, nested(path, None)))

    assert set(pods(objects)) == {"api", "monitoring", "tests"}


def test_what_is_taken_out_of_a_default_stays_out():
    taken = merged(
        {"podSecurityContext": None},
        nested("api.resources.limits", None),
        nested("securityContext.readOnlyRootFilesystem", None),
    )
    found = pods(render(taken))["api"]["spec"]

    assert not found["securityContext"]
    assert set(found["containers"][0]["resources"]) == {"requests"}
    assert set(found["containers"][0]["securityContext"]) == {"allowPrivilegeEscalation", "capabilities"}


def test_the_pod_of_the_test_keeps_the_resources_that_it_had_before_they_were_a_value():
    usual, upgraded = (
        pods(render(values))["tests"]["spec"]["containers"][0] for values in ({}, {"tests": {"resources": None}})
    )

    assert upgraded["resources"] == usual["resources"] == VALUES["tests"]["resources"]


@pytest.mark.promise(
    "Local environment",
    "`helm upgrade --reuse-values` from a release that had none of today's values",
    "the chart renders, with today's defaults for all except what Kubernetes defines",
)
@pytest.mark.parametrize("helm", ["helm", "helm3"])
def test_a_release_without_any_of_todays_values_is_upgraded_to_todays_defaults(tmp_path, helm, publish):
    """As `--reuse-values` does it: the values of the older release stand in place of the chart's own."""
    chart = tmp_path / "sentiment-monitor"
    shutil.copytree(CHART, chart)
    (chart / "values.yaml").write_text("{}\n")
    program = helm if helm == "helm" else tool(helm)
    objects = render(chart=chart, helm=program)
    found = pods(objects)
    usual = pods(render())
    whole = {"securityContext", "resources", "startupProbe", "readinessProbe", "livenessProbe"}

    assert [item["kind"] for item in objects] == [item["kind"] for item in render()]
    for component, pod in usual.items():
        for ours, theirs in zip(pod["spec"]["containers"], found[component]["spec"]["containers"], strict=True):
            assert {k: v for k, v in ours.items() if k not in whole} == {
                k: v for k, v in theirs.items() if k not in whole
            }
    version = subprocess.run([program, "version", "--short"], capture_output=True, text=True).stdout.strip()
    number = len(leaves(VALUES))
    publish(f"Helm {version}: {number} of {number} values missing, rendered with the defaults")


@pytest.mark.parametrize("older", [{}, {"api": {"image": {"tag": "0.9"}}, "monitoring": {"enabled": True}}])
def test_a_release_of_an_older_chart_keeps_what_was_set(tmp_path, older):
    chart = tmp_path / "sentiment-monitor"
    shutil.copytree(CHART, chart)
    (chart / "values.yaml").write_text(yaml.safe_dump(older))
    found = pods(render({"api": {"replicas": 2}, "log": {"accessModes": ["ReadWriteMany"]}}, chart=chart))
    tag = older.get("api", {}).get("image", {}).get("tag", "0.1.0")

    assert found["api"]["spec"]["containers"][0]["image"] == f"sentiment-monitor-api:{tag}"


def test_every_template_begins_with_the_defaults():
    rendered = [path for path in TEMPLATES if path.suffix != ".tpl"]
    assert len(rendered) > 15
    for path in rendered:
        assert path.read_text().startswith('{{- include "sentiment-monitor.defaults" . -}}\n'), path

"""The chart's papers: its README is the values', its notes hold commands that work, its files stay small."""

import re
import subprocess
from typing import Any

import pytest
import yaml

import api
from tests.charts.conftest import CHART, SHAPES, TEMPLATES, pods, render, tool, values_file, values_of
from tests.conftest import ROOT, environment, require

METADATA: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())


def notes(shape: str, *options: str) -> str:
    """What an install would print; only Helm 4 can say it without a cluster."""
    version = subprocess.run(["helm", "version", "--short"], capture_output=True, text=True).stdout
    require("KUBERNETES", version.startswith("v4"), f"the notes need Helm 4, and this is {version.strip()}")
    values = ["--values", str(values_file(shape))]
    done = subprocess.run(
        ["helm", "install", "opinion", str(CHART), "--namespace", "reviews", "--dry-run=client", *values, *options],
        env=environment(KUBECONFIG="/nonexistent"),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("NOTES:\n")[1]


def test_the_readme_is_made_from_the_values():
    command = [tool("helm-docs"), "--chart-search-root", str(CHART.parent), "--dry-run"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert made.strip() == (CHART / "README.md").read_text().strip(), "run `make chart-docs`"


def test_the_readmes_examples_render():
    blocks = re.findall(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.S)
    assert blocks
    for block in blocks:
        assert render(yaml.safe_load(block))


def test_the_readme_names_only_values_that_exist():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    text = (CHART / "README.md").read_text().split("## Values")[0]
    named = re.findall(r"`((?:api|monitoring|log|networkPolicy|tests|metrics)\.[\w.]+)", text)
    assert len(named) > 10
    for path in named:
        found = values
        for key in path.split("."):
            assert key in found or found == {}, path
            found = found.get(key, {})


def test_the_notes_tell_how_to_reach_test_and_delete_it():
    text = notes("default")

    assert "kubectl --namespace reviews port-forward service/opinion-sentiment-monitor-api 8000:8000" in text
    assert "kubectl --namespace reviews port-forward service/opinion-sentiment-monitor-monitoring 8501:8501" in text
    assert "helm --namespace reviews test opinion" in text
    assert "delete persistentvolumeclaim opinion-sentiment-monitor-log" in text
    assert "WARNING" not in text


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("ingress", "https://sentiment.example.org/dashboard"),
        ("http-route", "http://sentiment.example.org/dashboard"),
        ("node-port", "get service opinion-sentiment-monitor-monitoring --output jsonpath='{.spec.ports[0].nodePort}'"),
        ("everything", "get service opinions-api --output jsonpath='{.status.loadBalancer.ingress[0].ip}'"),
        ("base-path", "http://localhost:8501/team/sentiment"),
        ("sign-in", "as redirect URI\n  https://monitor.example.org/sentiment/oauth2callback\n"),
        ("api-alone", "WARNING: log.emptyDir=true"),
        ("single-pod-volume", "WARNING: log.keepOnUninstall=false"),
        ("read-write-many", "which the release does not own"),
        ("default", "The API requires no token: every pod of the cluster can use it"),
        ("network-policy", "The API requires no token: the peers in networkPolicy.apiFrom can use it"),
        ("tokens", "get secret tokens-extra --output jsonpath='{.data.admin-token}' | base64 --decode"),
    ],
)
def test_the_notes_fit_the_values(shape, said):
    assert said in notes(shape)


def test_the_notes_warn_of_a_log_that_is_never_forced_to_disk():
    assert "WARNING: api.logSync=no" in notes("default", "--set", "api.logSync=no")


def test_the_notes_warn_of_a_provider_that_cannot_be_reached():
    warning = "networkPolicy.enabled=true without networkPolicy.extraEgress"

    assert warning in notes("sign-in", "--set-json", "networkPolicy.extraEgress=[]")
    assert warning not in notes("sign-in")


def test_the_notes_of_the_api_alone_speak_of_no_dashboard():
    assert "Dashboard" not in notes("api-alone")


def test_every_shape_says_what_it_is_for():
    assert len(SHAPES) > 10
    for shape in SHAPES:
        assert values_file(shape).read_text().startswith("# "), shape
    assert values_of("default") == {}


def test_the_chart_can_be_read_in_one_sitting():
    assert len(TEMPLATES) > 20
    for path in TEMPLATES:
        assert path.read_text().count("\n") <= 150, path
        assert path.suffix != ".yaml" or path.read_text().count("\nkind: ") <= 1, path
    assert (CHART / "values.yaml").read_text().count("\n") <= 420
    assert "dependencies" not in METADATA


def test_the_chart_says_all_that_a_catalogue_asks():
    assert METADATA["apiVersion"] == "v2"
    assert METADATA["appVersion"] == METADATA["version"] == api.__version__
    assert {"description", "kubeVersion", "icon", "home", "sources", "maintainers", "keywords"} <= set(METADATA)
    images = yaml.safe_load(METADATA["annotations"]["artifacthub.io/images"])
    rendered = {pod["spec"]["containers"][0]["image"] for pod in pods(render()).values()}
    assert {image["image"] for image in images} == rendered
    changes = yaml.safe_load(METADATA["annotations"]["artifacthub.io/changes"])
    assert {change["kind"] for change in changes} <= {"added", "changed", "fixed", "removed", "deprecated", "security"}

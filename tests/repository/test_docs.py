"""What the README says is so: settings, routes, log fields, make targets, the order of the page's words."""

import inspect
import json
import re
from dataclasses import fields
from typing import Any

import pytest

import api
from api.main import create_app
from api.prediction_log.records import FeedbackRecord, HashedRecord, PredictionRecord
from api.settings import Settings as ApiSettings
from monitoring.settings import Settings as MonitoringSettings
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "charts/sentiment-monitor/README.md"]
DOCUMENTS += [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")]
SETTINGS = {
    name: (default.strip("`"), service)
    for name, default, service in re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (api|dashboard|watch|both) \|", README, re.M)
}


def variables(settings: Any) -> set[str]:
    """The environment variables that the class reads, by its source."""
    return set(re.findall(r'"([A-Z][A-Z_]+)"', inspect.getsource(settings.from_env)))


@pytest.mark.parametrize(
    ("settings", "services"), [(ApiSettings, {"api"}), (MonitoringSettings, {"dashboard", "watch"})]
)
def test_the_settings_table_has_every_variable_a_service_reads_and_no_other(settings, services):
    documented = {name for name, (_, of) in SETTINGS.items() if of in {*services, "both"}}

    assert documented == variables(settings) == {field.name.upper() for field in fields(settings)}


@pytest.mark.parametrize("settings", [ApiSettings, MonitoringSettings])
def test_the_documented_defaults_are_the_real_ones(settings):
    for field in fields(settings):
        if field.name == "model_card_path":
            continue  # beside the model, in words
        default = "" if field.default is None else str(field.default).removeprefix(f"{ROOT}/")
        assert SETTINGS[field.name.upper()][0] == default


def test_the_route_table_has_every_route_and_no_other():
    documented = set(re.findall(r"^\| `(GET|POST) (/[a-z/]+)` \|", README, re.M))
    served = {
        (method.upper(), path)
        for path, operations in create_app(ApiSettings()).openapi()["paths"].items()
        for method in operations
    }

    assert documented == served | {("GET", "/docs")}


def test_the_log_lines_shown_have_the_fields_that_are_written():
    lines = [json.loads(block) for block in re.findall(r"```json\n(\{\"timestamp.*)\n```", README)]

    assert [list(line) for line in lines] == [
        [field.name for field in fields(PredictionRecord)],
        [field.name for field in fields(FeedbackRecord)],
        [field.name for field in fields(HashedRecord)],
    ]


def test_every_make_target_named_in_the_documents_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
    for name in DOCUMENTS:
        for command in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([^`]+)`", (ROOT / name).read_text()):
            named = [word for word in re.sub(r'"[^"]*"', "", command).split() if "=" not in word]
            assert set(named) <= targets, name


def test_the_measured_accuracy_is_that_of_the_shipped_model_card():
    accuracy = json.loads((ROOT / "api" / "model_card.json").read_text())["metrics"]["accuracy"]["value"]

    assert f"{accuracy:.1%} in cross-validation".replace("%", " %") in README


def test_the_version_has_its_entry_in_the_changelog():
    assert f"## [{api.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_links_between_the_documents_lead_somewhere():
    for path in [ROOT / name for name in DOCUMENTS]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_table_of_interruptions_has_what_the_smoke_tests_measure():
    code = "".join(path.read_text() for path in (ROOT / "tests" / "smoke").glob("test_*.py"))
    table = (ROOT / "docs" / "operations.md").read_text().split("## What clients see")[1].split("\n## ")[0]
    documented = re.findall(r"^\| (.+?) \| \d+ \| \d+ \| [\d.]+ s \|$", table, re.M)

    assert sorted(documented) == sorted(re.findall(r'"((?:node drained|API pod killed|upgrade|rollback), .+?)"', code))


def test_the_architecture_names_the_charts_templates():
    templates = ROOT / "charts" / "sentiment-monitor" / "templates"
    text = (ROOT / "docs" / "architecture.md").read_text()

    for path in [*templates.glob("_*.tpl"), *(found for found in templates.iterdir() if found.is_dir())]:
        assert path.name in text, path

"""The documents agree with the code: settings, routes, log fields, make targets, links, examples, measured figures."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

import api
from api.main import create_app
from api.prediction_log.records import FeedbackRecord, HashedRecord, PredictionRecord
from api.settings import Settings as ApiSettings
from monitoring.settings import Settings as MonitoringSettings
from tests.conftest import ROOT, environment, read_lines

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "charts/**/*.md", "training/**/*.md")
    for path in ROOT.glob(pattern)
)
SETTINGS_ROWS = re.findall(
    r"^\| `([A-Z_]+)` \| (.*?) \| (api|dashboard|watch|both) \|", (DOCS / "settings.md").read_text(), re.M
)
SETTINGS = {name: (default.strip("`"), service) for name, default, service in SETTINGS_ROWS}
MOST_LINES = {"README.md": 160, "CONTRIBUTING.md": 100, "docs/internals/architecture.md": 150}
FIRST_SCREEN = 40  # lines


@pytest.mark.parametrize(
    ("settings", "services"), [(ApiSettings, {"api"}), (MonitoringSettings, {"dashboard", "watch"})]
)
def test_the_settings_table_has_every_variable_a_service_reads_and_no_other(settings, services):
    documented = {name for name, (_, of) in SETTINGS.items() if of in {*services, "both"}}

    assert documented == {field.name.upper() for field in fields(settings)}


def test_every_setting_is_documented_once():
    assert [name for name, rows in Counter(name for name, *_ in SETTINGS_ROWS).items() if rows > 1] == []


@pytest.mark.parametrize("settings", [ApiSettings, MonitoringSettings])
def test_the_documented_defaults_are_the_real_ones(settings):
    for field in fields(settings):
        if field.name == "model_card_path":
            continue  # beside the model, in words
        default = "" if field.default is None else str(field.default).removeprefix(f"{ROOT}/")
        assert SETTINGS[field.name.upper()][0] == default


def test_the_route_table_has_every_route_and_no_other():
    documented = set(re.findall(r"^\| `(GET|POST) (/[a-z/]+)` \|", (DOCS / "api.md").read_text(), re.M))
    served = {
        (method.upper(), path)
        for path, operations in create_app(ApiSettings()).openapi()["paths"].items()
        for method in operations
    }

    assert documented == served | {("GET", "/docs")}


def test_the_log_lines_shown_have_the_fields_that_are_written():
    text = (DOCS / "log.md").read_text()
    lines = [json.loads(block) for block in re.findall(r"```json\n(\{\"timestamp.*)\n```", text)]

    assert [list(line) for line in lines] == [
        [field.name for field in fields(PredictionRecord)],
        [field.name for field in fields(FeedbackRecord)],
        [field.name for field in fields(HashedRecord)],
    ]


def test_every_field_of_the_log_is_explained_and_no_other():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ", (DOCS / "log.md").read_text().split("## Files")[0], re.M)
    documented = [name for row in rows for name in re.findall(r"\w+", row)]

    assert sorted(documented) == sorted(
        {field.name for record in (PredictionRecord, FeedbackRecord, HashedRecord) for field in fields(record)}
    )


def test_every_make_target_named_in_the_documents_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
    assert len(DOCUMENTS) > 10
    for name in DOCUMENTS:
        for command in re.findall(r"`(?:[A-Z_]+=\S+ )*make ([^`]+)`", (ROOT / name).read_text()):
            named = [word for word in re.sub(r'"[^"]*"', "", command).split() if "=" not in word]
            assert set(named) <= targets, name


def test_the_measured_accuracy_is_that_of_the_shipped_model_card():
    accuracy = json.loads((ROOT / "api" / "model_card.json").read_text())["metrics"]["accuracy"]["value"]

    assert f"{accuracy:.1%} cross-validation accuracy".replace("%", " %") in README


def test_the_share_of_redacted_phone_numbers_is_the_measured_one():
    results = json.loads((ROOT / "benchmarks" / "results" / "reliability.json").read_text())
    (measured,) = (str(result["results"]) for test, result in results.items() if "telephone_numbers" in test)
    (international, national) = re.findall(r"\(([\d.]+) %\) gone", measured)

    security = " ".join((DOCS / "security.md").read_text().split())

    assert international == "100.0"
    assert f"all tested international phone numbers and {float(national):.0f} % of national ones" in security


@pytest.mark.parametrize("name", MOST_LINES)
def test_a_document_stays_short(name):
    assert (ROOT / name).read_text().count("\n") <= MOST_LINES[name]


def test_a_newcomer_finds_how_to_run_and_to_test_on_the_first_screen():
    first_screen = README.splitlines()[:FIRST_SCREEN]

    assert {"make run", "make test"} <= {line.split("#")[0].strip() for line in first_screen}


def test_every_document_is_listed_in_the_readme():
    listed = set(re.findall(r"\]\((docs/[\w/]+\.md)\)", README.split("## Where to read on")[1]))

    assert listed == {path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md")}


def test_every_path_that_contributing_names_exists():
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)`", (ROOT / "CONTRIBUTING.md").read_text())

    assert len(named) > 25
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_messages_in_troubleshooting_are_those_of_the_code():
    """Those of other programs are listed here. `…` stands for what varies."""
    foreign = {"port is already allocated", "ensurepip is not available", "No locks available", "Permission denied"}
    foreign |= {"Authentication error", "didn't match pod affinity rules"}
    sources = [ROOT / "Makefile"]
    for folder, suffix in [("api", "py"), ("monitoring", "py"), ("scripts", "py"), ("charts", "yaml")]:
        sources += (ROOT / folder).rglob(f"*.{suffix}")
    code = re.sub(r'"\s*f?"', "", "\n".join(path.read_text() for path in sources))
    rows = re.findall(r"^\| (.*?) \| ", (DOCS / "troubleshooting.md").read_text(), re.M)
    messages = {message for row in rows for message in re.findall(r"`([^`]* [^`]*)`", row)} - foreign
    parts = {part.strip(" ;'") for message in messages for part in message.split("…")} - {""}

    assert len(messages) > 15
    assert [part for part in sorted(parts) if part not in code] == []


def test_the_version_has_its_entry_in_the_changelog():
    assert f"## [{api.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def prose(document: Path) -> str:
    """The document without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", document.read_text(), flags=re.M | re.S)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#+ (.+)$", prose(document), re.M):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def broken_links(document: Path) -> list[str]:
    """The relative links of a document whose file or heading does not exist."""
    broken = []
    for link in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)\)", prose(document)):
        target, _, anchor = link.partition("#")
        file = document.parent / target if target else document
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_and_anchor_resolves(name):
    assert broken_links(ROOT / name) == []


def test_every_document_named_in_the_code_exists():
    folders = ("api", "benchmarks", "charts", "monitoring", "scripts", "tests", "training")
    sources = [ROOT / "Makefile", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    named = {name for path in sources for name in re.findall(r"\bdocs/[\w/]+\.md", path.read_text())}

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_link_to_a_missing_file_or_heading_is_found(tmp_path):
    document = tmp_path / "a.md"
    document.write_text(
        "# What `make` does, twice\n# One\n# One\n```sh\n# no heading\n[code](none.md)\n```\n"
        "[1](#what-make-does-twice) [2](a.md#one-1) [3](#no-heading) [4](a.md#one-2) [5](none.md) [6](https://x.example/#y)"
    )

    assert broken_links(document) == ["#no-heading", "a.md#one-2", "none.md"]


def test_the_table_of_interruptions_has_what_the_smoke_tests_measure():
    code = "".join(path.read_text() for path in (ROOT / "tests" / "smoke").glob("test_*.py"))
    table = (DOCS / "operations.md").read_text().split("## What clients see")[1].split("\n## ")[0]
    documented = re.findall(r"^\| (.+?) \| \d+ \| \d+ \| [\d.]+ s \|$", table, re.M)

    assert sorted(documented) == sorted(re.findall(r'"((?:node drained|API pod killed|upgrade|rollback), .+?)"', code))


def test_the_architecture_has_one_row_for_each_folder_of_code():
    text = (DOCS / "internals" / "architecture.md").read_text()
    documented = re.findall(r"^\| `([a-z_/]+)` \|", text.split("The chart `")[0], re.M)
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("api", "benchmarks", "monitoring", "scripts", "training")
        for path in (ROOT / top).rglob("*.py")
    }

    assert sorted(documented) == sorted(folders)


def test_the_architecture_quotes_every_rule_of_imports():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    text = (DOCS / "internals" / "architecture.md").read_text()

    assert re.findall(r"^\d+\. \*\*(.+?)\.\*\*", text, re.M) == [contract["name"] for contract in contracts]
    layers = [" > ".join(contract["layers"]) for contract in contracts if contract["type"] == "layers"]
    assert re.findall(r"^   `(.+)`$", text, re.M) == layers != []


def test_the_architecture_names_the_charts_templates():
    templates = ROOT / "charts" / "sentiment-monitor" / "templates"
    text = (DOCS / "internals" / "architecture.md").read_text()

    for path in [*templates.glob("_*.tpl"), *(found for found in templates.iterdir() if found.is_dir())]:
        assert path.name in text, path


@pytest.mark.processes
def test_the_examples_of_the_readme_work(running_api):
    (python,) = re.findall(r"```python\n(.*?)```", README, re.S)
    (curl,) = re.findall(r"^curl .*$", README, re.M)
    (answer,) = re.findall(r"^{\"prediction_id.*$", README, re.M)
    labels = running_api.log_dir / "feedback_logs.json"
    before = len(read_lines(labels))

    def run(*command: str) -> str:
        here = [word.replace("http://localhost:8000", running_api.url) for word in command]
        return subprocess.run(here, env=environment(no_proxy="*"), capture_output=True, text=True, check=True).stdout

    assert list(json.loads(run(*shlex.split(curl)))) == list(json.loads(answer))
    label, confidence = run(sys.executable, "-c", python).split()
    assert label in {"negative", "positive"}
    assert 0 < float(confidence) <= 1
    assert [line["true_sentiment"] for line in read_lines(labels)[before:]] == ["negative"]

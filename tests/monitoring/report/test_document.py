"""What the page shows, as files, of real logs."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from monitoring.report.document import main
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import append, at, prediction

pytestmark = pytest.mark.processes
VERSION = load_profile(ROOT / "monitoring" / "reference.json").model_version
NASTY = "<script>alert(1)</script>"


class Tags(HTMLParser):
    """What the tags of a document refer to, and its words."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.words = ""
        self.feed(document)

    def handle_starttag(self, tag, attrs) -> None:
        self.references += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data) -> None:
        self.words += data


def lines(n: int, **fields) -> list[bytes]:
    own = {"model_version": VERSION, "true_sentiment": "positive"}
    return [
        prediction(**own | {"timestamp": at(n), "request_text": f"film {n}", "prediction_id": f"{n}"} | fields)
        for n in range(n)
    ]


@pytest.fixture
def written(tmp_path, capsys):
    """Runs the command on a log, and gives its exit code, what it said, and the two documents."""

    def run(*log: bytes, arguments: tuple[str, ...] = (), **environment: str):
        if log:
            append(tmp_path / "logs" / "prediction_logs.json", *log)
        html, figures = tmp_path / "report.html", tmp_path / "report.json"
        variables = {**os.environ, "LOG_DIR": str(tmp_path / "logs"), **environment}
        try:
            code: object = main(["--html", str(html), "--json", str(figures), *arguments], variables)
        except SystemExit as end:
            code = end.code
        documents = [path.read_text("utf-8") if path.exists() else "" for path in (html, figures)]
        return code, "".join(capsys.readouterr()), *documents

    return run


def test_the_command_writes_a_report_of_the_log_of_its_environment(tmp_path):
    append(tmp_path / "logs" / "prediction_logs.json", *lines(40))
    command = [sys.executable, "-m", "monitoring.report", "--html", tmp_path / "a.html", "--json", tmp_path / "a.json"]

    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "LOG_DIR": str(tmp_path / "logs")}, capture_output=True, text=True
    )

    said = f"Written: {tmp_path / 'a.html'} and {tmp_path / 'a.json'}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert json.loads((tmp_path / "a.json").read_text())["requests"] == 40
    assert (tmp_path / "a.html").stat().st_size > 100_000


def test_a_report_is_one_file_for_people_and_one_of_figures(written):
    code, said, html, figures = written(*lines(200))

    assert (code, said.startswith("Written: ")) == (0, True)
    found = json.loads(figures)
    assert found["requests"] == 200
    assert found["accuracy"]["value"] == 1
    assert set(found["signals"]) >= {"accuracy", "validation", "length", "vocabulary", "confidence", "prediction"}
    assert found["alerts"][0]["title"] == "Accuracy is not below 80%"
    page = Tags(html)
    assert "Accuracy is not below 80%" in page.words
    assert html.count("Plotly.newPlot(") >= 5
    assert page.references == []


def test_a_report_says_the_alarms_that_stand_and_what_to_do(written):
    _, _, html, figures = written(*lines(200, true_sentiment="negative"))

    found = json.loads(figures)
    assert {alert["name"] for alert in found["alerts"] if alert["proven"]} >= {"accuracy", "validation"}
    assert found["signals"]["accuracy"]["evidence"] == 1
    assert found["alerts"][0]["since"] == "2026-11-23T12:29:00+00:00"
    assert found["alerts"][0]["action"].startswith("Read the wrong predictions")
    words = Tags(html).words
    assert "Accuracy is below 80%." in words
    assert "Next: Read the wrong predictions" in words


def test_a_report_can_be_of_a_segment(written):
    log = [*lines(10), *lines(5, predicted_sentiment="negative"), *lines(3, model_version="v2")]

    _, _, html, figures = written(*log, arguments=("--label", "negative", "--version", VERSION))

    assert json.loads(figures)["requests"] == 5
    assert json.loads(figures)["selection"]["predicted_sentiment"] == ["negative"]
    assert "predicted_sentiment: negative" in Tags(html).words


def test_nothing_from_outside_becomes_html_of_the_report(written):
    log = lines(120, request_text=NASTY, predicted_sentiment=NASTY, true_sentiment=NASTY, model_version=NASTY)
    log += lines(120, predicted_sentiment=NASTY)

    code, _, html, _ = written(*log)

    assert code == 0
    assert NASTY not in html
    assert "alert(1)" in Tags(html).words


@pytest.mark.parametrize(
    ("log", "arguments", "environment", "reason"),
    [
        ([], (), {}, "No report: "),
        (lines(1), ("--version", "another"), {}, "no request in"),
        (lines(1), ("--hours", "1"), {}, "no request in"),
        (lines(1), (), {"MIN_LABELS": "many"}, "MIN_LABELS is 'many'"),
    ],
)
def test_without_anything_to_report_it_says_why_and_exits_with_3(written, log, arguments, environment, reason):
    code, said, html, figures = written(*log, arguments=arguments, **environment)

    assert (code, html, figures) == (3, "", "")
    assert reason in said


@pytest.mark.parametrize("option", ["--html", "--json"])
@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("/no/where", "No such file or directory"),
        ("/", "Is a directory"),
        ("/dev/full", "No space left on device"),
        ("/proc/version", "Permission denied"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_sentence(written, option, where, reason):
    code, said, _, _ = written(*lines(1), arguments=(option, where))

    assert code == 3
    assert said in (
        f"No report: {where} cannot be written: {reason}; name another file.\n",
        f"No report: {where} cannot be written: Input/output error; name another file.\n",  # what root gets of /proc
    )


@pytest.mark.parametrize("hours", ["nan", "inf", "-1", "1e9", "9" * 4301, "some"])
def test_hours_that_are_no_time_are_one_sentence(written, hours):
    code, said, _, _ = written(arguments=("--hours", hours))

    assert code == 2
    assert said.endswith(f"error: argument --hours: {hours!r} is not a number from 0 to 1000000\n")


def test_a_report_without_a_usable_profile_says_so_and_tells_the_rest(written, tmp_path):
    code, said, _, figures = written(*lines(40), REFERENCE_PATH=str(tmp_path / "missing.json"))

    assert code == 0
    assert "missing.json cannot be read" in said
    assert json.loads(figures)["drift"] == {}

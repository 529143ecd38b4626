"""One kind cluster for all smoke tests, and the table of what interruptions cost, printed at the end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from scripts.kind_cluster import VALUES
from tests.conftest import ROOT, require
from tests.smoke.cluster import core, namespace
from tests.smoke.release import Release
from tests.smoke.traffic import Traffic

MEASURED = "what clients saw"


def missing() -> str:
    """Why there is no cluster to use; empty if there is one."""
    command = [sys.executable, "-m", "scripts.kind_cluster", "require"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    return "" if VALUES.exists() else "no images are loaded; `make kind-load` does that"


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Iterator[None]:
    why = missing()
    require("KUBERNETES", not why, why)
    yield
    core().api_client.close()


def in_a_namespace(request: pytest.FixtureRequest) -> Iterator[Release]:
    with namespace(f"smoke-{request.module.__name__.rsplit('_', 1)[1]}-{uuid4().hex[:8]}") as name:
        release = Release(name)
        yield release
        assert release.restarted() == [], release.state()


@pytest.fixture(scope="module")
def release(request: pytest.FixtureRequest, cluster: None) -> Iterator[Release]:
    """A release in a namespace of its own, for the tests of one file, in their order."""
    yield from in_a_namespace(request)


@pytest.fixture
def own_release(request: pytest.FixtureRequest, cluster: None) -> Iterator[Release]:
    """A release in a namespace of its own, for one test."""
    yield from in_a_namespace(request)


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str, Traffic], None]:
    """Notes what clients saw, for the table at the end of the run."""

    def note(what: str, traffic: Traffic) -> None:
        line = f"| {what} | {len(traffic.attempts)} | {traffic.failed} | {traffic.gap:.1f} s |"
        record_property(MEASURED, line)

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Of reports, since the tests run in other processes."""
    ended = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    noted = [
        line for report in ended if report.when == "call" for name, line in report.user_properties if name == MEASURED
    ]
    if noted:
        terminalreporter.section("What clients saw")
        terminalreporter.write_line("| event | requests sent | failed | longest time without an answer |")
        terminalreporter.write_line("\n".join(noted))

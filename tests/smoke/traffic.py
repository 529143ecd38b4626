"""Steady requests to a release while something happens to it, and what their clients saw."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.smoke.cluster import core, execute, gone, is_ready, run_python
from tests.smoke.release import Release

POD = "load"
CODE = (Path(__file__).parent / "load.py").read_text()


@dataclass
class Attempt:
    sent: float
    ended: float
    status: int
    prediction_id: str


@dataclass
class Traffic:
    """What the clients saw; filled when the load has ended."""

    attempts: list[Attempt] = field(default_factory=list)

    @property
    def acknowledged(self) -> set[str]:
        """The predictions whose answer arrived."""
        return {attempt.prediction_id for attempt in self.attempts if attempt.status == 200}

    @property
    def failed(self) -> int:
        return sum(attempt.status != 200 for attempt in self.attempts)

    @property
    def gap(self) -> float:
        """The longest time without an answer to anybody, in seconds."""
        answers = sorted(attempt.ended for attempt in self.attempts if attempt.status == 200)
        return max(later - earlier for earlier, later in pairwise(answers))


@contextmanager
def under_load(release: Release) -> Iterator[Traffic]:
    """Steady requests from inside the cluster through the Service, before, during and after the block."""
    namespace, traffic = release.namespace, Traffic()

    def answered() -> int:
        return core().read_namespaced_pod_log(POD, namespace).count(", 200, ")

    def finished() -> str:
        text = core().read_namespaced_pod_log(POD, namespace)
        return text if text.endswith("done\n") else ""

    run_python(namespace, POD, CODE, URL=f"http://{release.full_name}-api:8000")
    try:
        release.wait_for(lambda: is_ready(core().read_namespaced_pod(POD, namespace)), "the load's pod runs")
        release.wait_for(lambda: answered() > 100, "the load is answered")
        yield traffic
        before = answered()
        release.wait_for(lambda: answered() > before + 100, "the load is answered afterwards")
        execute(namespace, POD, "touch", "/tmp/stop")
        lines = release.wait_for(finished, "the load stops").splitlines()[:-1]
        traffic.attempts += [Attempt(*json.loads(line)) for line in lines]
    finally:
        core().delete_namespaced_pod(POD, namespace, grace_period_seconds=0)
        release.wait_for(lambda: gone(lambda: core().read_namespaced_pod(POD, namespace)), "the load's pod is gone")

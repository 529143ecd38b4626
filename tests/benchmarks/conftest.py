"""Made-up results of a run, of one server as fast as another unless a test says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.serving.rounds import turns

FIGURES: dict[str, Any] = {
    "requests": 1000,
    "seconds": 1.0,
    "requests_per_second": 1000.0,
    "items_per_second": 1000.0,
    "mean_ms": 2.0,
    "p50_ms": 2.0,
    "p99_ms": 5.0,
    "max_ms": 9.0,
    "errors": 0,
    "server_cores": 0.8,
    "others_cores": 0.02,
    "answers": 1000,
    "missing_lines": 0,
}


def made_up_round() -> dict[str, dict[str, dict[str, Any]]]:
    return {
        turn.name: {
            load.name: FIGURES | {"lines": {"prediction_logs.json": 600, "prediction_logs.1.json": 400}}
            for load in turn.loads
        }
        for turn in turns(None)
    }


@pytest.fixture
def results() -> dict[str, Any]:
    return {
        "revision": "0123456",
        "options": {"rounds": 3, "seconds": 6},
        "machine": {
            "date": "2026-11-25",
            "cpu": "a processor",
            "cores": 2,
            "memory_gb": 24.0,
            "kernel": "Linux 6",
            "python": "3.13",
            "packages": {"fastapi": "1"},
            "log_file_system": "ext4",
            "server_and_load_pinned": True,
        },
        "rounds": [made_up_round() for _ in range(3)],
        "memory": {
            "start_mb": 200.0,
            "end_mb": 210.0,
            "requests": 5000,
            "answers": 5000,
            "missing_lines": 0,
            "errors": 0,
        },
        "startup": {"tiny_seconds": 1.5, "shipped_seconds": 1.75},
        "scorer": None,
    }

"""The log of a page under test."""

from pathlib import Path

import pytest


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "prediction_logs.json"

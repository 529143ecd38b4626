"""The log of a page under test, and what Streamlit does for each page anew that the tests do once."""

from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

scanned_once = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def packages_are_scanned_once(monkeypatch) -> None:
    """Streamlit reads the metadata of every installed package for each page: longer than the page takes."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", scanned_once)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "prediction_logs.json"

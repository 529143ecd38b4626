"""The log that grows: its sizes, its lines, the room they need, and the table."""

import shutil
from dataclasses import fields
from types import SimpleNamespace

import pytest

from api.prediction_log.records import PredictionRecord
from benchmarks.serving import growth
from benchmarks.serving.log_lines import LINE_BYTES, append_lines
from tests.conftest import read_lines


def test_it_grows_tenfold_up_to_the_largest():
    assert growth.sizes(10_000_000) == [0, 10_000, 100_000, 1_000_000, 10_000_000]
    assert growth.sizes(30_000) == [0, 10_000, 30_000]
    assert growth.sizes(5) == [0, 5]


def test_its_lines_are_those_of_the_service(tmp_path):
    log = tmp_path / "prediction_logs.json"
    append_lines(log, 0)
    assert log.read_bytes() == b""
    append_lines(log, 300)
    append_lines(log, 10_700)

    lines = read_lines(log)

    assert len(lines) == 11_000
    assert {tuple(line) for line in lines} == {tuple(field.name for field in fields(PredictionRecord))}
    assert 0 < sum(line["audit"] for line in lines) < len(lines)
    assert log.stat().st_size / len(lines) == pytest.approx(LINE_BYTES, rel=0.05)
    assert len({line["prediction_id"] for line in lines}) == 10_000


def test_too_little_room_is_said_before_anything_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    growth.require_room(tmp_path, 1_000_000)

    with pytest.raises(SystemExit) as left:
        growth.require_room(tmp_path, 10_000_000)

    assert left.value.code == (
        "A log of 10,000,000 lines and what is measured on it need 4.8 GB, and "
        f"{tmp_path} has 1.0 GB left; make room, or take fewer with --lines."
    )


def test_each_size_is_a_row_of_medians():
    rounds = [
        {
            "seconds_to_ready": 2.0,
            "requests_per_second": rate,
            "p99_ms": 5.0,
            "memory_mb": 240.4,
            "errors": 0,
            "control_requests_per_second": 2 * rate,
            "control_p99_ms": 3.0,
        }
        for rate in (1000.0, 5000.0, 4000.0)
    ]

    assert growth.growth_table({"sizes": [{"lines": 10_000, "bytes": 3.3e6, "rounds": rounds}]}).splitlines()[2:] == [
        "| 10,000 | 3 MB | 2.00 s | 4,000 | 5.0 ms | 240 MB | 8,000 | 0.50 × |"
    ]

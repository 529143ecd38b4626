"""Positions of a log's files over restarts, while files are renamed, rotated, compressed and deleted."""

import gzip
import json

import pytest

from monitoring.log.files.tailed_file import TailedFile
from monitoring.log.positions import Positions

ROTATED = "prediction_logs-20261123T120000.000000Z-0a1b.json"
LINES = b'{"line": 1}\n{"line": 2}\n'


def taken_in(path) -> TailedFile:
    """The file at this path, read to its end."""
    file = TailedFile(path, 0)
    assert list(file.read_new())
    file.accept(0)
    return file


def restarted(positions: Positions) -> Positions:
    return Positions.of(json.loads(json.dumps(positions.state())))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "prediction_logs.json"
    path.write_bytes(LINES)
    return path


@pytest.fixture
def positions(path) -> Positions:
    positions = Positions()
    positions.advance([taken_in(path)])
    return restarted(positions)


def test_a_file_is_known_up_to_where_it_was_read(positions, path):
    assert positions.offsets([TailedFile(path, 0)]) == {"prediction_logs.json": len(LINES)}


@pytest.mark.parametrize("name", ["prediction_logs.old.json", ROTATED])
def test_a_file_is_known_under_its_new_name(positions, path, name):
    assert positions.offsets([TailedFile(path.rename(path.with_name(name)), 0)]) == {name: len(LINES)}


def test_another_file_under_the_same_name_is_not_known(positions, path):
    path.rename(path.with_name("kept"))
    path.write_bytes(LINES.replace(b"1", b"3"))

    assert positions.offsets([TailedFile(path, 0)]) == {"prediction_logs.json": 0}


def test_a_rotated_file_is_known_by_its_name_once_it_is_compressed(path):
    rotated, positions = path.rename(path.with_name(ROTATED)), Positions()
    positions.advance([taken_in(rotated)])
    packed = rotated.with_name(f"{ROTATED}.gz")
    packed.write_bytes(gzip.compress(LINES))
    rotated.unlink()

    assert restarted(positions).offsets([TailedFile(packed, 0)]) == {ROTATED: len(LINES)}


def test_a_rotated_file_that_was_deleted_is_forgotten_and_others_are_not(positions, path):
    rotated = path.with_name(ROTATED)
    rotated.write_bytes(LINES)
    positions.advance([taken_in(rotated)])
    assert set(positions.state()) == {"prediction_logs.json", ROTATED}

    positions.advance([])

    assert set(positions.state()) == {"prediction_logs.json"}


@pytest.mark.parametrize(
    "damaged", [None, [], {"prediction_logs.json": [1]}, {"prediction_logs.json": ["a", 1, 1, ""]}]
)
def test_what_is_no_state_is_refused(damaged):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        Positions.of(damaged)

"""The machine that is measured on."""

import os
import shutil
from pathlib import Path

import pytest

from benchmarks import machine
from tests.conftest import ROOT


def test_servers_and_load_have_a_core_each_where_there_are_two(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5, 3}, raising=False)
    monkeypatch.setattr(shutil, "which", lambda command: command)

    assert machine.pinned_to(0) == ["taskset", "--cpu-list", "3"]
    assert machine.pinned_to(1) == ["taskset", "--cpu-list", "5"]


@pytest.mark.parametrize(("cores", "found"), [({0}, "taskset"), ({0, 1}, None)])
def test_nothing_is_pinned_with_one_core_or_without_taskset(monkeypatch, cores, found):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: cores, raising=False)
    monkeypatch.setattr(shutil, "which", lambda command: found)

    assert machine.pinned_to(0) == []


def test_the_description_names_no_path_of_this_machine(tmp_path):
    description = machine.describe(tmp_path)

    assert description["cores"] == os.cpu_count()
    assert description["log_file_system"] not in ("", None)
    assert not [path for path in (tmp_path, Path.home(), ROOT) if str(path) in str(description)]


def test_logs_in_memory_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "REPOSITORY", tmp_path)
    monkeypatch.setattr(machine, "file_system", lambda path: "tmpfs")

    with pytest.raises(SystemExit, match=r"is in memory \(tmpfs\)"), machine.scratch_folder():
        pytest.fail("it was not to be used")


def test_the_folder_for_logs_is_deleted_whatever_happens(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "REPOSITORY", tmp_path)
    monkeypatch.setattr(machine, "file_system", lambda path: "ext4")

    def interrupted():
        with machine.scratch_folder() as folder:
            (folder / "prediction_logs.json").write_text("{}\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert list((tmp_path / ".run").iterdir()) == []

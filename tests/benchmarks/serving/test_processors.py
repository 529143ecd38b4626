"""What a server took, and what other processes took: all but the server, the load, and this one."""

import os
from types import SimpleNamespace

import pytest

from benchmarks.serving import processors

CLOCK = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proc(monkeypatch, tmp_path):
    """A made-up /proc with two processes of group 7 and one of another."""
    monkeypatch.setattr(processors, "PROC", tmp_path)
    for process, group, ticks in ((7, 7, 100), (8, 7, 20), (9, 9, 4000)):
        (tmp_path / str(process)).mkdir()
        fields = ["S", "1", str(group), *"0" * 8, str(ticks), str(2 * ticks)]
        (tmp_path / str(process) / "stat").write_text(f"{process} (a name) with) {' '.join(fields)}")
    (tmp_path / "stat").write_text("cpu  1000 200 300 50000 60 7 8 90 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    return tmp_path


def test_idle_time_is_nobodys(proc):
    assert processors.busy_seconds() == pytest.approx(1605 / CLOCK)


def test_workers_belong_to_their_server(proc):
    assert processors.group_seconds(7) == pytest.approx(360 / CLOCK)


def test_each_is_told_what_it_took_since(proc, monkeypatch):
    now = iter([100.0, 110.0])
    monkeypatch.setattr(processors, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(os, "times", lambda: (1.0, 1.0, 0.0, 0.0, 0.0))
    used = processors.Processors(7)

    (proc / "stat").write_text(f"cpu  {1000 + 8 * CLOCK} 200 300 90000 60 7 8 90 0 0\n")
    (proc / "8" / "stat").write_text(f"8 (a worker) S 1 7 {'0 ' * 8}{20 + 3 * CLOCK} 40")

    assert list(used.cores()) == pytest.approx([0.3, 0.5])


def test_without_proc_nobody_is_seen(monkeypatch, tmp_path):
    monkeypatch.setattr(processors, "PROC", tmp_path / "none")

    assert processors.Processors(7).cores() == (0, 0)

"""Processor use of a server during a measurement, and of unrelated processes, which should be none."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
DISTURBING = 0.1  # cores


class Processors:
    """Processor use since construction. `server` is a process group that keeps running.

    Time that belongs neither to the server, nor to this process, nor to its finished load generators, is counted as
    others'. All values are 0 without Linux' /proc.
    """

    def __init__(self, server: int) -> None:
        self._group = server
        self._since, self._before = time.monotonic(), self._used()

    def cores(self) -> tuple[float, float]:
        """The average number of cores that the server used until now, and that others used."""
        seconds = time.monotonic() - self._since
        server, others = (max(now - then, 0) / seconds for now, then in zip(self._used(), self._before, strict=True))
        return server, others

    def _used(self) -> tuple[float, float]:
        if not (PROC / "stat").exists():
            return 0, 0
        own, server = os.times(), group_seconds(self._group)
        return server, busy_seconds() - server - sum(own[:4])


def busy_seconds() -> float:
    """Processor time of the whole machine, including time stolen by other virtual machines."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, (PROC / "stat").read_text().split()[1:9])
    # Interrupts are counted as the time of whichever process they interrupt, too.
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def group_seconds(group: int) -> float:
    """Processor time of the running processes of a group."""
    ticks = 0
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")

"""How much of the processors a server took during a measurement, and other processes, which should be nothing."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
DISTURBING = 0.1  # cores


class Processors:
    """Seconds of all cores that were used since this was made; the server is a process group that goes on running.

    What is neither its nor this process' own, nor of the load that this one has started and waited for, is of others.
    Everything is 0 where Linux' /proc is missing.
    """

    def __init__(self, server: int) -> None:
        self._group = server
        self._since, self._before = time.monotonic(), self._used()

    def cores(self) -> tuple[float, float]:
        """How many cores the server kept busy on average until now, and how many the others did."""
        seconds = time.monotonic() - self._since
        server, others = (max(now - then, 0) / seconds for now, then in zip(self._used(), self._before, strict=True))
        return server, others

    def _used(self) -> tuple[float, float]:
        if not (PROC / "stat").exists():
            return 0, 0
        own, server = os.times(), group_seconds(self._group)
        return server, busy_seconds() - server - sum(own[:4])


def busy_seconds() -> float:
    """What all processes together have used, and what other virtual machines took."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, (PROC / "stat").read_text().split()[1:9])
    # Interrupts are counted as the time of whichever process they interrupt, too.
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def group_seconds(group: int) -> float:
    """What the running processes of a process group have used."""
    ticks = 0
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")

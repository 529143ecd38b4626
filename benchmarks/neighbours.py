"""How much of the processors other processes took during a measurement, which is worth little unless it is near 0."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
DISTURBING = 0.1  # cores


class Neighbours:
    """All processes but those of a server's group, this one, and the load that it has started and waited for."""

    def __init__(self, group: int) -> None:
        self._group = group
        self._since, self._before = time.monotonic(), self._seconds()

    def cores(self) -> float:
        """How many cores they kept busy on average until now; 0 where Linux' /proc is missing."""
        return max(self._seconds() - self._before, 0) / (time.monotonic() - self._since)

    def _seconds(self) -> float:
        if not (PROC / "stat").exists():
            return 0
        own = os.times()
        return busy_seconds() - group_seconds(self._group) - sum(own[:4])


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

"""Rules that compare windows with a reference sample: Evidently's defaults, and a plain KS test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import ks_2samp

from benchmarks.command import REPOSITORY

WINDOW = 200  # requests
SMALL_SAMPLE, LARGE_SAMPLE = 1_000, 10_000  # texts; up to the first Evidently tests by p-value, beyond by distance
KS_P_VALUE = 0.05
EVIDENTLY_PYTHON = REPOSITORY / ".venv" / "evidently" / "bin" / "python"
Windows = Sequence[npt.NDArray[Any]]


def has_evidently() -> bool:
    return EVIDENTLY_PYTHON.exists()


def evidently_flags(reference: npt.NDArray[Any], windows: Windows) -> list[bool]:
    """The windows that Evidently calls drifted, by the test and threshold that it chooses itself."""
    kind = "num" if reference.dtype.kind in "if" else "cat"
    asked = {"reference": reference.tolist(), "windows": [window.tolist() for window in windows], "kind": kind}
    process = _evidently()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    answers: list[bool] = json.loads(process.stdout.readline())
    return answers


@cache
def _evidently() -> subprocess.Popen[str]:
    """One process per caller; it ends when its standard input closes."""
    command = [str(EVIDENTLY_PYTHON), str(Path(__file__).with_name("evidently_process.py"))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ks_flags(reference: npt.NDArray[Any], windows: Windows) -> list[bool]:
    """The windows that a two-sample KS test rejects at 5 %."""
    return [bool(ks_2samp(reference, window, method="asymp").pvalue < KS_P_VALUE) for window in windows]


def whole_windows(values: npt.NDArray[Any], size: int = WINDOW) -> Windows:
    return [values[start : start + size] for start in range(0, len(values) - size + 1, size)]


def first_flag(flags: Sequence[bool], size: int = WINDOW) -> int | None:
    """The number of the last request of the first flagged window."""
    found = np.flatnonzero(flags)
    return (int(found[0]) + 1) * size if len(found) else None

"""Shared parts of the benchmark commands: numeric options, clean exit on signals, result files, error messages."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

REPOSITORY = Path(__file__).resolve().parent.parent


def positive(text: str) -> int:
    """An option that must be a positive integer."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def exit_on_signals() -> None:
    """Turn SIGINT and SIGTERM into SystemExit, so that processes and files are cleaned up."""

    def leave(number: int, frame: FrameType | None) -> None:
        for ignored in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ignored, signal.SIG_IGN)
        sys.exit(f"Stopped by {signal.Signals(number).name}; no results were written.")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)


def save(results: Mapping[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def complain(problem: str) -> None:
    print(f"!!! {problem}", file=sys.stderr, flush=True)

"""Reads single lines of the log back from its files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from monitoring.log.files.folder import DAMAGED, open_log
from monitoring.log.format import Prediction
from monitoring.log.lines import parse_line

UNREADABLE = (
    OSError,
    *DAMAGED,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True)
class StoredLines:
    """The prediction lines in the files at `paths`; a file's number is its index."""

    paths: tuple[Path, ...]

    def read(self, files: Sequence[int], starts: Sequence[int]) -> list[Prediction | None]:
        """The line at each offset in bytes of `starts` (n,) in the file of each number of `files` (n,). None for a line
        that cannot be read."""
        lines: list[Prediction | None] = [None] * len(files)
        with ExitStack() as stack:
            opened: dict[int, BufferedIOBase | None] = {}
            for place in sorted(range(len(files)), key=lambda place: (files[place], starts[place])):
                number = files[place]  # in the order of the file: seeking back in a compressed one starts over
                if number not in opened:
                    opened[number] = _opened(self.paths[number], stack)
                lines[place] = _line(opened[number], starts[place])
        return lines


def _opened(path: Path, stack: ExitStack) -> BufferedIOBase | None:
    try:
        return stack.enter_context(open_log(path))
    except OSError:
        return None


def _line(file: BufferedIOBase | None, start: int) -> Prediction | None:
    if file is None:
        return None
    try:
        file.seek(start)
        return parse_line(file.readline())
    except UNREADABLE:
        return None

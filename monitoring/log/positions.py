"""The position in each file of the log up to which its lines were taken in, kept over restarts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring.log.files.folder import is_closed
from monitoring.log.files.tailed_file import Position, TailedFile


class Positions:
    """Positions by file name. A file may be renamed, rotated or compressed while nobody reads the log."""

    def __init__(self) -> None:
        self._by_name: dict[str, Position] = {}

    @classmethod
    def of(cls, state: Any) -> Positions:
        """The positions that `state()` gave. Raises TypeError, ValueError, AttributeError or OverflowError for anything
        else."""
        positions = cls()
        for name, (inode, offset, seen, digest) in state.items():
            positions._by_name[name] = Position(int(inode), int(offset), int(seen), str(digest))
        return positions

    def state(self) -> dict[str, list[Any]]:
        """All positions, for JSON."""
        return {name: list(position) for name, position in sorted(self._by_name.items())}

    def offsets(self, files: Sequence[TailedFile]) -> dict[str, int]:
        """The offset by file name up to which each file was taken in, whatever its name was then. Raises OSError."""
        rotated = {name: position.offset for name, position in self._by_name.items() if is_closed(name)}
        others = [position for name, position in self._by_name.items() if name not in rotated]
        return {
            file.name: rotated[file.name]
            if file.name in rotated
            else max((position.offset for position in others if position.holds(file.path)), default=0)
            for file in files
        }

    def advance(self, files: Sequence[TailedFile]) -> None:
        """Take all accepted lines of `files` as taken in. Forget rotated files that were deleted."""
        there = {file.name: file.position for file in files if not file.gone}
        self._by_name |= there
        for name in [name for name in self._by_name if is_closed(name) and name not in there]:
            del self._by_name[name]

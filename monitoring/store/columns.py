"""The requests of the log as columns of some 60 bytes a request, in blocks that are never copied as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.log.lines import Predictions

BLOCK_ROWS = 65_536
NEVER = np.iinfo(np.int64).min
Array = npt.NDArray[Any]


class Columns(NamedTuple):
    """Requests by row, arrays (n,) with the types of Predictions. `true` is the latest label. `previous` is the latest
    earlier time at which the same version answered the same text, or NEVER. `file` is the file's number."""

    time: Array
    file: Array
    start: Array
    text: Array
    key: Array
    previous: Array
    words: Array
    predicted: Array
    true: Array
    version: Array
    confidence: Array
    known_share: Array
    audit: Array

    def part(self, rows: Array | slice) -> Columns:
        """Some rows, given by index or mask."""
        return Columns(*(column[rows] for column in self))


KINDS = {
    "time": "i8",
    "file": "u2",
    "start": "i8",
    "text": "u8",
    "key": "u8",
    "previous": "i8",
    "words": "u2",
    "predicted": "u2",
    "true": "u2",
    "version": "u2",
    "confidence": "f8",
    "known_share": "f8",
    "audit": "?",
}  # in the order of Columns
EMPTY = Columns(*(np.empty(0, dtype=kind) for kind in KINDS.values()))


class Table:
    """Rows in order of arrival, in blocks of BLOCK_ROWS; the last block may be partly used. A block that was given out
    does not change: labelling replaces the block by one with another `true`."""

    def __init__(self) -> None:
        self.rows = 0
        self.blocks: list[Columns] = []

    def append(self, new: Predictions, file: int) -> None:
        """Append requests of a file; `previous` is NEVER for now."""
        n, done = len(new.time), 0
        previous = np.full(n, NEVER, dtype=KINDS["previous"])
        whole = Columns(file=np.full(n, file, dtype=KINDS["file"]), previous=previous, **_same(new))
        while done < n:
            used = self.rows % BLOCK_ROWS
            if used == 0 and self.rows // BLOCK_ROWS == len(self.blocks):
                self.blocks.append(Columns(*(np.empty(BLOCK_ROWS, dtype=kind) for kind in KINDS.values())))
            taken = min(n - done, BLOCK_ROWS - used)
            for column, values in zip(self.blocks[-1], whole, strict=True):
                column[used : used + taken] = values[done : done + taken]
            done, self.rows = done + taken, self.rows + taken

    def append_block(self, block: Columns) -> None:
        """Append up to BLOCK_ROWS rows; all earlier blocks must be full."""
        n = len(block.time)
        self.blocks.append(Columns(*(np.resize(column, BLOCK_ROWS) for column in block)) if n < BLOCK_ROWS else block)
        self.rows += n

    def cut(self, rows: int) -> None:
        """Drop all but the first `rows` rows."""
        self.rows = rows
        del self.blocks[-(-rows // BLOCK_ROWS) :]

    def label(self, rows: Array, true: Array) -> None:
        """Set the labels of rows; each row at most once."""
        for place, members in by_block(rows):
            block = self.blocks[place]
            changed = block.true.copy()
            changed[rows[members] % BLOCK_ROWS] = true[members]
            self.blocks[place] = block._replace(true=changed)

    def take(self, rows: Array, *names: str) -> Columns:
        """Rows in this order. Without `names` all columns; otherwise the other columns are empty."""
        return take(self.blocks, rows, *names)

    def part(self, first: int) -> list[Columns]:
        """The rows from `first` on as they are now, by block."""
        pieces = []
        for place in range(first // BLOCK_ROWS, len(self.blocks)):
            start = place * BLOCK_ROWS
            used = slice(max(first - start, 0), min(self.rows - start, BLOCK_ROWS))
            pieces.append(self.blocks[place].part(used))
        return [piece for piece in pieces if len(piece.time)]


def _same(new: Predictions) -> dict[str, Array]:
    return {name: column for name, column in new._asdict().items() if name in Columns._fields}


def by_block(rows: Array) -> Iterator[tuple[int, Array]]:
    """The block numbers, each with the indices among `rows` (n,) of its rows."""
    blocks = rows // BLOCK_ROWS
    order = np.argsort(blocks, kind="stable")
    found, starts = np.unique(blocks[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True) if len(rows) else ()


def take(blocks: Sequence[Columns], rows: Array, *names: str) -> Columns:
    """The same as Table.take, for blocks."""
    wanted = names or Columns._fields
    found = {name: np.empty(len(rows), dtype=KINDS[name]) for name in wanted}
    for place, members in by_block(rows):
        within = rows[members] % BLOCK_ROWS
        for name, column in found.items():
            column[members] = getattr(blocks[place], name)[within]
    return EMPTY._replace(**found)

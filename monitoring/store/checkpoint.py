"""Saves what was read of the log, so that a restart need not read it again.

A checkpoint is only a copy: an unusable one is discarded, and the log is read from its start. Rows are written in
blocks, and only changed blocks are written. A header names all files with their CRC-32.
"""

from __future__ import annotations

import errno
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from weakref import finalize, ref
from zlib import crc32

import numpy as np
import numpy.typing as npt

from monitoring.log.files.tail import ReadFile
from monitoring.log.files.tailed_file import Position
from monitoring.log.locks import AT_ONCE, EXCLUSIVE, lock
from monitoring.store.columns import BLOCK_ROWS, KINDS, Columns

logger = logging.getLogger("dashboard")
FORMAT, VERSION = "sentiment-monitor columns", 2
Array = npt.NDArray[Any]


class Unusable(Exception):
    """A checkpoint cannot be used; the message is a clause that says why."""


class Content(NamedTuple):
    """What a checkpoint holds. `fingerprint` identifies the settings and the reference that it was made with; `blocks`
    are the rows, `arrays` and `state` everything else."""

    fingerprint: str
    predictions: list[ReadFile]
    feedback: list[ReadFile]
    names: list[str]
    blocks: list[Columns]
    arrays: Mapping[str, Array]
    state: Mapping[str, Any]


class Written(NamedTuple):
    """A block on disk: its number of rows, its labels as a weak reference, and its file's name."""

    rows: int
    true: ref[Array]
    file: str

    def is_of(self, block: Columns) -> bool:
        """Whether this is `block`. Columns do not change once they were given out, so equal labels mean the same
        block."""
        return self.rows == len(block.time) and self.true() is _owner(block.true)


class Checkpoint:
    """The files of one folder. A process that writes them locks the folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: BinaryIO | None = None
        self._written: list[Written] = []

    def load(self, fingerprint: str) -> Content | None:
        """What was saved last, or None if nothing was. Raises Unusable or OSError."""
        try:
            header = json.loads((self.directory / "header.json").read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise Unusable("its header is damaged") from error
        try:
            return self._content(header, fingerprint)
        except FileNotFoundError as error:
            raise Unusable(f"{Path(error.filename).name} is missing") from error
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Unusable(f"it is damaged ({error!r})") from error

    def _content(self, header: Any, fingerprint: str) -> Content:
        if (header["format"], header["version"]) != (FORMAT, VERSION):
            raise Unusable("another version of the program wrote it")
        if header["fingerprint"] != fingerprint:
            raise Unusable("it was written with other settings or another profile")
        if header["crc32"] != _crc_of(header["content"]):
            raise Unusable("its header is damaged")
        content = header["content"]
        arrays = {
            name: np.frombuffer(self._read(file), dtype=_kind(kind)) for name, (file, kind) in content["arrays"].items()
        }
        blocks = [_block(self._read(file)) for file in content["blocks"]]
        self._written = [_written(block, file) for block, file in zip(blocks, content["blocks"], strict=True)]
        return Content(
            fingerprint,
            [ReadFile(Position(*position), bad, name) for position, bad, name in content["predictions"]],
            [ReadFile(Position(*position), bad, name) for position, bad, name in content["feedback"]],
            content["names"],
            blocks,
            arrays,
            content["state"],
        )

    def _read(self, name: str) -> bytes:
        content = (self.directory / name).read_bytes()
        if not name.endswith(f"-{crc32(content):08x}.bin"):
            raise Unusable(f"{name} is damaged")
        return content

    def save(self, content: Content) -> None:
        """Replace what was saved. Raises OSError, also if another process has locked the folder; then the last
        checkpoint is still there."""
        self._own()
        files = [self._write_block(place, block) for place, block in enumerate(content.blocks)]
        document: dict[str, Any] = {
            "predictions": content.predictions,
            "feedback": content.feedback,
            "names": content.names,
            "blocks": files,
            "arrays": {
                name: (self._write(name, array.tobytes()), array.dtype.descr) for name, array in content.arrays.items()
            },
            "state": content.state,
        }
        header = {"format": FORMAT, "version": VERSION, "fingerprint": content.fingerprint, "content": document}
        new = self.directory / "header.new"
        new.write_text(json.dumps(header | {"crc32": _crc_of(document)}), "utf-8")
        new.replace(self.directory / "header.json")
        self._written = [_written(block, file) for block, file in zip(content.blocks, files, strict=True)]
        used = {*files, *(file for file, _ in document["arrays"].values())}
        for path in self.directory.glob("*-????????.bin"):
            if path.name not in used:
                path.unlink()

    def _own(self) -> None:
        if self._lock is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        owned = (self.directory / "lock").open("wb")
        try:
            if not lock(owned.fileno(), EXCLUSIVE | AT_ONCE, self.directory / "lock"):
                raise OSError(errno.EWOULDBLOCK, "another process keeps its own there", str(self.directory))
        except OSError:
            owned.close()
            raise
        self._lock = owned
        finalize(self, owned.close)  # then another checkpoint of this process may lock it

    def _write_block(self, place: int, block: Columns) -> str:
        for before in self._written[place : place + 1]:
            if before.is_of(block) and (self.directory / before.file).exists():
                return before.file
        return self._write(f"rows-{place:05}", b"".join(column.tobytes() for column in block))

    def _write(self, stem: str, content: bytes) -> str:
        name = f"{stem}-{crc32(content):08x}.bin"
        (self.directory / name).write_bytes(content)
        return name


def _block(content: bytes) -> Columns:
    rows, start, columns = len(content) // sum(np.dtype(kind).itemsize for kind in KINDS.values()), 0, []
    if not 0 < rows <= BLOCK_ROWS:
        raise ValueError(f"a block of {rows} rows")
    for kind in KINDS.values():
        columns.append(np.frombuffer(content, dtype=kind, count=rows, offset=start).copy())
        start += columns[-1].nbytes
    return Columns(*columns)


def _written(block: Columns, file: str) -> Written:
    return Written(len(block.time), ref(_owner(block.true)), file)


def _owner(column: Array) -> Array:
    """The array that a column is a view of, or the column itself."""
    return column if column.base is None else column.base


def _crc_of(document: Any) -> int:
    return crc32(json.dumps(document, sort_keys=True).encode())


def _kind(described: Any) -> np.dtype[Any]:
    return np.dtype([(name, kind) for name, kind in described]) if len(described) > 1 else np.dtype(described[0][1])


class Saver:
    """Saves checkpoints in a thread of its own, when enough has been read since the last one."""

    SECONDS = 60.0  # after this time, any change is enough
    LEAST_ROWS, LEAST_SHARE = 10_000, 0.05

    def __init__(self, checkpoint: Checkpoint, rows: int, files: Set[str]) -> None:
        """The checkpoint has `rows` rows of these `files` already."""
        self._checkpoint = checkpoint
        self.kept = files  # names at the last attempt to save, whether or not it succeeded
        self._rows, self._at = rows, time.monotonic()
        self._thread: threading.Thread | None = None
        self._failed = False

    def consider(self, rows: int, content: Callable[[], Content], awaited: bool = False) -> None:
        """Save `content()` if there is enough new in `rows`. With `awaited`, rotated files wait for the checkpoint, so
        time alone is enough."""
        new = rows - self._rows
        enough = new >= max(self.LEAST_ROWS, self.LEAST_SHARE * rows)
        late = (new != 0 or awaited) and time.monotonic() > self._at + self.SECONDS
        if (enough or late) and not (self._thread and self._thread.is_alive()):
            self._rows, self._at = rows, time.monotonic()
            self._thread = threading.Thread(target=self._save, args=(content(),), name="checkpoint")
            self._thread.start()

    def wait(self) -> None:
        """Wait until nothing is being saved."""
        if self._thread:
            self._thread.join()

    def _save(self, content: Content) -> None:
        try:
            self._checkpoint.save(content)
            self._failed = False
        except OSError as error:
            if not self._failed:  # logged once
                logger.warning(
                    "what was read of the log cannot be kept in %s (%s): a restart will read it all again",
                    self._checkpoint.directory,
                    error.strerror,
                )
            self._failed = True
        finally:
            self.kept = {file.name for file in (*content.predictions, *content.feedback)}

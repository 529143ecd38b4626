"""Reads the log as it grows: each refresh takes in what was appended, and the labels that came later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from monitoring.alarms.monitor import Counts, Monitor, StateUnusable
from monitoring.alarms.signals import Status
from monitoring.log.files.folder import Hold
from monitoring.log.files.tail import LogTail, ReadFile
from monitoring.log.files.tailed_file import Replaced, TailedFile
from monitoring.log.lines import NO_LABELS, Labels, read_labels, read_predictions
from monitoring.store.arrivals import Arrivals
from monitoring.store.checkpoint import Checkpoint, Content, Saver, Unusable
from monitoring.store.requests import Requests
from monitoring.store.rows import Store
from monitoring.store.tally import Tally

logger = logging.getLogger("dashboard")


@dataclass(frozen=True)
class Snapshot:
    """The log at one moment: its `requests`, and `whole`, what all of them count up to. Feedback for predictions that
    are not in the log is counted, not used. `signals` are those that are watched for ever, over the whole log, and
    `counts` what they were fed with."""

    requests: Requests
    whole: Tally
    files: int
    unreadable_lines: int
    unmatched_feedback: int
    signals: Mapping[str, Status]
    counts: Counts


class LogReader:
    """All log files of a folder, and the monitor fed with what they gain. Threads may share it."""

    def __init__(self, directory: Path, monitor: Monitor, checkpoint: Checkpoint | None = None) -> None:
        """With a checkpoint it goes on from there, and keeps there what it has read."""
        self.directory = directory
        self._lock = threading.Lock()
        self._tail, self._monitor, self._hold = LogTail(directory), monitor, Hold(directory)
        self._start_over()
        known = self._go_on_from(checkpoint) if checkpoint else set()
        self.saver = Saver(checkpoint, self._store.table.rows, known) if checkpoint else None

    def refresh(self) -> Snapshot:
        """The log as it is now. Raises OSError when there is one that cannot be read."""
        with self._lock:
            try:
                return self._refresh()
            except Replaced:
                return self._look_again()

    def _look_again(self) -> Snapshot:
        """A file may only have been given another name in the middle of a look."""
        try:
            return self._refresh()
        except Replaced:
            self._start_over()
            return self._refresh()

    @property
    def progress(self) -> float:
        """Which share of the log has been read, roughly: 0 to 1."""
        return self._tail.progress

    def _start_over(self) -> None:
        self._tail.start_over()
        self._restarted = True  # until all has been read again
        self._store = Store()
        self._snapshot: Snapshot | None = None

    def _refresh(self) -> Snapshot:
        self._hold.take()  # before anything is looked for
        try:
            return self._look()
        finally:
            if not self._needed(self._tail.files):
                self._hold.release()

    def _look(self) -> Snapshot:
        first = self._store.table.rows
        try:
            # Feedback first: a label that is there was written after its prediction, which is then there, too.
            feedback = [(file, *self._read_labels(file)) for file in self._tail.find_feedback()]
            predictions = [(file, *self._read_predictions(file)) for file in self._tail.find_predictions()]
        except OSError:
            self._store.table.cut(first)  # what was read before it failed is read again, not lost
            raise
        for file, _, unreadable in (*feedback, *predictions):
            file.accept(unreadable)
        if self._snapshot is None or self._has_changed(self._snapshot, feedback):
            self._take_in(
                first, [(file, rows) for file, rows, _ in predictions], [(file, labels) for file, labels, _ in feedback]
            )
            self._snapshot = self._assemble()
        if self.saver:
            self.saver.consider(self._store.table.rows, self._content, bool(self._needed(self._tail.files)))
        return self._snapshot

    def _needed(self, files: Sequence[TailedFile]) -> list[TailedFile]:
        """The closed ones that must stay until they are counted, and a restart would know of it."""
        closed = [file for file in files if file.is_closed and not file.gone]
        return [file for file in closed if not (file.name in self.saver.kept if self.saver else file.is_read)]

    def _go_on_from(self, checkpoint: Checkpoint) -> set[str]:
        """What the files are called in the checkpoint, if it can be gone on from."""
        self._hold.take()  # until the first look: what is looked for now has perhaps been closed meanwhile
        try:
            content = checkpoint.load(self._monitor.fingerprint)
            if content is None:
                return set()
            store = Store.of(content.names, content.blocks, content.arrays, int(content.state["unmatched"]))
            self._tail.go_on_from(content.predictions, content.feedback)
            self._monitor.restore(content.state["monitor"])
            self._monitor.recall(content.arrays)
            self._store, self._restarted = store, False
            return {file.name for file in (*content.predictions, *content.feedback)}
        except Replaced:
            self._leave_aside(checkpoint, "the log is another one, or a file of it has gone")
        except (Unusable, StateUnusable) as why:
            self._leave_aside(checkpoint, str(why))
        except (KeyError, TypeError, ValueError) as error:
            self._leave_aside(checkpoint, f"it is damaged ({error!r})")
        except OSError as error:
            self._leave_aside(checkpoint, f"{error.strerror}: {error.filename}")
        return set()

    def _leave_aside(self, checkpoint: Checkpoint, why: str) -> None:
        logger.warning("%s is not gone on from: %s; the log is read from its start", checkpoint.directory, why)
        self._tail.start_over()

    def _content(self) -> Content:
        """What a checkpoint holds; nothing of it changes any more."""
        store = self._store
        return Content(
            self._monitor.fingerprint,
            [ReadFile(file.position, file.unreadable_lines, file.name) for file in self._tail.predictions],
            [ReadFile(file.position, file.unreadable_lines, file.name) for file in self._tail.feedback],
            [str(name) for name in store.names.texts[1:]],
            store.table.part(0),
            {**store.arrays(), **self._monitor.memory()},
            {"unmatched": store.unmatched, "monitor": deepcopy(self._monitor.state())},
        )

    def _read_predictions(self, file: TailedFile) -> tuple[int, int]:
        """How many rows there are more, and how many lines that could not be read."""
        self._hold.take()  # a first look may take long, and an API that starts meanwhile makes the file that is locked
        rows, unreadable = self._store.table.rows, 0
        for block in file.read_new():
            found, bad = read_predictions(block.lines, block.start, self._store.names)
            self._store.table.append(found, file.number)
            unreadable += bad
        return self._store.table.rows - rows, unreadable

    def _read_labels(self, file: TailedFile) -> tuple[Labels, int]:
        self._hold.take()
        parts = [read_labels(block.lines, block.start, self._store.names) for block in file.read_new()]
        columns = zip(NO_LABELS, *(labels for labels, _ in parts), strict=True)
        return Labels(*map(np.concatenate, columns)), sum(bad for _, bad in parts)

    def _take_in(
        self, first: int, predictions: list[tuple[TailedFile, int]], feedback: list[tuple[TailedFile, Labels]]
    ) -> None:
        store = self._store
        repeated = store.index(first)
        arrived = Arrivals(
            store.table, store.names, first, predictions, feedback, store.rows_of, repeated, self._restarted
        )
        try:
            self._monitor.update(arrived)
        except OSError:
            self._start_over()
            raise
        store.label(first, arrived.labels())
        self._restarted = False

    def _has_changed(self, before: Snapshot, feedback: list[tuple[TailedFile, Labels, int]]) -> bool:
        seen = before.requests.rows, before.requests.paths, before.files, before.unreadable_lines
        now = self._store.table.rows, self._paths(), self._files(), self._tail.unreadable_lines
        return seen != now or any(len(labels.time) for _, labels, _ in feedback)

    def _files(self) -> int:
        return sum(not file.gone for file in self._tail.predictions)

    def _paths(self) -> tuple[Path, ...]:
        return tuple(file.path for file in self._tail.predictions)

    def _assemble(self) -> Snapshot:
        store = self._store
        return Snapshot(
            Requests(tuple(store.table.part(0)), store.names, self._paths()),
            store.whole,
            files=self._files(),
            unreadable_lines=self._tail.unreadable_lines,
            unmatched_feedback=store.unmatched,
            signals=self._monitor.statuses(),
            counts=replace(self._monitor.counts),
        )

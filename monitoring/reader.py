"""Reads the log as it grows: each refresh takes in the new lines and feeds them to the store and the monitor."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Set
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from monitoring.alarms.monitor import Counts, Monitor, StateUnusable
from monitoring.alarms.signals import Status
from monitoring.log.files.stored_lines import StoredLines
from monitoring.log.files.tail import LogTail, ReadFile
from monitoring.log.files.tailed_file import Replaced, TailedFile
from monitoring.log.lines import NO_LABELS, Labels, read_labels, read_predictions
from monitoring.settings import Settings
from monitoring.stats.reference import Reference
from monitoring.store.arrivals import Arrivals
from monitoring.store.checkpoint import Checkpoint, Content, Saver, Unusable
from monitoring.store.requests import Requests
from monitoring.store.rows import Store
from monitoring.store.tally import Tally

logger = logging.getLogger("dashboard")


@dataclass(frozen=True)
class Snapshot:
    """The log at one moment. `requests` are all requests, and `whole` is their tally; `unmatched_feedback` is the
    number of labels whose request is not in the log. `signals` and `counts` come from the monitor."""

    requests: Requests
    whole: Tally
    files: int
    unreadable_lines: int
    unmatched_feedback: int
    signals: Mapping[str, Status]
    counts: Counts


def open_reader(settings: Settings, reference: Reference | None, checkpoint: str | None = None) -> LogReader:
    """A reader of the log in LOG_DIR with a monitor of its own. `checkpoint` is the name of a folder in STATE_DIR; the
    reader resumes from it and saves there what it has read. Errors name files by their absolute paths."""
    monitor = Monitor(reference, settings.accuracy_threshold, settings.false_alarm_budget, settings.min_labels)
    kept = Checkpoint(settings.state_dir / checkpoint) if checkpoint else None
    return LogReader(settings.log_dir.absolute(), monitor, kept)


class LogReader:
    """Reads all files of a log folder and feeds `monitor`. Thread-safe."""

    def __init__(self, directory: Path, monitor: Monitor, checkpoint: Checkpoint | None = None) -> None:
        """Resumes from `checkpoint`, if there is one, and saves there what it has read."""
        self.directory, self.monitor = directory, monitor
        self._lock = threading.Lock()
        self._tail = LogTail(directory)
        self._start_over()
        known = self._resume(checkpoint) if checkpoint else set()
        self.saver = Saver(checkpoint, self._store.table.rows, known) if checkpoint else None

    def refresh(self) -> Snapshot:
        """The log as it is now; the same object as before if nothing has changed. Raises OSError if the log cannot be
        read."""
        with self._lock:
            try:
                return self._refresh()
            except Replaced:
                return self._refresh_again()

    def _refresh_again(self) -> Snapshot:
        """Try again before starting over: a file may have been renamed during the refresh."""
        try:
            return self._refresh()
        except Replaced:
            self._start_over()
            return self._refresh()

    @property
    def progress(self) -> float:
        """The approximate share of the log that has been read, 0 to 1."""
        return self._tail.progress

    def _start_over(self) -> None:
        self._tail.start_over()
        self._restarted = True  # until the whole log has been read again
        self._store = Store()
        self._snapshot: Snapshot | None = None

    @property
    def _kept(self) -> Set[str] | None:
        """The names of the files in the checkpoint; None without a checkpoint."""
        return self.saver.kept if self.saver else None

    def _refresh(self) -> Snapshot:
        self._tail.hold()  # before files are listed
        try:
            return self._read_new()
        finally:
            self._tail.release(self._kept)

    def _read_new(self) -> Snapshot:
        first = self._store.table.rows
        try:
            # Feedback first: a label is written after its prediction, so its prediction is found, too.
            feedback = [(file, *self._read_labels(file)) for file in self._tail.find_feedback()]
            predictions = [(file, *self._read_predictions(file)) for file in self._tail.find_predictions()]
        except OSError:
            self._store.table.cut(first)  # the next refresh reads these lines again
            raise
        for file, _, unreadable in (*feedback, *predictions):
            file.accept(unreadable)
        if self._snapshot is None or self._has_changed(self._snapshot, feedback):
            self._take_in(
                first, [(file, rows) for file, rows, _ in predictions], [(file, labels) for file, labels, _ in feedback]
            )
            self._snapshot = self._assemble()
        if self.saver:
            self.saver.consider(self._store.table.rows, self._content, self._tail.needs(self._kept))
        return self._snapshot

    def _resume(self, checkpoint: Checkpoint) -> set[str]:
        """Resume from the checkpoint if it is usable. Returns the names of the files in it."""
        self._tail.hold()  # until the first refresh: files may have been rotated since the checkpoint
        try:
            content = checkpoint.load(self.monitor.fingerprint)
            if content is None:
                return set()
            store = Store.of(content.names, content.blocks, content.arrays, int(content.state["unmatched"]))
            self._tail.resume_from(content.predictions, content.feedback)
            self.monitor.restore(content.state["monitor"])
            self.monitor.recall(content.arrays)
            self._store, self._restarted = store, False
            return {file.name for file in (*content.predictions, *content.feedback)}
        except Replaced:
            self._discard(checkpoint, "the log is another one, or a file of it has gone")
        except (Unusable, StateUnusable) as why:
            self._discard(checkpoint, str(why))
        except (KeyError, TypeError, ValueError) as error:
            self._discard(checkpoint, f"it is damaged ({error!r})")
        except OSError as error:
            self._discard(checkpoint, f"{error.strerror}: {error.filename}")
        return set()

    def _discard(self, checkpoint: Checkpoint, why: str) -> None:
        logger.warning("%s is not resumed: %s; the log is read from its start", checkpoint.directory, why)
        self._tail.start_over()

    def _content(self) -> Content:
        """What a checkpoint holds. None of it changes afterwards, so another thread may write it."""
        store = self._store
        return Content(
            self.monitor.fingerprint,
            [ReadFile(file.position, file.unreadable_lines, file.name) for file in self._tail.predictions],
            [ReadFile(file.position, file.unreadable_lines, file.name) for file in self._tail.feedback],
            [str(name) for name in store.names.texts[1:]],
            store.table.part(0),
            {**store.arrays(), **self.monitor.memory()},
            {"unmatched": store.unmatched, "monitor": deepcopy(self.monitor.state())},
        )

    def _read_predictions(self, file: TailedFile) -> tuple[int, int]:
        """The numbers of new rows and of unreadable lines."""
        self._tail.hold()  # an API that starts during a long first refresh creates the file that is locked
        rows, unreadable = self._store.table.rows, 0
        for block in file.read_new():
            found, bad = read_predictions(block.lines, block.start, self._store.names)
            self._store.table.append(found, file.number)
            unreadable += bad
        return self._store.table.rows - rows, unreadable

    def _read_labels(self, file: TailedFile) -> tuple[Labels, int]:
        """The new labels and the number of unreadable lines."""
        self._tail.hold()
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
            self.monitor.update(arrived)
        except OSError:
            self._start_over()
            raise
        store.label(first, arrived.labels())
        self._restarted = False

    def _has_changed(self, before: Snapshot, feedback: list[tuple[TailedFile, Labels, int]]) -> bool:
        seen = before.requests.rows, before.requests.lines, before.files, before.unreadable_lines
        now = self._store.table.rows, self._stored_lines(), self._files(), self._tail.unreadable_lines
        return seen != now or any(len(labels.time) for _, labels, _ in feedback)

    def _files(self) -> int:
        return sum(not file.gone for file in self._tail.predictions)

    def _stored_lines(self) -> StoredLines:
        return StoredLines(tuple(file.path for file in self._tail.predictions))

    def _assemble(self) -> Snapshot:
        store = self._store
        return Snapshot(
            Requests(tuple(store.table.part(0)), store.names, self._stored_lines()),
            store.whole,
            files=self._files(),
            unreadable_lines=self._tail.unreadable_lines,
            unmatched_feedback=store.unmatched,
            signals=self.monitor.statuses(),
            counts=replace(self.monitor.counts),
        )

"""Keeps the analyses of one log, so that all browsers with the same selection share one."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from monitoring.analysis.results import Analysis, analyse, find_moved_words
from monitoring.analysis.selection import Selected, Selection
from monitoring.reader import Snapshot
from monitoring.settings import Settings
from monitoring.stats.reference import Reference
from monitoring.stats.words import MovedWord

KEPT = 20
WORDS_SECONDS = 30.0  # between searches for moved words, which take a second


class Made(NamedTuple):
    """An analysis, what it was made of, and the time until which its moved words may be reused."""

    snapshot: Snapshot
    requests: int
    analysis: Analysis
    words_until: float


class AnalysisCache:
    """The latest analysis of each of the last KEPT selections. Thread-safe."""

    def __init__(
        self, reference: Reference | None, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reference, self._settings, self._clock = reference, settings, clock
        self._lock = threading.Lock()
        self._made: OrderedDict[Selection, Made] = OrderedDict()

    def of(self, snapshot: Snapshot, selection: Selection) -> Analysis | None:
        """The analysis of the selected requests; the same object as before if neither the log nor the selected requests
        have changed. None if no request is selected."""
        selected = selection.at(datetime.now(UTC))
        requests = snapshot.requests.number(lambda columns: selected.mask(columns, snapshot.requests.names))
        if not requests:
            return None
        with self._lock:
            known = self._made.pop(selection, None)
            if known is None or known.snapshot is not snapshot or known.requests != requests:
                words, until = self._words(snapshot, selected, known)
                analysis = analyse(snapshot, selected, self._reference, self._settings, words)
                known = Made(snapshot, requests, analysis, until)
            self._made[selection] = known
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
            return known.analysis

    def _words(self, snapshot: Snapshot, selected: Selected, known: Made | None) -> tuple[list[MovedWord], float]:
        now = self._clock()
        if known and now < known.words_until:
            return known.analysis.drifts.moved_words, known.words_until
        return find_moved_words(snapshot, selected, self._reference), now + WORDS_SECONDS

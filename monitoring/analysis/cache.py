"""The analyses of one log: each is made once, for all browsers that look at the same selection."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from monitoring.analysis.results import Analysis, analyse, find_moved_words
from monitoring.analysis.selection import Segment, Selection
from monitoring.reader import Snapshot
from monitoring.settings import Settings
from monitoring.stats.reference import Reference
from monitoring.stats.words import MovedWord

KEPT = 20  # selections
WORDS_SECONDS = 30.0  # new words are looked for no more often: it takes a second


class Made(NamedTuple):
    """An analysis, of what it was made, and until when its words that moved will do."""

    snapshot: Snapshot
    requests: int
    analysis: Analysis
    words_until: float


class Analyses:
    """Threads may share it."""

    def __init__(
        self, reference: Reference | None, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reference, self._settings, self._clock = reference, settings, clock
        self._lock = threading.Lock()
        self._made: OrderedDict[Selection, Made] = OrderedDict()

    def of(self, snapshot: Snapshot, selection: Selection) -> Analysis | None:
        """The same object as before while neither the log nor what is selected of it has changed; None if no request is
        selected."""
        segment = Segment(
            None if selection.span is None else datetime.now(UTC) - selection.span, selection.labels, selection.versions
        )
        requests = snapshot.requests.number(lambda columns: segment.mask(columns, snapshot.requests.names))
        if not requests:
            return None
        with self._lock:
            known = self._made.pop(selection, None)
            if known is None or known.snapshot is not snapshot or known.requests != requests:
                words, until = self._words(snapshot, segment, known)
                analysis = analyse(snapshot, segment, self._reference, self._settings, words)
                known = Made(snapshot, requests, analysis, until)
            self._made[selection] = known
            if len(self._made) > KEPT:
                self._made.popitem(last=False)
            return known.analysis

    def _words(self, snapshot: Snapshot, segment: Segment, known: Made | None) -> tuple[list[MovedWord], float]:
        now = self._clock()
        if known and now < known.words_until:
            return known.analysis.moved_words, known.words_until
        return find_moved_words(snapshot, segment, self._reference), now + WORDS_SECONDS

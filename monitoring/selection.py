"""Which request a click in the table of recent requests means, though the table goes on changing under the pointer.

The browser names a row by its place, and places move with every new request. So what it says shortly after a change
was said about the table before the change, and a place that it was already told to give up is no click.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitoring.log_format import Prediction
from monitoring.log_reader import is_same

SETTLING_SECONDS = 0.6  # the browser waits 150 ms; the way to it and back; the time a hand needs to see a change
OUTDATED_SECONDS = 1.0  # what the browser says may have waited that long for its turn


@dataclass(frozen=True)
class Shown:
    """The table as the browser has it, and what it had there until `changed_at`, in seconds of a steady clock.

    The places are those of the selected rows, at most one."""

    rows: Sequence[Prediction] = ()
    places: Sequence[int] = ()
    rows_before: Sequence[Prediction] = ()
    places_before: Sequence[int] = ()
    changed_at: float = float("-inf")

    def then(self, rows: Sequence[Prediction], places: Sequence[int], before: Sequence[int], now: float) -> Shown:
        """The table as it is shown next, where the browser had selected the places `before`."""
        moved = len(rows) != len(self.rows) or not all(map(is_same, rows, self.rows))
        if moved or places != before:
            return Shown(rows, places, self.rows or rows, before, now)
        return replace(self, rows=rows, places=places, places_before=before)

    def selected(self, places: Sequence[int], now: float, so_far: Prediction | None) -> Prediction | None:
        """The request that is selected once the browser has said `places`."""
        age = now - self.changed_at
        if places == self.places or (places == self.places_before and age < OUTDATED_SECONDS):
            return so_far
        if not places:
            return None
        tables = [self.rows_before, self.rows] if age < SETTLING_SECONDS else [self.rows]
        return next((rows[places[0]] for rows in tables if places[0] < len(rows)), so_far)


def places_of(request: Prediction | None, rows: Sequence[Prediction]) -> list[int]:
    """Where the request stands in the table, if it does."""
    return [place for place, row in enumerate(rows) if request and is_same(row, request)][:1]

"""Remembers recent texts, so that repeats of a text are no evidence.

The store has a memory of its own for the repeats in figures (REPEATS_IN_FIGURES), which knows versions and times.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

REPEATS_IN_EVIDENCE = 10_000  # distinct texts remembered: a text among them is a repeat
Array = npt.NDArray[Any]


class RecentTexts:
    """The hashes of the last REPEATS_IN_EVIDENCE distinct texts."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._order: deque[int] = deque()

    @property
    def hashes(self) -> Array:
        """The hashes, uint64 (n,), oldest first."""
        return np.array(self._order, dtype=np.uint64)

    def are_new(self, texts: Array) -> Array:
        """For each hash of `texts` (n,), in order: whether it is new. Then remembers it."""
        seen, order = self._seen, self._order
        found = np.ones(len(texts), dtype=np.bool_)
        for place, text in enumerate(texts.tolist()):
            if text in seen:
                found[place] = False
                continue
            seen.add(text)
            order.append(text)
            if len(order) > REPEATS_IN_EVIDENCE:
                seen.remove(order.popleft())
        return found

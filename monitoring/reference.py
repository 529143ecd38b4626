"""What current traffic is compared with: the profile written at training time, or the user's own data set."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log_format import word_count

CSV_NAME = "IMDB Dataset.csv"
CSV_TEXT, CSV_LABEL = "review", "sentiment"


class ReferenceUnavailable(Exception):
    """The text says which file cannot be used, and why."""


@dataclass(frozen=True)
class Reference:
    """Counts of the reference texts: `length_counts[i]` of them have length_edges[i] <= words < length_edges[i + 1]
    (the outer bins hold what lies outside), `label_counts` by predicted label, `confidence_counts` likewise."""

    source: str
    length_edges: npt.NDArray[np.int64]
    length_counts: npt.NDArray[np.int64]
    length_median: float
    label_counts: dict[str, int]
    confidence_edges: npt.NDArray[np.float64]
    confidence_counts: npt.NDArray[np.int64]

    @property
    def confidence_mean(self) -> float:
        centres = (self.confidence_edges[:-1] + self.confidence_edges[1:]) / 2
        return float(np.average(centres, weights=self.confidence_counts))


def load_profile(path: Path) -> Reference:
    """The profile that training wrote. Raises ReferenceUnavailable."""
    try:
        profile = json.loads(path.read_bytes())
        return Reference(
            source=f"The reference is the model's training data: {profile['n']:,} texts, answered out of fold.",
            length_edges=_increasing(profile["length"]["edges"], np.int64),
            length_counts=_counts(profile["length"]),
            length_median=float(profile["length"]["median"]),
            label_counts=_label_counts(profile["predicted_counts"]),
            confidence_edges=_increasing(profile["confidence"]["edges"], np.float64),
            confidence_counts=_counts(profile["confidence"]),
        )
    except OSError as error:
        raise ReferenceUnavailable(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ReferenceUnavailable(f"{path} is not a reference profile: {error!r}; train again to make one.") from error


def with_csv(profile: Reference, path: Path) -> Reference:
    """`profile` with the lengths and labels of a CSV with the columns review and sentiment. Raises
    ReferenceUnavailable."""
    try:
        wanted = [CSV_TEXT, CSV_LABEL]
        data = pd.read_csv(path, usecols=wanted, dtype=str, keep_default_na=False, na_values=[""]).dropna()
    except (OSError, ValueError) as error:
        raise ReferenceUnavailable(f"{path.name} beside dashboard.py cannot be used: {error}") from error
    if data.empty:
        raise ReferenceUnavailable(f"{path.name} beside dashboard.py has no rows with a review and a sentiment.")
    words = data[CSV_TEXT].map(word_count).to_numpy()
    return replace(
        profile,
        source=f"The reference for lengths and labels is {path.name}, put beside dashboard.py: {len(data):,} texts.",
        length_counts=histogram(words, profile.length_edges),
        length_median=float(np.median(words)),
        label_counts=dict(Counter(data[CSV_LABEL])),
    )


def histogram(values: npt.NDArray[Any], edges: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Counts by bin; a value outside the edges counts in the first or last bin, so that none is lost."""
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(bins, minlength=len(edges) - 1)


def _increasing(values: Any, dtype: Any) -> npt.NDArray[Any]:
    edges = np.asarray(values, dtype=dtype)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError("the edges of a histogram must increase")
    return edges


def _counts(histogram: dict[str, Any]) -> npt.NDArray[np.int64]:
    counts = np.asarray(histogram["counts"], dtype=np.int64)
    if counts.shape != (len(histogram["edges"]) - 1,) or (counts < 0).any() or counts.sum() == 0:
        raise ValueError("a histogram needs one count for each of its bins, and not all 0")
    return counts


def _label_counts(counts: dict[str, Any]) -> dict[str, int]:
    by_label = {label: int(count) for label, count in counts.items()}
    if min(by_label.values(), default=0) < 0 or sum(by_label.values()) == 0:
        raise ValueError("labels need a count each, and not all 0")
    return by_label

"""The reference: the profile written at training time, with lengths and labels from the user's own data set if there is
one."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.log.format import word_count

CSV_PATH = Path(__file__).parent.parent / "IMDB Dataset.csv"  # a user may put a data set here
CSV_TEXT, CSV_LABEL = "review", "sentiment"


class ReferenceUnavailable(Exception):
    """A file of the reference cannot be used; the message says which one and why."""


@dataclass(frozen=True)
class Words:
    """The number of reference texts, out of `n`, that contain each of the most frequent tokens. `pattern` finds the
    tokens of a lower-cased text."""

    pattern: re.Pattern[str]
    texts: dict[str, int]
    n: int


@dataclass(frozen=True)
class Reference:
    """Counts of the reference texts. `length_counts[i]` texts have length_edges[i] <= words < length_edges[i + 1]; the
    outer bins also hold everything outside. `confidence_counts` and `known_counts` (known share) are histograms like
    it; the latter is None if the model has no vocabulary. `label_counts` are by predicted label. Of `validation_n`
    predictions for texts that the model had not seen, `validation_correct` were right. The calibration curve goes
    through `calibration_confidence` (k,), rising, and `calibration_accuracy` (k,)."""

    source: str
    digest: str  # identifies the files, so that results from another reference are recognised
    model_version: str
    length_edges: npt.NDArray[np.int64]
    length_counts: npt.NDArray[np.int64]
    length_median: float
    label_counts: dict[str, int]
    confidence_edges: npt.NDArray[np.float64]
    confidence_counts: npt.NDArray[np.int64]
    known_edges: npt.NDArray[np.float64] | None
    known_counts: npt.NDArray[np.int64] | None
    validation_n: int
    validation_correct: int
    calibration_confidence: npt.NDArray[np.float64]
    calibration_accuracy: npt.NDArray[np.float64]
    words: Words

    @property
    def confidence_mean(self) -> float:
        """The mean confidence of the reference texts."""
        centres = (self.confidence_edges[:-1] + self.confidence_edges[1:]) / 2
        return float(np.average(centres, weights=self.confidence_counts))


def load_profile(path: Path) -> Reference:
    """Load the profile that training wrote. Raises ReferenceUnavailable."""
    try:
        content = path.read_bytes()
        profile = json.loads(content)
        known, validation = profile["vocabulary"], profile["validation"]
        return Reference(
            source=f"The reference is the model's training data: {profile['n']:,} texts, answered out of fold.",
            digest=sha256(content).hexdigest(),
            model_version=_text(profile["model_version"]),
            length_edges=_increasing(profile["length"]["edges"], np.int64),
            length_counts=_counts(profile["length"]),
            length_median=float(profile["length"]["median"]),
            label_counts=_label_counts(profile["predicted_counts"]),
            confidence_edges=_increasing(profile["confidence"]["edges"], np.float64),
            confidence_counts=_counts(profile["confidence"]),
            known_edges=None if known is None else _increasing(known["edges"], np.float64),
            known_counts=None if known is None else _counts(known),
            validation_n=int(validation["n"]),
            validation_correct=_part(validation["correct"], validation["n"]),
            calibration_confidence=_curve(profile, "confidence"),
            calibration_accuracy=_curve(profile, "accuracy"),
            words=Words(re.compile(profile["words"]["token_pattern"]), _word_counts(profile), int(profile["n"])),
        )
    except OSError as error:
        raise ReferenceUnavailable(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, re.error) as error:
        raise ReferenceUnavailable(f"{path} is not a reference profile: {error!r}; train again to make one.") from error


def with_csv(profile: Reference, path: Path) -> Reference:
    """`profile` with the lengths and labels of a CSV file with the columns review and sentiment. Raises
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
        digest=f"{profile.digest}+{_digest_of(words, data[CSV_LABEL])}",
        length_counts=histogram(words, profile.length_edges),
        length_median=float(np.median(words)),
        label_counts=dict(Counter(data[CSV_LABEL])),
    )


def histogram(
    values: npt.NDArray[Any], edges: npt.NDArray[Any], counts: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Counts by bin, (bins,), of values (m,), each occurring `counts` (m,) times, or once. Values outside the edges
    count in the first or last bin."""
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.bincount(bins, weights=counts, minlength=len(edges) - 1).astype(np.int64)


def _digest_of(words: npt.NDArray[np.int64], labels: pd.Series) -> str:
    return sha256(words.tobytes() + "\n".join(labels).encode()).hexdigest()


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"not a name: {value!r:.60}")
    return value


def _part(value: Any, whole: Any) -> int:
    if not 0 <= int(value) <= int(whole) or int(whole) == 0:
        raise ValueError(f"{value!r:.60} is no part of {whole!r:.60}")
    return int(value)


def _curve(profile: dict[str, Any], name: str) -> npt.NDArray[np.float64]:
    """One coordinate of the calibration curve; both must rise."""
    curve = profile["calibration"]["isotonic"]
    values = np.asarray(curve[name], dtype=np.float64)
    if values.shape != (len(curve["confidence"]),) or not values.size or values.ndim != 1:
        raise ValueError("a calibration curve needs an accuracy for each of its confidences")
    if not (np.diff(values) >= 0).all() or values[0] < 0 or values[-1] > 1:
        raise ValueError("a calibration curve rises from 0 to 1")
    return values


def _word_counts(profile: dict[str, Any]) -> dict[str, int]:
    return {word: _part(count, profile["n"]) for word, count in profile["words"]["texts"].items()}


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

"""The reference: distributions of texts and predictions in training, to compare traffic with."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.isotonic import IsotonicRegression

from training.arrays import FloatArray
from training.data import LabelledTexts
from training.evaluation import Answers
from training.metrics import calibration_bins
from training.terms import TOKEN_PATTERN

LENGTH_EDGES: list[float] = sorted({round(2 ** (k / 3)) for k in range(37)})
SHARE_EDGES = [round(k / 50, 2) for k in range(51)]
# Most answers of a good model are nearly certain, and would all be in the last fiftieth.
CONFIDENCE_EDGES = [*SHARE_EDGES[:-1], 0.985, 0.99, 0.995, 0.998, 0.999, 1.0]
QUANTILES = [0.01, 0.05, *(round(k / 10, 1) for k in range(1, 10)), 0.95, 0.99]
MAX_WORDS, MAX_WORD_BYTES = 3_000, 60_000


def build_reference(model_version: str, data: LabelledTexts, answers: Answers) -> dict[str, Any]:
    """answers are predictions on unseen texts: the folds', or a validation set's."""
    words = np.array([len(text.split()) for text in data.texts], dtype=np.float64)
    known = answers.known_share
    return {
        "model_version": model_version,
        "n": len(data.texts),
        "length": {"unit": "words"} | _profile(words, LENGTH_EDGES) | {"log": _moments(np.log1p(words))},
        "label_counts": data.label_counts,
        "predicted_counts": _counts_by_label(answers.labels, answers.predicted),
        "confusion": _confusion(answers),
        "confidence": _profile(answers.confidence, CONFIDENCE_EDGES),
        "calibration": _calibration(answers),
        "vocabulary": None if known is None else {"unit": "share of known tokens"} | _profile(known, SHARE_EDGES),
        "words": _word_frequencies(data.texts),
        "validation": {"n": len(answers.truth), "correct": int(np.sum(answers.correct))},
    }


def histogram(values: FloatArray, edges: Sequence[float]) -> list[int]:
    """Bin i counts edges[i] <= x < edges[i + 1]; values outside count in the first or last bin."""
    bins = np.searchsorted(edges, values, side="right") - 1
    inside = np.clip(bins, 0, len(edges) - 2)
    counts: list[int] = np.bincount(inside, minlength=len(edges) - 1).tolist()
    return counts


def _profile(values: FloatArray, edges: Sequence[float]) -> dict[str, Any]:
    levels = np.quantile(values, QUANTILES).tolist()
    return {
        "edges": list(edges),
        "counts": histogram(values, edges),
        **_moments(values),
        "median": float(np.median(values)),
        "quantiles": {"levels": QUANTILES, "values": levels},
    }


def _moments(values: FloatArray) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1))}


def _counts_by_label(labels: list[str], indices: ArrayLike) -> dict[str, int]:
    return dict(zip(labels, np.bincount(indices, minlength=len(labels)).tolist(), strict=True))


def _confusion(answers: Answers) -> dict[str, dict[str, int]]:
    """The number of texts of each label (outer key) by predicted label (inner key, only where there are any)."""
    given = [
        _counts_by_label(answers.labels, answers.predicted[answers.truth == i]) for i in range(len(answers.labels))
    ]
    return {
        label: {inner: count for inner, count in counts.items() if count}
        for label, counts in zip(answers.labels, given, strict=True)
    }


def _calibration(answers: Answers) -> dict[str, Any]:
    """The share of right predictions by confidence: in bins of equal mass, and as a rising curve through its knots
    (isotonic regression), to be interpolated linearly."""
    confidence, correct = answers.confidence, answers.correct
    bins = calibration_bins(confidence)
    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(confidence, correct)
    return {
        "bins": {
            "n": [len(rows) for rows in bins],
            "confidence": [float(np.mean(confidence[rows])) for rows in bins],
            "accuracy": [float(np.mean(correct[rows])) for rows in bins],
        },
        "isotonic": {"confidence": curve.X_thresholds_.tolist(), "accuracy": curve.y_thresholds_.tolist()},
    }


def _word_frequencies(texts: Sequence[str]) -> dict[str, Any]:
    """The number of texts that contain each of the most frequent lower-cased tokens, as many as there is room for."""
    find = re.compile(TOKEN_PATTERN).findall
    found = Counter(token for text in texts for token in set(find(text.lower())))
    frequent = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MAX_WORDS]
    room = np.cumsum([len(token.encode()) for token, _ in frequent]) <= MAX_WORD_BYTES
    return {"token_pattern": TOKEN_PATTERN, "texts": dict(frequent[: int(room.sum())])}

"""The reference profile: what the texts and predictions looked like in training, to compare traffic with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.data import LabelledTexts
from training.evaluation import FloatArray, OutOfFold
from training.folding import calibrated_confidences

LENGTH_EDGES = sorted({round(2 ** (k / 3)) for k in range(37)})
CONFIDENCE_EDGES = [round(k / 50, 2) for k in range(51)]


def build_reference(
    model_version: str, data: LabelledTexts, out_of_fold: OutOfFold, temperature: float
) -> dict[str, Any]:
    """Predictions and confidences are out of fold: those of texts the model had not seen."""
    confidences = calibrated_confidences(out_of_fold.logits, temperature)
    correct = int(np.sum(out_of_fold.predicted == out_of_fold.truth))
    return {
        "model_version": model_version,
        "n": len(data.texts),
        "length": _length_profile(data.texts),
        "label_counts": data.label_counts,
        "predicted_counts": _predicted_counts(out_of_fold),
        "confidence": {"edges": CONFIDENCE_EDGES, "counts": histogram(confidences, CONFIDENCE_EDGES)},
        "validation": {"n": len(out_of_fold.truth), "correct": correct},
    }


def histogram(values: FloatArray, edges: Sequence[float]) -> list[int]:
    """Bin i counts edges[i] <= x < edges[i + 1]; values outside all bins count in the first or last."""
    bins = np.searchsorted(edges, values, side="right") - 1
    inside = np.clip(bins, 0, len(edges) - 2)
    counts: list[int] = np.bincount(inside, minlength=len(edges) - 1).tolist()
    return counts


def _length_profile(texts: Sequence[str]) -> dict[str, Any]:
    words = np.array([len(text.split()) for text in texts], dtype=np.float64)
    return {
        "unit": "words",
        "edges": LENGTH_EDGES,
        "counts": histogram(words, LENGTH_EDGES),
        "mean": float(np.mean(words)),
        "sd": float(np.std(words, ddof=1)),
        "median": float(np.median(words)),
    }


def _predicted_counts(out_of_fold: OutOfFold) -> dict[str, int]:
    counts = np.bincount(out_of_fold.predicted, minlength=len(out_of_fold.labels)).tolist()
    return dict(zip(out_of_fold.labels, counts, strict=True))

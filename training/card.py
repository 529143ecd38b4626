"""The model card: what the model is, what it learned from, how good it is and where that ends."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from training.data import LabelledTexts
from training.evaluation import FOLDS, SEED, OutOfFold
from training.folding import calibrated_confidences
from training.metrics import CALIBRATION_BINS, accuracy, expected_calibration_error, per_label
from training.recipe import DESCRIPTION

MODEL_NAME = "sentiment-model"
VERSION_DIGITS = 12
LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib")
METHOD = (
    f"{FOLDS}-fold stratified cross-validation (shuffled, seed {SEED}), the whole pipeline fitted anew in each "
    f"fold; 95 % Wilson intervals; calibration error of the calibrated out-of-fold confidences in "
    f"{CALIBRATION_BINS} bins of equal mass."
)


def model_version(sha256: str) -> str:
    return sha256[:VERSION_DIGITS]


def build_card(
    sha256: str, data: LabelledTexts, description: str, out_of_fold: OutOfFold, temperature: float
) -> dict[str, Any]:
    """sha256 is that of the model file."""
    return {
        "name": MODEL_NAME,
        "model_version": model_version(sha256),
        "sha256": sha256,
        "labels": out_of_fold.labels,
        "versions": _versions(),
        "data": _describe_data(data, description),
        "recipe": DESCRIPTION,
        "metrics": _measure(out_of_fold, temperature),
        "calibration": {
            "method": "temperature scaling, folded into the coefficients",
            "temperature": temperature,
        },
        "limits": _limits(description),
    }


def _versions() -> dict[str, str]:
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python} | {library: version(library) for library in LIBRARIES}


def _describe_data(data: LabelledTexts, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "sha256": data.sha256,
        "rows": len(data.texts),
        "dropped_rows": data.dropped_rows,
        "label_counts": data.label_counts,
    }


def _measure(out_of_fold: OutOfFold, temperature: float) -> dict[str, Any]:
    truth, predicted = out_of_fold.truth, out_of_fold.predicted
    confidences = calibrated_confidences(out_of_fold.logits, temperature)
    by_label = per_label(out_of_fold.labels, truth, predicted)
    return {
        "method": METHOD,
        "n": len(truth),
        "accuracy": asdict(accuracy(truth, predicted)),
        "per_label": {label: asdict(metrics) for label, metrics in by_label.items()},
        "expected_calibration_error": expected_calibration_error(confidences, truth == predicted),
    }


def _limits(description: str) -> list[str]:
    return [
        f"Learned from: {description}. Texts in other languages or of other kinds were not measured.",
        "Short sentences, above all from other domains, are classified less reliably than whole reviews.",
        "Irony, quotation and comparison are read literally: only words and pairs of neighbours count.",
        "Every text gets one of the known labels, also one that is neutral, mixed, empty or meaningless.",
        "Texts about one subject, such as reviews of the same film, and repeated texts lie on both sides of a fold, "
        "so the cross-validated figures are slightly optimistic.",
        "Temperature and calibration error come from the same out-of-fold scores; the temperature is one number, "
        "so this hardly flatters the error.",
        "Accuracy and confidence hold for traffic like the training data; monitoring shows when it is not.",
    ]

"""The model card: what a model is, its training data, its accuracy and its limits.

`python -m training.card MODEL --data CSV` writes the card and the reference of any scikit-learn text classifier,
measured on texts that it was not trained on. Loading a model runs code from its file: use it only on files you trust.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.artefacts import json_to_bytes, sha256_of, write_files
from training.calibration import Calibration
from training.data import LABEL_COLUMN, TEXT_COLUMN, DataError, LabelledTexts, UnlabelledTexts, read_labelled_texts
from training.evaluation import FOLDS, SEED, Answers
from training.metrics import CALIBRATION_BINS, RESAMPLES, accuracy, calibration_error_with_interval, per_label
from training.own_model import load_model, measure
from training.recipe import DESCRIPTION
from training.reference import build_reference

VERSION_DIGITS = 12
LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib")
INTERVALS = (
    f"95 % Wilson intervals; calibration error in {CALIBRATION_BINS} bins of equal mass, its interval from "
    f"{RESAMPLES} bootstrap resamples."
)
CROSS_VALIDATION = (
    f"{FOLDS}-fold stratified cross-validation (shuffled, seed {SEED}); everything is learnt anew in each fold, also "
    "the labels guessed for unlabelled texts, and the calibration; " + INTERVALS
)
GENERAL_LIMITS = [
    "Every text gets one of the known labels, also one that is neutral, mixed, empty or meaningless.",
    "Accuracy and confidence hold for traffic like the data they were measured on; monitoring shows when it is not.",
]


def model_version(sha256: str) -> str:
    return sha256[:VERSION_DIGITS]


def trained_card(
    model: bytes,
    data: LabelledTexts,
    unlabelled: UnlabelledTexts,
    description: str,
    answers: Answers,
    calibration: Calibration,
) -> dict[str, Any]:
    """The card of a model trained here; answers are the folds'."""
    unlabelled_data = {"unlabelled_rows": len(unlabelled.texts), "unlabelled_sha256": unlabelled.sha256}
    return _identity("sentiment-model", model, answers.labels) | {
        "data": _describe(data, description) | (unlabelled_data if unlabelled.texts else {}),
        "recipe": DESCRIPTION,
        "metrics": {"method": CROSS_VALIDATION} | _measured(answers),
        "calibration": {
            "method": "bias-corrected temperature scaling, folded into the coefficients",
            "temperature": calibration.temperature,
            "bias": calibration.bias.tolist(),
        },
        "limits": [
            f"Learned from: {description}. Texts in other languages or of other kinds were not measured.",
            "Single sentences are classified less reliably than whole reviews, above all those about other things: "
            "words that reviews of one kind do not use say nothing to it.",
            "Irony, quotation and comparison are read literally: only words and runs of up to three of them count.",
            "A word with a typographic apostrophe is not the same word as with the plain one of the keyboard.",
            "Texts about one subject, such as reviews of the same film, and repeated texts lie on both sides of a "
            "fold, so the cross-validated figures are slightly optimistic.",
            *GENERAL_LIMITS,
        ],
    }


def own_card(
    name: str, model: bytes, data: LabelledTexts, description: str, answers: Answers, calibration: Calibration | None
) -> dict[str, Any]:
    """The card of a model trained elsewhere; `calibration`, if any, is applied by the service."""
    applied: dict[str, Any] = {"method": "none: the probabilities are the model's own"}
    if calibration:
        applied = {
            "method": "temperature scaling of the decision scores, done by the service",
            "temperature": calibration.temperature,
        }
    return _identity(name, model, answers.labels) | {
        "data": _describe(data, description),
        "recipe": ["Trained elsewhere."],
        "metrics": {"method": "Answers to the texts described under data; " + INTERVALS} | _measured(answers),
        "calibration": applied,
        "limits": [
            "The figures hold only if the model was not trained on the texts it was measured on.",
            *GENERAL_LIMITS,
        ],
    }


def _identity(name: str, model: bytes, labels: list[str]) -> dict[str, Any]:
    sha256 = sha256_of(model)
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "name": name,
        "model_version": model_version(sha256),
        "sha256": sha256,
        "bytes": len(model),
        "labels": labels,
        "versions": {"python": python} | {library: version(library) for library in LIBRARIES},
    }


def _describe(data: LabelledTexts, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "sha256": data.sha256,
        "rows": len(data.texts),
        "dropped_rows": data.dropped_rows,
        "label_counts": data.label_counts,
    }


def _measured(answers: Answers) -> dict[str, Any]:
    truth, predicted = answers.truth, answers.predicted
    by_label = per_label(answers.labels, truth, predicted)
    return {
        "n": len(truth),
        "accuracy": asdict(accuracy(truth, predicted)),
        "per_label": {label: asdict(metrics) for label, metrics in by_label.items()},
        "expected_calibration_error": asdict(calibration_error_with_interval(answers.confidence, answers.correct)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    card_path = options.card or options.model.with_name("model_card.json")
    reference_path = options.reference or options.model.with_name("reference.json")
    try:
        data = read_labelled_texts(options.data, options.text_column, options.label_column)
        model, content = load_model(options.model)
        answers, calibration = measure(model, data)
        description = options.description or f"Labelled texts from {options.data.name}"
        card = own_card(options.model.stem, content, data, description, answers, calibration)
        reference = build_reference(card["model_version"], data, answers)
        write_files({card_path: json_to_bytes(card), reference_path: json_to_bytes(reference)})
    except (DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    right = card["metrics"]["accuracy"]
    print(f"Accuracy {right['value']:.2%} ({right['low']:.2%} to {right['high']:.2%}) on {len(data.texts):,} texts")
    print(f"Wrote {card_path} and {reference_path}")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__)
    parser.add_argument("model", type=Path, help="a classifier of texts, saved with joblib")
    parser.add_argument("--data", type=Path, required=True, help="CSV of labelled texts the model was not trained on")
    parser.add_argument("--text-column", default=TEXT_COLUMN, help=f"default: {TEXT_COLUMN}")
    parser.add_argument("--label-column", default=LABEL_COLUMN, help=f"default: {LABEL_COLUMN}")
    parser.add_argument("--card", type=Path, help="default: model_card.json beside the model")
    parser.add_argument("--reference", type=Path, help="default: reference.json beside the model")
    parser.add_argument("--description", help="what the texts are, for the card")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

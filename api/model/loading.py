"""Loads the model: compares the file with its card, unpickles it, and classifies a first text."""

from __future__ import annotations

import hashlib
import io
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from api.model.card import read_card, temperature
from api.model.classifier import Model, ModelUnavailable

MAX_REASON_CHARS = 200


def load_model(path: Path, card_path: Path) -> Model:
    """The model at `path`; unpickled only if its SHA-256 is that of the card. Raises ModelUnavailable."""
    content, card = _read(path), read_card(card_path, path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != card["sha256"].lower():
        raise ModelUnavailable(
            f"{path} is not the model of {card_path} (SHA-256 {digest[:12]}…, the card says "
            f"{card['sha256'][:12]}…); restore the file, or train again to make both."
        )
    trained_with, installed = card["versions"]["scikit-learn"], version("scikit-learn")
    if trained_with.split(".")[:2] != installed.split(".")[:2]:
        raise ModelUnavailable(
            f"{path} was trained with scikit-learn {trained_with} and {installed} is installed; "
            "install that version, or train again."
        )
    return _checked(_unpickled(content, path), card, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(
            f"{path} cannot be read: {error.strerror}; set MODEL_PATH to a classifier saved with joblib.dump."
        ) from error


def _unpickled(content: bytes, path: Path) -> Any:
    try:
        return joblib.load(io.BytesIO(content))
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            f"{path} needs the package {error.name}, which is not installed; install it, or save a model without it."
        ) from error
    except Exception as error:  # a pickle may raise anything
        raise ModelUnavailable(
            f"{path} cannot be unpickled ({_reason(error)}); save a fitted classifier with joblib.dump."
        ) from error


def _checked(classifier: Any, card: dict[str, Any], path: Path) -> Model:
    try:
        if not (flaw := _flaw_of_kind(classifier)):
            model = Model(classifier, card, float(temperature(card)))
            flaw = _flaw_of_answer(model)
    except Exception as error:  # and so may the object in it
        raise ModelUnavailable(
            f"{path} cannot classify a text ({_reason(error)}); save a pipeline that begins with a text vectoriser."
        ) from error
    if flaw:
        raise ModelUnavailable(f"{path} {flaw}.")
    return model


def _flaw_of_kind(classifier: Any) -> str | None:
    kind, last = type(classifier).__name__, getattr(classifier, "steps", [("", classifier)])[-1][1]
    if not hasattr(classifier, "classes_"):
        return f"holds a {kind} without classes_; save a classifier that has been fitted"
    if len(classifier.classes_) < 2:
        return f"knows the labels {[str(label) for label in classifier.classes_]} only; train it with two or more"
    if hasattr(classifier, "predict_proba"):
        return None
    if not hasattr(classifier, "decision_function"):
        return f"holds a {kind} with neither predict_proba nor decision_function; save one that has either"
    if getattr(last, "decision_function_shape", "ovr") == "ovo" and len(classifier.classes_) > 2:
        return f"holds a {type(last).__name__} that scores pairs of labels; set its decision_function_shape to 'ovr'"
    return None


def _flaw_of_answer(model: Model) -> str | None:
    """Classifies once, which also does scikit-learn's lazy set-up before the first request."""
    _, probabilities = model.classify(["A first answer."])
    if probabilities.shape == (1, len(model.labels)) and np.isfinite(probabilities).all():
        return None
    return (
        f"gives a text the probabilities {probabilities.tolist()!r:.60}; "
        f"save a classifier that gives each of its {len(model.labels)} labels one"
    )


def _reason(error: Exception) -> str:
    """The exception on one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_REASON_CHARS]

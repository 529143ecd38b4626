"""Loads the model after checking that it is the one its card describes, and asks it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib


class ModelUnavailable(Exception):
    """There is no usable model; the text is the reason and the way out."""


@dataclass(frozen=True)
class Prediction:
    label: str
    confidence: float  # the model's probability for this label


class Model:
    """A scikit-learn classifier of texts with `predict_proba`; `labels` are its `classes_`."""

    def __init__(self, pipeline: Any, card: dict[str, Any]) -> None:
        self._pipeline = pipeline
        self.card = card
        self.version: str = card["model_version"]
        self.labels = [str(label) for label in pipeline.classes_]
        self._by_folded_name = {label.casefold(): label for label in self.labels}

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        probabilities = self._pipeline.predict_proba(texts)
        best = probabilities.argmax(axis=1)
        return [
            Prediction(self.labels[column], round(float(row[column]), 6))
            for row, column in zip(probabilities, best, strict=True)
        ]

    def label_named(self, name: str) -> str | None:
        """The label that `name` means, whatever its case and surrounding blanks, or None."""
        return self._by_folded_name.get(name.strip().casefold())


def load_model(path: Path, card_path: Path) -> Model:
    """The model at `path`, unpickled only if it is the file its card names. Raises ModelUnavailable."""
    content, card = _read(path), _read_card(card_path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != card["sha256"]:
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
    model = Model(joblib.load(io.BytesIO(content)), card)
    model.predict(["A first answer, so that the first user does not wait for it."])
    return model


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror}.") from error


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(_read(path))
        str(card["model_version"]), str(card["sha256"]), str(card["versions"]["scikit-learn"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(f"{path} is not a model card: {error!r}; train again to make one.") from error
    return card

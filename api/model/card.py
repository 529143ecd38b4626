"""Reads the model card, which describes the model file before it is unpickled."""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from api.model.classifier import ModelUnavailable

NEEDED = ("model_version", "sha256", "versions.scikit-learn")


def read_card(path: Path, model_path: Path) -> dict[str, Any]:
    """The card. Its NEEDED fields are non-empty texts, and `temperature` works on it. Raises ModelUnavailable."""
    way_out = f"`python -m training.card {model_path} --data CSV` makes a card"
    try:
        card = from_json(path.read_bytes().removeprefix(BOM_UTF8), allow_inf_nan=False)
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror}; {way_out}.") from error
    except ValueError as error:
        raise ModelUnavailable(f"{path} is not a model card: {error}; {way_out}.") from error
    if flaw := _flaw(card):
        raise ModelUnavailable(f"{path} is not a model card: {flaw}; {way_out}.")
    return dict(card)


def temperature(card: dict[str, Any]) -> Any:
    """The divisor of decision scores before softmax; 1 without calibration in the card."""
    calibration = card.get("calibration")
    return calibration.get("temperature", 1.0) if isinstance(calibration, dict) else 1.0


def _flaw(card: Any) -> str | None:
    if not isinstance(card, dict):
        return f"it is {card!r:.60}, not an object"
    for name in NEEDED:
        value = _at(card, name)
        if not isinstance(value, str) or not value:
            return f"{name} is missing" if value is None else f"{name} is {value!r:.60}, not a text"
    value = temperature(card)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        return f"calibration.temperature is {value!r:.60}, not a finite number above 0"
    return None


def _at(card: Any, name: str) -> Any:
    """The value under a dotted name, or None."""
    for key in name.split("."):
        card = card.get(key) if isinstance(card, dict) else None
    return card

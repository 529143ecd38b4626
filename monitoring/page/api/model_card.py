"""The model card as the page shows it. Users may write cards, so missing and malformed parts are left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

HASH_DIGITS = 12


def card_headline(card: Mapping[str, Any]) -> str:
    name, version = _text(card.get("name")), _text(card.get("model_version"))
    accuracy = _share(_object(_object(card, "metrics"), "accuracy").get("value"))
    known = [f"version {version}" if version else "", f"accuracy {accuracy} by its card" if accuracy else ""]
    return f"{_joined(f'Model {name}' if name else 'A model without a name', *known)}."


def card_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The card as pairs of a subject and an untrusted text."""
    metrics = _object(card, "metrics")
    rows = [
        ("Accuracy", _share(metrics.get("accuracy"))),
        ("Measured on", _count(metrics, "n", "texts")),
        *_labels(_object(metrics, "per_label")),
        ("Expected calibration error", _error(metrics)),
        *_data(_object(card, "data")),
        ("Recipe", _text(card.get("recipe"))),
        ("Versions", _joined(*_versions(_object(card, "versions")))),
    ]
    return [(subject, text) for subject, text in rows if text]


def card_limits(card: Mapping[str, Any]) -> list[str]:
    limits = card.get("limits")
    return [limit for limit in limits if isinstance(limit, str)] if isinstance(limits, list) else []


def _labels(per_label: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for label in per_label:
        figures = _object(per_label, label)
        named = [f"{name} {share}" for name in ("precision", "recall") if (share := _share(figures.get(name)))]
        yield f"Label {label}", _joined(*named, _count(figures, "support", "texts"))


def _data(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Training data", _text(data.get("description"))
    counts = _object(data, "label_counts")
    yield "Training texts", _joined(_count(data, "rows", "in all"), *(_count(counts, label, label) for label in counts))
    yield "Texts without a label", _count(data, "unlabelled_rows", "used too")
    yield "Rows left out", _count(data, "dropped_rows", "that could not be used")
    yield "SHA-256 of the data", _text(data.get("sha256"))[:HASH_DIGITS]


def _versions(versions: Mapping[str, Any]) -> Iterator[str]:
    for name, version in versions.items():
        if isinstance(version, str | int | float):
            yield f"{name} {version}"


def _error(metrics: Mapping[str, Any]) -> str:
    names = ("expected_calibration_error", "calibration_error")
    return next(filter(None, (_figure(metrics.get(name), "{:.4f}") for name in names)), "")


def _share(value: Any) -> str:
    return _figure(value, "{:.1%}")


def _figure(value: Any, form: str) -> str:
    """`value` is a number, or an object with `value` and optionally the interval `low` to `high`."""
    figure = value if isinstance(value, Mapping) else {"value": value}
    value, low, high = (_number(figure.get(name)) for name in ("value", "low", "high"))
    if value is None:
        return ""
    interval = "" if low is None or high is None else f" ({form.format(low)} – {form.format(high)})"
    return form.format(value) + interval


def _count(holder: Mapping[str, Any], key: str, what: str) -> str:
    number = _number(holder.get(key))
    return "" if number is None else f"{number:,.0f} {what}"


def _number(value: Any) -> float | None:
    """None if it is not a number, is NaN, or is too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _text(value: Any) -> str:
    """A text, or a list of texts as lines."""
    return "\n".join(part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str))


def _joined(*texts: str) -> str:
    return ", ".join(filter(None, texts))


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, Mapping) else {}

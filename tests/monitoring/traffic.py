"""Log lines that raise or clear an alarm, as the API writes them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from monitoring.stats.reference import Reference, load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import append, at, prediction

PROFILE = ROOT / "monitoring" / "reference.json"
OTHER_MODEL = "another model"  # whose answers say nothing about drift, only about accuracy


def judged(first: int, last: int, *, right: float, model: str | None = OTHER_MODEL) -> list[bytes]:
    """Answers with their labels, numbered from `first` up to `last`; evenly spread, the share `right` of them is."""
    return [
        prediction(
            timestamp=at(number / 60),
            request_text=f"text number {number}",
            prediction_id=f"id-{number}",
            true_sentiment="positive" if int((number + 1) * right) > int(number * right) else "negative",
            model_version=model,
        )
        for number in range(first, last)
    ]


def usual(first: int, last: int, **changed: Any) -> list[bytes]:
    """Requests without labels as the reference has them, in all but what is `changed`."""
    profile, chance = load_profile(PROFILE), random.Random(first)
    return [_line(number, profile, chance, changed) for number in range(first, last)]


def _line(number: int, profile: Reference, chance: random.Random, changed: dict[str, Any]) -> bytes:
    words = changed.get("words") or int(_drawn(profile.length_edges, profile.length_counts, chance))
    assert profile.known_edges is not None
    assert profile.known_counts is not None
    labels, counts = zip(*sorted(profile.label_counts.items()), strict=True)
    fields: dict[str, Any] = {
        "timestamp": at(number / 60),
        "request_text": f"{number} " + "word " * (words - 1),
        "prediction_id": f"id-{number}",
        "model_version": profile.model_version,
        "confidence": _drawn(profile.confidence_edges, profile.confidence_counts, chance),
        "known_share": _drawn(profile.known_edges, profile.known_counts, chance),
        "predicted_sentiment": chance.choices(labels, counts)[0],
    }
    return prediction(**fields | {name: value for name, value in changed.items() if name != "words"})


def _drawn(edges: Any, counts: Any, chance: random.Random) -> float:
    """A value from a histogram."""
    place = chance.choices(range(len(counts)), counts)[0]
    low, high = float(edges[place]), float(edges[place + 1])
    return float(np.clip(low + (high - low) * chance.random(), low, np.nextafter(high, low)))


def write(log_dir: Path, lines: Iterable[bytes]) -> None:
    append(log_dir / "prediction_logs.json", *lines)

"""One row of figures, each with a sparkline, the number of predictions behind it and their time range."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from monitoring.alarms.verdict import OF_DRIFT, enough_labels
from monitoring.analysis.results import Alarms, Analysis, Quality
from monitoring.page.components import tiles
from monitoring.page.redraw import Content, Section
from monitoring.page.state import State
from monitoring.settings import Settings
from monitoring.stats.drift import MIN_TEXTS
from monitoring.stats.reference import Reference
from monitoring.stats.tables import Tables

MEANINGS = {
    "Requests": "The selected predictions. The bars show their number over time.",
    "Accuracy": "The share of right predictions among the labelled ones, with its 95 % interval.",
    "Labels": "Predictions with a known true label, which came with the request or later as feedback.",
    "Confidence": "The model's mean probability for its predictions: their accuracy, if it is calibrated.",
    "Drift": "How many of sentence length, vocabulary coverage, confidence and predicted sentiment differ "
    "significantly from the reference. The line shows the mean number of words.",
}


def section(state: State) -> Section:
    def draw() -> None:
        if analysis := state.seen.analysis:
            draw_tiles(analysis, state.seen.reference, state.settings, state.selection.span)

    return Section("tiles", draw, lambda: Content(id(state.seen.analysis)))


def draw_tiles(analysis: Analysis, reference: Reference | None, settings: Settings, span: timedelta | None) -> None:
    by_time, n = analysis.over_time, analysis.tables.n
    labels = int(by_time.traffic["labels"].sum())
    shown = [
        _tile("Requests", (f"{n:,}", window(analysis, span)), by_time.traffic, "requests", "bar"),
        _tile("Accuracy", _accuracy(analysis.quality, settings), by_time.accuracy, "value", "line"),
        _tile("Labels", (f"{labels:,}", f"{labels / n:.1%} of {n:,}"), by_time.traffic, "labels", "bar"),
        _tile("Confidence", _confidence(analysis.tables, reference), by_time.confidence, "mean", "line"),
        _tile("Drift", _drift(analysis.alarms, reference), by_time.traffic, "words", "line"),
    ]
    tiles(key="tiles", data={"tiles": shown})


def _tile(title: str, said: tuple[str, str], by_time: pd.DataFrame, column: str, kind: str) -> dict[str, Any]:
    """A figure, the line below it, and its sparkline: pairs of the time, from 0 to 1, and the value."""
    value, below = said
    known = by_time[by_time[column].notna()]
    return {"title": title, "value": value, "below": below, "help": MEANINGS[title], "kind": kind} | _course(
        known["time"], known[column]
    )


def _course(times: pd.Series, values: pd.Series) -> dict[str, Any]:
    """The sparkline and the width of a time step. Empty for a single step."""
    if len(times) < 2:
        return {"course": [], "wide": 1}
    step = times.diff().min()
    span = times.iloc[-1] - times.iloc[0] + step
    places = ((times - times.iloc[0]) / span).round(4)
    return {"course": [[place, float(value)] for place, value in zip(places, values, strict=True)], "wide": step / span}


def window(analysis: Analysis, span: timedelta | None) -> str:
    """The selected time range."""
    if span is None:
        return f"since {analysis.tables.spans['first'].min():%Y-%m-%d %H:%M} UTC"
    hours = span / timedelta(hours=1)
    if hours <= 1:
        return f"last {hours * 60:.0f} minutes"
    return f"last {hours:.0f} hours" if 1 < hours <= 24 else f"last {hours / 24:.0f} days"


def _accuracy(quality: Quality, settings: Settings) -> tuple[str, str]:
    accuracy, estimated = quality.accuracy, quality.estimated
    if accuracy and enough_labels(accuracy.n, settings.min_labels):
        return f"{accuracy.value:.1%}", f"{accuracy.low:.0%} – {accuracy.high:.0%}, n = {accuracy.n:,}"
    if estimated and not quality.estimate_doubted:
        return "not yet", f"estimated {estimated.value:.1%}, n = {estimated.n:,}"
    return "not yet", f"n = {accuracy.n if accuracy else 0} of {settings.min_labels} labels"


def _confidence(tables: Tables, reference: Reference | None) -> tuple[str, str]:
    known = tables.answers
    known = known[known["confidence"].notna()]
    if known.empty:
        return "not known", "n = 0"
    n = int(known["n"].sum())
    compared = f"reference {reference.confidence_mean:.3f}, " if reference else ""
    return f"{np.average(known['confidence'], weights=known['n']):.3f}", f"{compared}n = {n:,}"


def _drift(alarms: Alarms, reference: Reference | None) -> tuple[str, str]:
    if reference is None:
        return "not known", "no reference"
    significant = sum(1 for alert in alarms.alerts if alert.name in OF_DRIFT)
    n = alarms.signals["length"].n
    if n < MIN_TEXTS:
        return "not yet", f"n = {n} of {MIN_TEXTS} texts"
    return f"{significant} of {len(OF_DRIFT)}", f"significant, n = {n:,} texts"

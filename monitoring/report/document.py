"""The page as files: one HTML file that needs no network, and the figures as JSON.

`python -m monitoring.report --html report.html --json report.json` reads the log and needs no browser.
"""

from __future__ import annotations

import argparse
import html
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from monitoring.alarms.alert import Alert
from monitoring.alarms.phrases import figure
from monitoring.analysis.notes import audit_sentence, estimate_note, feedback_notes, version_sentence
from monitoring.analysis.observer import observer_of
from monitoring.analysis.results import Analysis, Quality, Trust, analyse
from monitoring.analysis.selection import Selected
from monitoring.report import charts
from monitoring.settings import Settings, SettingsError
from monitoring.stats import drift
from monitoring.stats.reference import Reference
from monitoring.stats.words import MovedWord

MOST_HOURS = 1_000_000  # about a hundred years
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
table{border-collapse:collapse}td,th{padding:.3rem .8rem;border-bottom:1px solid #ccc;text-align:left}
.alert,.warning,.unknown,.ok{padding:.6rem 1rem;margin:.5rem 0;border-left:.4rem solid}
.alert{border-color:#b00020}.warning{border-color:#e69f00}.unknown{border-color:#9aa0a6}.ok{border-color:#009e73}"""


def to_json(analysis: Analysis, now: datetime) -> str:
    """The figures, without the texts of requests."""
    selected, alarms, quality, trust = analysis.selected, analysis.alarms, analysis.quality, analysis.trust
    found = {
        "generated_at": now.isoformat(),
        "selection": {"since": selected.since and selected.since.isoformat(), **_names(selected)},
        "requests": analysis.tables.n,
        "repeated_texts": analysis.tables.n - analysis.tables.distinct,
        "alerts": [asdict(alert) for alert in alarms.alerts],
        "notes": [asdict(alert) for alert in alarms.notes],
        "false_alarms": alarms.budget,
        "seen": alarms.counts,
        "signals": {name: status._asdict() for name, status in alarms.signals.items()},
        "accuracy": quality.accuracy,
        "by_label": quality.by_label,
        "estimated_accuracy": {"value": quality.estimated, "contradicted_by_labels": quality.estimate_doubted},
        "accuracy_with_audit": quality.with_audit,
        "audit": {name: getattr(trust.audit, name) for name in ("drawn", "labelled", "accuracy")},
        "feedback": {"skew": trust.skew, "post_stratified_accuracy": trust.post_stratified},
        "drift": analysis.drifts.by_subject,
        "moved_words": [{**asdict(word), "examples": len(word.examples)} for word in analysis.drifts.moved_words],
        "calibration": {"error": quality.calibration_error, "bins": quality.reliability},
        "versions": quality.versions,
        "comparison": quality.comparison,
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)


def to_html(analysis: Analysis, reference: Reference | None, settings: Settings, now: datetime) -> str:
    """The page as one HTML file. All untrusted text is escaped."""
    alarms, quality, trust = analysis.alarms, analysis.quality, analysis.trust
    parts = [
        f"<h1>Sentiment monitor</h1><p>{now:%Y-%m-%d %H:%M} UTC. {analysis.tables.n:,} requests"
        f"{_selection(analysis.selected)}.</p>",
        *map(_box, [*alarms.alerts, *alarms.notes]),
        _paragraph(alarms.budget),
        "<h2>Model quality</h2>",
        _quality(quality),
        *map(_box, feedback_notes(trust.skew, quality.accuracy, trust.post_stratified)),
        *[_paragraph(sentence) for sentence in _sentences(quality, trust)],
        *_plots(analysis, reference, settings),
        _words(analysis.drifts.moved_words),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sentiment monitor</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _sentences(quality: Quality, trust: Trust) -> Iterable[str]:
    yield estimate_note(quality.estimated, quality.estimate_doubted, quality.fit, quality.with_audit)
    yield audit_sentence(trust.audit)
    if found := quality.comparison:
        yield version_sentence(found.earlier, found.later, found.difference)


def _plots(analysis: Analysis, reference: Reference | None, settings: Settings) -> Iterable[str]:
    first = True
    for title, chart in _figures(analysis, reference, settings):
        yield f"<h2>{html.escape(title)}</h2>"
        yield chart.to_html(full_html=False, include_plotlyjs=first)
        first = False


def _figures(analysis: Analysis, reference: Reference | None, settings: Settings) -> Iterable[tuple[str, go.Figure]]:
    quality, over_time = analysis.quality, analysis.over_time
    if over_time.accuracy[["value", "estimated"]].notna().any(axis=None):
        threshold, doubted = settings.accuracy_threshold, quality.estimate_doubted
        yield "Accuracy over time", charts.accuracy_over_time(over_time.accuracy, threshold, UTC, doubted=doubted)
    if reference:
        yield "Sentence length", charts.shares_of_lengths(analysis.tables.lengths, reference)
    expected = reference.label_counts if reference else None
    yield "Predicted sentiment", charts.shares_of_labels(drift.label_counts(analysis.tables.answers), expected)
    if not over_time.confidence.empty:
        mean = reference.confidence_mean if reference else None
        yield "Confidence over time", charts.confidence_over_time(over_time.confidence, mean, UTC)
    if quality.reliability:
        yield "Calibration", charts.reliability_diagram(quality.reliability)


def _quality(quality: Quality) -> str:
    labels = quality.by_label
    rows = [(label.label, figure(label.precision), figure(label.recall), figure(label.f1)) for label in labels]
    return f"<p>Accuracy: {figure(quality.accuracy)}</p>" + _table(("label", "precision", "recall", "F1"), rows)


def _words(moved_words: Sequence[MovedWord]) -> str:
    rows = [(word.word, f"{word.current_share:.1%}", f"{word.reference_share:.1%}") for word in moved_words]
    return (
        "<h2>Changed word frequencies</h2>" + _table(("word", "share of texts", "in the reference"), rows)
        if rows
        else ""
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    return f"<table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>{''.join(lines)}</table>"


def _box(alert: Alert) -> str:
    action = f" <em>Next: {html.escape(alert.action)}</em>" if alert.action else ""
    text = f"<strong>{html.escape(alert.title)}.</strong> {html.escape(alert.detail)}{action}"
    return f'<div class="{alert.level}">{text}</div>'


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>" if text else ""


def _names(selected: Selected) -> dict[str, tuple[str, ...]]:
    return {"predicted_sentiment": selected.labels, "model_version": selected.versions}


def _selection(selected: Selected) -> str:
    since = f", since {selected.since:%Y-%m-%d %H:%M} UTC" if selected.since else ""
    chosen = [f", {name}: {', '.join(values)}" for name, values in _names(selected).items() if values]
    return html.escape(since + "".join(chosen))


def _plain(value: Any) -> Any:
    """Dataclasses, times and NumPy numbers as JSON values."""
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item()


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Returns 0, or 3 if the log cannot be read, no request matches, or a file cannot be written."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_env(environ)
        _, observer, problems = observer_of(settings)
        snapshot = observer.look().snapshot
    except (SettingsError, OSError) as error:
        print(f"No report: {error}", file=sys.stderr)
        return 3
    now = datetime.now(UTC)
    since = now - timedelta(hours=options.hours) if options.hours else None
    selected = Selected(since, tuple(options.label), tuple(options.version))
    for problem in problems:
        print(problem, file=sys.stderr)
    if selected.count(snapshot).n == 0:
        print(f"No report: no request in {settings.log_dir} matches.", file=sys.stderr)
        return 3
    reference = observer.reference
    analysis = analyse(snapshot, selected, reference, settings)
    documents = {options.html: to_html(analysis, reference, settings, now), options.json: to_json(analysis, now)}
    for path, document in documents.items():
        try:
            path.write_text(document, "utf-8")
        except OSError as error:
            print(f"No report: {path} cannot be written: {error.strerror}; name another file.", file=sys.stderr)
            return 3
    print(f"Written: {options.html} and {options.json}")
    return 0


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = nan
    if not 0 <= hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {MOST_HOURS}")
    return hours


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m monitoring.report", description="Write the page to files.")
    parser.add_argument("--html", type=Path, default=Path("report.html"), help="HTML file (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=Path("report.json"), help="JSON file (default: %(default)s)")
    parser.add_argument("--hours", type=_hours, default=0, help="only the requests of the last HOURS hours")
    parser.add_argument("--label", action="append", default=[], help="only predictions of this label; may be repeated")
    parser.add_argument("--version", action="append", default=[], help="only predictions of this model version")
    return parser

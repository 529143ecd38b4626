"""The accuracy of each model version, if there is more than one."""

from __future__ import annotations

from monitoring.alarms.phrases import figure
from monitoring.analysis.notes import version_sentence
from monitoring.analysis.results import Quality
from monitoring.page.elements import draw_heading, draw_table
from monitoring.page.redraw import Section
from monitoring.page.state import State


def section(state: State) -> Section:
    def draw() -> None:
        if (analysis := state.seen.analysis) and len(analysis.quality.versions) > 1:
            _draw(analysis.quality)

    return Section("versions", draw, state.growing)


def _draw(quality: Quality) -> None:
    draw_heading("Model versions", "versions", "Which version is better?")
    rows = [
        (
            version.version or "not named",
            f"{version.requests:,}",
            figure(version.accuracy),
            f"{version.first:%Y-%m-%d %H:%M} UTC",
            f"{version.last:%Y-%m-%d %H:%M} UTC",
        )
        for version in quality.versions
    ]
    found = quality.comparison
    sentence = version_sentence(found.earlier, found.later, found.difference) if found else ""
    head = ("version", "requests", "accuracy", "first request", "last request")
    draw_table("versions", "Accuracy by model version", head, rows, sentence, has_times=True)

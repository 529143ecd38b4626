"""The line of figures: each with what is behind it, of real logs."""

import json
from datetime import timedelta
from typing import Any

import pytest

from monitoring.alarms.monitor import Monitor
from monitoring.analysis.cache import AnalysisCache
from monitoring.analysis.selection import Selection
from monitoring.page.sections.tiles import MEANINGS, window
from monitoring.reader import LogReader
from monitoring.settings import Settings
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT
from tests.monitoring.conftest import append, at
from tests.monitoring.conftest import prediction as line_of
from tests.monitoring.pages import scripted

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")


def prediction(**fields):
    return line_of(**{"model_version": REFERENCE.model_version} | fields)


@pytest.fixture
def analysed(tmp_path):
    """What is to be said about these lines of a log."""

    def analyse(*lines, reference=REFERENCE, selection=None):
        append(tmp_path / "prediction_logs.json", *lines)
        snapshot = LogReader(tmp_path, Monitor(reference, 0.8, 0.02)).refresh()
        return AnalysisCache(reference, Settings()).of(snapshot, selection or Selection())

    return analyse


def tiles_of(analysis, reference=REFERENCE, span=None) -> dict[str, dict[str, Any]]:
    """What the component is given to show, by the name of each figure."""

    def script(analysis, reference, span) -> None:
        from monitoring.page.sections.tiles import draw_tiles
        from monitoring.settings import Settings

        draw_tiles(analysis, reference, Settings(), span)

    page = scripted(script, analysis=analysis, reference=reference, span=span).run()
    assert not page.exception
    (component,) = page.get("bidi_component")
    tiles = json.loads(component.proto.json)["tiles"]
    return {tile["title"]: tile for tile in tiles}


def told(tiles) -> dict[str, tuple[str, str]]:
    return {title: (tile["value"], tile["below"]) for title, tile in tiles.items()}


def test_every_figure_says_what_is_behind_it_and_what_it_means(analysed):
    tiles = tiles_of(analysed(*(prediction(timestamp=at(n), true_sentiment="positive") for n in range(40))))

    assert told(tiles) == {
        "Requests": ("40", "since 2026-11-23 12:00 UTC"),
        "Accuracy": ("100.0%", "91% – 100%, n = 40"),
        "Labels": ("40", "100.0% of 40"),
        "Confidence": ("0.900", "reference 0.923, n = 40"),
        "Drift": ("not yet", "n = 1 of 50 texts"),
    }
    assert {title: tile["help"] for title, tile in tiles.items()} == MEANINGS


def test_without_labels_the_estimate_stands_in_until_labels_contradict_it(analysed):
    unlabelled = [prediction(request_text=f"{n}", predicted_sentiment="negative") for n in range(100)]
    assert told(tiles_of(analysed(*unlabelled)))["Accuracy"] == ("not yet", "estimated 90.4%, n = 100")

    surely_wrong = {"confidence": 0.99, "true_sentiment": "negative"}
    contradicted = analysed(
        *(prediction(request_text=f"wrong {n}", prediction_id=f"{n}", **surely_wrong) for n in range(100)),
        selection=Selection(labels=("negative",)),
    )

    assert told(tiles_of(contradicted))["Accuracy"] == ("not yet", "n = 0 of 30 labels")


def test_with_few_labels_and_no_estimate_it_says_how_many_are_missing(analysed):
    line = prediction(true_sentiment="positive", confidence=None)

    assert told(tiles_of(analysed(line, line)))["Accuracy"] == ("not yet", "n = 2 of 30 labels")


def test_without_a_reference_nothing_is_compared(analysed):
    tiles = told(tiles_of(analysed(prediction(), reference=None), reference=None))

    assert tiles["Confidence"] == ("0.900", "n = 1")
    assert tiles["Drift"] == ("not known", "no reference")


def test_drift_counts_what_is_proven(analysed):
    tiles = tiles_of(analysed(*(prediction(request_text=f"a wonderful film {n}") for n in range(300))))

    value, below = told(tiles)["Drift"]
    assert value in ("2 of 4", "3 of 4", "4 of 4")
    assert below == "significant, n = 300 texts"


def test_a_course_says_when_and_how_much_and_a_single_step_is_none(analysed):
    single = tiles_of(analysed(prediction()))
    assert all(tile["course"] == [] for tile in single.values())

    tiles = tiles_of(analysed(*(prediction(timestamp=at(n)) for n in (10, 10, 20))))

    places, counts = zip(*tiles["Requests"]["course"], strict=True)
    assert places[0] == 0
    assert all(0 <= place <= 1 for place in places)
    assert sum(counts) == 4
    assert tiles["Accuracy"]["course"] == []


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_a_clock_that_is_millennia_off_does_not_break_the_line(analysed, moment):
    tiles = tiles_of(analysed(prediction(timestamp=moment), prediction()))

    assert tiles["Requests"]["value"] == "2"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(minutes=15), "last 15 minutes"),
        (timedelta(hours=1), "last 60 minutes"),
        (timedelta(days=1), "last 24 hours"),
        (timedelta(days=7), "last 7 days"),
        (timedelta(days=30), "last 30 days"),
        (None, "since 2026-11-23 12:00 UTC"),
    ],
)
def test_the_selected_time_is_said_in_words(analysed, span, said):
    assert window(analysed(prediction()), span) == said

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from monitoring.report.charts import (
    CURRENT_COLOUR,
    ESTIMATE_COLOUR,
    REFERENCE_COLOUR,
    accuracy_over_time,
    bin_names,
    confidence_over_time,
    reliability_diagram,
    share_names,
    shares,
    shares_in_bins,
    shares_of_labels,
)
from monitoring.stats.calibration import ReliabilityBin
from monitoring.stats.quality import Proportion


def test_a_comparison_shows_shares_of_each_side_not_counts():
    figure = shares(["a", "b"], "label", current=[1, 3], reference=[3000, 1000])

    reference, current = figure.data
    assert (reference.name, list(reference.x), list(reference.y)) == ("reference", ["a", "b"], [0.75, 0.25])
    assert (current.name, list(current.x), list(current.y)) == ("current", ["a", "b"], [0.25, 0.75])
    assert (reference.marker.color, current.marker.color) == (REFERENCE_COLOUR, CURRENT_COLOUR)


def test_a_comparison_of_counts_from_numpy_is_the_same():
    figure = shares(["a", "b"], "label", current=np.array([1, 3]), reference=np.array([3, 1]))

    assert [list(bars.y) for bars in figure.data] == [[0.75, 0.25], [0.25, 0.75]]


def test_a_side_without_any_is_shown_as_nothing():
    figure = shares(["a", "b"], "label", current=[0, 0], reference=[3, 1])

    assert list(figure.data[1].y) == [0, 0]


def test_axes_say_what_they_show_and_names_are_never_taken_for_numbers():
    layout = shares(["1", "2–3"], "words in the text", current=[1, 1], reference=[1, 1]).layout

    assert (layout.xaxis.title.text, layout.xaxis.type) == ("words in the text", "category")
    assert (layout.yaxis.title.text, layout.yaxis.rangemode) == ("share of texts", "tozero")


def test_without_a_reference_the_current_shares_stand_alone():
    (current,) = shares(["a", "b"], "label", current=[1, 3]).data

    assert (current.name, list(current.y)) == ("current", [0.25, 0.75])


def test_a_label_is_not_taken_for_html_by_the_figure():
    (current,) = shares(["<b>so-so</b>"], "label", current=[1]).data

    assert list(current.x) == ["&lt;b&gt;so-so&lt;/b&gt;"]


def test_bins_are_named_by_the_whole_numbers_they_hold():
    assert bin_names(np.array([1, 2, 3, 5, 8, 10])) == ["1", "2", "3–4", "5–7", "8+"]


def test_shares_are_named_in_percent():
    assert share_names(np.array([0, 0.25, 0.5, 1])) == ["0–25 %", "25–50 %", "50–100 %"]


def test_values_are_counted_as_often_as_they_occur_and_empty_ends_are_left_out():
    table = pd.DataFrame({"words": [3, 4], "n": [1, 3]})
    edges = np.array([1, 2, 3, 4, 5, 6])

    figure = shares_in_bins(bin_names(edges), "words", table, "words", edges, np.array([0, 0, 1, 1, 0]))

    assert [list(bars.x) for bars in figure.data] == [["3", "4"]] * 2
    assert list(figure.data[1].y) == [0.25, 0.75]


def test_labels_of_either_side_have_a_place():
    reference, current = shares_of_labels({"b": 1}, {"a": 3, "b": 1}).data

    assert list(reference.x) == list(current.x) == ["a", "b"]
    assert (list(reference.y), list(current.y)) == ([0.75, 0.25], [0, 1])


def by_time(steps: int, **columns: Any) -> pd.DataFrame:
    times = pd.date_range("2026-11-23T12:00:00Z", periods=steps, freq="1s")
    return pd.DataFrame({"time": times, "mean": 0.8, "low": 0.6, "high": 0.9, "n": 7} | columns)


def test_confidence_has_a_band_a_mean_and_the_mean_of_the_reference():
    figure = confidence_over_time(by_time(3), 0.91, UTC)

    high, low, mean = figure.data
    assert (list(high.y), list(low.y), list(mean.y)) == ([0.9] * 3, [0.6] * 3, [0.8] * 3)
    assert low.fill == "tonexty"
    assert figure.layout.shapes[0].y0 == 0.91


def test_a_single_step_of_confidence_shows_its_spread_and_is_not_enlarged():
    figure = confidence_over_time(by_time(1), None, UTC)

    mean = figure.data[2]
    assert [round(mean.error_y.array[0], 6), round(mean.error_y.arrayminus[0], 6)] == [0.1, 0.2]
    start, end = figure.layout.xaxis.range
    assert end - start == pd.Timedelta(minutes=1)
    assert len(figure.layout.shapes) == 0


def test_times_are_those_of_the_readers_zone_and_those_of_utc_are_told_too():
    """Plotly knows no zones: it is given what the clocks there show."""
    confidence = confidence_over_time(by_time(2), None, ZoneInfo("Asia/Tokyo"))
    accuracy = accuracy_over_time(by_time(2, value=0.7, estimated=0.9), 0.8, ZoneInfo("Asia/Tokyo"), doubted=False)

    for figure, points in ((confidence, confidence.data[2]), (accuracy, accuracy.data[1])):
        assert [str(time)[:19] for time in points.x] == ["2026-11-23T21:00:00", "2026-11-23T21:00:01"]
        assert [told for _, told in points.customdata] == ["2026-11-23 12:00:00", "2026-11-23 12:00:01"]
        assert "UTC" in points.hovertemplate
        assert "Asia/Tokyo" in figure.layout.xaxis.title.text


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_millennia_can_be_drawn_in_every_zone(zone):
    ends = np.array(["0001-01-01T00:00:00", "9999-12-31T23:59:59"], dtype="datetime64[us]")
    times = pd.Series(ends).dt.tz_localize("UTC")

    for figure in (
        confidence_over_time(by_time(2, time=times), 0.9, ZoneInfo(zone)),
        accuracy_over_time(by_time(2, time=times, value=0.7, estimated=0.9), 0.8, ZoneInfo(zone), doubted=False),
    ):
        assert figure.to_json()


def test_accuracy_has_its_interval_the_estimate_and_the_threshold():
    table = by_time(3, value=[0.7, np.nan, 0.9], low=0.6, high=0.95, estimated=[0.92, 0.91, np.nan])

    figure = accuracy_over_time(table, 0.8, UTC, doubted=False)

    estimated, labelled = figure.data
    assert list(labelled.y) == [0.7, 0.9]
    assert labelled.error_y.array == pytest.approx([0.25, 0.05])
    assert labelled.error_y.arrayminus == pytest.approx([0.1, 0.3])
    assert (estimated.line.color, estimated.line.dash) == (ESTIMATE_COLOUR, "solid")
    assert figure.layout.shapes[0].y0 == 0.8
    low, high = figure.layout.yaxis.range
    assert low < 0.5
    assert high > 1


def test_an_estimate_that_labels_contradict_is_grey_and_says_so():
    (estimated, _) = accuracy_over_time(by_time(2, value=0.7, estimated=0.9), 0.8, UTC, doubted=True).data

    assert (estimated.line.color, estimated.line.dash) == (REFERENCE_COLOUR, "dot")
    assert estimated.name == "estimated, contradicted by labels"


def test_reliability_is_drawn_beside_the_line_on_which_confidence_means_what_it_says():
    bins = [ReliabilityBin(0.6, Proportion(0.6, 0.3, 0.8, 10)), ReliabilityBin(0.95, Proportion(1, 0.8, 1, 20))]

    line, points = reliability_diagram(bins).data

    assert list(line.x) == list(line.y)
    assert (list(points.x), list(points.y)) == ([0.6, 0.95], [0.6, 1])
    assert list(points.customdata) == [10, 20]

import numpy as np
import pandas as pd

from monitoring.figures import CURRENT_COLOUR, REFERENCE_COLOUR, bin_names, confidence_over_time, shares


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


def by_time(steps: int) -> pd.DataFrame:
    times = pd.date_range("2026-11-23T12:00:00Z", periods=steps, freq="1s")
    return pd.DataFrame({"time": times, "mean": 0.8, "low": 0.6, "high": 0.9, "n": 7})


def test_confidence_has_a_band_a_mean_and_the_mean_of_the_reference():
    figure = confidence_over_time(by_time(3), 0.91)

    high, low, mean = figure.data
    assert (list(high.y), list(low.y), list(mean.y)) == ([0.9] * 3, [0.6] * 3, [0.8] * 3)
    assert low.fill == "tonexty"
    assert figure.layout.shapes[0].y0 == 0.91


def test_a_single_step_of_confidence_shows_its_spread_and_is_not_enlarged():
    figure = confidence_over_time(by_time(1), None)

    mean = figure.data[2]
    assert [round(mean.error_y.array[0], 6), round(mean.error_y.arrayminus[0], 6)] == [0.1, 0.2]
    start, end = figure.layout.xaxis.range
    assert end - start == pd.Timedelta(minutes=1)
    assert len(figure.layout.shapes) == 0

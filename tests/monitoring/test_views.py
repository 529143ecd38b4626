"""The parts of the page that need no page: escaped text, tables, and the data of the figures."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts import interval
from monitoring.quality import LabelQuality, Proportion, by_label
from monitoring.views import CURRENT_COLOUR, REFERENCE_COLOUR, _bin_names, _figure, _quality_table, _shares, plain
from tests.monitoring.conftest import answers

MARKDOWN = r"\`*_{}[]()#+-.!|~<>$:&"


@given(st.text())
def test_what_is_escaped_reads_as_it_was_but_on_one_line(text):
    assert re.sub(r"\\(.)", r"\1", plain(text)) == " ".join(text.split())


@given(st.text(alphabet=MARKDOWN + "ab \n"))
def test_no_character_with_a_meaning_in_markdown_is_left_as_it_is(text):
    assert not set(re.sub(r"\\.", "", plain(text))) & set(MARKDOWN)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("**bold**", r"\*\*bold\*\*"),
        ("<script>", r"\<script\>"),
        ("![x](http://x)", r"\!\[x\]\(http\://x\)"),
        (":red[x] :material/home: $x$", r"\:red\[x\] \:material/home\: \$x\$"),
        ("# &amp; `code`", r"\# \&amp; \`code\`"),
        (0.5, r"0\.5"),
        (None, "None"),
    ],
)
def test_markdown_html_icons_and_formulas_are_shown_as_they_are(text, escaped):
    assert plain(text) == escaped


def test_a_figure_tells_value_interval_and_number_of_labels():
    figure = Proportion(0.5, 0.25, 0.75, 1234)

    assert _figure(figure) == f"50.0% ({interval(figure)}, n = 1,234)"


def test_a_figure_nobody_knows_is_words_not_0():
    assert _figure(None) == "no labels"


def test_the_table_of_quality_has_a_row_for_each_label():
    table = _quality_table(by_label(answers(["a", "a", "b"], ["a", "b", "b"])))

    assert list(table.columns) == ["label", "precision", "recall", "F1"]
    assert table["label"].tolist() == ["a", "b"]
    assert [text.split(" ")[0] for text in table["precision"]] == ["50.0%", "100.0%"]
    assert [text.split(" ")[0] for text in table["recall"]] == ["100.0%", "50.0%"]


def test_the_table_of_quality_says_where_no_label_speaks():
    (row,) = _quality_table([LabelQuality("a", None, None, None)]).to_dict("records")

    assert row == {"label": "a", "precision": "no labels", "recall": "no labels", "F1": "no labels"}


def test_a_comparison_shows_shares_of_each_side_not_counts():
    figure = _shares(["a", "b"], "label", current=[1, 3], reference=[3000, 1000])

    reference, current = figure.data
    assert (reference.name, list(reference.x), list(reference.y)) == ("reference", ["a", "b"], [0.75, 0.25])
    assert (current.name, list(current.x), list(current.y)) == ("current", ["a", "b"], [0.25, 0.75])
    assert (reference.marker.color, current.marker.color) == (REFERENCE_COLOUR, CURRENT_COLOUR)


def test_a_comparison_of_counts_from_numpy_is_the_same():
    figure = _shares(["a", "b"], "label", current=np.array([1, 3]), reference=np.array([3, 1]))

    assert [list(bars.y) for bars in figure.data] == [[0.75, 0.25], [0.25, 0.75]]


def test_a_side_without_any_is_shown_as_nothing():
    figure = _shares(["a", "b"], "label", current=[0, 0], reference=[3, 1])

    assert list(figure.data[1].y) == [0, 0]


def test_axes_say_what_they_show_and_names_are_never_taken_for_numbers():
    layout = _shares(["1", "2–3"], "words in the text", current=[1, 1], reference=[1, 1]).layout

    assert (layout.xaxis.title.text, layout.xaxis.type) == ("words in the text", "category")
    assert (layout.yaxis.title.text, layout.yaxis.rangemode) == ("share of texts", "tozero")


def test_without_a_reference_the_current_shares_stand_alone():
    (current,) = _shares(["a", "b"], "label", current=[1, 3]).data

    assert (current.name, list(current.y)) == ("current", [0.25, 0.75])


def test_a_label_is_not_taken_for_html_by_the_figure():
    (current,) = _shares(["<b>so-so</b>"], "label", current=[1]).data

    assert list(current.x) == ["&lt;b&gt;so-so&lt;/b&gt;"]


def test_bins_are_named_by_the_whole_numbers_they_hold():
    assert _bin_names(np.array([1, 2, 3, 5, 8, 10])) == ["1", "2", "3–4", "5–7", "8+"]

"""The parts of the page that need no page: escaped text, tables, and the data of the figures."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts import interval
from monitoring.quality import LabelQuality, Proportion, by_label
from monitoring.views import _figure, _quality_table, plain
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

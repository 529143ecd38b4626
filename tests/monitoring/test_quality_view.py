"""The tables of quality, which need no page."""

from monitoring.quality import LabelQuality, Proportion, by_label
from monitoring.quality_view import _quality_table
from monitoring.remarks import figure, interval
from tests.monitoring.conftest import answers


def test_a_figure_tells_value_interval_and_number_of_labels():
    share = Proportion(0.5, 0.25, 0.75, 1234)

    assert figure(share) == f"50.0% ({interval(share)}, n = 1,234)"


def test_a_figure_nobody_knows_is_words_not_0():
    assert figure(None) == "no labels"


def test_the_table_of_quality_has_a_row_for_each_label():
    table = _quality_table(by_label(answers(["a", "a", "b"], ["a", "b", "b"])))

    assert list(table.columns) == ["label", "precision", "recall", "F1"]
    assert table["label"].tolist() == ["a", "b"]
    assert [text.split(" ")[0] for text in table["precision"]] == ["50.0%", "100.0%"]
    assert [text.split(" ")[0] for text in table["recall"]] == ["100.0%", "50.0%"]


def test_the_table_of_quality_says_where_no_label_speaks():
    (row,) = _quality_table([LabelQuality("a", None, None, None)]).to_dict("records")

    assert row == {"label": "a", "precision": "no labels", "recall": "no labels", "F1": "no labels"}

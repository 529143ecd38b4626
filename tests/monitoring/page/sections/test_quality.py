"""What the page says about the quality of answers, where little is known of it."""

import json
from typing import Any

from monitoring.stats.quality import LabelQuality, by_label
from tests.monitoring.conftest import answers
from tests.monitoring.pages import scripted


def drawn_by_label(labels: list[LabelQuality]) -> tuple[dict[str, Any], str]:
    """What the table is given to show, and what stands in its place."""

    def script(labels) -> None:
        from types import SimpleNamespace
        from typing import Any, cast

        from monitoring.page.sections.quality import _draw_by_label

        _draw_by_label(cast(Any, SimpleNamespace(by_label=labels)))

    page = scripted(script, labels=labels).run()
    assert not page.exception
    tables = [json.loads(element.proto.json) for element in page.get("bidi_component")]
    return dict(*tables), "".join(caption.value for caption in page.caption)


def test_the_table_of_quality_has_a_row_for_each_label():
    table, _ = drawn_by_label(by_label(answers(["a", "a", "b"], ["a", "b", "b"])))

    assert table["head"] == ["label", "precision", "recall", "F1"]
    assert [[text.split(" ")[0] for text in row[:3]] for row in table["rows"]] == [
        ["a", "50.0%", "100.0%"],
        ["b", "100.0%", "50.0%"],
    ]
    assert "Only" not in table["note"]


def test_the_table_of_quality_says_where_no_label_speaks():
    table, _ = drawn_by_label([LabelQuality("a", None, None, None)])

    assert table["rows"] == [["a", "no labels", "no labels", "no labels"]]
    assert "Only a occurs among the labels and predictions" in table["note"]


def test_without_labels_there_is_a_sentence_in_place_of_the_table():
    table, said = drawn_by_label([])

    assert table == {}
    assert said == "Precision and recall need labels, and this selection has none."

"""The model card in words: all of a full one, and what there is of any other."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.page.api.model_card import card_headline, card_limits, card_rows
from tests.conftest import ROOT

CARD = json.loads((ROOT / "api" / "model_card.json").read_text(encoding="utf-8"))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def test_the_shipped_card_is_shown_whole():
    rows = dict(card_rows(CARD))
    accuracy, error = CARD["metrics"]["accuracy"], CARD["metrics"]["expected_calibration_error"]

    assert rows["Accuracy"] == f"{accuracy['value']:.1%} ({accuracy['low']:.1%} – {accuracy['high']:.1%})"
    assert rows["Measured on"] == "25,000 texts"
    assert rows["Label positive"].startswith("precision 92.")
    assert rows["Label positive"].endswith("12,500 texts")
    assert rows["Expected calibration error"].startswith(f"{error['value']:.4f} (")
    assert rows["Training data"] == CARD["data"]["description"]
    assert rows["Texts without a label"] == f"{CARD['data']['unlabelled_rows']:,} used too"
    assert rows["Recipe"].splitlines() == CARD["recipe"]
    assert f"scikit-learn {CARD['versions']['scikit-learn']}" in rows["Versions"]
    assert CARD["data"]["sha256"].startswith(rows["SHA-256 of the data"])
    assert card_limits(CARD) == CARD["limits"]


@pytest.mark.parametrize(
    ("card", "headline"),
    [
        ({"name": "mine", "model_version": "v1"}, "Model mine, version v1."),
        ({"model_version": "v1"}, "A model without a name, version v1."),
        ({"name": "m", "metrics": {"accuracy": {"value": 0.9}}}, "Model m, accuracy 90.0% by its card."),
        ({"name": 3, "model_version": None, "metrics": {"accuracy": {"value": "good"}}}, "A model without a name."),
    ],
)
def test_the_headline_says_what_is_known(card, headline):
    assert card_headline(card) == headline


def test_a_card_of_which_only_the_version_is_known_has_nothing_to_show():
    assert card_rows({"model_version": "v1"}) == []
    assert card_limits({"model_version": "v1"}) == []


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (0.0042, "0.0042"),
        ({"value": 0.0042}, "0.0042"),
        ({"value": 0.5, "low": 0.4, "high": 0.6}, "0.5000 (0.4000 – 0.6000)"),
    ],
)
def test_a_figure_is_shown_with_or_without_its_interval(error, shown):
    assert card_rows({"metrics": {"expected_calibration_error": error}}) == [("Expected calibration error", shown)]


@pytest.mark.parametrize("key", ["expected_calibration_error", "calibration_error"])
def test_the_calibration_error_has_two_names(key):
    card = {"metrics": {"expected_calibration_error": None, "calibration_error": None} | {key: 0.25}}

    assert card_rows(card) == [("Expected calibration error", "0.2500")]


@pytest.mark.parametrize("figure", [None, "0.9", True, float("nan"), float("inf"), 10**400, [0.9], {}, {"value": None}])
def test_what_is_no_figure_is_left_out(figure):
    card = {"metrics": {"accuracy": figure, "per_label": {"a": {"precision": figure, "support": figure}}}}

    assert card_rows(card) == []


def test_of_a_label_what_is_known_is_shown():
    card = {"metrics": {"per_label": {"a": {"recall": {"value": 0.5}, "support": 8}, "b": None}}}

    assert card_rows(card) == [("Label a", "recall 50.0%, 8 texts")]


def test_a_recipe_may_be_one_text():
    assert card_rows({"recipe": "By hand."}) == [("Recipe", "By hand.")]


@given(st.dictionaries(st.sampled_from([*CARD, *CARD["metrics"], *CARD["data"]]), anything))
def test_no_card_is_too_odd(card):
    for holder in (card, {"metrics": card}, {"data": card}, {"metrics": {"per_label": card}}):
        assert all(isinstance(text, str) and text for row in card_rows(holder) for text in row[1:])
        assert all(isinstance(limit, str) for limit in card_limits(holder))
        assert card_headline(holder).endswith(".")

"""The reference profile: exactly the promised keys, and histograms that lose nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import LabelledTexts
from training.evaluation import OutOfFold
from training.reference import CONFIDENCE_EDGES, LENGTH_EDGES, build_reference, histogram

EDGES = [LENGTH_EDGES, CONFIDENCE_EDGES]
finite = st.floats(-1e6, 1e6)


@pytest.fixture
def reference():
    data = LabelledTexts(["one", "now two", "and now three"], ["a", "b", "b"], 0, "")
    logits = np.array([[9.0, 0.0], [1.0, 0.0], [0.0, 9.0]])
    return build_reference("0123456789ab", data, OutOfFold(["a", "b"], logits, np.array([0, 1, 1])), 1.0)


def test_the_keys_are_exactly_these(reference):
    assert list(reference) == [
        *("model_version", "n", "length", "label_counts"),
        *("predicted_counts", "confidence", "validation"),
    ]
    assert list(reference["length"]) == ["unit", "edges", "counts", "mean", "sd", "median"]
    assert list(reference["confidence"]) == ["edges", "counts"]
    assert list(reference["validation"]) == ["n", "correct"]


def test_counts_are_those_of_labels_and_of_out_of_fold_predictions(reference):
    assert reference["label_counts"] == {"a": 1, "b": 2}
    assert reference["predicted_counts"] == {"a": 2, "b": 1}
    assert reference["validation"] == {"n": 3, "correct": 2}


def test_lengths_are_counted_in_words(reference):
    length = reference["length"]
    assert (length["unit"], length["mean"], length["sd"], length["median"]) == ("words", 2.0, 1.0, 2.0)
    assert length["counts"][:4] == [1, 1, 1, 0]


def test_confidence_is_that_of_the_predicted_label(reference):
    counts = dict(zip(reference["confidence"]["edges"], reference["confidence"]["counts"], strict=False))
    assert {edge: count for edge, count in counts.items() if count} == {0.72: 1, 0.98: 2}


def test_a_label_that_is_never_predicted_is_counted_as_zero():
    data = LabelledTexts(["x", "y"], ["a", "b"], 0, "")
    out_of_fold = OutOfFold(["a", "b"], np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert build_reference("", data, out_of_fold, 1.0)["predicted_counts"] == {"a": 2, "b": 0}


def test_length_edges_run_from_1_to_4096_by_thirds_of_a_doubling():
    assert LENGTH_EDGES[:8] == [1, 2, 3, 4, 5, 6, 8, 10]
    assert LENGTH_EDGES[-4:] == [2048, 2580, 3251, 4096]


def test_confidence_edges_run_from_0_to_1_by_two_hundredths():
    assert CONFIDENCE_EDGES[:3] == [0.0, 0.02, 0.04]
    assert (CONFIDENCE_EDGES[-1], len(CONFIDENCE_EDGES)) == (1.0, 51)


@pytest.mark.parametrize("edges", EDGES)
@given(values=st.lists(finite, min_size=1))
def test_every_value_is_counted_once(edges, values):
    counts = histogram(np.array(values), edges)
    assert len(counts) == len(edges) - 1
    assert sum(counts) == len(values)


@pytest.mark.parametrize("edges", EDGES)
@given(value=finite)
def test_values_outside_are_counted_in_the_outermost_bins(edges, value):
    counted_in = histogram(np.array([value]), edges).index(1)
    if value < edges[0]:
        assert counted_in == 0
    elif value >= edges[-1]:
        assert counted_in == len(edges) - 2
    else:
        assert edges[counted_in] <= value < edges[counted_in + 1]


@pytest.mark.parametrize("edges", EDGES)
def test_a_value_on_an_edge_belongs_to_the_bin_that_starts_there(edges):
    for i, edge in enumerate(edges[:-1]):
        assert histogram(np.array([edge], dtype=float), edges).index(1) == i

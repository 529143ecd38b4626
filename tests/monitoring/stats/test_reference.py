import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.stats.reference import ReferenceUnavailable, histogram, load_profile, with_csv
from tests.conftest import ROOT

SHIPPED = ROOT / "monitoring" / "reference.json"
GOOD: dict[str, Any] = {
    "model_version": "0123456789ab",
    "n": 6,
    "length": {"edges": [1, 2, 4, 8], "counts": [1, 2, 3], "median": 3},
    "predicted_counts": {"negative": 2, "positive": 4},
    "confidence": {"edges": [0.0, 0.5, 1.0], "counts": [2, 6]},
    "vocabulary": {"edges": [0.0, 0.5, 1.0], "counts": [1, 5]},
    "validation": {"n": 6, "correct": 5},
    "calibration": {"isotonic": {"confidence": [0.5, 0.9], "accuracy": [0.4, 1.0]}},
    "words": {"token_pattern": r"\w+", "texts": {"film": 4, "the": 6}},
}
NOT_JSON = {
    "empty": b"",
    "not JSON": b"hello",
    "invalid UTF-8": b"\xff\xfe\xff",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "deep nesting": b"[" * 100_000,
    "an integer of 5000 digits": b'{"n": ' + b"9" * 5000 + b"}",
}
INFINITY = float("inf")
BAD_VALUES: list[tuple[tuple[str, ...], Any]] = [
    (("n",), "six"),
    (("n",), None),
    (("length",), []),
    (("length", "edges"), [1, 2, 2, 8]),
    (("length", "edges"), [8, 4, 2, 1]),
    (("length", "edges"), [1]),
    (("length", "edges"), "1248"),
    (("length", "edges"), None),
    (("length", "edges"), [[1, 2], [4, 8]]),
    (("length", "edges"), [1, 2, 4, 10**30]),
    (("length", "counts"), [1, 2]),
    (("length", "counts"), [1, 2, 3, 4]),
    (("length", "counts"), [1, 2, -3]),
    (("length", "counts"), [0, 0, 0]),
    (("length", "counts"), [1, 2, 10**30]),
    (("length", "counts"), [1, 2, INFINITY]),
    (("length", "counts"), [1, 2, float("nan")]),
    (("length", "counts"), ["a", "b", "c"]),
    (("length", "counts"), [[1], [2], [3]]),
    (("length", "counts"), None),
    (("length", "median"), "three"),
    (("length", "median"), None),
    (("predicted_counts",), {}),
    (("predicted_counts",), ["negative", "positive"]),
    (("predicted_counts",), {"negative": 0, "positive": 0}),
    (("predicted_counts",), {"negative": -2, "positive": 4}),
    (("predicted_counts",), {"negative": None}),
    (("predicted_counts",), {"negative": "many"}),
    (("predicted_counts",), {"negative": INFINITY}),
    (("confidence", "edges"), [0.0, float("nan"), 1.0]),
    (("confidence", "edges"), [0.0, 0.5]),
    (("confidence", "counts"), [1.0, "x"]),
    (("confidence", "counts"), [0, 0]),
    (("model_version",), ""),
    (("model_version",), 7),
    (("vocabulary", "counts"), [1]),
    (("vocabulary", "edges"), [1.0, 0.5, 0.0]),
    (("validation", "n"), 0),
    (("validation", "correct"), 7),
    (("validation", "correct"), -1),
    (("validation", "correct"), "five"),
    (("calibration", "isotonic", "confidence"), [0.9, 0.5]),
    (("calibration", "isotonic", "confidence"), [[0.5], [0.9]]),
    (("calibration", "isotonic", "accuracy"), [0.4]),
    (("calibration", "isotonic", "accuracy"), [0.4, 1.5]),
    (("calibration", "isotonic", "accuracy"), [0.4, float("nan")]),
    (("calibration", "isotonic"), {"confidence": [], "accuracy": []}),
    (("words", "token_pattern"), "("),
    (("words", "token_pattern"), 7),
    (("words", "texts"), {"film": 7}),
    (("words", "texts"), ["film"]),
]
KEYS = [
    *[("n",), ("length",), ("length", "edges"), ("length", "counts"), ("length", "median")],
    *[("predicted_counts",), ("confidence",), ("confidence", "edges"), ("confidence", "counts")],
    *[("model_version",), ("vocabulary",), ("vocabulary", "edges"), ("validation",), ("validation", "n")],
    *[("calibration",), ("calibration", "isotonic"), ("words",), ("words", "token_pattern"), ("words", "texts")],
]

increasing = st.lists(st.integers(-50, 50), min_size=2, max_size=10, unique=True).map(sorted)


def changed(keys, value):
    """GOOD with another value at `keys`."""
    profile = deepcopy(GOOD)
    inner = profile
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return profile


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(GOOD))
    return path


@pytest.fixture
def csv(tmp_path):
    return tmp_path / "IMDB Dataset.csv"


# The profile


def test_the_shipped_profile_can_be_used():
    reference = load_profile(SHIPPED)

    assert reference.length_counts.sum() == sum(reference.label_counts.values()) == reference.confidence_counts.sum()
    assert set(reference.label_counts) == {"negative", "positive"}
    assert 0.5 < reference.confidence_mean < 1
    assert f"{reference.length_counts.sum():,} texts" in reference.source


def test_the_shipped_labels_are_those_the_model_gives_not_those_it_was_taught():
    document = json.loads(SHIPPED.read_bytes())

    assert load_profile(SHIPPED).label_counts == document["predicted_counts"] != document["label_counts"]


def test_every_part_of_a_profile_is_read(profile):
    reference = load_profile(profile)

    assert reference.length_edges.tolist() == [1, 2, 4, 8]
    assert reference.length_counts.tolist() == [1, 2, 3]
    assert reference.length_median == 3
    assert reference.label_counts == {"negative": 2, "positive": 4}
    assert reference.confidence_edges.tolist() == [0, 0.5, 1]
    assert reference.confidence_counts.tolist() == [2, 6]
    assert reference.known_edges is not None
    assert reference.known_edges.tolist() == [0, 0.5, 1]
    assert reference.known_counts is not None
    assert reference.known_counts.tolist() == [1, 5]
    assert (reference.validation_n, reference.validation_correct) == (6, 5)
    assert reference.calibration_confidence.tolist() == [0.5, 0.9]
    assert reference.calibration_accuracy.tolist() == [0.4, 1]
    assert (reference.words.pattern.findall("a film"), reference.words.texts["film"]) == (["a", "film"], 4)
    assert reference.model_version == "0123456789ab"
    assert reference.source.startswith("The reference is the model's training data: 6 texts")


def test_the_mean_confidence_is_that_of_the_middles_of_the_bins(profile):
    assert load_profile(profile).confidence_mean == pytest.approx((2 * 0.25 + 6 * 0.75) / 8)


def test_fields_it_does_not_know_are_ignored(profile):
    profile.write_text(json.dumps(GOOD | {"unit": "words", "confusion": None}))

    assert load_profile(profile).length_median == 3


def test_a_model_without_a_vocabulary_has_a_profile_without_one(profile):
    profile.write_text(json.dumps(GOOD | {"vocabulary": None}))

    assert load_profile(profile).known_counts is None


def test_another_profile_or_data_set_has_another_digest(profile, csv):
    first = load_profile(profile)
    profile.write_text(json.dumps(GOOD | {"n": 7}))
    csv.write_text("review,sentiment\none,negative\n")
    other = with_csv(first, csv)
    csv.write_text("review,sentiment\none,positive\n")

    assert len({first.digest, load_profile(profile).digest, other.digest, with_csv(first, csv).digest}) == 4


def test_a_profile_that_is_missing_is_named(tmp_path):
    with pytest.raises(ReferenceUnavailable, match="No such file") as raised:
        load_profile(tmp_path / "reference.json")

    assert str(tmp_path / "reference.json") in str(raised.value)


def test_a_folder_in_its_place_is_named(tmp_path):
    with pytest.raises(ReferenceUnavailable, match="Is a directory") as raised:
        load_profile(tmp_path)

    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_a_file_that_is_no_profile_is_named(profile, content):
    profile.write_bytes(content)

    with pytest.raises(ReferenceUnavailable) as raised:
        load_profile(profile)

    assert str(profile) in str(raised.value)


@pytest.mark.parametrize(("keys", "value"), BAD_VALUES)
def test_a_profile_with_a_bad_value_is_named(profile, keys, value):
    profile.write_text(json.dumps(changed(keys, value)))

    with pytest.raises(ReferenceUnavailable) as raised:
        load_profile(profile)

    assert str(profile) in str(raised.value)


@pytest.mark.parametrize("keys", KEYS)
def test_a_profile_without_one_of_its_fields_is_named(profile, keys):
    document = deepcopy(GOOD)
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    profile.write_text(json.dumps(document))

    with pytest.raises(ReferenceUnavailable, match=keys[-1]) as raised:
        load_profile(profile)

    assert str(profile) in str(raised.value)


# The user's own data set


def test_a_csv_gives_lengths_and_labels_and_the_profile_the_rest(profile, csv):
    csv.write_text('review,sentiment\none,negative\n"one, two\nthree",positive\na b c d e f g h i,positive\n')

    reference = with_csv(load_profile(profile), csv)

    assert reference.length_counts.tolist() == [1, 1, 1]
    assert reference.length_median == 3
    assert reference.label_counts == {"negative": 1, "positive": 2}
    assert reference.confidence_counts.tolist() == [2, 6]
    assert "IMDB Dataset.csv" in reference.source
    assert "3 texts" in reference.source


def test_other_columns_and_their_order_do_not_matter(profile, csv):
    csv.write_text("id,sentiment,review\n1,positive,fine film\n")

    assert with_csv(load_profile(profile), csv).label_counts == {"positive": 1}


def test_rows_without_a_review_or_a_sentiment_are_left_out(profile, csv):
    csv.write_text("review,sentiment\n,positive\nfine,\ngood,positive\n")

    assert with_csv(load_profile(profile), csv).label_counts == {"positive": 1}


def test_labels_that_look_like_numbers_stay_texts(profile, csv):
    csv.write_text("review,sentiment\nfine,1\nbad,0\n")

    assert with_csv(load_profile(profile), csv).label_counts == {"0": 1, "1": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"text,label\nfine,positive\n",
        b"review\nfine\n",
        b"review,sentiment\n",
        b"review,sentiment\n,\n",
        b"review,sentiment\n\xff\xfe,positive\n",
        b'review,sentiment\n"never closed,positive\n',
    ],
)
def test_a_csv_that_cannot_be_used_is_named(profile, csv, content):
    csv.write_bytes(content)

    with pytest.raises(ReferenceUnavailable, match=r"IMDB Dataset\.csv beside dashboard\.py"):
        with_csv(load_profile(profile), csv)


def test_a_csv_that_cannot_be_read_is_named(profile, csv):
    csv.mkdir()

    with pytest.raises(ReferenceUnavailable, match=r"IMDB Dataset\.csv beside dashboard\.py .*Is a directory"):
        with_csv(load_profile(profile), csv)


# Histograms


@given(st.lists(st.integers(-100, 100), max_size=50), increasing)
def test_a_histogram_loses_no_value(values, edges):
    counts = histogram(np.array(values, dtype=np.int64), np.array(edges))

    assert counts.sum() == len(values)
    assert len(counts) == len(edges) - 1
    assert (counts >= 0).all()


@given(st.lists(st.integers(0, 19), max_size=50), increasing.filter(lambda edges: edges[0] <= 0 and edges[-1] > 20))
def test_within_the_edges_it_is_the_histogram_of_numpy(values, edges):
    assert histogram(np.array(values, dtype=np.int64), np.array(edges)).tolist() == (
        np.histogram(values, bins=edges)[0].tolist()
    )


@pytest.mark.parametrize(("value", "bin_"), [(-5, 0), (0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 2), (99, 2)])
def test_a_bin_begins_at_its_edge_and_the_outer_ones_hold_what_lies_outside(value, bin_):
    counts = histogram(np.array([value]), np.array([1, 2, 4, 8]))

    assert np.flatnonzero(counts).tolist() == [bin_]

"""The reference profile: exactly the promised keys, and figures that lose nothing."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import make_reviews, to_data, validate
from training.artefacts import json_to_bytes
from training.data import LabelledTexts
from training.evaluation import Answers
from training.reference import (
    CONFIDENCE_EDGES,
    LENGTH_EDGES,
    MAX_WORDS,
    QUANTILES,
    SHARE_EDGES,
    build_reference,
    histogram,
)
from training.terms import TOKEN_PATTERN

EDGES = [LENGTH_EDGES, CONFIDENCE_EDGES, SHARE_EDGES]
HISTOGRAM = ["edges", "counts", "mean", "sd", "median", "quantiles"]
MAX_BYTES = 200_000
finite = st.floats(-1e6, 1e6)


def answers_of(confidences, correct, known_share=None):
    """Answers of two labels, all of them the second."""
    confidences = np.array(confidences)
    probabilities = np.column_stack([1 - confidences, confidences])
    return Answers(["a", "b"], probabilities, np.array(correct, dtype=np.intp), known_share)


@pytest.fixture
def reference():
    data = LabelledTexts(["one", "now two", "and now three"], ["a", "b", "b"], 0, "")
    probabilities = np.array([[0.999, 0.001], [0.73, 0.27], [0.03, 0.97]])
    answers = Answers(["a", "b"], probabilities, np.array([0, 1, 1]), np.array([1.0, 0.5, 0.99]))
    return build_reference("0123456789ab", data, answers)


@pytest.fixture(scope="module")
def reviews():
    return to_data(make_reviews(300, seed=0))


@pytest.fixture(scope="module")
def of_reviews(reviews):
    """The answers to the reviews, and their profile."""
    answers = validate(reviews).answers
    return answers, build_reference("0123456789ab", reviews, answers)


def test_the_keys_are_exactly_these(reference):
    assert list(reference) == [
        *("model_version", "n", "length", "label_counts", "predicted_counts", "confusion"),
        *("confidence", "calibration", "vocabulary", "words", "validation"),
    ]
    assert list(reference["length"]) == ["unit", *HISTOGRAM, "log"]
    assert list(reference["length"]["log"]) == ["mean", "sd"]
    assert list(reference["confidence"]) == HISTOGRAM
    assert list(reference["vocabulary"]) == ["unit", *HISTOGRAM]
    assert list(reference["confidence"]["quantiles"]) == ["levels", "values"]
    assert list(reference["calibration"]) == ["bins", "isotonic"]
    assert list(reference["calibration"]["bins"]) == ["n", "confidence", "accuracy"]
    assert list(reference["calibration"]["isotonic"]) == ["confidence", "accuracy"]
    assert list(reference["words"]) == ["token_pattern", "texts"]
    assert list(reference["validation"]) == ["n", "correct"]


def test_the_profile_is_valid_json_that_says_the_same(reference):
    assert json.loads(json.dumps(reference)) == reference


def test_counts_are_those_of_labels_and_of_predictions(reference):
    assert (reference["model_version"], reference["n"]) == ("0123456789ab", 3)
    assert reference["label_counts"] == {"a": 1, "b": 2}
    assert reference["predicted_counts"] == {"a": 2, "b": 1}
    assert reference["validation"] == {"n": 3, "correct": 2}


def test_confusion_counts_what_each_label_was_taken_for(reference):
    assert reference["confusion"] == {"a": {"a": 1}, "b": {"a": 1, "b": 1}}


def test_confusion_adds_up(of_reviews):
    _, reference = of_reviews
    confusion = reference["confusion"]
    assert {label: sum(of_label.values()) for label, of_label in confusion.items()} == reference["label_counts"]
    predicted = {label: sum(of_label.get(label, 0) for of_label in confusion.values()) for label in confusion}
    assert predicted == reference["predicted_counts"]
    assert sum(confusion[label][label] for label in confusion) == reference["validation"]["correct"]


def test_a_label_that_no_text_has_or_gets_is_counted_as_zero():
    data = LabelledTexts(["x", "y"], ["a", "b"], 0, "")
    probabilities = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1]])
    reference = build_reference("", data, Answers(["a", "b", "c"], probabilities, np.array([0, 1]), None))
    assert reference["label_counts"] == {"a": 1, "b": 1}
    assert reference["predicted_counts"] == {"a": 2, "b": 0, "c": 0}
    assert reference["confusion"]["c"] == {}


def test_lengths_are_counted_in_words(reference):
    length = reference["length"]
    assert (length["unit"], length["mean"], length["sd"], length["median"]) == ("words", 2.0, 1.0, 2.0)
    assert length["counts"][:4] == [1, 1, 1, 0]
    assert length["log"]["mean"] == pytest.approx(np.mean(np.log([2, 3, 4])))
    assert length["log"]["sd"] == pytest.approx(np.std(np.log([2, 3, 4]), ddof=1))


def test_confidence_is_that_of_the_predicted_label(reference):
    confidence = reference["confidence"]
    counts = dict(zip(confidence["edges"], confidence["counts"], strict=False))
    assert {edge: count for edge, count in counts.items() if count} == {0.72: 1, 0.96: 1, 0.999: 1}
    assert confidence["mean"] == pytest.approx((0.999 + 0.73 + 0.97) / 3)


def test_known_shares_are_counted_in_fiftieths(reference):
    vocabulary = reference["vocabulary"]
    counts = dict(zip(vocabulary["edges"], vocabulary["counts"], strict=False))
    assert vocabulary["unit"] == "share of known tokens"
    assert {edge: count for edge, count in counts.items() if count} == {0.5: 1, 0.98: 2}


def test_without_known_shares_there_is_no_vocabulary():
    data = LabelledTexts(["x", "y"], ["a", "b"], 0, "")
    assert build_reference("", data, answers_of([0.6, 0.7], [0, 1]))["vocabulary"] is None


def test_quantiles_rise_and_lie_between_the_extremes(of_reviews, reviews):
    answers, reference = of_reviews
    measured = {
        "length": [len(text.split()) for text in reviews.texts],
        "confidence": answers.confidence,
        "vocabulary": answers.known_share,
    }
    for name, values in measured.items():
        quantiles = reference[name]["quantiles"]
        assert quantiles["levels"] == QUANTILES == sorted(QUANTILES)
        assert quantiles["values"] == sorted(quantiles["values"])
        assert min(values) <= quantiles["values"][0] < quantiles["values"][-1] <= max(values)
        assert quantiles["values"][QUANTILES.index(0.5)] == reference[name]["median"] == np.median(values)


def test_calibration_bins_hold_every_text_once(of_reviews):
    answers, reference = of_reviews
    bins = reference["calibration"]["bins"]
    assert sum(bins["n"]) == reference["n"]
    assert bins["confidence"] == sorted(bins["confidence"])
    assert np.dot(bins["n"], bins["confidence"]) == pytest.approx(answers.confidence.sum())
    assert np.dot(bins["n"], bins["accuracy"]) == pytest.approx(answers.correct.sum())


def test_the_curve_rises_and_its_mean_over_the_texts_is_the_accuracy(of_reviews):
    answers, reference = of_reviews
    curve = reference["calibration"]["isotonic"]
    assert (np.diff(curve["confidence"]) > 0).all()
    assert (np.diff(curve["accuracy"]) >= 0).all()
    assert 0 <= curve["accuracy"][0] < curve["accuracy"][-1] <= 1
    estimated = np.interp(answers.confidence, curve["confidence"], curve["accuracy"])
    assert estimated.mean() == pytest.approx(answers.correct.mean())


@given(st.lists(st.tuples(st.floats(0.5, 1, width=16), st.booleans()), min_size=2, max_size=50))
def test_the_curve_estimates_the_accuracy_of_any_answers(rows):
    confidences, correct = zip(*rows, strict=True)
    data = LabelledTexts(["x"] * len(rows), ["b" if right else "a" for right in correct], 0, "")
    answers = answers_of(confidences, correct)
    curve = build_reference("", data, answers)["calibration"]["isotonic"]
    estimated = np.interp(answers.confidence, curve["confidence"], curve["accuracy"])
    assert estimated.mean() == pytest.approx(answers.correct.mean(), abs=1e-6)
    assert (np.diff(curve["accuracy"]) >= 0).all()


def test_words_are_counted_once_a_text_the_most_frequent_first():
    data = LabelledTexts(["B b b. C", "b c, A", "isn't it"], ["a", "b", "b"], 0, "")
    words = build_reference("", data, answers_of([0.6] * 3, [0, 1, 1]))["words"]
    assert words["token_pattern"] == TOKEN_PATTERN
    assert list(words["texts"].items()) == [
        *(("b", 2), ("c", 2)),
        *((",", 1), (".", 1), ("a", 1), ("isn't", 1), ("it", 1)),
    ]


def test_only_the_most_frequent_words_are_kept():
    texts = ["common " + " ".join(f"word{number:05}" for number in range(start, 4_000)) for start in (0, 2_000)]
    data = LabelledTexts(texts, ["a", "b"], 0, "")
    words = build_reference("", data, answers_of([0.6] * 2, [0, 1]))["words"]["texts"]
    assert list(words) == [
        "common",
        *(f"word{number:05}" for number in [*range(2_000, 4_000), *range(MAX_WORDS - 2_001)]),
    ]


def test_the_words_are_those_of_the_pattern_it_names(of_reviews, reviews):
    words = of_reviews[1]["words"]
    for word in ("the", ".", "not", "story"):
        texts = [text for text in reviews.texts if word in re.findall(words["token_pattern"], text.lower())]
        assert words["texts"][word] == len(texts)


def test_the_profile_of_ordinary_texts_is_small(of_reviews):
    assert len(json_to_bytes(of_reviews[1])) < MAX_BYTES


@pytest.mark.parametrize("word", ["{:0100}", "長い単語が続いていて空白がない文章{}"], ids=["hashes", "no blanks"])
def test_the_profile_of_texts_of_long_words_is_small_too(word):
    """A language without blanks between words has whole clauses as its words."""
    texts = ["often " + " ".join(word.format(number) for number in range(start, 4_000, 2)) for start in (0, 1)]
    reference = build_reference("", LabelledTexts(texts, ["a", "b"], 0, ""), answers_of([0.6] * 2, [0, 1]))
    assert len(json_to_bytes(reference)) < MAX_BYTES
    words = reference["words"]["texts"]
    assert words["often"] == 2
    assert 1 < len(words) < MAX_WORDS


def test_the_profile_of_fifty_labels_is_small_too():
    labels = [f"label number {number:02}" for number in range(50)]
    data = LabelledTexts(["x"] * 50, labels, 0, "")
    reference = build_reference("", data, Answers(labels, np.eye(50), np.arange(50), None))
    assert len(json_to_bytes(reference)) < MAX_BYTES


def test_length_edges_run_from_1_to_4096_by_thirds_of_a_doubling():
    assert LENGTH_EDGES[:8] == [1, 2, 3, 4, 5, 6, 8, 10]
    assert LENGTH_EDGES[-4:] == [2048, 2580, 3251, 4096]


def test_confidence_edges_run_from_0_to_1_by_two_hundredths_and_finer_near_1():
    assert CONFIDENCE_EDGES[:3] == [0.0, 0.02, 0.04]
    assert CONFIDENCE_EDGES[-8:] == [0.96, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999, 1.0]


@pytest.mark.parametrize("edges", EDGES)
def test_edges_rise(edges):
    assert edges == sorted(set(edges))


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

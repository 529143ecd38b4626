import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from monitoring.stats.quality import MOST_LABELS, accuracy, by_label, labelled, proportion, size
from tests.monitoring.conftest import answers

classes = st.integers(2, 4).map(lambda n: ["negative", "neutral", "positive", "a b"][:n])
pairs = classes.flatmap(lambda names: st.lists(st.tuples(*[st.sampled_from(names)] * 2), min_size=1, max_size=60))
counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def table(of_pairs):
    """Of (predicted, true) pairs."""
    return answers([predicted for predicted, _ in of_pairs], [true for _, true in of_pairs])


@given(pairs)
def test_accuracy_is_that_of_scikit_learn(of_pairs):
    predicted, true = zip(*of_pairs, strict=True)

    found = accuracy(table(of_pairs))

    assert found is not None
    assert found.value == pytest.approx(accuracy_score(true, predicted))
    assert found.n == len(of_pairs)


@given(pairs)
def test_precision_recall_and_f1_are_those_of_scikit_learn(of_pairs):
    predicted, true = zip(*of_pairs, strict=True)

    found = by_label(table(of_pairs))

    assert [quality.label for quality in found] == sorted({*predicted, *true})
    for quality in found:
        for figure, score in [
            (quality.precision, precision_score),
            (quality.recall, recall_score),
            (quality.f1, f1_score),
        ]:
            if figure:
                expected = score(true, predicted, labels=[quality.label], average=None, zero_division=0)[0]
                assert figure.value == pytest.approx(expected)


@given(pairs)
def test_n_is_how_many_labels_speak_about_a_figure(of_pairs):
    for quality in by_label(table(of_pairs)):
        predicted = [pair for pair in of_pairs if pair[0] == quality.label]
        true = [pair for pair in of_pairs if pair[1] == quality.label]
        either = [pair for pair in of_pairs if quality.label in pair]

        assert (quality.precision.n if quality.precision else 0) == len(predicted)
        assert (quality.recall.n if quality.recall else 0) == len(true)
        assert (quality.f1.n if quality.f1 else 0) == len(either) > 0


@given(pairs)
def test_every_interval_holds_its_value_and_stays_between_0_and_1(of_pairs):
    figures = [accuracy(table(of_pairs))]
    for quality in by_label(table(of_pairs)):
        figures += [quality.precision, quality.recall, quality.f1]

    known = [figure for figure in figures if figure]
    assert all(0 <= figure.low <= figure.value + 1e-12 for figure in known)
    assert all(figure.value - 1e-12 <= figure.high <= 1 for figure in known)
    assert all(figure.low < figure.high for figure in known)


@given(counts)
def test_the_interval_is_the_wilson_score_interval(count):
    successes, n = count
    z = 1.959963984540054
    centre = (successes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * (successes * (n - successes) / n + z**2 / 4) ** 0.5

    found = proportion(successes, n)

    assert found is not None
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))
    assert (found.low, found.high) == binomtest(successes, n).proportion_ci(0.95, method="wilson")


def test_eight_of_ten_are_80_percent_from_49_to_94():
    found = proportion(8, 10)

    assert found is not None
    assert (found.value, round(found.low, 4), round(found.high, 4), found.n) == (0.8, 0.4902, 0.9433, 10)


def test_without_labels_nothing_is_known():
    unlabelled = answers(["positive", "negative"], [None, None])

    assert proportion(0, 0) is None
    assert accuracy(unlabelled) is None
    assert by_label(unlabelled) == []
    assert labelled(unlabelled).empty


def test_without_predictions_nothing_is_known():
    none = answers([], [])

    assert accuracy(none) is None
    assert by_label(none) == []
    assert size(none) == 0


def test_unlabelled_answers_count_in_no_figure():
    found = accuracy(answers(["positive"] * 4, ["positive", None, "negative", None]))

    assert found is not None
    assert (found.value, found.n) == (0.5, 2)


def test_a_single_label_has_figures_of_its_own_alone():
    (quality,) = by_label(answers(["positive"] * 3, ["positive"] * 3))

    assert quality.label == "positive"
    assert quality.precision
    assert quality.recall
    assert quality.f1
    assert (quality.precision.value, quality.recall.value, quality.f1.value) == (1.0, 1.0, 1.0)


def test_a_label_that_was_never_predicted_has_no_precision_and_a_recall_of_0():
    negative, positive = by_label(answers(["positive"] * 2, ["negative", "positive"]))

    assert (negative.label, negative.precision) == ("negative", None)
    assert negative.recall
    assert (negative.recall.value, negative.recall.n) == (0.0, 1)
    assert positive.precision
    assert (positive.precision.value, positive.precision.n) == (0.5, 2)


def test_a_label_that_is_never_true_has_no_recall():
    negative, _ = by_label(answers(["negative", "positive"], ["positive", "positive"]))

    assert (negative.label, negative.recall) == ("negative", None)


def test_the_f1_interval_is_that_of_the_jaccard_index_carried_over():
    (quality,) = by_label(answers(["positive"] * 10, ["positive"] * 10))
    jaccard = proportion(10, 10)

    assert quality.f1
    assert jaccard
    assert quality.f1.low == pytest.approx(2 * jaccard.low / (1 + jaccard.low))


@given(pairs, st.randoms())
def test_a_row_of_many_answers_says_what_as_many_rows_say(of_pairs, chance):
    counted = table(of_pairs).assign(n=[chance.randint(1, 4) for _ in of_pairs])
    one_by_one = counted.loc[counted.index.repeat(counted["n"])].assign(n=1)

    assert accuracy(counted) == accuracy(one_by_one)
    assert by_label(counted) == by_label(one_by_one)
    assert size(counted) == len(one_by_one)


def test_of_too_many_labels_the_most_frequent_ones_have_figures_in_their_order():
    labels = [f"label {number:03}" for number in range(MOST_LABELS + 30)]
    often = labels[::-1][:MOST_LABELS]
    found = by_label(answers(labels + often, labels + often))

    assert [quality.label for quality in found] == sorted(often)

"""The recipe: what it makes of texts, that it learns from no text it is not given, and that it is worth its price."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline

from tests.training.conftest import fit_to_all, ignore, make_reviews, make_rows, to_corpus, to_data, validate
from training.data import LabelledTexts, read_labelled_texts, read_unlabelled_texts
from training.evaluation import cross_validate, fold_of_each
from training.recipe import DESCRIPTION, MAX_TERMS, LinearModel, fit, guess_labels, tfidf
from training.terms import NGRAM_RANGE, TOKEN_PATTERN, Corpus, Counted, count_terms

UNSEEN = ["", "word1 word2", "no such thing", "positive1 bad1 good2 negative3 positive3 neither2"]
scores_of_two = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(1)), elements=st.floats(-5, 5, width=16))


@pytest.fixture(scope="module")
def more_texts(data):
    """Texts like those of the data, of which nobody says what they are."""
    return [text for text, _ in make_rows(data.label_names, seed=2)]


@pytest.fixture(scope="module")
def accuracies():
    """Of the recipe, with and without 1,200 unlabelled reviews, and of the baseline, in the same folds of 600."""
    data, unlabelled = to_data(make_reviews(600, seed=0)), [text for text, _ in make_reviews(1_200, seed=1_000)]
    return {
        "recipe": validate(data, unlabelled).answers.correct.mean(),
        "without unlabelled": validate(data).answers.correct.mean(),
        "baseline": accuracy_of_baseline(data),
    }


def accuracy_of_baseline(data: LabelledTexts) -> float:
    """What scikit-learn gives in two lines, asked of the same folds."""
    truth = data.truth(data.label_names)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    return float(np.mean(cross_val_predict(model, data.texts, truth, cv=PredefinedSplit(fold_of_each(truth))) == truth))


def test_reviews_are_read_better_than_by_the_baseline(accuracies):
    assert 0.6 < accuracies["baseline"] < 0.85
    assert accuracies["recipe"] > accuracies["baseline"] + 0.05


def test_without_unlabelled_reviews_they_are_read_better_than_by_the_baseline_too(accuracies):
    assert accuracies["without unlabelled"] > accuracies["baseline"] + 0.03


def test_unlabelled_reviews_help(accuracies):
    assert accuracies["recipe"] > accuracies["without unlabelled"] + 0.01


def test_real_reviews_are_read_better_than_by_the_baseline():
    labelled, unlabelled = (os.environ.get(name) for name in ("TRAINING_DATA", "TRAINING_UNLABELLED"))
    if not labelled or not unlabelled:
        pytest.skip("TRAINING_DATA and TRAINING_UNLABELLED do not name CSV files of real reviews")
    whole = read_labelled_texts(Path(labelled))
    of_labels = [np.flatnonzero(np.array(whole.labels) == label).tolist() for label in whole.label_names]
    rows = [row for of_label in of_labels for row in evenly_spread(of_label, 2_000 // len(of_labels))]
    data = to_data([(whole.texts[row], whole.labels[row]) for row in rows])
    more = evenly_spread(read_unlabelled_texts(Path(unlabelled), whole.texts).texts, 4_000)
    found = cross_validate(data, count_terms(data.texts, more, 2, ignore), fit, 2, ignore)
    assert found.answers.correct.mean() > accuracy_of_baseline(data) + 0.025


def evenly_spread(items, count):
    return [items[index] for index in np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)]


@pytest.mark.parametrize("unlabelled", [0, 40])
def test_nothing_is_learned_from_labelled_texts_that_are_not_given(data, more_texts, unlabelled):
    """Not from their terms, either, though terms are counted in all texts together."""
    labels, more = data.label_names, more_texts[:unlabelled]
    rows = np.flatnonzero(fold_of_each(data.truth(labels)) != 2)
    among_others = fit(to_corpus(data, more), rows, data.truth(labels)[rows], labels)
    alone = fit_to_all(to_data([(data.texts[row], data.labels[row]) for row in rows]), more)

    assert len(to_corpus(data).terms) > len(alone[0].vocabulary_)
    assert among_others[0].vocabulary_ == alone[0].vocabulary_
    assert np.array_equal(among_others[0].idf_, alone[0].idf_)
    # But for the last digit: sums over the terms of a text are made in another order.
    assert among_others[1].coef_ == pytest.approx(alone[1].coef_, abs=1e-9)
    assert among_others[1].intercept_ == pytest.approx(alone[1].intercept_, abs=1e-9)


def test_the_order_of_the_texts_given_is_that_of_their_labels(two_labels):
    corpus, truth = to_corpus(two_labels), two_labels.truth(two_labels.label_names)
    rows = np.random.default_rng(0).permutation(len(truth))
    shuffled = fit(corpus, rows, truth[rows], two_labels.label_names)
    assert shuffled.predict(two_labels.texts).tolist() == fit_to_all(two_labels).predict(two_labels.texts).tolist()


def test_two_labels_and_three_are_learned(data, validated):
    fitted = fit_to_all(data)
    assert [type(step) for _, step in fitted.steps] == [TfidfVectorizer, LogisticRegression]
    assert fitted.classes_.tolist() == data.label_names
    assert fitted.score(data.texts, data.labels) > 0.95
    assert validated.answers.correct.mean() > 0.75


def test_the_weights_are_those_of_scikit_learn(data):
    corpus = to_corpus(data)
    columns = np.arange(0, len(corpus.terms), 2)
    vectorizer = TfidfVectorizer(
        token_pattern=TOKEN_PATTERN,
        ngram_range=NGRAM_RANGE,
        binary=True,
        vocabulary=[corpus.terms[column] for column in columns],
    )
    expected = vectorizer.fit_transform([f"{text} {text}" for text in data.texts])
    weights = tfidf(corpus.labelled.texts, columns, vectorizer.idf_)
    assert weights.toarray() == pytest.approx(expected.toarray(), abs=1e-12)


def test_weighing_leaves_the_matrix_as_it_was(two_labels):
    matrix = to_corpus(two_labels).labelled.texts
    before = matrix.copy()
    tfidf(matrix, np.arange(matrix.shape[1]), np.full(matrix.shape[1], 1.5))
    assert np.array_equal(matrix.toarray(), before.toarray())


def test_a_text_without_known_terms_weighs_nothing():
    weights = tfidf(sp.csr_array(np.array([[1, 1, 0], [0, 0, 1]])), np.array([0, 1]), np.ones(2))
    assert weights.toarray() == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0, 0]]))


def test_the_pipeline_scores_as_the_linear_model_does(data, more_texts):
    corpus, fitted = to_corpus(data, more_texts), fit_to_all(data, more_texts)
    columns = np.array([corpus.terms.index(term) for term in fitted[0].vocabulary_])
    model = LinearModel(columns, fitted[0].idf_, fitted[1].coef_, fitted[1].intercept_)
    for counted, texts in ((corpus.labelled, data.texts), (corpus.unlabelled, more_texts)):
        expected = fitted.decision_function(texts).reshape(len(texts), -1)
        assert model.scores(counted.texts) == pytest.approx(expected, abs=1e-12)


def test_the_longest_terms_are_used(two_labels):
    rows = [(f"{text} not good at all", label) for text, label in zip(two_labels.texts, two_labels.labels, strict=True)]
    vocabulary = fit_to_all(to_data(rows))[0].vocabulary_
    assert {"good", "not good", "not good at"} <= set(vocabulary)


def test_a_negation_is_learned_although_its_words_alone_say_the_opposite():
    said = {"positive": ["a good film"] * 3 + ["a not bad film"], "negative": ["a bad film"] * 3 + ["a not good film"]}
    rows = [(text, label) for label, texts in said.items() for text in texts * 10]
    texts = ["good story", "bad story", "not good", "not bad"]
    assert fit_to_all(to_data(rows)).predict(texts).tolist() == ["positive", "negative", "negative", "positive"]


def test_single_sentences_are_read_too():
    fitted = fit_to_all(to_data(make_reviews(200, seed=1)))
    assert fitted.predict(["The film was wonderful.", "The film was awful."]).tolist() == ["positive", "negative"]


def test_unlabelled_texts_change_the_model(data, more_texts):
    alone, together = fit_to_all(data), fit_to_all(data, more_texts)
    assert alone[0].vocabulary_ == together[0].vocabulary_
    assert np.array_equal(alone[0].idf_, together[0].idf_)
    assert np.abs(alone[1].coef_ - together[1].coef_).max() > 0.01


def test_a_word_that_labels_do_not_explain_is_learned_from_the_company_it_keeps():
    rows = make_rows(["negative", "positive"])
    new = [("splendid word1", label) for label in ("negative", "positive")] * 2
    company = [f"splendid {text}" for text, label in make_rows(["negative", "positive"], seed=3) if label == "positive"]
    others = [text for text, label in make_rows(["negative", "positive"], seed=3) if label == "negative"]
    alone, together = (fit_to_all(to_data(rows + new), texts) for texts in ([], company + others))
    before, after = (model[1].coef_[0, model[0].vocabulary_["splendid"]] for model in (alone, together))
    assert before == pytest.approx(0, abs=0.05)
    assert after > 0.1


def test_sentences_change_the_model_a_little(two_labels):
    rows = zip(two_labels.texts, two_labels.labels, strict=True)
    data = to_data([(text.replace(" word", ". word", 1), label) for text, label in rows])
    corpus, truth = to_corpus(data), data.truth(data.label_names)
    whole_texts = replace(corpus.labelled, sentences=corpus.labelled.sentences[:0], source=corpus.labelled.source[:0])
    without = fit(replace(corpus, labelled=whole_texts), np.arange(len(truth)), truth, data.label_names)
    change = np.abs(fit_to_all(data)[1].coef_ - without[1].coef_).max()
    assert 0.005 < change < np.abs(without[1].coef_).max() / 2


def test_texts_too_short_for_sentences_are_learned_from():
    rows = [("good film", "positive"), ("bad film", "negative")] * 10
    assert fit_to_all(to_data(rows)).predict(["good", "bad"]).tolist() == ["positive", "negative"]


@pytest.mark.parametrize(
    "unlabelled", [["zzzqx"], ["zzzqx", "xqzzz", "🎬"], ["zzzqx is not a word"] * 3, ["", "word1 word2 word3 word4"]]
)
def test_unlabelled_texts_of_unknown_words_do_no_harm(data, unlabelled):
    fitted = fit_to_all(data, unlabelled)
    assert np.isfinite(fitted[1].coef_).all()
    assert fitted.score(data.texts, data.labels) > 0.95


@given(scores_of_two)
def test_of_two_labels_the_second_is_the_likelier_the_higher_the_score(scores):
    shares = guess_labels(scores)
    assert shares.shape == (len(scores), 2)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(scores)))
    assert (np.diff(shares[np.argsort(scores[:, 0], kind="stable"), 1]) >= 0).all()
    assert ((shares[:, 1] > 0.5) <= (scores[:, 0] > 0)).all()


@given(st.permutations(range(12)), st.permutations(range(12)))
def test_of_three_labels_the_one_with_the_highest_score_is_the_likeliest(second, third):
    scores = (np.column_stack([np.arange(12), second, third]) - 8) / 4
    shares = guess_labels(scores)
    assert shares.sum(axis=1) == pytest.approx(np.ones(12))
    assert np.array_equal(np.take_along_axis(shares, np.argsort(scores, axis=1), axis=1), np.sort(shares, axis=1))


@given(arrays(np.float64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.floats(-5, 5)))
def test_three_labels_always_have_shares_that_add_up_to_1(scores):
    shares = guess_labels(scores)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(scores)))
    assert shares.min() >= 0


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("score", [0.0, 0.1, -0.1, -0.3])
def test_scores_that_never_differ_are_guessed_from_their_size(n, k, score):
    """Their standard deviation is 0, but for the last digit."""
    shares = guess_labels(np.full((n, k), score))
    assert np.isfinite(shares).all()
    assert shares.sum(axis=1) == pytest.approx(np.ones(n))
    assert shares == pytest.approx(np.tile(guess_labels(np.full((1, k), score)), (n, 1)))


def test_texts_that_all_labels_reject_alike_get_shares_too():
    scores = -0.5 + 1e-4 * np.random.default_rng(0).normal(size=(20, 3))
    shares = guess_labels(scores)
    assert np.isfinite(shares).all()
    assert shares.sum(axis=1) == pytest.approx(np.ones(20))


def test_guesses_do_not_depend_on_how_large_scores_are():
    scores = np.random.default_rng(0).normal(size=(20, 1))
    assert guess_labels(1_000 * scores) == pytest.approx(guess_labels(scores))


def test_too_many_terms_are_reduced_to_those_that_depend_most_on_the_label():
    """Equally good ones are taken in alphabetical order."""
    columns = np.arange(MAX_TERMS + 20)
    says_nothing = columns % 5_000 == 7
    truth = np.arange(20) % 2
    # Every term is in two texts: both of its label, or one of each.
    first = columns % 18
    second = np.where(says_nothing, first + 1, first + 2)
    places = (np.append(first, second).astype(np.int32), np.append(columns, columns).astype(np.int32))
    matrix = sp.csr_array((np.ones(2 * len(columns), dtype=np.uint8), places), shape=(20, len(columns)))
    nothing = Counted(matrix[:0], matrix[:0], np.zeros(0, dtype=np.intp))
    terms = [f"{column:06}" for column in columns]
    corpus = Corpus(terms, Counted(matrix, matrix[:1], np.zeros(1, dtype=np.intp)), nothing)

    chosen = fit(corpus, np.arange(20), truth, ["negative", "positive"])[0].vocabulary_
    left_out = set(terms) - set(chosen)
    assert len(chosen) == MAX_TERMS
    assert left_out == {terms[column] for column in np.flatnonzero(says_nothing)[-20:]}


def test_the_description_names_the_figures_of_the_recipe():
    described = " ".join(DESCRIPTION)
    for figure in (f"{MAX_TERMS:,}", "C=1)", "weight of 0.03", "up to 0.3 of"):
        assert figure in described

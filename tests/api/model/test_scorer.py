"""The short cut gives the pipeline's own answers: for every text, vectoriser and linear classifier."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectKBest, SelectPercentile, VarianceThreshold, chi2
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import LinearSVC

from api.model.classifier import Model
from api.model.linear import UnsupportedPipeline
from api.model.loading import load_model
from api.model.scorer import CLOSE, STEP_TERMS, Scorer
from tests.api.model.linear_pipelines import (
    CORPUS,
    LABELS,
    LONG,
    fitted,
    into_characters,
    into_words,
    texts,
    weighing,
    whatever_scikit_learn_says,
)
from tests.conftest import ROOT
from training.data import read_labelled_texts

pytestmark = [
    whatever_scikit_learn_says,
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # of what scikit-learn will rename or leave out
]

ODD_TEXTS = ["", " \n", "\0\x1b\u200b", "🎬👍🏽", "e\u0301 İ ß ς ﬁ", "<br />", "night " * 20_000, "!" * 20_000, LONG]
CLASSIFIERS = [
    LogisticRegression(),
    LogisticRegression(C=1e4, fit_intercept=False),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    LinearSVC(),
    RidgeClassifier(),
    Perceptron(),
    SGDClassifier(penalty=None, learning_rate="pa1", eta0=1.0, random_state=0),
    MultinomialNB(),
    ComplementNB(norm=True),
    OneVsRestClassifier(LogisticRegression()),
    OneVsRestClassifier(SGDClassifier(loss="modified_huber", random_state=0)),
    OneVsRestClassifier(LinearSVC()),
]
chosen_terms = st.sampled_from(
    [
        {"vocabulary": ["film", "night", "amazing", "awful", "hours", "e", "x", "the film", "bad", "long", "two"]},
        {"max_features": 9},
        {"min_df": 2},
        {},
    ]
)
SELECTIONS = [
    [],
    ["passthrough"],
    [SelectKBest(chi2, k=5)],
    [SelectKBest(chi2, k=8), None, SelectKBest(chi2, k=3)],
]


@st.composite
def models(draw) -> Model:
    split, weigh = draw(into_words | into_characters) | draw(chosen_terms), draw(weighing)
    weigh["smooth_idf"] |= "vocabulary" in split  # or the idf of a term that no text has is infinite
    heads = [
        [TfidfVectorizer(**split, **weigh)],
        [CountVectorizer(**split)],
        [CountVectorizer(**split), TfidfTransformer(**weigh)],
    ]
    steps = [*draw(st.sampled_from(heads)), *draw(st.sampled_from(SELECTIONS)), draw(st.sampled_from(CLASSIFIERS))]
    pipeline = clone(make_pipeline(*steps)).fit(CORPUS, LABELS[draw(st.sampled_from([2, 3]))])
    return model_of(pipeline, draw(st.sampled_from([1e-6, 0.05, 1.0, 30.0])))


def model_of(pipeline, temperature: float = 1.0) -> Model:
    return Model(pipeline, {"model_version": "v"}, temperature)


def assert_agrees(scorer: Scorer, model: Model, text: str) -> None:
    label, probabilities, known_share = scorer.classify(text)
    labels, rows = model.classify([text])
    assert label == labels[0]
    assert len(probabilities) == len(model.labels)
    assert list(probabilities) == pytest.approx(rows[0].tolist(), rel=0, abs=1e-9)
    assert known_share == model.known_share(text)


@given(models(), st.lists(texts, max_size=8))
def test_every_text_gets_the_answer_of_the_pipeline(model, some):
    scorer = Scorer(model)

    for text in some:
        assert_agrees(scorer, model, text)


@pytest.mark.parametrize("labels", LABELS.values(), ids=["two labels", "three"])
@pytest.mark.parametrize("classifier", [*CLASSIFIERS, LogisticRegressionCV(cv=2), RidgeClassifierCV()], ids=repr)
def test_odd_texts_and_very_long_ones_get_the_answer_of_the_pipeline(classifier, labels):
    model = model_of(fitted(TfidfVectorizer(ngram_range=(1, 2)), classifier, labels=labels))
    scorer = Scorer(model)

    for text in [*ODD_TEXTS, *CORPUS]:
        assert_agrees(scorer, model, text)


@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_counts_as_large_as_a_text_is_long_weigh_as_in_the_pipeline(norm):
    model = model_of(fitted(CountVectorizer(), TfidfTransformer(norm=norm), MultinomialNB(), labels=LABELS[3]))
    scorer = Scorer(model)

    for text in ODD_TEXTS:
        assert_agrees(scorer, model, text)


def halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def swap(text: str) -> str:
    return text.swapcase()


@pytest.mark.parametrize(
    "settings",
    [
        {"analyzer": str.split},
        {"tokenizer": str.split, "ngram_range": (1, 2)},
        {"tokenizer": lambda text: iter(text.split())},
        {"tokenizer": lambda text: iter(text.split()), "stop_words": ["the", "was"]},
        {"preprocessor": swap},
        {"strip_accents": swap, "lowercase": False},
        {"stop_words": "english", "ngram_range": (1, 2)},
        {"stop_words": ["the"], "vocabulary": ["the", "film", "night", "awful"]},
        {"analyzer": halves},
        {"ngram_range": (3, 3), "vocabulary": ["the film", "the film was", "film was amazing"]},
        {"dtype": np.int64},
    ],
    ids=", ".join,
)
def test_own_functions_split_the_text(settings):
    model = model_of(fitted(TfidfVectorizer(**settings), LogisticRegression()))
    scorer = Scorer(model)

    for text in [*ODD_TEXTS, *CORPUS]:
        assert_agrees(scorer, model, text)


def test_an_own_idf_single_precision_coefficients_and_sparse_ones_count():
    pipeline = fitted(TfidfVectorizer(), SGDClassifier(loss="log_loss", random_state=0))
    pipeline[0].idf_ = np.linspace(-1, 2, len(pipeline[0].vocabulary_), dtype=np.float32)
    pipeline[1].sparsify()
    assert_agrees(Scorer(model_of(pipeline)), model_of(pipeline), CORPUS[0])
    pipeline[1].coef_ = pipeline[1].densify().coef_.astype(np.float32)
    assert_agrees(Scorer(model_of(pipeline)), model_of(pipeline), CORPUS[0])


def test_settings_changed_after_fitting_count_as_far_as_the_pipeline_heeds_them():
    pipeline = fitted(TfidfVectorizer(norm="l1"), LogisticRegression())
    pipeline.set_params(tfidfvectorizer__norm=None, tfidfvectorizer__binary=True)

    assert_agrees(Scorer(model_of(pipeline)), model_of(pipeline), "night night film")


def tied(classifier, coef: list[list[float]], labels: int) -> Pipeline:
    """Scores 0 but for rounding, by terms in whatever order."""
    pipeline = fitted(CountVectorizer(vocabulary=list("abcdef"), analyzer="char"), classifier, labels=LABELS[labels])
    pipeline[1].coef_, pipeline[1].intercept_ = np.array(coef), np.zeros(len(coef))
    return pipeline


@pytest.mark.parametrize("classifier", [LinearSVC(), LogisticRegression(), SGDClassifier(loss="modified_huber")])
@pytest.mark.parametrize("size", [1e-6, 1, 1e12 / 3])
def test_labels_that_only_rounding_tells_apart_are_told_apart_as_the_pipeline_does(classifier, size):
    parts = [0.1, 0.2, -0.3, 0.7, -0.6, -0.1]
    for order in list(permutations(parts))[::80]:
        one = [size * part for part in order]
        two_labels = tied(clone(classifier), [one], 2)
        three_labels = tied(clone(classifier), [one, one[::-1], [0.0] * 6], 3)
        for model in (
            model_of(two_labels),
            model_of(three_labels),
            model_of(two_labels, 1e9),
            model_of(two_labels, 1e-12),
        ):
            scorer = Scorer(model)
            for text in ("abcdef", "fedcba", "abc", "aabbccddeeff", "abcde", "", "cab" * 7):
                assert_agrees(scorer, model, text)


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
@pytest.mark.parametrize("size", [1, 1 + 1e-15, 40, 700, 744.44, 1e4])
def test_labels_that_are_all_sure_or_all_impossible_share_as_in_the_pipeline(loss, size):
    coef = [[size, -size, 0.1, 0, 0, 0], [size + 0.1, -size - 0.1, 0.2, 0, 0, 0], [size, -size, 0.3, 0, 0, 0]]
    model = model_of(tied(SGDClassifier(loss=loss), coef, 3))
    scorer = Scorer(model)

    for text in ("a", "b", "ab", "ac", "bc", "bcc", "bbc", "c"):
        assert_agrees(scorer, model, text)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("settings", [{}, {"stop_words": "english"}, {"strip_accents": "unicode"}], ids=str)
def test_a_long_text_is_scored_in_steps_of_few_terms_and_ends_with_the_answer(binary, settings):
    model = model_of(fitted(TfidfVectorizer(binary=binary, ngram_range=(1, 3), **settings), LogisticRegression()))
    scorer = Scorer(model)
    text = "An awful film, an amazing night. " * 500
    terms = len(model.pipeline[0].build_analyzer()(text))

    *before, answer = scorer.steps(text)

    assert scorer.gradual
    assert before == [None] * ((terms - 1) // STEP_TERMS)
    assert answer == scorer.classify(text)
    assert_agrees(scorer, model, text)


def test_a_text_that_another_function_splits_is_not_said_to_be_scored_in_small_steps():
    assert not Scorer(model_of(fitted(TfidfVectorizer(analyzer="char"), LogisticRegression()))).gradual
    assert not Scorer(model_of(fitted(TfidfVectorizer(tokenizer=str.split), LogisticRegression()))).gradual


def refuse(text: str) -> str:
    if "refused" in text:
        raise LookupError(text)
    return text


@pytest.mark.parametrize("part", ["preprocessor", "tokenizer", "analyzer"])
def test_an_error_that_a_text_causes_is_that_of_the_pipeline(part):
    model = model_of(fitted(TfidfVectorizer(**{part: refuse}), LogisticRegression()))
    scorer = Scorer(model)

    for classify in (scorer.classify, lambda text: model.classify([text])):
        with pytest.raises(LookupError, match="to be refused"):
            classify("to be refused")


class Optimist(LogisticRegression):  # type: ignore[misc]  # scikit-learn publishes no types
    def predict_proba(self, X):  # noqa: N803  # scikit-learn's name for it
        return super().predict_proba(X)[:, ::-1]


class OwnVectorizer(TfidfVectorizer):  # type: ignore[misc]  # scikit-learn publishes no types
    def build_analyzer(self):
        return super().build_analyzer()


UNSCORABLE: dict[str, list[Any]] = {
    "the vectoriser's dtype is float32": [TfidfVectorizer(dtype=np.float32), LogisticRegression()],
    "the vectoriser's dtype is int8": [CountVectorizer(dtype=np.int8), LogisticRegression()],
    "Optimist is not a classifier with a known formula": [TfidfVectorizer(), Optimist()],
    "CalibratedClassifierCV is not a": [TfidfVectorizer(), CalibratedClassifierCV(LogisticRegression(), cv=2)],
    "BernoulliNB is not a": [CountVectorizer(), BernoulliNB()],
    "MLPClassifier is not a": [CountVectorizer(), MLPClassifier((2,), max_iter=2)],
    "Optimist is not a": [CountVectorizer(), OneVsRestClassifier(Optimist())],
    "MultinomialNB in a OneVsRestClassifier": [CountVectorizer(), OneVsRestClassifier(MultinomialNB())],
    "OwnVectorizer is not a vectoriser": [OwnVectorizer(), LogisticRegression()],
    "HashingVectorizer is not a vectoriser": [HashingVectorizer(n_features=64), LogisticRegression()],
    "FeatureUnion is not a vectoriser": [make_union(TfidfVectorizer(), CountVectorizer()), LogisticRegression()],
    "MaxAbsScaler is between": [TfidfVectorizer(), MaxAbsScaler(), LinearSVC()],
    "TruncatedSVD is between": [TfidfVectorizer(), TruncatedSVD(2), LinearSVC()],
    "TfidfTransformer is between": [CountVectorizer(), SelectKBest(chi2, k=5), TfidfTransformer(), LinearSVC()],
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("reason", UNSCORABLE)
def test_a_pipeline_with_a_part_it_does_not_know_is_refused_by_the_name_of_that_part(reason):
    pipeline = fitted(*UNSCORABLE[reason], labels=LABELS[3])

    with pytest.raises(UnsupportedPipeline) as refused:
        Scorer(model_of(pipeline))
    assert str(refused.value).startswith(reason.split(" in a ")[0])


@pytest.mark.parametrize(
    "selector",
    [VarianceThreshold(0.01), SelectPercentile(chi2, percentile=50), RFE(LinearSVC(), n_features_to_select=4)],
    ids=lambda selector: type(selector).__name__,
)
def test_any_selector_of_scikit_learn_will_do(selector):
    model = model_of(fitted(TfidfVectorizer(), selector, LinearSVC()))
    assert len(model.pipeline[-1].coef_[0]) < len(model.pipeline[0].vocabulary_)
    assert_agrees(Scorer(model), model, CORPUS[0])


def test_a_search_is_refused():
    search = GridSearchCV(make_pipeline(TfidfVectorizer(), LinearSVC()), {}, cv=2).fit(CORPUS, LABELS[2])
    with pytest.raises(UnsupportedPipeline, match="GridSearchCV is not a Pipeline"):
        Scorer(model_of(search))


def with_other_coefficients(pipeline):
    """It scores with its own, and shows others."""
    score = pipeline[1].decision_function
    pipeline[1].decision_function = lambda features: score(features) + 1e-6


def with_another_analyzer(pipeline):
    """For one term of its vocabulary only."""
    pipeline[0].build_analyzer = lambda: lambda text: ["awful" if text == "amazing" else text]


def with_another_link(pipeline):
    pipeline.predict_proba = lambda texts: np.full((len(texts), 2), 0.5)


@pytest.mark.parametrize("change", [with_other_coefficients, with_another_analyzer, with_another_link])
def test_a_pipeline_that_answers_otherwise_than_its_parts_say_is_refused_with_a_text(change):
    pipeline = fitted(TfidfVectorizer(), LogisticRegression())
    change(pipeline)

    with pytest.raises(UnsupportedPipeline, match=r"the answer to '.*' differs from the pipeline's by "):
        Scorer(model_of(pipeline))


def with_an_infinite_coefficient(pipeline):
    pipeline[1].coef_[0, 3] = np.inf


def with_an_undefined_idf(pipeline):
    pipeline[0].idf_[3] = np.nan


@pytest.mark.parametrize("change", [with_an_infinite_coefficient, with_an_undefined_idf])
def test_weights_that_are_no_numbers_are_refused(change):
    pipeline = fitted(TfidfVectorizer(), LogisticRegression())
    change(pipeline)

    with pytest.raises(UnsupportedPipeline, match="not all its weights are finite"):
        Scorer(model_of(pipeline))


def without_vocabulary(pipeline):
    del pipeline[0].vocabulary_


def with_too_few_coefficients(pipeline):
    pipeline[1].coef_ = pipeline[1].coef_[:, 1:]


def of_files(pipeline):
    pipeline[0].input = "filename"


def with_a_dictionary_that_grows(pipeline):
    class Growing(dict):
        def __missing__(self, term):
            return 0

    pipeline[0].vocabulary_ = Growing(pipeline[0].vocabulary_)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_vocabulary, "AttributeError: .*vocabulary_"),
        (with_too_few_coefficients, "ValueError: "),
        (of_files, "Error: "),
        (with_a_dictionary_that_grows, "its vocabulary is a Growing"),
    ],
)
def test_a_pipeline_that_cannot_answer_is_refused_with_its_error(change, reason):
    pipeline = fitted(TfidfVectorizer(), LogisticRegression())
    change(pipeline)

    with pytest.raises(UnsupportedPipeline, match=reason):
        Scorer(model_of(pipeline))


def test_several_threads_get_the_same_answers():
    scorer = Scorer(model_of(fitted(TfidfVectorizer(ngram_range=(1, 3)), LogisticRegression(), labels=LABELS[3])))
    alone = [scorer.classify(text) for text in CORPUS * 100]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(scorer.classify, CORPUS * 100)) == alone


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load_model(ROOT / "api" / "sentiment_model.pkl", ROOT / "api" / "model_card.json")


@pytest.fixture(scope="module")
def shipped_scorer(shipped) -> Scorer:
    return Scorer(shipped)


SENTENCES = ["A wonderful, moving film.", "I've never been so bored!", "It isn't bad<br /><br />at all...", "Two hours"]


@pytest.mark.parametrize("text", [*SENTENCES, *CORPUS, *ODD_TEXTS], ids=lambda text: repr(text[:12]))
def test_the_shipped_model_is_scored(shipped, shipped_scorer, text):
    assert_agrees(shipped_scorer, shipped, text)


@given(st.data())
def test_the_shipped_model_is_scored_on_its_own_terms(shipped, shipped_scorer, data):
    terms = list(shipped.pipeline[0].vocabulary_)[::1000]
    pieces = st.lists(st.sampled_from(terms) | st.text(max_size=4))
    assert_agrees(shipped_scorer, shipped, " ".join(data.draw(pieces)))


def test_the_model_is_not_copied(shipped, shipped_scorer):
    vectorizer, classifier = (step for _, step in shipped.pipeline.steps)
    arrays = [value for value in vars(shipped_scorer).values() if isinstance(value, np.ndarray)]

    assert any(np.shares_memory(classifier.coef_, array) for array in arrays)
    assert all(array.size < 10 or np.shares_memory(array, own(array, vectorizer, classifier)) for array in arrays)


def own(array, vectorizer, classifier):
    return classifier.coef_ if array.ndim == 2 else vectorizer.idf_


def test_all_the_reviews_it_was_trained_on_get_the_answers_of_the_pipeline(shipped, shipped_scorer):
    if not (path := os.environ.get("TRAINING_DATA")):
        pytest.skip("TRAINING_DATA does not name a CSV file of real reviews")
    reviews = read_labelled_texts(Path(path)).texts
    for start in range(0, len(reviews), 500):
        batch = reviews[start : start + 500]
        labels, rows = shipped.classify(batch)
        answers = [shipped_scorer.classify(text) for text in batch]
        assert [label for label, _, _ in answers] == labels.tolist()
        assert np.abs(np.array([probabilities for _, probabilities, _ in answers]) - rows).max() < CLOSE

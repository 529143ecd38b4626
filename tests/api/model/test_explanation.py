"""The sum of the parts is the score: for every text, vectoriser and linear classifier."""

from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from scipy.sparse import hstack
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from api.model.classifier import Model
from api.model.explanation import Unexplainable
from tests.api.model.linear_pipelines import (
    CORPUS,
    LABELS,
    LONG,
    explain,
    fitted,
    linear_pipelines,
    texts,
    whatever_scikit_learn_says,
)

pytestmark = whatever_scikit_learn_says


def score_of(pipeline, text, label) -> float:
    scores = np.ravel(pipeline.decision_function([text]))
    return float(scores[0] if len(scores) == 1 else scores[list(pipeline.classes_).index(label)])


@given(linear_pipelines(), texts)
@example(fitted(TfidfVectorizer(ngram_range=(1, 3)), LogisticRegression()), LONG)
@example(fitted(TfidfVectorizer(), LogisticRegression()), "")
def test_intercept_and_contributions_add_up_to_the_score(pipeline, text):
    explanation = explain(pipeline, text)

    terms = [term.contribution for term in explanation.terms]
    tokens = [token.contribution for token in explanation.tokens]
    score = pytest.approx(score_of(pipeline, text, explanation.label), rel=1e-9, abs=1e-9)
    assert explanation.score == score
    assert explanation.intercept + fsum(terms) == score
    assert explanation.intercept + fsum(tokens) == score or not tokens
    assert [abs(term) for term in terms] == sorted(map(abs, terms), reverse=True)


@given(linear_pipelines(), texts)
def test_terms_are_those_of_the_text_that_the_model_knows_each_with_its_feature_times_its_coefficient(pipeline, text):
    explanation = explain(pipeline, text)

    names = pipeline[:-1].get_feature_names_out()
    known = set(pipeline[0].build_analyzer()(text)).intersection(names)
    assert {term.term for term in explanation.terms} == known
    assert len(explanation.terms) == len(known)
    coef = np.atleast_2d(pipeline[-1].coef_)
    weights = coef[0] if len(coef) == 1 else coef[list(pipeline.classes_).index(explanation.label)]
    features = pipeline[:-1].transform([text]).toarray()[0]
    assert {term.term: term.contribution for term in explanation.terms} == {
        name: feature * weight for name, feature, weight in zip(names, features, weights, strict=True) if name in known
    }


def test_of_two_labels_contributions_speak_for_the_second_whichever_is_predicted():
    explanations = [explain(fitted(TfidfVectorizer(), LinearSVC()), text) for text in ("amazing", "awful")]

    assert [explanation.predicted_sentiment for explanation in explanations] == ["good", "bad"]
    assert [explanation.label for explanation in explanations] == ["good", "good"]
    assert explanations[0].terms[0].contribution > 0 > explanations[1].terms[0].contribution


@pytest.mark.parametrize(("text", "label"), [("amazing", "good"), ("awful", "bad"), ("two hours", "so-so")])
def test_of_three_labels_contributions_speak_for_the_predicted_one(text, label):
    pipeline = fitted(TfidfVectorizer(), LinearSVC(), labels=LABELS[3])
    explanation = explain(pipeline, text)

    prediction = Model(pipeline, {"model_version": "v"}).predict([text])[0]
    assert explanation.label == explanation.predicted_sentiment == prediction.label == label
    assert explanation.confidence == prediction.confidence
    assert explanation.probabilities[prediction.label] == prediction.confidence
    assert sum(explanation.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert explanation.terms[0].contribution > 0


def test_equally_strong_terms_are_in_alphabetical_order():
    pipeline = fitted(CountVectorizer(vocabulary=["the", "night", "is", "film"]), LogisticRegression())
    pipeline[-1].coef_[:] = 0.5

    assert [term.term for term in explain(pipeline, "the night is a film").terms] == ["film", "is", "night", "the"]


@pytest.mark.parametrize(
    "classifier", [LinearSVC(), SVC(kernel="linear"), SGDClassifier(penalty="l1", random_state=0), RidgeClassifier()]
)
def test_sparse_coefficients_and_single_precision_are_no_hindrance(classifier):
    pipeline = fitted(TfidfVectorizer(dtype=np.float32), classifier)
    if isinstance(classifier, SGDClassifier):
        pipeline[-1].sparsify()

    explanation = explain(pipeline, "amazing film")
    parts = [term.contribution for term in explanation.terms]
    assert explanation.intercept + fsum(parts) == pytest.approx(score_of(pipeline, "amazing film", "good"), rel=1e-5)


def dense(features):
    return features.toarray()


def twice(features):
    return hstack([features, features])


def named(function, names="one-to-one") -> FunctionTransformer:
    return FunctionTransformer(function, accept_sparse=True, feature_names_out=names)


def test_features_may_become_dense_on_the_way():
    pipeline = fitted(TfidfVectorizer(), named(dense), LogisticRegression())

    assert explain(pipeline, "amazing").score == pytest.approx(score_of(pipeline, "amazing", "good"))


UNEXPLAINABLE: dict[str, Any] = {
    "HashingVectorizer has no vocabulary": [HashingVectorizer(n_features=64), LogisticRegression()],
    "FeatureUnion has no vocabulary": [make_union(TfidfVectorizer(), CountVectorizer()), LogisticRegression()],
    "MultinomialNB has no decision_function": [CountVectorizer(), MultinomialNB()],
    "DecisionTreeClassifier has no decision_function": [CountVectorizer(), DecisionTreeClassifier()],
    "SVC has no coef_": [TfidfVectorizer(), SVC()],
    "the scores of SVC are not sums of its coef_": [TfidfVectorizer(), SVC(kernel="linear")],
    "the columns that TruncatedSVD makes are not terms": [TfidfVectorizer(), TruncatedSVD(2), LinearSVC()],
    "the columns that FunctionTransformer makes are not terms": [
        TfidfVectorizer(),
        FunctionTransformer(dense, accept_sparse=True),
        LinearSVC(),
    ],
    "the columns that FunctionTransformer makes are not": [
        TfidfVectorizer(),
        named(twice, lambda _, names: [*names, *names]),
        LinearSVC(),
    ],
    "a step gives the term '": [TfidfVectorizer(), named(dense), StandardScaler(), LinearSVC()],
}


@pytest.mark.parametrize("reason", UNEXPLAINABLE)
def test_a_model_that_is_no_sum_over_terms_is_refused_with_the_part_that_is_none(reason):
    pipeline = fitted(*UNEXPLAINABLE[reason], labels=LABELS[3])

    with pytest.raises(Unexplainable) as refused:
        explain(pipeline, "an amazing film")
    assert str(refused.value).startswith(f"The model has no exact explanation, since {reason}")


def test_a_classifier_that_compares_pairs_of_labels_has_other_coefficients_than_one_row_a_label():
    pipeline = fitted(TfidfVectorizer(), SVC(kernel="linear"), labels=list("abcdabcd"))

    with pytest.raises(Unexplainable, match="SVC has 6 rows of coef_ for 4 labels"):
        explain(pipeline, "an amazing film")


def test_a_search_is_no_pipeline():
    search = GridSearchCV(make_pipeline(TfidfVectorizer(), LinearSVC()), {}, cv=2).fit(CORPUS, LABELS[2])

    with pytest.raises(Unexplainable, match="GridSearchCV is not a Pipeline"):
        explain(search, "an amazing film")

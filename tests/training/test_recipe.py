"""The recipe: its tokens, its labels and the shape of what it returns."""

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from training.recipe import build_pipeline, fit


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It isn't a 7/10!", ["it", "isn't", "a", "7", "/", "10", "!"]),
        ("Dull.<br /><br />I left", ["dull", ".", "/", "/", "i", "left"]),
        ("Très drôle", ["très", "drôle"]),
        ("", []),
    ],
)
def test_contractions_short_words_and_punctuation_are_tokens(text, tokens):
    vectorizer = build_pipeline().named_steps["tfidf"].set_params(ngram_range=(1, 1))
    assert vectorizer.build_analyzer()(text) == tokens


def test_neighbouring_tokens_make_pairs():
    assert "not good" in build_pipeline().named_steps["tfidf"].build_analyzer()("Not good")


def test_a_fitted_recipe_is_a_vectorizer_and_a_linear_model(two_labels):
    steps = [type(step) for _, step in fit(two_labels.texts, two_labels.labels).steps]
    assert steps == [TfidfVectorizer, LogisticRegression]


@pytest.mark.parametrize("corpus", ["two_labels", "three_labels"])
def test_the_recipe_learns_two_labels_or_more(corpus, request):
    data = request.getfixturevalue(corpus)
    fitted = fit(data.texts, data.labels)
    assert fitted.classes_.tolist() == sorted(set(data.labels))
    assert fitted.score(data.texts, data.labels) > 0.9

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from api.model.classifier import Model
from api.model.loading import load_model
from tests.conftest import TEXTS, write_model


def load(path):
    return load_model(path, path.with_name("model_card.json"))


def model_of(labels: list[str]) -> Model:
    """A model that has seen each label once."""
    classifier = make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression())
    return Model(classifier.fit([f"text {number}" for number in range(len(labels))], labels), {"model_version": "v"})


def test_a_loaded_model_gives_a_label_and_its_probability(small_model):
    good, bad = load(small_model).predict(["amazing", "an awful waste"])

    assert (good.label, bad.label) == ("positive", "negative")
    assert 0.5 <= good.confidence <= 1


def test_labels_are_the_models_own_and_known_in_any_case(small_model):
    model = load(small_model)

    assert model.labels == ["negative", "positive"]
    assert model.label_named(" PosiTive ") == "positive"
    assert model.label_named("great") is None


def test_a_model_of_three_labels_works_too(tmp_path):
    model = load(write_model(tmp_path, TEXTS | {"Neutral": ["it is a film", "it lasts two hours", "a film"]}))

    assert model.predict(["a film that lasts two hours"])[0].label == "Neutral"
    assert model.label_named("neutral") == "Neutral"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("good", "good"), ("Good", "Good"), (" good ", "good"), ("GOOD", None), ("BAD", "bad"), ("straße", "STRASSE")],
)
def test_labels_that_differ_by_case_only_go_by_their_exact_names(name, meant):
    assert model_of(["good", "Good", "bad", "STRASSE"]).label_named(name) == meant


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("One good film", 2 / 3),
        ("GOOD good, not good film", 4 / 5),
        ("good film?", 1),
        ("schlecht", 0),
        ("", 1),
        ("... 🎬", 1),
        ("the film", 1 / 2),
    ],
)
def test_the_known_share_counts_each_token_as_often_as_it_is_there_and_stop_words_too(text, share):
    assert begins_with(CountVectorizer(token_pattern=r"\w+", stop_words=["the"])).known_share(text) == share


@pytest.mark.parametrize(
    ("vectorizer", "share"),
    [
        (TfidfVectorizer(ngram_range=(1, 3)), 0.5),
        (TfidfVectorizer(tokenizer=str.split), 0.5),
        (TfidfVectorizer(tokenizer=lambda text: iter(text.split())), 0.5),
        (TfidfVectorizer(ngram_range=(2, 2)), None),
        (TfidfVectorizer(analyzer="char"), None),
        (TfidfVectorizer(analyzer=str.split), None),
        (HashingVectorizer(n_features=64), None),
        (make_union(CountVectorizer()), None),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of a token_pattern beside a tokenizer
def test_only_a_model_that_begins_with_a_vocabulary_of_words_has_a_known_share(vectorizer, share):
    model = begins_with(vectorizer)

    assert model.known_share("good grief") == share
    assert [prediction.known_share for prediction in model.predict(["good grief", "good film"])] == [share, share and 1]


def test_the_known_share_is_given_to_six_digits():
    (prediction,) = begins_with(TfidfVectorizer()).predict(["good grief again"])

    assert prediction.known_share == 0.333333


def begins_with(vectorizer) -> Model:
    classifier = make_pipeline(vectorizer, LogisticRegression())
    return Model(classifier.fit(["the good film", "a bad film"], ["good", "bad"]), {"model_version": "v"})


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)  # NumPy cuts these off


@given(st.lists(names, min_size=2, max_size=6, unique=True))
def test_every_label_is_known_by_its_exact_name(labels):
    model = model_of(labels)

    assert [model.label_named(label) for label in labels] == labels

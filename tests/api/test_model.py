import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from api.model import Model
from api.model_file import load_model
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


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5)  # NumPy cuts these off


@settings(deadline=None)
@given(st.lists(names, min_size=2, max_size=6, unique=True))
def test_every_label_is_known_by_its_exact_name(labels):
    model = model_of(labels)

    assert [model.label_named(label) for label in labels] == labels

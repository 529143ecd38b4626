import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sklearn.cluster import KMeans
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from api.main import create_app
from api.model.classifier import ModelUnavailable
from api.model.loading import load_model
from tests.conftest import dump_model, write_card

TEXTS = ["a good film", "a bad film", "it is a film"] * 2
LABELS = ["good", "bad", "neutral"] * 2


@pytest.fixture
def copy(small_model, tmp_path):
    shutil.copytree(small_model.parent, tmp_path / "copy")
    return tmp_path / "copy" / small_model.name


def load(path):
    return load_model(path, path.with_name("model_card.json"))


def refusal(path) -> str:
    """The sentence with which the model is refused."""
    with pytest.raises(ModelUnavailable) as refused:
        load(path)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def change_card(path, **changes) -> None:
    card = json.loads(path.with_name("model_card.json").read_text()) | changes
    path.with_name("model_card.json").write_text(json.dumps(card))


# The files


def test_another_file_than_the_cards_is_refused_before_it_is_unpickled(copy, tmp_path):
    evidence = tmp_path / "unpickled"
    copy.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % str(evidence).encode())

    assert "is not the model of" in refusal(copy)
    assert not evidence.exists()


def test_a_missing_model_is_named_with_the_setting(copy):
    copy.unlink()

    assert refusal(copy) == (
        f"{copy} cannot be read: No such file or directory; set MODEL_PATH to a classifier saved with joblib.dump."
    )


def test_a_missing_card_is_named_with_the_command_that_makes_one(copy):
    card_path = copy.with_name("model_card.json")
    card_path.unlink()

    assert refusal(copy) == (
        f"{card_path} cannot be read: No such file or directory; "
        f"`python -m training.card {copy} --data CSV` makes a card."
    )


def test_the_cards_hash_may_be_in_capitals(copy):
    change_card(copy, sha256=hashlib.sha256(copy.read_bytes()).hexdigest().upper())

    assert load(copy).labels == ["negative", "positive"]


def test_a_card_needs_no_more_than_version_hash_and_scikit_learn(copy):
    write_card(copy)

    assert list(load(copy).card) == ["model_version", "sha256", "versions"]


def test_a_model_of_another_scikit_learn_is_refused(copy):
    change_card(copy, versions={"scikit-learn": "1.2.0"})

    assert "trained with scikit-learn 1.2.0" in refusal(copy)


# What is in the model's file


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be unpickled (EOFError"),
        (b"hello", "cannot be unpickled (UnpicklingError: "),
        (b"cforgotten_package\nClassifier\n.", "needs the package forgotten_package, which is not installed; "),
        (b"csklearn.svm\nForgotten\n.", "cannot be unpickled (AttributeError: "),
        (b"cbuiltins\nint\n(S'one\\ntwo'\ntR.", "cannot be unpickled (ValueError: invalid literal"),
    ],
)
def test_a_file_that_cannot_be_unpickled_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "sentiment_model.pkl"
    path.write_bytes(content)
    write_card(path)

    assert f"{path} {reason}" in refusal(path)


def test_a_truncated_file_is_refused_with_the_reason(copy):
    copy.write_bytes(copy.read_bytes()[:-100])
    write_card(copy)

    assert f"{copy} cannot be unpickled (" in refusal(copy)


NUMBERS = [[number] for number in range(6)]
NO_CLASSIFIERS_OF_TEXTS = {
    "holds a dict without classes_": {"a": 1},
    "holds a Pipeline without classes_": make_pipeline(TfidfVectorizer(), LogisticRegression()),
    "holds a KMeans without classes_": KMeans(2, n_init=1).fit(NUMBERS),
    "holds a VotingClassifier with neither predict_proba nor": VotingClassifier([("one", SVC())]).fit(NUMBERS, LABELS),
    "knows the labels ['good'] only": make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, ["good"] * 6),
    "holds a SVC that scores pairs of labels": make_pipeline(TfidfVectorizer(), SVC(decision_function_shape="ovo")).fit(
        TEXTS, LABELS
    ),
    "cannot classify a text (ValueError: Expected 2D array": LogisticRegression().fit(NUMBERS, LABELS),
    "gives a text the probabilities [[[": make_pipeline(
        TfidfVectorizer(), MultiOutputClassifier(LogisticRegression())
    ).fit(TEXTS, [[label, label] for label in LABELS]),
}


@pytest.mark.parametrize("reason", NO_CLASSIFIERS_OF_TEXTS)
def test_an_object_that_does_not_classify_texts_is_refused_with_the_reason(tmp_path, reason):
    path = dump_model(tmp_path, NO_CLASSIFIERS_OF_TEXTS[reason])

    assert f"{path} {reason}" in refusal(path)


def test_a_model_that_overflowed_when_it_was_fitted_is_refused(tmp_path):
    overflowed = make_pipeline(TfidfVectorizer(), RidgeClassifier()).fit(TEXTS, LABELS)
    overflowed[-1].intercept_[:] = float("nan")

    assert "gives a text the probabilities [[nan" in refusal(dump_model(tmp_path, overflowed))


def test_a_service_without_a_usable_model_stays_up_and_says_why_it_is_not_ready(settings, tmp_path):
    path = dump_model(tmp_path, {"a": 1})
    app = create_app(replace(settings, model_path=path, model_card_path=path.with_name("model_card.json")))
    with TestClient(app) as client:
        answers = [client.get("/readyz"), client.post("/predict", json={"text": "a"})]

        assert [answer.status_code for answer in answers] == [503, 503]
        assert {answer.json()["detail"] for answer in answers} == {refusal(path)}
        assert client.get("/healthz").status_code == 200

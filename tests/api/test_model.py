import json
import shutil

import pytest

from api.model import ModelUnavailable, load_model
from tests.conftest import TEXTS, write_model


@pytest.fixture
def copy(small_model, tmp_path):
    shutil.copytree(small_model.parent, tmp_path / "copy")
    return tmp_path / "copy" / small_model.name


def load(path):
    return load_model(path, path.with_name("model_card.json"))


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


def test_another_file_than_the_cards_is_refused_before_it_is_unpickled(copy, tmp_path):
    evidence = tmp_path / "unpickled"
    copy.write_bytes(b"cos\nsystem\n(S'touch %s'\ntR." % str(evidence).encode())

    with pytest.raises(ModelUnavailable, match="is not the model of"):
        load(copy)

    assert not evidence.exists()


@pytest.mark.parametrize("name", ["sentiment_model.pkl", "model_card.json"])
def test_a_missing_file_is_named(copy, name):
    copy.with_name(name).unlink()

    with pytest.raises(ModelUnavailable, match=rf"{name} cannot be read: No such file"):
        load(copy)


@pytest.mark.parametrize("card", ["", "[]", "{}", '{"model_version": "a", "sha256": "b", "versions": {}}', "\udcff"])
def test_a_card_that_is_none_is_named(copy, card):
    copy.with_name("model_card.json").write_bytes(card.encode("utf-8", "surrogateescape"))

    with pytest.raises(ModelUnavailable, match="is not a model card"):
        load(copy)


def test_a_model_of_another_scikit_learn_is_refused(copy):
    card_path = copy.with_name("model_card.json")
    card = json.loads(card_path.read_text())
    card["versions"]["scikit-learn"] = "1.2.0"
    card_path.write_text(json.dumps(card))

    with pytest.raises(ModelUnavailable, match=r"trained with scikit-learn 1\.2\.0"):
        load(copy)

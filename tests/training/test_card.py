"""The model card: exactly the promised keys, and figures that agree with each other."""

import platform
import sys

import pytest
import sklearn

from training.card import build_card
from training.evaluation import predict_out_of_fold
from training.folding import fit_temperature
from training.recipe import DESCRIPTION, fit

SHA256 = "0123456789abcdef" * 4


@pytest.fixture(scope="module", params=["two_labels", "three_labels"])
def data(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def card(data):
    out_of_fold = predict_out_of_fold(data, fit, 1, lambda fold, accuracy: None)
    temperature = fit_temperature(out_of_fold.logits, out_of_fold.truth)
    return build_card(SHA256, data, "Invented words", out_of_fold, temperature)


def test_the_keys_are_exactly_these(card):
    assert list(card) == [
        *("name", "model_version", "sha256", "labels", "versions"),
        *("data", "recipe", "metrics", "calibration", "limits"),
    ]
    assert list(card["versions"]) == ["python", "scikit-learn", "numpy", "scipy", "joblib"]
    assert list(card["data"]) == ["description", "sha256", "rows", "dropped_rows", "label_counts"]
    assert list(card["metrics"]) == ["method", "n", "accuracy", "per_label", "expected_calibration_error"]
    assert list(card["metrics"]["accuracy"]) == ["value", "low", "high"]
    assert list(card["calibration"]) == ["method", "temperature"]


def test_every_label_has_precision_recall_and_support(card, data):
    by_label = card["metrics"]["per_label"]
    assert list(by_label) == card["labels"] == sorted(set(data.labels))
    for of_label in by_label.values():
        assert list(of_label) == ["precision", "recall", "support"]
        assert list(of_label["precision"]) == list(of_label["recall"]) == ["value", "low", "high"]


def test_the_version_is_the_beginning_of_the_hash(card):
    assert (card["name"], card["model_version"], card["sha256"]) == ("sentiment-model", "0123456789ab", SHA256)


def test_the_card_names_the_versions_it_was_made_with(card):
    assert card["versions"]["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert platform.python_version().startswith(card["versions"]["python"] + ".")
    assert card["versions"]["scikit-learn"] == sklearn.__version__


def test_data_and_recipe_are_described(card, data):
    assert card["data"]["description"] == "Invented words"
    assert card["data"]["sha256"] == data.sha256
    assert card["data"]["rows"] == sum(card["data"]["label_counts"].values()) == len(data.texts)
    assert card["recipe"] == DESCRIPTION
    assert any("Invented words" in limit for limit in card["limits"])


def test_accuracy_is_the_recall_weighted_by_support(card):
    metrics = card["metrics"]
    hits = sum(of_label["recall"]["value"] * of_label["support"] for of_label in metrics["per_label"].values())
    assert metrics["accuracy"]["value"] == pytest.approx(hits / metrics["n"])
    assert metrics["accuracy"]["low"] < metrics["accuracy"]["value"] < metrics["accuracy"]["high"]

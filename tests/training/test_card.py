"""The model card: exactly the promised keys, figures that agree with each other, and the command for other models."""

import hashlib
import json
import platform
import subprocess
import sys

import joblib
import pytest
import sklearn
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from api.model.loading import load_model
from tests.training.conftest import fit_to_all, make_rows, to_data
from training.artefacts import json_to_bytes
from training.calibration import fit_calibration
from training.card import main, own_card, trained_card
from training.data import NO_UNLABELLED_TEXTS, UnlabelledTexts
from training.own_model import measure
from training.recipe import DESCRIPTION
from training.train import REPOSITORY

MODEL = b"the content of a model file"
UNLABELLED = UnlabelledTexts(["one", "two", "three"], 4, "fedcba9876543210" * 4)
KEYS = ["name", "model_version", "sha256", "bytes", "labels", "versions", "data", "recipe", "metrics", "calibration"]
ESTIMATE = ["value", "low", "high"]


@pytest.fixture(scope="module")
def calibration(validated):
    return fit_calibration(validated.logits, validated.answers.truth, with_bias=True)


@pytest.fixture(scope="module")
def card(data, validated, calibration):
    return trained_card(MODEL, data, UNLABELLED, "Invented words", validated.answers, calibration)


def test_the_keys_are_exactly_these(card):
    assert list(card) == [*KEYS, "limits"]
    assert list(card["versions"]) == ["python", "scikit-learn", "numpy", "scipy", "joblib"]
    assert list(card["data"]) == [
        *("description", "sha256", "rows", "dropped_rows", "label_counts"),
        *("unlabelled_rows", "unlabelled_sha256"),
    ]
    assert list(card["metrics"]) == ["method", "n", "accuracy", "per_label", "expected_calibration_error"]
    assert list(card["metrics"]["accuracy"]) == list(card["metrics"]["expected_calibration_error"]) == ESTIMATE
    assert list(card["calibration"]) == ["method", "temperature", "bias"]


def test_unlabelled_texts_are_described_only_if_there_are_some(data, validated, calibration, card):
    assert card["data"]["unlabelled_rows"] == 3
    assert card["data"]["unlabelled_sha256"] == UNLABELLED.sha256
    without = trained_card(MODEL, data, NO_UNLABELLED_TEXTS, "Invented words", validated.answers, calibration)
    assert list(without["data"]) == ["description", "sha256", "rows", "dropped_rows", "label_counts"]


def test_the_card_is_valid_json_that_says_the_same(card):
    assert json.loads(json.dumps(card)) == card
    assert list(json.loads(json_to_bytes(card))) == list(card)


def test_every_label_has_precision_recall_and_support(card, data):
    by_label = card["metrics"]["per_label"]
    assert list(by_label) == card["labels"] == sorted(set(data.labels))
    for label, of_label in by_label.items():
        assert list(of_label) == ["precision", "recall", "support"]
        assert list(of_label["precision"]) == list(of_label["recall"]) == ESTIMATE
        assert of_label["support"] == card["data"]["label_counts"][label]


def test_version_hash_and_size_are_those_of_the_file(card):
    sha256 = hashlib.sha256(MODEL).hexdigest()
    assert (card["name"], card["sha256"], card["bytes"]) == ("sentiment-model", sha256, len(MODEL))
    assert card["model_version"] == sha256[:12]


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
    assert metrics["n"] == card["data"]["rows"]
    assert metrics["accuracy"]["value"] == pytest.approx(hits / metrics["n"])
    assert metrics["accuracy"]["low"] < metrics["accuracy"]["value"] < metrics["accuracy"]["high"]


def test_the_calibration_error_has_an_interval(card):
    error = card["metrics"]["expected_calibration_error"]
    assert 0 <= error["low"] <= error["value"] <= error["high"] <= 1


def test_the_calibration_is_that_of_the_scores(card, calibration):
    assert card["calibration"]["temperature"] == calibration.temperature
    assert card["calibration"]["bias"] == calibration.bias.tolist()
    assert len(card["calibration"]["bias"]) == len(card["labels"])


def test_the_card_of_another_model_claims_nothing_about_how_it_was_trained(two_labels):
    answers, calibration = measure(fit_to_all(two_labels), two_labels)
    card = own_card("theirs", MODEL, two_labels, "Their words", answers, calibration)
    assert list(card) == [*KEYS, "limits"]
    assert (card["name"], card["recipe"]) == ("theirs", ["Trained elsewhere."])
    assert card["calibration"] == {"method": "none: the probabilities are the model's own"}
    assert not any("Learned from" in limit for limit in card["limits"])


# The command: real models in files, their cards, and the service that reads both.

OWN_MODELS = {
    "two labels": (["negative", "positive"], TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()),
    "three labels, scores": (["bad", "good", "neither"], TfidfVectorizer(), LinearSVC()),
    "no vocabulary": (["bad", "good", "neither"], HashingVectorizer(alternate_sign=False), MultinomialNB()),
}


@pytest.fixture(scope="module", params=OWN_MODELS)
def described(request, tmp_path_factory):
    """The labels, the fitted model, and the folder where the command has put a card beside it."""
    labels, vectorizer, classifier = OWN_MODELS[request.param]
    trained_on = to_data(make_rows(labels))
    model = make_pipeline(vectorizer, classifier).fit(trained_on.texts, trained_on.labels)
    folder = tmp_path_factory.mktemp("own")
    joblib.dump(model, folder / "their_model.pkl")
    lines = [f'{label},"{text}"' for text, label in make_rows(labels, 20, seed=7)]
    (folder / "validation.csv").write_text("\n".join(["mood,words", *lines]), encoding="utf-8")
    options = ["--data", str(folder / "validation.csv"), "--text-column", "words", "--label-column", "mood"]
    assert main([str(folder / "their_model.pkl"), *options]) == 0
    return labels, model, folder


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_card_and_reference_are_written_beside_the_model(described):
    labels, _, folder = described
    assert sorted(path.name for path in folder.iterdir()) == [
        *("model_card.json", "reference.json", "their_model.pkl", "validation.csv")
    ]
    card, reference = read(folder / "model_card.json"), read(folder / "reference.json")
    assert card["name"] == "their_model"
    assert card["sha256"] == hashlib.sha256((folder / "their_model.pkl").read_bytes()).hexdigest()
    assert card["model_version"] == reference["model_version"]
    assert card["labels"] == labels
    assert card["data"]["description"] == "Labelled texts from validation.csv"
    assert card["metrics"]["n"] == reference["n"] == 20 * len(labels)


def test_the_accuracy_is_that_of_the_models_predictions(described):
    labels, model, folder = described
    rows = make_rows(labels, 20, seed=7)
    accuracy = model.score([text for text, _ in rows], [label for _, label in rows])
    assert read(folder / "model_card.json")["metrics"]["accuracy"]["value"] == pytest.approx(accuracy, abs=1e-6)
    validation = read(folder / "reference.json")["validation"]
    assert validation["correct"] / validation["n"] == pytest.approx(accuracy)


def test_the_card_has_a_temperature_for_scores_and_none_for_probabilities(described):
    _, model, folder = described
    calibration = read(folder / "model_card.json")["calibration"]
    assert ("temperature" in calibration) == isinstance(model[-1], LinearSVC)
    assert calibration.get("temperature", 1) <= 1


def test_the_reference_has_known_shares_only_of_a_model_with_a_vocabulary(described):
    _, model, folder = described
    vocabulary = read(folder / "reference.json")["vocabulary"]
    assert (vocabulary is None) == isinstance(model[0], HashingVectorizer)


def test_the_service_accepts_the_card_and_predicts_what_the_model_does(described):
    labels, model, folder = described
    served = load_model(folder / "their_model.pkl", folder / "model_card.json")
    texts = [text for text, _ in make_rows(labels, 20, seed=9)]
    answers = served.predict(texts)
    assert [answer.label for answer in answers] == model.predict(texts).tolist()
    assert served.version == read(folder / "model_card.json")["model_version"]


def test_the_service_is_as_sure_as_the_card_was_told(described):
    """Where the service scales scores itself, by the temperature in the card."""
    labels, _, folder = described
    served = load_model(folder / "their_model.pkl", folder / "model_card.json")
    mean = read(folder / "reference.json")["confidence"]["mean"]
    answers = served.predict([text for text, _ in make_rows(labels, 20, seed=7)])
    assert sum(answer.confidence for answer in answers) / len(answers) == pytest.approx(mean, abs=0.02)


@pytest.fixture
def model_path(tmp_path, two_labels):
    path = tmp_path / "model" / "theirs.pkl"
    path.parent.mkdir()
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, two_labels.labels)
    joblib.dump(model, path)
    return path


def test_card_and_reference_are_written_where_told(model_path, tmp_path, rows, write_csv, capsys):
    card, reference = tmp_path / "cards" / "theirs.json", tmp_path / "profiles" / "theirs.json"
    options = ["--data", str(write_csv(rows)), "--card", str(card), "--reference", str(reference)]
    assert main([str(model_path), *options, "--description", "What they said"]) == 0
    assert read(card)["data"]["description"] == "What they said"
    assert read(reference)["model_version"] == read(card)["model_version"]
    assert [path.name for path in model_path.parent.iterdir()] == ["theirs.pkl"]
    output = capsys.readouterr()
    assert output.out.splitlines()[0].startswith(f"Accuracy {read(card)['metrics']['accuracy']['value']:.2%} (")
    assert output.out.splitlines()[1:] == [f"Wrote {card} and {reference}"]
    assert output.err == ""


def test_integer_labels_are_served_as_the_data_writes_them(tmp_path, two_labels, write_csv):
    ratings = ["1" if label == "positive" else "0" for label in two_labels.labels]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(two_labels.texts, list(map(int, ratings)))
    joblib.dump(model, tmp_path / "model.pkl")
    path = write_csv(list(zip(two_labels.texts, ratings, strict=True)))
    assert main([str(tmp_path / "model.pkl"), "--data", str(path)]) == 0
    card = read(tmp_path / "model_card.json")
    assert card["labels"] == list(card["metrics"]["per_label"]) == list(card["data"]["label_counts"]) == ["0", "1"]
    served = load_model(tmp_path / "model.pkl", tmp_path / "model_card.json")
    assert [answer.label for answer in served.predict(two_labels.texts)] == list(
        map(str, model.predict(two_labels.texts))
    )


def run_badly(arguments, capsys):
    """The one line of complaint of a run that must fail."""
    assert main(list(map(str, arguments))) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert len(output.err.splitlines()) == 1
    return output.err


def test_a_label_that_the_model_does_not_know_ends_with_a_sentence(model_path, rows, write_csv, capsys):
    path = write_csv([(text, f"very {label}") for text, label in rows])
    complaint = run_badly([model_path, "--data", path], capsys)
    assert "has the label very negative, and the model only knows negative, positive." in complaint
    assert [path.name for path in model_path.parent.iterdir()] == ["theirs.pkl"]


def test_a_file_that_is_no_model_ends_with_a_sentence(tmp_path, rows, write_csv, capsys):
    path = write_csv(rows)
    assert "cannot be loaded with joblib" in run_badly([path, "--data", path], capsys)


def test_an_object_that_is_no_classifier_ends_with_a_sentence(tmp_path, rows, write_csv, capsys):
    joblib.dump({"no": "classifier"}, tmp_path / "model.pkl")
    assert "holds a dict" in run_badly([tmp_path / "model.pkl", "--data", write_csv(rows)], capsys)


def test_a_classifier_of_numbers_ends_with_a_sentence(tmp_path, rows, write_csv, capsys):
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], ["negative", "positive"]), tmp_path / "model.pkl")
    assert "fails on the texts" in run_badly([tmp_path / "model.pkl", "--data", write_csv(rows)], capsys)


def test_a_missing_column_ends_with_a_sentence(model_path, rows, write_csv, capsys):
    complaint = run_badly([model_path, "--data", write_csv(rows), "--text-column", "words"], capsys)
    assert "has no column words; its columns are: review, sentiment." in complaint


def test_missing_data_ends_with_a_sentence(model_path, tmp_path, capsys):
    assert "There is no file" in run_badly([model_path, "--data", tmp_path / "absent.csv"], capsys)


def test_a_place_that_cannot_be_written_ends_with_a_sentence(model_path, rows, write_csv, capsys):
    inside_a_file = model_path / "card.json"
    assert "theirs.pkl" in run_badly([model_path, "--data", write_csv(rows), "--card", inside_a_file], capsys)


@pytest.mark.processes
def test_the_module_is_a_command(model_path, rows, write_csv):
    command = [sys.executable, "-m", "training.card", model_path, "--data", write_csv(rows)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("Accuracy ")
    assert result.stderr == ""
    assert read(model_path.with_name("model_card.json"))["metrics"]["n"] == len(rows)

"""The artefacts in the repository: they belong together, and scikit-learn alone can load them."""

import hashlib
import io
import json
import pickle
import re
import subprocess
import sys

import joblib
import pytest
from PIL import Image

from api.model.loading import load_model
from training.train import CARD_FILE, MODEL_FILE, PICTURE_FILE, REFERENCE_FILE, REPORT_FILE, REPOSITORY


class RecordsClasses(pickle.Unpickler):
    """Notes the package of every class a pickle needs."""

    def __init__(self, content):
        super().__init__(io.BytesIO(content))
        self.packages = set()

    def find_class(self, module, name):
        self.packages.add(module.split(".")[0])
        return super().find_class(module, name)


@pytest.fixture(scope="module")
def card():
    return json.loads((REPOSITORY / CARD_FILE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reference():
    return json.loads((REPOSITORY / REFERENCE_FILE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def report():
    return (REPOSITORY / REPORT_FILE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def model():
    return joblib.load(REPOSITORY / MODEL_FILE)


def test_the_card_is_that_of_the_model(card, model):
    content = (REPOSITORY / MODEL_FILE).read_bytes()
    assert card["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["model_version"] == card["sha256"][:12]
    assert card["bytes"] == len(content)
    assert card["labels"] == model.classes_.tolist() == ["negative", "positive"]


def test_the_reference_is_that_of_the_model(card, reference):
    assert reference["model_version"] == card["model_version"]
    assert reference["n"] == card["data"]["rows"] == card["metrics"]["n"]
    assert reference["label_counts"] == card["data"]["label_counts"]


def test_the_reference_has_the_accuracy_of_the_card(card, reference):
    share = reference["validation"]["correct"] / reference["validation"]["n"]
    assert card["metrics"]["accuracy"]["value"] == pytest.approx(share, abs=1e-6)


def test_every_text_is_in_every_part_of_the_reference(reference):
    parts = [reference[name]["counts"] for name in ("length", "confidence", "vocabulary")]
    parts += [reference["label_counts"].values(), reference["predicted_counts"].values()]
    parts += [reference["calibration"]["bins"]["n"]]
    assert {sum(part) for part in parts} == {reference["n"]}
    assert sum(count for row in reference["confusion"].values() for count in row.values()) == reference["n"]


def test_the_report_is_that_of_the_model_and_its_picture_is_there(card, report):
    assert report.startswith(f"# Model {card['model_version']}\n")
    assert f"| accuracy | {card['metrics']['accuracy']['value']:.2%} (" in report
    assert re.findall(r"!\[.+\]\((.+)\)", report) == [PICTURE_FILE.name]
    assert PICTURE_FILE.parent == REPORT_FILE.parent
    with Image.open(REPOSITORY / PICTURE_FILE) as picture:
        assert picture.format == "PNG"


def test_the_report_tells_how_long_training_took_and_how_much_memory_it_needed(report):
    run = report.split("## This run\n")[1]
    assert re.search(r"took \d+ s", run)
    assert re.search(r"at most \d+\.\d GB", run)


def test_the_files_are_small():
    assert (REPOSITORY / MODEL_FILE).stat().st_size <= 5_000_000
    assert (REPOSITORY / REFERENCE_FILE).stat().st_size <= 200_000


def test_the_model_is_as_good_and_as_well_calibrated_as_promised(card):
    error = card["metrics"]["expected_calibration_error"]
    assert card["metrics"]["accuracy"]["value"] >= 0.923
    assert error["low"] <= error["value"] <= 0.015


def test_the_card_records_the_unlabelled_texts(card):
    assert card["data"]["unlabelled_rows"] > card["data"]["rows"]
    assert re.fullmatch("[0-9a-f]{64}", card["data"]["unlabelled_sha256"])
    assert card["data"]["unlabelled_sha256"] != card["data"]["sha256"]


def test_the_model_is_made_of_nothing_but_scikit_learn_and_arrays(model):
    recorder = RecordsClasses(pickle.dumps(model))
    recorder.load()
    assert "sklearn" in recorder.packages
    assert recorder.packages <= {"sklearn", "numpy", "scipy", "builtins"}


@pytest.mark.processes
def test_the_model_loads_where_this_repository_is_not_installed(tmp_path, model):
    script = "import sys, joblib; print(joblib.load(sys.argv[1]).predict(['A wonderful film.'])[0])"
    command = [sys.executable, "-I", "-W", "error", "-c", script, str(REPOSITORY / MODEL_FILE)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout.strip() in model.classes_


def test_the_service_takes_the_model_with_its_card(card, model):
    served = load_model(REPOSITORY / MODEL_FILE, REPOSITORY / CARD_FILE)
    text = "A wonderful, moving film with excellent performances."
    assert served.version == card["model_version"]
    assert served.predict([text])[0].confidence == pytest.approx(model.predict_proba([text])[0].max(), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("A wonderful, moving film with excellent performances.", "positive"),
        ("A dull and predictable waste of time, terribly acted.", "negative"),
        ("I loved it.", "positive"),
        ("I hated it.", "negative"),
        ("The film was not good.", "negative"),
        ("Boring!", "negative"),
        ("Great!", "positive"),
    ],
)
def test_the_model_tells_praise_from_complaint_in_reviews_and_in_short(model, text, label):
    assert model.predict([text])[0] == label


@pytest.mark.parametrize("text", ["", " ", "zzzqx", "🎬", "a" * 100_000])
def test_any_text_gets_probabilities(model, text):
    probabilities = model.predict_proba([text])[0]
    assert probabilities.sum() == pytest.approx(1.0)
    assert ((probabilities > 0) & (probabilities < 1)).all()

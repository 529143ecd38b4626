"""The command, end to end on a small sample: its files, its progress, its errors."""

import hashlib
import json
import lzma
import os
import re
import subprocess
import sys

import joblib
import pytest

from tests.training.conftest import make_rows
from training.train import CARD_FILE, MODEL_FILE, REFERENCE_FILE, REPOSITORY, main

FILES = [MODEL_FILE, CARD_FILE, REFERENCE_FILE]


def start(data, output_dir, hash_seed, processes):
    command = [sys.executable, "-m", "training.train", "--data", data, "--output-dir", output_dir]
    return subprocess.Popen(
        [*command, "--description", "Invented words", "--processes", str(processes)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two trainings on the same data that differ in everything that should not matter: (folder, output)."""
    folder = tmp_path_factory.mktemp("runs")
    plain, compressed = folder / "texts.csv", folder / "same.csv.xz"
    lines = [f'"{text}",{label}' for text, label in make_rows(["negative", "positive"])]
    plain.write_text("\n".join(["review,sentiment", *lines]), encoding="utf-8")
    compressed.write_bytes(lzma.compress(plain.read_bytes()))
    one, two = start(plain, folder / "one", 1, 1), start(compressed, folder / "two", 2, 2)
    outputs = [process.communicate()[0] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], outputs
    return [(folder / "one", outputs[0]), (folder / "two", outputs[1])]


@pytest.mark.parametrize("file", FILES)
def test_hash_seed_process_count_and_compression_change_no_byte(runs, file):
    (one, _), (two, _) = runs
    assert (one / file).read_bytes() == (two / file).read_bytes()


def test_nothing_but_the_three_files_is_written(runs):
    for folder, _ in runs:
        written = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        assert written == sorted(FILES)


def test_card_and_reference_belong_to_the_model(runs):
    folder, _ = runs[0]
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    reference = json.loads((folder / REFERENCE_FILE).read_text(encoding="utf-8"))
    model = joblib.load(folder / MODEL_FILE)
    assert card["sha256"] == hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
    assert reference["model_version"] == card["model_version"]
    assert card["labels"] == model.classes_.tolist()
    assert card["metrics"]["accuracy"]["value"] == reference["validation"]["correct"] / reference["n"]


def test_progress_shows_every_step_and_every_fold(runs):
    for _, output in runs:
        assert re.findall(r"^(\d)/5 ", output, re.MULTILINE) == list("12345")
        folds = re.findall(r"fold (\d) of 5: accuracy [\d.]+%, about \d+ s left", output)
        assert sorted(folds) == list("12345")
        assert re.search(r"Accuracy [\d.]+% \([\d.]+% to [\d.]+%\) on 80 texts", output)


def test_progress_is_all_there_is_on_the_terminal(runs):
    for _, output in runs:
        assert "Warning" not in output


def test_unusable_data_ends_with_one_sentence_and_exit_code_2(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "absent.csv"), "--output-dir", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"error: There is no file {tmp_path / 'absent.csv'}.\n"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_ends_with_a_sentence_too(tmp_path, rows, write_csv, capsys):
    (tmp_path / "file").touch()
    options = ["--data", str(write_csv(rows)), "--output-dir", str(tmp_path / "file"), "--processes", "1"]
    assert main(options) == 2
    assert re.fullmatch(r"error: .*file.*\n", capsys.readouterr().err)


def test_by_default_the_card_names_the_data_file_without_its_folder(tmp_path, rows, write_csv):
    options = ["--data", str(write_csv(rows)), "--output-dir", str(tmp_path), "--processes", "1"]
    assert main(options) == 0
    card = json.loads((tmp_path / CARD_FILE).read_text(encoding="utf-8"))
    assert card["data"]["description"] == "Labelled texts from texts.csv"


def test_data_must_be_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "--data" in capsys.readouterr().err

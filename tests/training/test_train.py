"""The command, end to end on a small sample: its files, its progress, its errors."""

import hashlib
import io
import json
import lzma
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout

import joblib
import pytest

from api.model.loading import load_model
from tests.training.conftest import make_rows
from training.train import CARD_FILE, MODEL_FILE, PICTURE_FILE, REFERENCE_FILE, REPORT_FILE, REPOSITORY, main

pytestmark = pytest.mark.processes
FILES = [MODEL_FILE, CARD_FILE, REFERENCE_FILE, REPORT_FILE, PICTURE_FILE]
LABELS = ["bad", "good", "neither"]


def arguments(data, unlabelled, output_dir, processes: int) -> list[str]:
    files = ["--data", str(data), "--unlabelled", str(unlabelled), "--output-dir", str(output_dir)]
    return [*files, "--description", "Invented words", "--processes", str(processes)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two trainings with three labels on the same data that differ in everything that should not matter, one of them
    in a process that has done other things before: (folder, output)."""
    folder = tmp_path_factory.mktemp("runs")
    plain, compressed = [], []
    for name, seed in (("texts.csv", 1), ("more.csv", 2)):
        lines = [f'"{text}",{label}' for text, label in make_rows(LABELS, seed=seed)]
        plain.append(folder / name)
        plain[-1].write_text("\n".join(["review,sentiment", *lines]), encoding="utf-8")
        compressed.append(folder / f"{name}.xz")
        compressed[-1].write_bytes(lzma.compress(plain[-1].read_bytes()))
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    one = subprocess.run(
        [sys.executable, "-m", "training.train", *arguments(plain[0], plain[1], folder / "one", 1)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert one.returncode == 0, one.stdout
    with redirect_stdout(io.StringIO()) as two:
        assert main(arguments(compressed[0], compressed[1], folder / "two", 2)) == 0
    return [(folder / "one", one.stdout), (folder / "two", two.getvalue())]


@pytest.fixture(scope="module")
def without_unlabelled(tmp_path_factory):
    """The folder of a training with two labels and columns of other names, without unlabelled texts."""
    folder = tmp_path_factory.mktemp("without")
    lines = [f'{label},"{text}"' for text, label in make_rows(["negative", "positive"])]
    (folder / "texts.csv").write_text("\n".join(["mood,words", *lines]), encoding="utf-8")
    columns = ["--text-column", "words", "--label-column", "mood"]
    options = ["--data", str(folder / "texts.csv"), "--output-dir", str(folder), "--processes", "1"]
    assert main([*options, *columns]) == 0
    return folder


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", [MODEL_FILE, CARD_FILE, REFERENCE_FILE, PICTURE_FILE], ids=str)
def test_hash_seed_process_count_and_compression_change_no_byte(runs, file):
    (one, _), (two, _) = runs
    assert (one / file).read_bytes() == (two / file).read_bytes()


def test_of_the_report_they_change_nothing_but_what_it_says_of_the_run(runs):
    (one, in_one), (two, in_two) = (
        (folder / REPORT_FILE).read_text(encoding="utf-8").split("## This run\n") for folder, _ in runs
    )
    assert one == two
    assert in_one != in_two


def test_exactly_these_files_are_written(runs):
    for folder, _ in runs:
        written = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        assert written == sorted(FILES)


def test_card_reference_and_report_belong_to_the_model(runs):
    folder, _ = runs[0]
    content, card, reference = (
        (folder / MODEL_FILE).read_bytes(),
        read(folder / CARD_FILE),
        read(folder / REFERENCE_FILE),
    )
    assert card["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["bytes"] == len(content)
    assert reference["model_version"] == card["model_version"]
    assert card["labels"] == joblib.load(folder / MODEL_FILE).classes_.tolist() == LABELS
    assert card["data"]["description"] == "Invented words"
    assert card["metrics"]["n"] == reference["n"] == 120
    share = reference["validation"]["correct"] / reference["n"]
    assert card["metrics"]["accuracy"]["value"] == pytest.approx(share, abs=1e-6)
    assert (folder / REPORT_FILE).read_text(encoding="utf-8").startswith(f"# Model {card['model_version']}\n")
    assert (folder / PICTURE_FILE).read_bytes().startswith(b"\x89PNG")


def test_unlabelled_texts_are_recorded(runs):
    folder, output = runs[0]
    data = read(folder / CARD_FILE)["data"]
    assert data["unlabelled_rows"] == 120
    assert data["unlabelled_sha256"] == hashlib.sha256((folder.parent / "more.csv").read_bytes()).hexdigest()
    assert "120 unlabelled texts from more.csv; 0 empty, repeated or labelled ones dropped" in output


def test_the_calibration_has_a_bias_for_every_label_but_the_first(runs):
    calibration = read(runs[0][0] / CARD_FILE)["calibration"]
    assert [bias == 0 for bias in calibration["bias"]] == [True, False, False]
    assert 0.01 <= calibration["temperature"] <= 100


def test_without_unlabelled_texts_none_are_recorded(without_unlabelled):
    data = read(without_unlabelled / CARD_FILE)["data"]
    assert list(data["label_counts"].items()) == [("negative", 40), ("positive", 40)]
    assert [key for key in data if "unlabelled" in key] == []


@pytest.mark.parametrize("kind", ["three labels", "two labels"])
def test_the_service_takes_the_model(runs, without_unlabelled, kind):
    folder, labels = {
        "three labels": (runs[0][0], LABELS),
        "two labels": (without_unlabelled, ["negative", "positive"]),
    }[kind]
    served = load_model(folder / MODEL_FILE, folder / CARD_FILE)
    rows = make_rows(labels, 20, seed=3)
    right = [
        answer.label == label
        for answer, (_, label) in zip(served.predict([text for text, _ in rows]), rows, strict=True)
    ]
    accuracy = read(folder / CARD_FILE)["metrics"]["accuracy"]
    assert sum(right) / len(right) > accuracy["low"] - 0.1 > 0.5


def test_progress_shows_every_step_and_every_fold(runs):
    for _, output in runs:
        assert re.findall(r"^(\d)/5 ", output, re.MULTILINE) == list("12345")
        folds = re.findall(r"^    fold (\d) of 5: accuracy [\d.]+%, about \d+ s left$", output, re.MULTILINE)
        assert sorted(folds) == list("12345")
        assert len(re.findall(r"^    all texts, about \d+ s left$", output, re.MULTILINE)) == 1
        assert re.search(
            r"^    120 texts \(40 bad, 40 good, 40 neither\); 0 rows without text or label", output, re.MULTILINE
        )
        assert re.search(r"^    in 120 unlabelled texts$", output, re.MULTILINE)


def test_progress_says_when_nothing_is_left_to_do(runs):
    for _, output in runs:
        assert re.findall(r"about (\d+) s left", output)[-1] == "0"


def test_the_terminal_shows_the_report_and_the_files_and_nothing_else_unforeseen(runs):
    for folder, output in runs:
        assert (folder / REPORT_FILE).read_text(encoding="utf-8") in output
        last = output.splitlines()[-1]
        assert last.startswith("Wrote ")
        assert [str(file) for file in FILES if f"{file} (" not in last] == []
        assert "Warning" not in output


def test_the_report_says_how_long_it_took_and_how_much_memory_it_needed(runs):
    for processes, (folder, _) in enumerate(runs, 1):
        run = (folder / REPORT_FILE).read_text(encoding="utf-8").split("## This run\n")[1]
        assert re.search(rf"- Training took \d+ s with {processes} process(es)? on \d+ cores", run)
        assert re.search(r"- It needed at most \d+\.\d GB: \d+\.\d in the first process", run)


def test_by_default_the_card_names_the_data_file_without_its_folder(without_unlabelled):
    assert read(without_unlabelled / CARD_FILE)["data"]["description"] == "Labelled texts from texts.csv"


def fails(options, capsys):
    """The one line of complaint of a run that must fail."""
    assert main(list(map(str, options))) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert len(complaint.splitlines()) == 1
    return complaint


def test_missing_data_ends_with_one_sentence_and_exit_code_2(tmp_path, capsys):
    options = ["--data", tmp_path / "absent.csv", "--output-dir", tmp_path / "out"]
    assert fails(options, capsys) == f"error: There is no file {tmp_path / 'absent.csv'}.\n"
    assert not (tmp_path / "out").exists()


def test_missing_unlabelled_data_does_so_too(tmp_path, rows, write_csv, capsys):
    options = ["--data", write_csv(rows), "--unlabelled", tmp_path / "absent.csv", "--output-dir", tmp_path / "out"]
    assert fails(options, capsys) == f"error: There is no file {tmp_path / 'absent.csv'}.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "texts",
    [
        [f"unique{number} word{number}" for number in range(20)],
        [f"unique{number} word{number} of{number}" for number in range(18)] + ["shared by two", "shared by both"],
    ],
    ids=["no word in two texts", "no word in two texts once a fold is left out"],
)
def test_texts_that_share_no_words_end_with_one_sentence_too(tmp_path, texts, write_csv, capsys):
    path = write_csv([(text, ["a", "b"][number % 2]) for number, text in enumerate(texts)])
    complaint = fails(["--data", path, "--output-dir", tmp_path / "out", "--processes", "1"], capsys)
    assert "word" in complaint
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_ends_with_one_sentence_too(tmp_path, rows, write_csv, capsys):
    (tmp_path / "file").touch()
    options = ["--data", write_csv(rows[:20]), "--output-dir", tmp_path / "file", "--processes", "1"]
    assert "file" in fails(options, capsys)


def test_texts_of_one_or_two_words_are_trained_on_too(tmp_path, write_csv):
    path = write_csv([("good film", "positive"), ("bad film", "negative")] * 10)
    assert main(["--data", str(path), "--output-dir", str(tmp_path), "--processes", "1"]) == 0
    model = joblib.load(tmp_path / MODEL_FILE)
    assert model.predict(["good", "bad"]).tolist() == ["positive", "negative"]


def test_data_must_be_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize("processes", ["0", "7", "many"])
def test_there_are_no_more_processes_than_fits(processes, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--data", str(tmp_path / "absent.csv"), "--processes", processes])
    assert "--processes" in capsys.readouterr().err

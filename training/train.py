"""python -m training.train --data CSV: trains, measures and calibrates the model, and writes its files."""

import argparse
import functools
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.artefacts import json_to_bytes, model_to_bytes, sha256_of, verify_model, write_files
from training.card import build_card, model_version
from training.data import DataError, LabelledTexts, read_labelled_texts
from training.evaluation import FOLDS, OnFold, fit_reproducibly, predict_out_of_fold
from training.folding import fit_temperature, fold_temperature
from training.recipe import fit
from training.reference import build_reference

REPOSITORY = Path(__file__).resolve().parent.parent
MODEL_FILE = Path("api/sentiment_model.pkl")
CARD_FILE = Path("api/model_card.json")
REFERENCE_FILE = Path("monitoring/reference.json")
VERIFIED_TEXTS = 200

say = functools.partial(print, flush=True)  # progress is no use if it waits in a buffer


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    description = options.description or f"Labelled texts from {options.data.name}"
    try:
        data = _read(options.data)
        card, files = train(data, description, options.processes)
        write_files({options.output_dir / path: content for path, content in files.items()})
    except (DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _report(card, files)
    return 0


def train(data: LabelledTexts, description: str, processes: int) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """The card, and the content of every file by its path in the repository."""
    say(f"2/5 Cross-validating: {FOLDS} folds, {processes} at a time")
    out_of_fold = predict_out_of_fold(data, fit, processes, _fold_progress(processes))
    temperature = fit_temperature(out_of_fold.logits, out_of_fold.truth)
    say(f"3/5 Calibrated: temperature {temperature:.4f}")
    say(f"4/5 Fitting on all {len(data.texts):,} texts")
    model = fold_temperature(fit_reproducibly(fit, data.texts, data.labels), temperature)
    say("5/5 Verifying the model and writing the files")
    pickled = model_to_bytes(model)
    verify_model(pickled, model, data.texts[:VERIFIED_TEXTS])
    sha256 = sha256_of(pickled)
    card = build_card(sha256, data, description, out_of_fold, temperature)
    reference = build_reference(model_version(sha256), data, out_of_fold, temperature)
    contents = {MODEL_FILE: pickled, CARD_FILE: json_to_bytes(card), REFERENCE_FILE: json_to_bytes(reference)}
    return card, contents


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CSV, also .csv.xz or .csv.gz: review, sentiment")
    parser.add_argument("--output-dir", type=Path, default=REPOSITORY, help="default: the repository root")
    parser.add_argument("--description", help="what the texts are, for the model card")
    parser.add_argument(
        "--processes",
        type=int,
        choices=range(1, FOLDS + 1),
        default=min(2, os.cpu_count() or 1),
        help="folds at a time, each with about 0.7 GB for 25,000 reviews (default: 2, or 1 on a single core)",
    )
    return parser.parse_args(arguments)


def _read(path: Path) -> LabelledTexts:
    say(f"1/5 Reading {path.name}")
    data = read_labelled_texts(path)
    counts = ", ".join(f"{count:,} {label}" for label, count in data.label_counts.items())
    say(f"    {len(data.texts):,} texts ({counts}), {data.dropped_rows:,} rows dropped")
    return data


def _fold_progress(processes: int) -> OnFold:
    started = time.monotonic()
    done = 0

    def show(fold: int, accuracy: float) -> None:
        nonlocal done
        done += 1
        # Folds end in rounds of as many as there are processes, each about as long as the last.
        rounds, all_rounds = math.ceil(done / processes), math.ceil(FOLDS / processes)
        left = (time.monotonic() - started) / rounds * (all_rounds - rounds)
        say(f"    fold {fold + 1} of {FOLDS}: accuracy {accuracy:.2%}, about {left:.0f} s left")

    return show


def _report(card: dict[str, Any], files: dict[Path, bytes]) -> None:
    metrics = card["metrics"]
    say(f"Accuracy {_with_interval(metrics['accuracy'])} on {metrics['n']:,} texts, out of fold")
    for label, of_label in metrics["per_label"].items():
        precision, recall = _with_interval(of_label["precision"]), _with_interval(of_label["recall"])
        say(f"    {label}: precision {precision}, recall {recall}")
    say(f"Expected calibration error {metrics['expected_calibration_error']:.4f}")
    for path, content in files.items():
        say(f"    {path}: {len(content) / 1e6:.3f} MB")
    say(f"Model version {card['model_version']}")


def _with_interval(share: dict[str, float]) -> str:
    return f"{share['value']:.2%} ({share['low']:.2%} to {share['high']:.2%})"


if __name__ == "__main__":
    sys.exit(main())

"""python -m training.train --data CSV: train, measure and calibrate the model, and write its files."""

import argparse
import functools
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from joblib.externals.loky import get_reusable_executor

from training.artefacts import json_to_bytes, model_to_bytes, verify_model, write_files
from training.calibration import fit_calibration
from training.card import trained_card
from training.data import (
    LABEL_COLUMN,
    NO_UNLABELLED_TEXTS,
    TEXT_COLUMN,
    DataError,
    LabelledTexts,
    UnlabelledTexts,
    read_labelled_texts,
    read_unlabelled_texts,
)
from training.evaluation import FOLDS, WHOLE, OnFit, cross_validate
from training.folding import fold_calibration
from training.recipe import fit
from training.reference import build_reference
from training.report import build_report, to_markdown, to_picture
from training.terms import count_terms

REPOSITORY = Path(__file__).resolve().parent.parent
MODEL_FILE = Path("api/sentiment_model.pkl")
CARD_FILE = Path("api/model_card.json")
REFERENCE_FILE = Path("monitoring/reference.json")
REPORT_FILE = Path("training/report/report.md")
PICTURE_FILE = Path("training/report/report.png")
VERIFIED_TEXTS = 200

say = functools.partial(print, flush=True)  # progress is no use if it waits in a buffer


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    started = time.monotonic()
    try:
        data, unlabelled = _read(options)
        description = options.description or f"Labelled texts from {options.data.name}"
        files = train(data, unlabelled, description, options.processes, started)
        write_files({options.output_dir / path: content for path, content in files.items()})
    except (DataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    say("Wrote " + ", ".join(f"{path} ({len(content) / 1e6:.2f} MB)" for path, content in files.items()))
    return 0


def train(
    data: LabelledTexts, unlabelled: UnlabelledTexts, description: str, processes: int, started: float
) -> dict[Path, bytes]:
    """The content of every file, by its path in the repository. `started` is in seconds of the monotonic clock."""
    say("2/5 Counting terms")
    corpus = count_terms(data.texts, unlabelled.texts, processes, lambda what: say(f"    in {what}"))
    say(f"3/5 Fitting to {FOLDS} folds and to all texts, {processes} at a time, from {len(corpus.terms):,} terms")
    found = cross_validate(data, corpus, fit, processes, _fit_progress(processes))
    say("4/5 Calibrating")
    calibration = fit_calibration(found.logits, found.answers.truth, with_bias=True)
    model = fold_calibration(found.model, calibration)
    say("5/5 Verifying the model, and writing card, profile and report")
    pickled = model_to_bytes(model)
    verify_model(pickled, model, data.texts[:VERIFIED_TEXTS])
    card = trained_card(pickled, data, unlabelled, description, found.answers, calibration)
    report = build_report(card, data, found.answers, model)
    run = _describe_run(started, processes)
    text = to_markdown(report, run)
    say("\n" + text)
    return {
        MODEL_FILE: pickled,
        CARD_FILE: json_to_bytes(card),
        REFERENCE_FILE: json_to_bytes(build_reference(card["model_version"], data, found.answers)),
        REPORT_FILE: text.encode(),
        PICTURE_FILE: to_picture(report),
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CSV of labelled texts, also .csv.xz or .csv.gz")
    parser.add_argument("--unlabelled", type=Path, help="CSV of more texts of the same kind, without labels")
    parser.add_argument("--text-column", default=TEXT_COLUMN, help=f"default: {TEXT_COLUMN}")
    parser.add_argument("--label-column", default=LABEL_COLUMN, help=f"default: {LABEL_COLUMN}")
    parser.add_argument("--output-dir", type=Path, default=REPOSITORY, help="default: the repository root")
    parser.add_argument("--description", help="what the texts are, for the model card")
    parser.add_argument(
        "--processes",
        type=int,
        choices=range(1, FOLDS + 2),
        default=min(2, os.cpu_count() or 1),
        help="fits at a time (default: 2, or 1 on a single core)",
    )
    return parser.parse_args(arguments)


def _read(options: argparse.Namespace) -> tuple[LabelledTexts, UnlabelledTexts]:
    say(f"1/5 Reading {options.data.name}")
    data = read_labelled_texts(options.data, options.text_column, options.label_column)
    counts = ", ".join(f"{count:,} {label}" for label, count in data.label_counts.items())
    say(f"    {len(data.texts):,} texts ({counts}); {data.dropped_rows:,} rows without text or label dropped")
    if not options.unlabelled:
        return data, NO_UNLABELLED_TEXTS
    unlabelled = read_unlabelled_texts(options.unlabelled, data.texts, options.text_column)
    dropped = f"{unlabelled.dropped_rows:,} empty, repeated or labelled ones dropped"
    say(f"    {len(unlabelled.texts):,} unlabelled texts from {options.unlabelled.name}; {dropped}")
    return data, unlabelled


def _fit_progress(processes: int) -> OnFit:
    started = time.monotonic()
    done = 0

    def show(number: int, accuracy: float | None) -> None:
        nonlocal done
        done += 1
        # Fits end in rounds of as many as there are processes, each about as long as the last.
        rounds, all_rounds = -(-done // processes), -(-(FOLDS + 1) // processes)
        left = (time.monotonic() - started) / rounds * (all_rounds - rounds)
        what = "all texts" if number == WHOLE else f"fold {number + 1} of {FOLDS}: accuracy {accuracy:.2%}"
        say(f"    {what}, about {left:.0f} s left")

    return show


def _describe_run(started: float, processes: int) -> list[str]:
    """Time and memory so far, from the CSV on; memory as the operating system counts it, in kB on Linux."""
    get_reusable_executor().shutdown(wait=True)  # only processes that have ended are counted
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    gigabytes = (own + processes * children) / 1e6
    return [
        f"Training took {time.monotonic() - started:.0f} s with {processes} processes on {os.cpu_count()} cores.",
        f"It needed at most {gigabytes:.1f} GB: {own / 1e6:.1f} in the first process, and in the others at most "
        f"{children / 1e6:.1f} each.",
    ]


if __name__ == "__main__":
    sys.exit(main())

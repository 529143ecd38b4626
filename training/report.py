"""The report: the card's figures as text and pictures."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.pipeline import Pipeline

from training.arrays import IntArray
from training.data import LabelledTexts
from training.evaluation import Answers
from training.metrics import Estimate, calibration_bins, proportion

LENGTH_BINS = 10
TERMS_PER_LABEL = 12
TEXTS_FOR_TERMS = 5_000
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#666666"  # told apart by the colour-blind too (Okabe and Ito)


@dataclass(frozen=True)
class Report:
    """strongest: for each label its terms, and by how much each moves the score of a text, on average."""

    card: dict[str, Any]
    answers: Answers
    by_length: list[tuple[int, int, Estimate, int]]
    strongest: dict[str, list[tuple[str, float]]]


def build_report(card: dict[str, Any], data: LabelledTexts, answers: Answers, model: Pipeline) -> Report:
    return Report(card, answers, accuracy_by_length(data, answers), strongest_terms(data, model))


def accuracy_by_length(data: LabelledTexts, answers: Answers) -> list[tuple[int, int, Estimate, int]]:
    """For texts in tenths by word count: shortest, longest, accuracy, and number of texts."""
    words = np.array([len(text.split()) for text in data.texts])
    tenths = np.array_split(np.argsort(words, kind="stable"), LENGTH_BINS)
    return [
        (
            int(words[rows].min()),
            int(words[rows].max()),
            _accuracy(answers, rows),
            len(rows),
        )
        for rows in tenths
        if len(rows)
    ]


def strongest_terms(data: LabelledTexts, model: Pipeline) -> dict[str, list[tuple[str, float]]]:
    """The terms with the largest effect on scores, over at most TEXTS_FOR_TERMS texts: coefficient times mean TF-IDF
    weight."""
    vectorizer, classifier = model.named_steps["tfidf"], model.named_steps["classifier"]
    step = -(-len(data.texts) // TEXTS_FOR_TERMS)
    mean = np.asarray(vectorizer.transform(data.texts[::step]).mean(axis=0)).ravel()
    rows = classifier.coef_ if len(classifier.coef_) > 1 else np.vstack([-classifier.coef_, classifier.coef_])
    terms = vectorizer.get_feature_names_out()
    strongest = {}
    for label, row in zip(classifier.classes_.tolist(), rows * mean, strict=True):
        first = np.argsort(-row, kind="stable")[:TERMS_PER_LABEL]
        strongest[label] = [(str(terms[column]), float(row[column])) for column in first]
    return strongest


def to_markdown(report: Report, run: Sequence[str]) -> str:
    """`run` are sentences about this run, which differ between runs."""
    card, metrics = report.card, report.card["metrics"]
    figures = [("accuracy", _percent(metrics["accuracy"]), metrics["n"])]
    for label, of_label in metrics["per_label"].items():
        figures += [
            (f"{name} of {label}", _percent(of_label[name]), of_label["support"]) for name in ("precision", "recall")
        ]
    error = metrics["expected_calibration_error"]
    error_text = f"{error['value']:.4f} ({error['low']:.4f} to {error['high']:.4f})"
    lengths = [
        (f"{low:,} to {high:,}", f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})", n)
        for low, high, share, n in report.by_length
    ]
    terms = [(label, ", ".join(f"`{term}`" for term, _ in of_label)) for label, of_label in report.strongest.items()]
    parts = [
        f"# Model {card['model_version']}",
        f"{card['data']['description']}. {metrics['method']}",
        _table(
            ("measure", "value (95 % interval)", "texts"), [*figures, ("calibration error", error_text, metrics["n"])]
        ),
        "![Reliability, accuracy by length, and the terms that move most scores](report.png)",
        "## Accuracy by length",
        _table(("words", "accuracy (95 % interval)", "texts"), lengths),
        "## The terms that move most scores",
        _table(("for", "terms"), terms),
        "## This run",
        "\n".join(f"- {sentence}" for sentence in run),
    ]
    return "\n\n".join(parts) + "\n"


def to_picture(report: Report) -> bytes:
    """A PNG with the reliability diagram, accuracy by length, and the terms that move most scores."""
    figure = Figure(figsize=(16, 5.5), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _draw_reliability(left, report.answers)
    _draw_lengths(middle, report)
    _draw_terms(right, report.strongest)
    content = io.BytesIO()
    with warnings.catch_warnings():
        # What the font does not have, such as Chinese words, is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format="png", dpi=90, metadata={"Software": None})
    return content.getvalue()


def _draw_reliability(axes: Axes, answers: Answers) -> None:
    bins = calibration_bins(answers.confidence)
    confidence = [float(answers.confidence[rows].mean()) for rows in bins]
    shares = [_accuracy(answers, rows) for rows in bins]
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="as sure as right")
    axes.errorbar(
        confidence, [s.value for s in shares], _reach(shares), fmt="o", color=BLUE, label="texts in bins of equal mass"
    )
    low = min([*confidence, *(s.low for s in shares)])
    axes.set(title="Are confidences true?", xlabel="mean confidence", ylabel="share of right answers")
    axes.set(xlim=(low - 0.02, 1.02), ylim=(low - 0.02, 1.02))
    axes.legend(loc="upper left")


def _draw_lengths(axes: Axes, report: Report) -> None:
    shares = [share for _, _, share, _ in report.by_length]
    axes.errorbar(
        range(len(shares)), [s.value for s in shares], _reach(shares), fmt="o", color=BLUE, label="tenth of the texts"
    )
    axes.axhline(report.card["metrics"]["accuracy"]["value"], color=GREY, linestyle="--", label="all texts")
    axes.set_xticks(range(len(shares)), [f"{low}-{high}" for low, high, _, _ in report.by_length], rotation=45)
    axes.set(title="Accuracy by length", xlabel="words", ylabel="accuracy")
    axes.legend(loc="lower left")


def _draw_terms(axes: Axes, strongest: dict[str, list[tuple[str, float]]]) -> None:
    """One bar a term, the strongest on top, label by label."""
    place = 0
    names = []
    for index, (label, terms) in enumerate(strongest.items()):
        rows = range(place, place + len(terms))
        color = (ORANGE, BLUE)[index % 2]
        axes.barh(rows, [strength for _, strength in terms], color=color, label=f"for {label}")
        names += [term for term, _ in terms]
        place += len(terms)
    axes.set_yticks(range(place), names, fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.set(title="The terms that move most scores", xlabel="mean move of the score (log-odds)")
    for text in axes.legend(loc="lower right").get_texts():
        text.set_parse_math(False)


def _accuracy(answers: Answers, rows: IntArray) -> Estimate:
    return proportion(int(answers.correct[rows].sum()), len(rows))


def _reach(shares: Sequence[Estimate]) -> Any:
    """How far the intervals go below and above, (2, bins), as error bars want it."""
    return np.array([[s.value - s.low for s in shares], [s.high - s.value for s in shares]])


def _percent(share: dict[str, float]) -> str:
    return f"{share['value']:.2%} ({share['low']:.2%} to {share['high']:.2%})"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [
        head,
        ["---"] * len(head),
        *[[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows],
    ]
    return "\n".join(
        "| " + " | ".join(" ".join(str(cell).replace("|", "\\|").split()) for cell in line) + " |" for line in lines
    )

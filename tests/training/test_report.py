"""The report: what the card says, for people to look at, whatever labels and texts are like."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.training.conftest import make_rows, to_data, validate
from training.calibration import fit_calibration
from training.card import trained_card
from training.data import NO_UNLABELLED_TEXTS, LabelledTexts
from training.evaluation import Answers
from training.folding import to_pipeline
from training.metrics import proportion
from training.report import (
    LENGTH_BINS,
    TERMS_PER_LABEL,
    accuracy_by_length,
    build_report,
    strongest_terms,
    to_markdown,
    to_picture,
)

RUN = ["It took a while.", "It needed some memory."]
SIGNS = ["costs $5 or $6", r"$\nonsense$", "$x_1$", "$", "100 % # ^ \\ & {} ~", "_hidden", "very_good", "__"]
SCRIPTS = ["🎬", "映画", "ساده", "हिन्दी", "né"]


def report_of(data, found):
    """The report of the model that was found in cross-validation of the data."""
    calibration = fit_calibration(found.logits, found.answers.truth, with_bias=True)
    card = trained_card(b"model", data, NO_UNLABELLED_TEXTS, "Invented words", found.answers, calibration)
    return build_report(card, data, found.answers, found.model)


@pytest.fixture(scope="module")
def report(data, validated):
    return report_of(data, validated)


@pytest.fixture(scope="module")
def report_of_two(two_labels):
    return report_of(two_labels, validate(two_labels))


def tables(markdown):
    """The rows of each table, as lists of cells."""
    found = re.findall(r"(?:^\|.*\|$\n?)+", markdown, re.MULTILINE)
    return [
        [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table.splitlines()] for table in found
    ]


def test_the_report_names_the_model_and_its_data(report):
    lines = to_markdown(report, RUN).splitlines()
    assert lines[0] == f"# Model {report.card['model_version']}"
    assert lines[2].startswith("Invented words. 5-fold stratified cross-validation")
    assert re.findall(r"!\[.+\]\((.+)\)", "\n".join(lines)) == ["report.png"]


def test_sections_stand_in_this_order_and_the_run_comes_last(report):
    text = to_markdown(report, RUN)
    sections = ["Accuracy by length", "The terms that move most scores", "This run"]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == sections
    assert text.endswith("## This run\n\n- It took a while.\n- It needed some memory.\n")


def test_what_differs_between_runs_is_in_the_last_section_only(report):
    one, other = (to_markdown(report, [sentence]) for sentence in ("It took 1 s.", "It took 2 s."))
    assert one != other
    assert one.split("## This run")[0] == other.split("## This run")[0]


def test_the_figures_are_those_of_the_card(report):
    rows = tables(to_markdown(report, RUN))[0]
    metrics, n = report.card["metrics"], f"{report.card['metrics']['n']:,}"
    labels = report.card["labels"]
    assert [row[0] for row in rows[2:]] == [
        *("accuracy", *(f"{name} of {label}" for label in labels for name in ("precision", "recall"))),
        "calibration error",
    ]
    value, low, high = (f"{metrics['accuracy'][key]:.2%}" for key in ("value", "low", "high"))
    assert rows[2] == ["accuracy", f"{value} ({low} to {high})", n]
    recall = metrics["per_label"][labels[0]]
    assert rows[4][1].startswith(f"{recall['recall']['value']:.2%} (")
    assert rows[4][2] == str(recall["support"])
    assert rows[-1][1].startswith(f"{metrics['expected_calibration_error']['value']:.4f} (")


def test_every_row_of_a_table_has_as_many_cells_as_its_head(report):
    found = tables(to_markdown(report, RUN))
    assert len(found) == 3
    assert [{len(row) for row in table} for table in found] == [{3}, {3}, {2}]


@pytest.mark.parametrize("labels", [["a|b", "c||d"], ["two\nlines", "two\r\nlines more"]], ids=["bars", "line ends"])
def test_labels_do_not_break_a_table(labels):
    data = to_data(make_rows(labels, 20))
    found = tables(to_markdown(report_of(data, validate(data)), RUN))
    assert len(found) == 3
    assert [{len(row) for row in table} for table in found] == [{3}, {3}, {2}]
    assert len(found[0]) == 2 + 1 + 2 * 2 + 1


def test_terms_do_not_break_a_table(two_labels, report_of_two):
    terms = ["a|b", "c"]
    model = to_pipeline(terms, np.ones(2), np.array([[1.0, -1.0]]), np.zeros(1), ["negative", "positive"])
    report = replace(report_of_two, strongest=strongest_terms(two_labels, model))
    of_terms = tables(to_markdown(report, RUN))[2]
    assert of_terms[2:] == [["negative", r"`a\|b`, `c`"], ["positive", r"`a\|b`, `c`"]]


def test_lengths_are_in_tenths_of_the_texts():
    texts = ["word " * words for words in range(100, 0, -1)]
    correct = np.array([words > 50 for words in range(100, 0, -1)])
    answers = Answers(["a", "b"], np.tile([0.4, 0.6], (100, 1)), correct.astype(np.intp), None)
    rows = accuracy_by_length(LabelledTexts(texts, ["a"] * 100, 0, ""), answers)
    assert [(low, high, n) for low, high, _, n in rows] == [(10 * i + 1, 10 * i + 10, 10) for i in range(LENGTH_BINS)]
    assert [share for _, _, share, _ in rows] == [proportion(0, 10)] * 5 + [proportion(10, 10)] * 5


@pytest.mark.parametrize("n", [1, 2, 9, 11])
def test_few_texts_are_in_as_many_groups_as_there_can_be(n):
    data = LabelledTexts(["word " * words for words in range(n)], ["a"] * n, 0, "")
    rows = accuracy_by_length(data, Answers(["a", "b"], np.tile([0.6, 0.4], (n, 1)), np.zeros(n, dtype=np.intp), None))
    assert len(rows) == min(n, LENGTH_BINS)
    assert sum(count for _, _, _, count in rows) == n
    assert [low for low, _, _, _ in rows] == sorted(low for low, _, _, _ in rows)


def test_the_strongest_terms_are_those_that_move_most_scores():
    """Coefficient times mean weight: of two equally telling terms the more frequent is the stronger."""
    terms = ["awful", "fine", "good", "neutral", "seldom"]
    model = to_pipeline(terms, np.ones(5), np.array([[-3.0, 1.0, 2.0, 0.0, 2.0]]), np.zeros(1), ["neg", "pos"])
    data = LabelledTexts(["good"] * 4 + ["seldom", "awful", "awful", "fine"], ["neg"] * 8, 0, "")
    strongest = strongest_terms(data, model)
    assert strongest["pos"][:3] == [("good", 1.0), ("seldom", 0.25), ("fine", 0.125)]
    assert strongest["neg"][0] == ("awful", 0.75)
    assert strongest["neg"][-1] == ("good", -1.0)


def test_every_label_has_its_own_terms(report, data):
    assert list(report.strongest) == data.label_names
    for label, terms in report.strongest.items():
        assert len(terms) == TERMS_PER_LABEL
        assert label in terms[0][0]
        strengths = [strength for _, strength in terms]
        assert strengths == sorted(strengths, reverse=True)
        assert strengths[-1] > 0


def test_the_strongest_terms_of_many_texts_are_those_of_evenly_spread_ones():
    model = to_pipeline(["bad", "good"], np.ones(2), np.array([[-1.0, 1.0]]), np.zeros(1), ["neg", "pos"])
    data = LabelledTexts(["good", "bad", "bad"] * 3_334, ["neg"] * 10_002, 0, "")
    # More than twice 5,000: every third is read, and those are the good ones.
    term, strength = strongest_terms(data, model)["pos"][0]
    assert term == "good"
    assert strength == pytest.approx(1.0)


def assert_is_a_picture(content):
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        assert (picture.format, picture.width, picture.height) == ("PNG", 1440, 495)
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10
        assert "Software" not in picture.info


def test_the_picture_is_a_png_and_the_same_twice(report_of_two):
    content = to_picture(report_of_two)
    assert_is_a_picture(content)
    assert to_picture(report_of_two) == content


@pytest.mark.parametrize("words", [SIGNS, SCRIPTS], ids=["signs", "scripts"])
def test_labels_and_terms_are_drawn_as_they_are_and_without_a_complaint(report_of_two, words):
    """Warnings are errors here. What the font does not have is a box, and nothing is read as a formula."""
    strongest = {label: [(term, 1.0) for term in words] for label in words}
    assert_is_a_picture(to_picture(replace(report_of_two, strongest=strongest)))


def test_few_terms_and_many_labels_are_drawn_too(report_of_two):
    strongest = {f"label {number}": [("one", 0.5), ("two", 0.0)] for number in range(20)}
    assert_is_a_picture(to_picture(replace(report_of_two, strongest=strongest)))


def test_texts_that_are_all_of_a_length_and_answers_that_are_all_alike_are_drawn_too():
    data = to_data([("one two three four", label) for label in ("a", "b")] * 10)
    report = report_of(data, validate(data))
    assert {(low, high) for low, high, _, _ in report.by_length} == {(4, 4)}
    assert len(report.strongest["a"]) == 9
    assert_is_a_picture(to_picture(report))

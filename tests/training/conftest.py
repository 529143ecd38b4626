"""Small synthetic corpora: invented words, of which some belong to a label and most to none."""

import csv
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from training.data import LabelledTexts

Rows = list[tuple[str, str]]


def make_rows(labels: list[str], rows_per_label: int = 40, seed: int = 1) -> Rows:
    chance = random.Random(seed)
    neutral = [f"word{i}" for i in range(60)]
    rows = []
    for label in labels * rows_per_label:
        telling = [f"{chance.choice(labels[:2])}{chance.randrange(8)}", *[f"{label}{chance.randrange(8)}"] * 2]
        words = chance.sample(neutral, 12) + telling
        chance.shuffle(words)
        rows.append((" ".join(words) + ".", label))
    return rows


def to_data(rows: Rows) -> LabelledTexts:
    sha256 = hashlib.sha256(repr(rows).encode()).hexdigest()
    return LabelledTexts([text for text, _ in rows], [label for _, label in rows], 0, sha256)


@pytest.fixture(scope="session")
def two_labels() -> LabelledTexts:
    return to_data(make_rows(["negative", "positive"]))


@pytest.fixture(scope="session")
def three_labels() -> LabelledTexts:
    return to_data(make_rows(["bad", "good", "neither"]))


@pytest.fixture
def rows() -> Rows:
    return make_rows(["negative", "positive"])


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Rows, columns: tuple[str, str] = ("review", "sentiment"), name: str = "texts.csv") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
        return path

    return write

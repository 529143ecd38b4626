"""Reads texts from CSV files, plain or compressed, with or without labels."""

import csv
import gzip
import hashlib
import io
import lzma
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.arrays import IntArray

TEXT_COLUMN = "review"
LABEL_COLUMN = "sentiment"
MIN_ROWS_PER_LABEL = 10
MAX_FIELD_CHARS = 10_000_000  # the csv module's own limit, 131,072, is less than a long article


class DataError(Exception):
    """The data cannot be used for training; the message is one sentence for its owner."""


@dataclass(frozen=True)
class LabelledTexts:
    """texts[i] has labels[i]; sha256 is of the uncompressed file, so compression does not change it."""

    texts: list[str]
    labels: list[str]
    dropped_rows: int
    sha256: str

    @property
    def label_counts(self) -> dict[str, int]:
        return dict(sorted(Counter(self.labels).items()))

    @property
    def label_names(self) -> list[str]:
        return list(self.label_counts)

    def truth(self, label_names: Sequence[str]) -> IntArray:
        """The index of each text's label in label_names, (n,)."""
        place = {label: index for index, label in enumerate(label_names)}
        return np.array([place[label] for label in self.labels], dtype=np.intp)


@dataclass(frozen=True)
class UnlabelledTexts:
    """Distinct unlabelled texts; dropped_rows counts empty, repeated and labelled ones."""

    texts: list[str]
    dropped_rows: int
    sha256: str


NO_UNLABELLED_TEXTS = UnlabelledTexts([], 0, "")


def read_labelled_texts(path: Path, text_column: str = TEXT_COLUMN, label_column: str = LABEL_COLUMN) -> LabelledTexts:
    """Rows without text or label are dropped and counted. Raises DataError for all other defects."""
    content = _read_uncompressed(path)
    rows = list(_rows(path, content, [text_column, label_column]))
    kept = [(text, label.strip()) for text, label in rows if text.strip() and label.strip()]
    data = LabelledTexts(
        texts=[text for text, _ in kept],
        labels=[label for _, label in kept],
        dropped_rows=len(rows) - len(kept),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    _check_labels(path, data.label_counts)
    return data


def read_unlabelled_texts(path: Path, labelled: Sequence[str], text_column: str = TEXT_COLUMN) -> UnlabelledTexts:
    """Texts that are also labelled are dropped: cross-validation must not see them beforehand.

    Raises DataError.
    """
    content = _read_uncompressed(path)
    rows = [text for (text,) in _rows(path, content, [text_column])]
    known = set(labelled)
    texts = [text for text in dict.fromkeys(rows) if text.strip() and text not in known]
    return UnlabelledTexts(texts, len(rows) - len(texts), hashlib.sha256(content).hexdigest())


def _read_uncompressed(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if path.suffix == ".xz":
            return lzma.decompress(content)
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (lzma.LZMAError, gzip.BadGzipFile, EOFError):
        raise DataError(f"{path} is not a complete {path.suffix} file.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None


def _rows(path: Path, content: bytes, columns: list[str]) -> Iterator[tuple[str, ...]]:
    """The cells of these columns, row by row; a missing cell is empty."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    # Strict: a quote that is never closed would otherwise swallow the rest of the file without a word.
    reader = csv.DictReader(io.StringIO(_decode(path, content), newline=""), strict=True)
    try:
        found = reader.fieldnames or []
        for column in columns:
            if column not in found:
                raise DataError(
                    f"{path} has no column {column}; its columns are: {', '.join(found) or 'none'}. "
                    "Name others with --text-column and --label-column."
                )
        for row in reader:
            yield tuple(row[column] or "" for column in columns)
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file: {error} (line {reader.line_num}).") from None


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")  # spreadsheets put a byte order mark first
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: byte {error.start} cannot be decoded; save it as UTF-8.") from None


def _check_labels(path: Path, label_counts: dict[str, int]) -> None:
    if not label_counts:
        raise DataError(f"{path} has no row with both a text and a label.")
    if len(label_counts) == 1:
        raise DataError(f"{path} has only one label, {next(iter(label_counts))}; a classifier needs two or more.")
    label, count = min(label_counts.items(), key=lambda item: item[1])
    if count < MIN_ROWS_PER_LABEL:
        raise DataError(f"{path} has only {count} rows of {label}; at least {MIN_ROWS_PER_LABEL} are needed.")

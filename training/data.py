"""Reads labelled texts from a CSV file, plain or compressed."""

import csv
import gzip
import hashlib
import io
import lzma
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TEXT_COLUMN = "review"
LABEL_COLUMN = "sentiment"
MIN_ROWS_PER_LABEL = 10
MAX_FIELD_CHARS = 10_000_000  # the csv module's own limit, 131,072, is less than a long article


class DataError(Exception):
    """The data cannot be trained on; the message is one sentence for the person who gave it."""


@dataclass(frozen=True)
class LabelledTexts:
    """texts[i] has labels[i]; sha256 is that of the uncompressed file, so compressing it changes nothing."""

    texts: list[str]
    labels: list[str]
    dropped_rows: int
    sha256: str

    @property
    def label_counts(self) -> dict[str, int]:
        return dict(sorted(Counter(self.labels).items()))


def read_labelled_texts(path: Path) -> LabelledTexts:
    """Rows without text or label are dropped and counted; raises DataError for anything worse."""
    content = _read_uncompressed(path)
    rows = list(_rows(path, _decode(path, content)))
    kept = [(text, label) for text, label in rows if text.strip() and label]
    data = LabelledTexts(
        texts=[text for text, _ in kept],
        labels=[label for _, label in kept],
        dropped_rows=len(rows) - len(kept),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    _check_labels(path, data.label_counts)
    return data


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


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")  # spreadsheets put a byte order mark first
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: byte {error.start} cannot be decoded.") from None


def _rows(path: Path, content: str) -> Iterator[tuple[str, str]]:
    csv.field_size_limit(MAX_FIELD_CHARS)
    # Strict: a quote that is never closed would otherwise swallow the rest of the file without a word.
    reader = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        columns = reader.fieldnames or []
        for column in (TEXT_COLUMN, LABEL_COLUMN):
            if column not in columns:
                raise DataError(f"{path} has no column {column}; its columns are: {', '.join(columns) or 'none'}.")
        for row in reader:
            yield row[TEXT_COLUMN] or "", (row[LABEL_COLUMN] or "").strip()
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file: {error} (line {reader.line_num}).") from None


def _check_labels(path: Path, label_counts: dict[str, int]) -> None:
    if not label_counts:
        raise DataError(f"{path} has no row with both a text and a label.")
    if len(label_counts) == 1:
        raise DataError(f"{path} has only one label, {next(iter(label_counts))}; a classifier needs two or more.")
    label, count = min(label_counts.items(), key=lambda item: item[1])
    if count < MIN_ROWS_PER_LABEL:
        raise DataError(f"{path} has only {count} rows of {label}; at least {MIN_ROWS_PER_LABEL} are needed.")

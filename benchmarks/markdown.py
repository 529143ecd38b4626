"""Markdown tables."""

from __future__ import annotations

from collections.abc import Container, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Container[int] = ()) -> str:
    """A table; the columns in `numbers` are right-aligned."""
    rule = ["---:" if column in numbers else "---" for column in range(len(head))]
    return "".join(map(_row, (head, rule, *rows)))


def _row(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"

"""Logs that grow in several files, and what readers make of them, in a form that can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from monitoring.alarms.monitor import Monitor
from monitoring.reader import LogReader, Snapshot
from monitoring.stats.reference import load_profile
from monitoring.stats.tables import tables_of
from monitoring.store.checkpoint import Checkpoint
from tests.conftest import ROOT
from tests.monitoring.conftest import append, at, feedback, prediction, predictions_of, remembered_of

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
NAMED = ("predicted", "true", "version")  # whose numbers say in which order names were met, and no more
TEXTS = ["one", "one two", "a film " * 40, "another one"]


class Change(NamedTuple):
    """What happens to a log: a line in a file, or that a reader looks at it."""

    kind: str
    file: int
    of: int  # which prediction
    text: int
    label: str | None
    ours: bool  # of the version of the reference


def changes(*kinds: str, files: int = 1, least: int = 1, most: int = 30) -> st.SearchStrategy[list[Change]]:
    change = st.builds(
        Change,
        st.sampled_from(kinds),
        st.integers(0, files - 1),
        st.integers(0, 9),
        st.integers(0, len(TEXTS) - 1),
        st.sampled_from(["positive", "negative", None]),
        st.booleans(),
    )
    return st.lists(change, min_size=least, max_size=most)


def apply(change: Change, folder: Path, number: int) -> None:
    """Append the line of a change; the later its number, the later the line. Ids may repeat within a file."""
    minutes = number / 60
    if change.kind == "prediction":
        line = prediction(
            timestamp=at(minutes),
            request_text=TEXTS[change.text],
            prediction_id=None if change.of == 9 else f"{change.file}-{change.of}",
            true_sentiment=change.label if change.of % 3 == 0 else None,
            model_version=REFERENCE.model_version if change.ours else "another",
            predicted_sentiment="positive" if change.text % 2 else "negative",
            confidence=0.5 + change.text / 8,
        )
        append(folder / f"prediction_logs.{change.file}.json", line)
    elif change.kind == "feedback":
        line = feedback(f"{(change.file + change.text) % 2}-{change.of}", change.label or "odd", minutes)
        append(folder / f"feedback_logs.{change.file}.json", line)
    elif change.kind == "garbage":
        append(folder / f"prediction_logs.{change.file}.json", b"garbage\n" if change.ours else b"\n")
    elif change.kind == "rename":
        for path in sorted(folder.glob(f"*_logs.{change.file}.*json"))[: change.of % 3]:
            path.rename(path.with_name(path.name.replace(".json", f"-{number}.json")))


class Follower:
    """A reader of a log and its monitor; with a folder for its state it keeps there each row as soon as it has it."""

    def __init__(self, folder: Path, state: Path | None = None) -> None:
        self.go_on(folder, state)

    def go_on(self, folder: Path, state: Path | None) -> None:
        """Begin, perhaps where another one ended."""
        self.monitor = Monitor(REFERENCE, 0.8, 0.02)
        self.reader = LogReader(folder, self.monitor, Checkpoint(state) if state else None)
        if self.reader.saver:
            self.reader.saver.LEAST_ROWS, self.reader.saver.LEAST_SHARE, self.reader.saver.SECONDS = 1, 0.0, 0.0

    def look(self) -> Snapshot:
        """What it sees now, which is on disk then if it is to be kept."""
        snapshot = self.reader.refresh()
        if self.reader.saver:
            self.reader.saver.wait()
        return snapshot

    def exactly(self) -> dict[str, Any]:
        """All that it knows, each row in its place, and what its monitor would tell a restart."""
        snapshot = self.look()
        columns = snapshot.requests.part(np.arange(snapshot.requests.rows))
        tables = tables_of(snapshot.whole, snapshot.requests.names)
        state = json.loads(json.dumps(self.monitor.state()))
        return {
            **{name: column.tolist() for name, column in columns._asdict().items() if name not in NAMED},
            **remembered_of(snapshot, np.arange(snapshot.requests.rows)),
            "lines": (snapshot.files, snapshot.unreadable_lines, snapshot.unmatched_feedback),
            "tables": [_rows(table) for table in (tables.answers, tables.lengths, tables.known, tables.steps)],
            "monitor": [state["counts"], state["signals"]],
        }


def figures(snapshot: Snapshot) -> dict[str, Any]:
    """All that a snapshot says, whatever the order in which its files were found. Of each text that was sent several
    times any may be the first."""
    table = predictions_of(snapshot)
    return {
        "rows": sorted(map(repr, table.itertuples(index=False, name=None))),
        "files": snapshot.files,
        **statistics(snapshot),
    }


def statistics(snapshot: Snapshot) -> dict[str, Any]:
    """What needs no line of the log any more."""
    tables = tables_of(snapshot.whole, snapshot.requests.names)
    return {
        "lines": (snapshot.unreadable_lines, snapshot.unmatched_feedback),
        "answers": _rows(tables.answers.drop(columns="distinct")[lambda rows: rows["n"] > 0]),
        "lengths": _rows(tables.lengths),
        "known": _rows(tables.known),
        "steps": _rows(tables.steps.groupby(["time", "model_version"], dropna=False, observed=True)["n"].sum()),
        "spans": _rows(tables.spans),
        "distinct": (tables.n, tables.distinct, tables.step),
        "counts": vars(snapshot.counts),
        "signals": repr(snapshot.signals),
    }


def _rows(table: pd.DataFrame | pd.Series) -> list[str]:
    return sorted(map(repr, table.reset_index().drop(columns="index", errors="ignore").itertuples(index=False)))

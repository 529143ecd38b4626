"""Draws the recent requests: filters, the table, and which of its rows the user has selected."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import streamlit as st

from monitoring.log_format import Prediction
from monitoring.log_reader import rows
from monitoring.quality import RIGHT, UNLABELLED, WRONG
from monitoring.selection import Shown, places_of

RECENT_ROWS = 200
RECENT_COLUMNS: dict[str, Any] = {
    "timestamp": st.column_config.DatetimeColumn("time (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"),
    "request_text": st.column_config.TextColumn("text", width="large"),
    "predicted_sentiment": "predicted",
    "true_sentiment": "true label",
    "outcome": "answer was",
    "confidence": st.column_config.NumberColumn("confidence", format="%.3f"),
    "prediction_id": "prediction_id",
}


def selected() -> Prediction | None:
    """The request that the user has selected and not closed; new lines and filters do not change it."""
    request: Prediction | None = st.session_state.get("selected")
    return request


def close() -> None:
    st.session_state["selected"] = None


def notice_click() -> None:
    """Take in what the user selected in the table; to be called before time is spent on anything else."""
    if "recent" in st.session_state:
        request = _shown().selected(_places_in_browser(), time.monotonic(), selected())
        st.session_state["selected"] = request


def draw_recent(predictions: pd.DataFrame) -> None:
    """The newest predictions that pass the filters; `predictions` has the column outcome."""
    st.subheader("Recent requests")
    found = _filtered(predictions)
    newest = found.tail(RECENT_ROWS).iloc[::-1]
    _draw_table(newest, rows(newest))
    st.caption(
        f"The newest {len(newest):,} of {len(found):,} requests that match, of {len(predictions):,}. "
        "Tick one, on its left, to see what its words contributed to the answer."
    )


def _filtered(predictions: pd.DataFrame) -> pd.DataFrame:
    text, label, outcome = st.columns([2, 1, 1])
    wanted_text = text.text_input("Text contains", key="text_filter", placeholder="any text", persist_state="page")
    labels = sorted(predictions["predicted_sentiment"].unique())
    wanted_labels = label.multiselect(
        "Predicted", _with_selected("label_filter", labels), key="label_filter", persist_state="page"
    )
    wanted_outcomes = outcome.multiselect(
        "Answer was", [RIGHT, WRONG, UNLABELLED], key="outcome_filter", persist_state="page"
    )
    found = predictions
    if wanted_text:
        folded = wanted_text.casefold()
        found = found[found["request_text"].map(lambda text: folded in text.casefold()).astype(bool)]
    if wanted_labels:
        found = found[found["predicted_sentiment"].isin(wanted_labels)]
    if wanted_outcomes:
        found = found[found["outcome"].isin(wanted_outcomes)]
    return found


def _with_selected(key: str, options: list[str]) -> list[str]:
    """`options` and what the user has selected, which a change of the time range must not take away."""
    return sorted({*options, *st.session_state.get(key, [])})


def _draw_table(newest: pd.DataFrame, requests: list[Prediction]) -> None:
    """The table, with the selected request highlighted wherever it stands now."""
    places, before = places_of(selected(), requests), _places_in_browser()
    if places != before:
        st.session_state["recent"] = {"selection": {"rows": places}}
    st.dataframe(
        newest[list(RECENT_COLUMNS)],
        hide_index=True,
        key="recent",
        height=360,
        on_select="rerun",
        selection_mode="single-row",
        alt="The newest requests with their answers; selecting one shows what its words contributed",
        column_config=RECENT_COLUMNS,
    )
    st.session_state["shown"] = _shown().then(requests, places, before, time.monotonic())


def _places_in_browser() -> list[int]:
    """The selected row of the table by its place, as this user's browser last said it or was last told."""
    return list(st.session_state["recent"]["selection"]["rows"]) if "recent" in st.session_state else []


def _shown() -> Shown:
    """The table as this user's browser has it."""
    shown: Shown = st.session_state.get("shown", Shown())
    return shown

"""Draws the page: one draw_* function a section. Statistics come in as values; nothing is computed or judged here.

Texts and labels come from outside: they are shown in tables, charts and as plain text, never as Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from monitoring.alerts import Alert, enough_labels, interval
from monitoring.components import card_table
from monitoring.drift import all_labels
from monitoring.figures import bin_names, confidence_over_time, shares
from monitoring.model_card import card_headline, card_limits, card_rows
from monitoring.quality import LabelQuality, Proportion
from monitoring.reference import Reference, histogram


def plain(text: object) -> str:
    """Text from outside, so that Streamlit's Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&])", r"\\\1", " ".join(str(text).split()))


def draw_alert(alert: Alert) -> None:
    box = {"alert": st.error, "warning": st.warning, "unknown": st.info, "ok": st.success}[alert.level]
    box(f"**{plain(alert.title)}.** {plain(alert.detail)}")


def draw_quality(accuracy: Proportion | None, labels: list[LabelQuality], requests: int, min_labels: int) -> None:
    st.subheader("Accuracy, precision, recall, F1")
    columns = st.columns(3)
    columns[0].metric("Requests", f"{requests:,}")
    columns[1].metric("Labelled", f"{accuracy.n if accuracy else 0:,}", help="Requests whose true label is known.")
    columns[2].metric(
        "Accuracy",
        f"{accuracy.value:.1%}" if accuracy and enough_labels(accuracy.n, min_labels) else "not yet",
        help=f"The share of right answers among the labelled ones, once there are {min_labels} labels.",
    )
    if not labels:
        st.caption("No labels at all in this time range, so there is nothing to say about precision and recall.")
        return
    st.dataframe(_quality_table(labels), hide_index=True, key="quality", alt="Precision, recall and F1 by label")
    st.caption("In brackets the 95 % interval, and n, the number of labelled answers behind the figure.")
    if len(labels) == 1:
        st.caption(f"Only {plain(labels[0].label)} occurs among the labels and answers, so the others have no figures.")


def _quality_table(labels: list[LabelQuality]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": [quality.label for quality in labels],
            "precision": [_figure(quality.precision) for quality in labels],
            "recall": [_figure(quality.recall) for quality in labels],
            "F1": [_figure(quality.f1) for quality in labels],
        }
    )


def _figure(proportion: Proportion | None) -> str:
    return f"{proportion.value:.1%} ({interval(proportion)}, n = {proportion.n:,})" if proportion else "no labels"


def draw_lengths(current: pd.DataFrame, reference: Reference | None, alert: Alert | None) -> None:
    st.subheader("Sentence length")
    median = f"Median {current['words'].median():.0f} words"
    if reference is None or alert is None:
        st.caption(f"{median}.")
        return
    st.caption(f"{plain(alert.title)}. {plain(alert.detail)}")
    counts = histogram(current["words"].to_numpy(), reference.length_edges)
    figure = shares(
        bin_names(reference.length_edges), "words in the text", current=counts, reference=reference.length_counts
    )
    st.plotly_chart(figure, key="lengths", alt="Shares of texts by number of words, current and reference")
    st.caption(f"{median}, in the reference {reference.length_median:.0f}. {plain(reference.source)}")


def draw_labels(current: Mapping[str, int], reference: Reference | None, alert: Alert | None) -> None:
    st.subheader("Predicted sentiment")
    if len(current) == 1:
        (label,) = current
        st.caption(f"Every answer in this time range is {plain(label)}.")
    if alert:
        st.caption(f"{plain(alert.title)}. {plain(alert.detail)}")
    expected = reference.label_counts if reference else {}
    labels = all_labels(current, expected)
    figure = shares(
        labels,
        "predicted sentiment",
        current=[current.get(label, 0) for label in labels],
        reference=[expected.get(label, 0) for label in labels] if reference else None,
    )
    st.plotly_chart(figure, key="labels", alt="Shares of answers by predicted sentiment, current and reference")


def draw_confidence(by_time: pd.DataFrame, reference: Reference | None) -> None:
    """`by_time` has the columns time, mean, low, high and n."""
    st.subheader("Confidence over time")
    if by_time.empty:
        st.caption("The log has no confidences in this time range.")
        return
    figure = confidence_over_time(by_time, reference.confidence_mean if reference else None)
    st.plotly_chart(figure, key="confidence", alt="Mean confidence of the answers over time")


def draw_api_state(url: str, problem: str | None, card: Mapping[str, Any] | None) -> None:
    st.subheader("The API")
    if problem:
        draw_alert(Alert("alert", "The API is not ready", f"{problem} What the log holds is shown above."))
        return
    st.success(f"The API at {plain(url)} is ready.")
    if card:
        st.caption(plain(card_headline(card)))
        _draw_card(card)


def _draw_card(card: Mapping[str, Any]) -> None:
    rows, limits = card_rows(card), card_limits(card)
    if rows or limits:
        with st.expander("Model card"):
            card_table(key="card_table", data={"rows": rows, "limits": limits})


def draw_try_form() -> str | None:
    """The text to try, once the user sends it."""
    st.subheader("Try a sentence")
    with st.form("try"):
        text = st.text_area("Text", key="try_text", placeholder="The movie was amazing!")
        sent = st.form_submit_button("Predict")
    return text if sent else None


def draw_answer(answer: Mapping[str, Any], labels: list[str], judge: Callable[[str], None]) -> None:
    """The answer to the tried sentence; `judge` is called with its true label when the user gives one."""
    predicted = str(answer["predicted_sentiment"])
    st.write(f"Predicted **{plain(predicted)}** with confidence {answer['confidence']:.3f}. Was that right?")
    choices = [predicted, *(label for label in labels if label != predicted)]
    for column, label in zip(st.columns(len(choices)), choices, strict=True):
        text = f"Right: {plain(label)}" if label == predicted else f"Wrong: it is {plain(label)}"
        column.button(text, key=f"judge-{label}", on_click=judge, args=(label,))

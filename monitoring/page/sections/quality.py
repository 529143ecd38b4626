"""Model quality: accuracy over time, measured and estimated, calibration, and figures by label."""

from __future__ import annotations

import streamlit as st

from monitoring.alarms.phrases import figure
from monitoring.analysis.notes import estimate_note, feedback_notes
from monitoring.analysis.results import Analysis, OverTime, Quality
from monitoring.page.elements import BARE, draw_alerts, draw_heading, draw_note, draw_table, the_zone
from monitoring.page.redraw import Section
from monitoring.page.state import State
from monitoring.report.charts import accuracy_over_time, reliability_diagram
from monitoring.settings import Settings


def section(state: State) -> Section:
    def draw() -> None:
        if analysis := state.seen.analysis:
            _draw(analysis, state.settings)

    return Section("quality", draw, state.growing, slow=True)


def _draw(analysis: Analysis, settings: Settings) -> None:
    draw_heading("Model quality", "model-quality", "Are the answers right?", ACCURACY)
    quality, trust = analysis.quality, analysis.trust
    draw_alerts(feedback_notes(trust.skew, quality.accuracy, trust.post_stratified), "feedback_notes")
    left, right = st.columns([3, 2])
    with left:
        _draw_accuracy(quality, analysis.over_time, settings)
    with right:
        _draw_calibration(quality)
    _draw_by_label(quality)


ACCURACY = (
    "Accuracy is the share of right predictions among the labelled ones. Precision: of the predictions of a label, the "
    "share that is right. Recall: of the texts of a label, the share that is predicted so. F1 is the harmonic mean of "
    "precision and recall."
)
CALIBRATION = (
    "Confidence is the model's probability for its prediction. It is calibrated if, for example, 90 % of the "
    "predictions with a confidence of 90 % are right."
)


def _draw_accuracy(quality: Quality, over_time: OverTime, settings: Settings) -> None:
    st.subheader("Accuracy over time")
    by_time = over_time.accuracy
    if not by_time[["value", "estimated"]].notna().any(axis=None):
        st.caption("There are no labels, and no confidences that can be compared with the reference.")
        return
    chart = accuracy_over_time(by_time, settings.accuracy_threshold, the_zone(), doubted=quality.estimate_doubted)
    st.plotly_chart(chart, key="accuracy", alt="Labelled and estimated accuracy over time", config=BARE)
    if sentence := estimate_note(quality.estimated, quality.estimate_doubted, quality.fit, quality.with_audit):
        draw_note("estimate", sentence)


def _draw_calibration(quality: Quality) -> None:
    st.subheader("Calibration", help=CALIBRATION)
    error = quality.calibration_error
    if not quality.reliability or error is None:
        st.caption("Calibration is shown once there are labels.")
        return
    chart = reliability_diagram(quality.reliability)
    st.plotly_chart(chart, key="reliability", alt="Accuracy by confidence", config=BARE)
    st.caption(
        f"Expected calibration error {error.value:.3f} over {error.n:,} labels. With so many labels, perfect "
        f"calibration would give {error.by_chance:.3f} on average."
    )


def _draw_by_label(quality: Quality) -> None:
    st.subheader("By label")
    labels = quality.by_label
    if not labels:
        st.caption("Precision and recall need labels, and this selection has none.")
        return
    rows = [(label.label, figure(label.precision), figure(label.recall), figure(label.f1)) for label in labels]
    note = "In brackets: the 95 % interval, and n, the number of labelled predictions."
    if len(labels) == 1:
        note = f"{note} Only {labels[0].label} occurs among the labels and predictions, so the others have no figures."
    draw_table("quality", "Precision, recall and F1 by label", ("label", "precision", "recall", "F1"), rows, note)

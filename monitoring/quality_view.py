"""Draws how good the answers are: by label, over time, without labels, by version; and whether confidence holds."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from monitoring.alerts import enough_labels
from monitoring.analysis import Analysis
from monitoring.figures import accuracy_over_time, reliability_diagram
from monitoring.quality import LabelQuality
from monitoring.reference import Reference
from monitoring.remarks import estimate_note, feedback_notes, figure, version_sentence
from monitoring.settings import Settings
from monitoring.signals import FIT
from monitoring.versions import VersionQuality
from monitoring.views import draw_alert, plain


def draw_quality(analysis: Analysis, settings: Settings, reference: Reference | None) -> None:
    st.subheader("Accuracy, precision, recall, F1")
    _draw_figures(analysis, settings.min_labels)
    labels = analysis.labels
    if not labels:
        st.caption("No labels at all in this selection, so there is nothing to say about precision and recall.")
    else:
        st.dataframe(_quality_table(labels), hide_index=True, key="quality", alt="Precision, recall and F1 by label")
        st.caption("In brackets the 95 % interval, and n, the number of labelled answers behind the figure.")
    if len(labels) == 1:
        st.caption(f"Only {plain(labels[0].label)} occurs among the labels and answers, so the others have no figures.")
    for note in feedback_notes(analysis.skew, analysis.accuracy, analysis.post_stratified):
        draw_alert(note)
    if reference is not None or labels:
        chart = accuracy_over_time(
            analysis.accuracy_by_time, settings.accuracy_threshold, doubted=analysis.estimate_doubted
        )
        st.plotly_chart(chart, key="accuracy", alt="Labelled and estimated accuracy over time")
    fit = analysis.signals.get(FIT)
    if sentence := estimate_note(analysis.estimated, analysis.estimate_doubted, fit, analysis.with_audit):
        st.caption(plain(sentence))


def _draw_figures(analysis: Analysis, min_labels: int) -> None:
    accuracy, estimated, audit = analysis.accuracy, analysis.estimated, analysis.audit
    columns = st.columns(5)
    columns[0].metric("Requests", f"{len(analysis.requests):,}", help=f"{analysis.repeats:,} repeat an earlier text.")
    columns[1].metric("Labelled", f"{accuracy.n if accuracy else 0:,}", help="Requests whose true label is known.")
    columns[2].metric(
        "Accuracy",
        f"{accuracy.value:.1%}" if accuracy and enough_labels(accuracy.n, min_labels) else "not yet",
        help=f"The share of right answers among the labelled ones, once there are {min_labels} labels.",
    )
    columns[3].metric(
        "Estimated accuracy",
        "contradicted" if analysis.estimate_doubted else f"{estimated.value:.1%}" if estimated else "not known",
        help="What the confidences promise for all selected answers, labelled or not. Labels can contradict it.",
    )
    columns[4].metric(
        "Audited accuracy",
        f"{audit.accuracy.value:.1%}" if audit.accuracy else "not yet",
        help="Of answers drawn at random: unbiased, unlike that of labels which users choose to give.",
    )


def _quality_table(labels: list[LabelQuality]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": [quality.label for quality in labels],
            "precision": [figure(quality.precision) for quality in labels],
            "recall": [figure(quality.recall) for quality in labels],
            "F1": [figure(quality.f1) for quality in labels],
        }
    )


def draw_calibration(analysis: Analysis) -> None:
    st.subheader("Calibration")
    error = analysis.calibration_error
    if not analysis.reliability or error is None:
        st.caption("Whether answers are right as often as their confidence says shows once there are labels.")
        return
    st.plotly_chart(
        reliability_diagram(analysis.reliability), key="reliability", alt="Share of right answers by confidence"
    )
    st.caption(
        f"Expected calibration error {error.value:.3f} over {error.n:,} labels; perfectly calibrated confidences would "
        f"show {error.by_chance:.3f} by chance alone."
    )


def draw_versions(analysis: Analysis) -> None:
    """Only where there is more than one to compare."""
    if len(analysis.versions) < 2:
        return
    st.subheader("Model versions")
    st.dataframe(_version_table(analysis.versions), hide_index=True, key="versions", alt="Accuracy by model version")
    if analysis.comparison:
        found = analysis.comparison
        st.caption(plain(version_sentence(found.earlier, found.later, found.difference)))


def _version_table(versions: list[VersionQuality]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "version": [version.version for version in versions],
            "requests": [f"{version.requests:,}" for version in versions],
            "accuracy": [figure(version.accuracy) for version in versions],
            "first request (UTC)": [f"{version.first:%Y-%m-%d %H:%M}" for version in versions],
            "last request (UTC)": [f"{version.last:%Y-%m-%d %H:%M}" for version in versions],
        }
    )

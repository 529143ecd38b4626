"""The naive dashboard: parses the whole log and sends everything again at each refresh."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import plotly.express as px
import streamlit as st


@st.fragment(run_every=3)
def page() -> None:
    log = pd.concat(
        pd.read_json(path, lines=True) for path in Path(os.environ["LOG_DIR"]).glob("prediction_logs*.json")
    )
    known = log.dropna(subset=["true_sentiment"])
    accuracy = (known["true_sentiment"] == known["predicted_sentiment"]).mean()
    (st.error if accuracy < 0.8 else st.success)(f"Accuracy {accuracy:.1%} of {len(known):,} labels")
    st.metric("Requests", f"{len(log):,}")
    st.plotly_chart(px.histogram(log["request_text"].map(lambda text: len(text.split())), title="Sentence length"))
    st.plotly_chart(px.histogram(log["predicted_sentiment"], title="Predicted sentiment"))
    st.plotly_chart(px.line(log.set_index("timestamp")["confidence"].resample("1h").mean(), title="Confidence"))
    st.dataframe(log.tail(200))


st.title("Sentiment monitor")
page()

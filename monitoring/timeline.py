"""Figures over time, in so few steps that a plot of them stays small however long the log is."""

from __future__ import annotations

import pandas as pd

STEPS = ["1s", "10s", "1min", "5min", "30min", "2h", "12h", "2D", "7D", "30D", "365D"]
MAX_STEPS = 120


def confidence_by_time(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean, 10 % and 90 % quantile, and count of the confidences by time step: columns time, mean, low, high, n."""
    known = predictions[predictions["confidence"].notna()]
    if known.empty:
        return pd.DataFrame(columns=["time", "mean", "low", "high", "n"])
    span = known["timestamp"].max() - known["timestamp"].min()
    step = next((step for step in STEPS if span / pd.Timedelta(step) <= MAX_STEPS), STEPS[-1])
    steps = known.groupby(known["timestamp"].dt.floor(step))["confidence"]
    table = pd.DataFrame(
        {"mean": steps.mean(), "low": steps.quantile(0.1), "high": steps.quantile(0.9), "n": steps.size()}
    )
    return table.rename_axis("time").reset_index()

"""Figures over time, in so few steps that a plot of them stays small however long the log is."""

from __future__ import annotations

import pandas as pd

from monitoring.calibration import calibrated
from monitoring.drift import of_reference
from monitoring.quality import labelled, proportion
from monitoring.reference import Reference

STEPS = ["1s", "10s", "1min", "5min", "30min", "2h", "12h", "2D", "7D", "30D", "365D"]
MAX_STEPS = 120
ACCURACY_STEPS = 30  # the fewer, the more labels behind each of them


def confidence_by_time(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean, 10 % and 90 % quantile, and count of the confidences by time step: columns time, mean, low, high, n."""
    known = predictions[predictions["confidence"].notna()]
    if known.empty:
        return pd.DataFrame(columns=["time", "mean", "low", "high", "n"])
    steps = known.groupby(known["timestamp"].dt.floor(_step(known, MAX_STEPS)))["confidence"]
    table = pd.DataFrame(
        {"mean": steps.mean(), "low": steps.quantile(0.1), "high": steps.quantile(0.9), "n": steps.size()}
    )
    return table.rename_axis("time").reset_index()


def accuracy_by_time(predictions: pd.DataFrame, reference: Reference | None) -> pd.DataFrame:
    """By time step of the predictions: the share of right answers among the labelled ones with its 95 % interval, the
    labels behind it, and the accuracy estimated from confidence: columns time, value, low, high, n, estimated; NaN
    where there is none."""
    columns = ["time", "value", "low", "high", "n", "estimated"]
    if predictions.empty:
        return pd.DataFrame(columns=columns)
    step = _step(predictions, ACCURACY_STEPS)
    known = labelled(predictions)
    right = (known["true_sentiment"] == known["predicted_sentiment"]).groupby(known["timestamp"].dt.floor(step))
    shares = [proportion(int(hits), int(n)) for hits, n in zip(right.sum(), right.size(), strict=True)]
    table = pd.DataFrame(
        [(share.value, share.low, share.high, share.n) for share in shares if share],
        index=right.sum().index,
        columns=["value", "low", "high", "n"],
    )
    table = table.join(_estimated(predictions, reference, step), how="outer")
    return table.rename_axis("time").reset_index()[columns]


def _estimated(predictions: pd.DataFrame, reference: Reference | None, step: str) -> pd.Series:
    answered = predictions[predictions["confidence"].notna()]
    if reference is None:
        answered = answered.iloc[:0]
    else:
        answered = of_reference(answered, reference)
        answered = answered.assign(right=calibrated(answered["confidence"].to_numpy(), reference))
    if answered.empty:
        return pd.Series(dtype="float64", name="estimated", index=pd.DatetimeIndex([], tz="UTC"))
    return answered.groupby(answered["timestamp"].dt.floor(step))["right"].mean().rename("estimated")


def _step(predictions: pd.DataFrame, most: int) -> str:
    """The shortest step of which so many are enough."""
    span = predictions["timestamp"].max() - predictions["timestamp"].min()
    return next((step for step in STEPS if span / pd.Timedelta(step) <= most), STEPS[-1])

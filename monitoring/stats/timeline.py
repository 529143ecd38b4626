"""Figures over time, in so few steps that a plot stays small however long the log is.

They are made from Tables.steps, whose steps are one of tally.STEPS.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.stats.calibration import calibrated
from monitoring.stats.drift import of_reference
from monitoring.stats.quality import labelled, proportion
from monitoring.stats.reference import Reference
from monitoring.stats.tables import quantiles
from monitoring.store.tally import step_for

ACCURACY_STEPS = 30  # few, so that there are enough labels in each
MICROSECOND = pd.Timedelta(microseconds=1)


def confidence_by_time(steps: pd.DataFrame) -> pd.DataFrame:
    """The mean, 10 % and 90 % quantile and number of confidences by time step: columns time, mean, low, high, n."""
    known = steps[steps["confidence"].notna()]
    found = [(time, *_spread(rows)) for time, rows in known.groupby("time")]
    return pd.DataFrame(found, columns=["time", "mean", "low", "high", "n"])


def accuracy_by_time(steps: pd.DataFrame, reference: Reference | None) -> pd.DataFrame:
    """Accuracy by time step of the predictions: columns time, value, low, high, n (of the labelled ones, with the 95 %
    interval), and estimated (from confidence). NaN where there is none."""
    columns = ["time", "value", "low", "high", "n", "estimated"]
    if steps.empty:
        return pd.DataFrame(columns=columns)
    longer = _in_longer_steps(steps)
    known = labelled(longer)
    right = known["n"].where(known["true_sentiment"] == known["predicted_sentiment"], 0)
    of_time = pd.DataFrame({"right": right, "n": known["n"]}).groupby(known["time"]).sum()
    shares = [proportion(int(hits), int(n)) for hits, n in zip(of_time["right"], of_time["n"], strict=True)]
    table = pd.DataFrame(
        [(share.value, share.low, share.high, share.n) for share in shares if share],
        index=of_time.index,
        columns=["value", "low", "high", "n"],
    )
    table = table.join(_estimated(longer, reference), how="outer")
    return table.rename_axis("time").reset_index()[columns]


def traffic_by_time(steps: pd.DataFrame, step: pd.Timedelta) -> pd.DataFrame:
    """Traffic by time step: columns time, requests, labels, and words (mean of distinct texts). Steps without requests
    are included."""
    table = pd.DataFrame(
        {"requests": steps["n"], "labels": steps["n"].where(steps["true_sentiment"].notna(), 0)}
        | {name: steps[name] for name in ("words", "distinct")}
    )
    table = table.groupby(steps["time"]).sum()
    if len(table):
        table = table.reindex(pd.date_range(table.index.min(), table.index.max(), freq=step, unit="us"), fill_value=0)
    table["words"] = table["words"] / table.pop("distinct").where(lambda n: n > 0)
    return table.rename_axis("time").reset_index()


def _spread(rows: pd.DataFrame) -> tuple[float, float, float, int]:
    confidence, n = rows["confidence"].to_numpy(), rows["n"].to_numpy()
    low, high = quantiles(confidence, n, [0.1, 0.9]).tolist()
    return float(np.average(confidence, weights=n)), low, high, int(n.sum())


def _in_longer_steps(steps: pd.DataFrame) -> pd.DataFrame:
    span = steps["time"].max() - steps["time"].min()
    longer = step_for(int(span / MICROSECOND), ACCURACY_STEPS)
    return steps.assign(time=steps["time"].dt.floor(pd.Timedelta(microseconds=longer)))


def _estimated(steps: pd.DataFrame, reference: Reference | None) -> pd.Series:
    answered = steps[steps["confidence"].notna()]
    answered = answered.iloc[:0] if reference is None else of_reference(answered, reference)
    if reference is None or answered.empty:
        return pd.Series(dtype="float64", name="estimated", index=pd.DatetimeIndex([], tz="UTC"))
    right = answered["n"] * calibrated(answered["confidence"].to_numpy(), reference)
    of_time = pd.DataFrame({"right": right, "n": answered["n"]}).groupby(answered["time"]).sum()
    return (of_time["right"] / of_time["n"]).rename("estimated")

"""The charts, as Plotly figures. Reference and current have the same two colours in all of them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import tzinfo
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from monitoring.stats.calibration import ReliabilityBin
from monitoring.stats.drift import all_labels
from monitoring.stats.reference import Reference, histogram

REFERENCE_COLOUR, CURRENT_COLOUR = "#9aa0a6", "#0072b2"  # colour-blind users can tell them apart
ESTIMATE_COLOUR, THRESHOLD_COLOUR = "#56b4e9", "#d55e00"
EARLIEST, LATEST = pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31 23:59:59")


def bin_names(edges: npt.NDArray[Any]) -> list[str]:
    """Bins of whole numbers as a reader would write them; the last one has no end."""
    names = [str(low) if high - low == 1 else f"{low}–{high - 1}" for low, high in pairwise(edges)]
    return [*names[:-1], f"{edges[-2]}+"]


def share_names(edges: npt.NDArray[Any]) -> list[str]:
    """Bins of shares, in percent."""
    return [f"{low * 100:.0f}–{high * 100:.0f} %" for low, high in pairwise(edges)]


def shares(names: list[str], title: str, current: Any, reference: Any = None) -> go.Figure:
    """Bars of the counts' shares; `names` are shown as they are, though Plotly knows some HTML."""
    figure = _empty(height=320)
    for name, counts, colour in [("reference", reference, REFERENCE_COLOUR), ("current", current, CURRENT_COLOUR)]:
        if counts is not None:
            heights = [count / (sum(counts) or 1) for count in counts]
            shown = [html.escape(name) for name in names]
            figure.add_bar(x=shown, y=heights, name=name, marker_color=colour, hovertemplate="%{x}: %{y:.1%}")
    figure.update_xaxes(title=title, type="category")
    figure.update_yaxes(title="share of texts", tickformat=".0%", rangemode="tozero")
    return figure


def shares_of_lengths(lengths: pd.DataFrame, reference: Reference) -> go.Figure:
    edges = reference.length_edges
    return shares_in_bins(bin_names(edges), "words in the text", lengths, "words", edges, reference.length_counts)


def shares_in_bins(
    names: list[str],
    title: str,
    table: pd.DataFrame,
    column: str,
    edges: npt.NDArray[Any],
    reference: npt.NDArray[np.int64],
) -> go.Figure:
    """Bars of the values in a column of one of the Tables and of the reference's counts, without the bins at the
    ends that both leave empty."""
    current = histogram(table[column].to_numpy(), edges, table["n"].to_numpy())
    used = np.flatnonzero(current + reference)
    shown = slice(used[0], used[-1] + 1)
    return shares(names[shown], title, current=current[shown], reference=reference[shown])


def shares_of_labels(current: Mapping[str, int], reference: Mapping[str, int] | None) -> go.Figure:
    labels = all_labels(current, reference or {})
    return shares(
        labels,
        "predicted sentiment",
        current=[current.get(label, 0) for label in labels],
        reference=None if reference is None else [reference.get(label, 0) for label in labels],
    )


def confidence_over_time(by_time: pd.DataFrame, reference_mean: float | None, zone: tzinfo) -> go.Figure:
    """The mean and the middle 80 % by time; `by_time` has the columns time, mean, low, high and n."""
    by_time = _in_zone(by_time, zone)
    figure = _empty(height=300)
    band = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    figure.add_scatter(x=by_time["time"], y=by_time["high"], **band)
    figure.add_scatter(x=by_time["time"], y=by_time["low"], fill="tonexty", fillcolor="rgba(0, 114, 178, 0.15)", **band)
    figure.add_scatter(
        x=by_time["time"],
        y=by_time["mean"],
        customdata=by_time[["n", "utc"]],
        name="mean, with 10th to 90th percentile",
        mode="lines+markers",
        line={"color": CURRENT_COLOUR},
        error_y=_spread(by_time) if len(by_time) == 1 else None,
        hovertemplate="%{x}: %{y:.3f}, n = %{customdata[0]:,}<br>%{customdata[1]} UTC",
    )
    if reference_mean is not None:
        figure.add_hline(
            reference_mean,
            line={"color": REFERENCE_COLOUR, "dash": "dash"},
            annotation={"text": "reference mean", "font": {"color": REFERENCE_COLOUR}},
        )
    figure.update_xaxes(title=f"time ({zone})", range=_at_least_a_minute(by_time["time"]))
    figure.update_yaxes(title="confidence", range=[min(0.5, by_time["low"].min()), 1.01])
    return figure


def accuracy_over_time(by_time: pd.DataFrame, threshold: float, zone: tzinfo, *, doubted: bool) -> go.Figure:
    """Labelled accuracy with its 95 % interval, and the one estimated from confidence, greyed when labels contradict
    it; `by_time` has the columns time, value, low, high, n and estimated."""
    figure, by_time = _empty(height=300), _in_zone(by_time, zone)
    known = by_time[by_time["value"].notna()]
    figure.add_scatter(
        x=by_time["time"],
        y=by_time["estimated"],
        name="estimated, contradicted by labels" if doubted else "estimated from confidence",
        mode="lines",
        connectgaps=False,
        line={"color": REFERENCE_COLOUR if doubted else ESTIMATE_COLOUR, "dash": "dot" if doubted else "solid"},
        hovertemplate="%{x}: %{y:.1%}",
    )
    figure.add_scatter(
        x=known["time"],
        y=known["value"],
        customdata=known[["n", "utc"]],
        name="labelled, with 95 % interval",
        mode="markers",
        marker={"color": CURRENT_COLOUR, "size": 8},
        error_y=_interval(known["value"], known["low"], known["high"]),
        hovertemplate="%{x}: %{y:.1%}, n = %{customdata[0]:,}<br>%{customdata[1]} UTC",
    )
    figure.add_hline(threshold, line={"color": THRESHOLD_COLOUR, "dash": "dash"}, annotation={"text": "threshold"})
    figure.update_xaxes(title=f"time of the request ({zone})", range=_at_least_a_minute(by_time["time"]))
    lowest = min([0.5, *known["low"], *by_time["estimated"].dropna()])
    figure.update_yaxes(title="accuracy", tickformat=".0%", range=[lowest - 0.02, 1.02])
    return figure


def reliability_diagram(bins: list[ReliabilityBin]) -> go.Figure:
    """How often answers of a confidence were right, with 95 % intervals; on the diagonal confidence means what it
    says."""
    figure = _empty(height=320)
    lowest = min([0.5, *(bin.confidence for bin in bins), *(bin.accuracy.low for bin in bins)])
    figure.add_scatter(
        x=[lowest, 1], y=[lowest, 1], name="perfect calibration", mode="lines", hoverinfo="skip",
        line={"color": REFERENCE_COLOUR, "dash": "dash"},
    )  # fmt: skip
    shares = pd.DataFrame([(bin.accuracy.value, bin.accuracy.low, bin.accuracy.high) for bin in bins])
    figure.add_scatter(
        x=[bin.confidence for bin in bins],
        y=shares[0],
        customdata=[bin.accuracy.n for bin in bins],
        name="labelled predictions, with 95 % interval",
        mode="markers",
        marker={"color": CURRENT_COLOUR, "size": 8},
        error_y=_interval(shares[0], shares[1], shares[2]),
        hovertemplate="confidence %{x:.3f}: %{y:.1%} right, n = %{customdata}",
    )
    figure.update_xaxes(title="confidence", tickformat=".0%")
    figure.update_yaxes(title="accuracy", tickformat=".0%")
    return figure


def _empty(height: int) -> go.Figure:
    """A figure of `height` pixels, with its legend above the plot."""
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02}  # which grows upwards, and the margin with it
    return go.Figure(layout={"height": height, "margin": {"t": 10, "b": 10}, "legend": legend})


def _in_zone(by_time: pd.DataFrame, zone: tzinfo) -> pd.DataFrame:
    """With times as clocks of the zone show them, which Plotly knows nothing of, and `utc`, as those of UTC do."""
    times = pd.to_datetime(by_time["time"], utc=True)
    return by_time.assign(
        time=times.dt.tz_convert(zone).dt.tz_localize(None), utc=times.dt.strftime("%Y-%m-%d %H:%M:%S")
    )


def _at_least_a_minute(times: pd.Series) -> list[pd.Timestamp]:
    """The ends of an axis that does not show a single second enlarged, within the years that Plotly can write."""
    margin = max((times.max() - times.min()) * 0.02, pd.Timedelta(seconds=30))
    return [max(times.min() - margin, EARLIEST), min(times.max() + margin, LATEST)]


def _interval(value: pd.Series, low: pd.Series, high: pd.Series) -> dict[str, Any]:
    return {"type": "data", "array": high - value, "arrayminus": value - low, "thickness": 1.5}


def _spread(by_time: pd.DataFrame) -> dict[str, Any]:
    """The band of a single step, which has no width to be drawn as an area."""
    mean = by_time["mean"]
    return {"type": "data", "array": by_time["high"] - mean, "arrayminus": mean - by_time["low"]}

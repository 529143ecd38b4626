"""Whether labels represent all predictions, and what can be said if they do not.

Feedback is selective: users report wrong predictions more often than right ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from monitoring.stats.drift import MIN_EXPECTED, drift, groups_of
from monitoring.stats.quality import Proportion, accuracy, labelled
from monitoring.stats.tables import quantiles

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MIN_LABELS = 50  # and as many predictions without a label
SKEW_P_VALUE = 0.01
MIN_AUDITED = 10  # users alone do not label so many in a row


@dataclass(frozen=True)
class Skew:
    """`p_value` tests whether labels are given at random. `description` names the group that is labelled most above
    average, such as "predictions with low confidence"."""

    p_value: float
    n_labelled: int
    description: str


@dataclass(frozen=True)
class Audit:
    """Of `drawn` predictions in the audit sample `labelled` have a label; `waiting` are the others, oldest first.
    `accuracy` is that of the predictions before the first unlabelled one; None for fewer than MIN_AUDITED."""

    drawn: int
    labelled: int
    accuracy: Proportion | None
    waiting: pd.DataFrame


def skew(answers: pd.DataFrame) -> Skew | None:
    """Whether labelled predictions look like all predictions: a chi-square test of independence of being labelled and
    the predicted label by decile of confidence. None if fewer than MIN_LABELS are labelled, or unlabelled."""
    has_label, counts = answers["true_sentiment"].notna().to_numpy(), answers["n"].to_numpy()
    n = int(counts[has_label].sum())
    fewer = min(n, int(counts.sum()) - n)
    if fewer < MIN_LABELS:
        return None
    places = _places(answers)
    cells = _merged(places, _counted(places, counts), MIN_EXPECTED * int(counts.sum()) / fewer)
    with_label, without = (_counted(cells[side], counts[side], cells.max() + 1) for side in (has_label, ~has_label))
    groups = {clause: _excess(members, has_label, counts) for clause, members in _clauses(answers)}
    return Skew(drift(with_label, without).p_value, n, max(groups, key=groups.__getitem__))


def post_stratified_accuracy(answers: pd.DataFrame) -> float | None:
    """The accuracy of the labelled predictions, weighted so that they match all predictions in predicted label and
    decile of confidence (Holt and Smith 1979). Cells without labels are merged with their neighbours. None without
    labels.

    This corrects only part of the bias: among similar predictions wrong ones may still be labelled more often. If 30 %
    of the wrong and 3 % of the right predictions get a label, an accuracy of 93 % looks like 56 %, and weighted like 72
    %.
    """
    has_label, counts = answers["true_sentiment"].notna().to_numpy(), answers["n"].to_numpy()
    if not counts[has_label].any():
        return None
    places = _places(answers)
    cells = _merged(places, _counted(places[has_label], counts[has_label], places.max() + 1), 1)
    right = has_label & (answers["true_sentiment"] == answers["predicted_sentiment"]).to_numpy()
    all_in_cell = len(np.unique(cells))
    right_in_cell = _counted(cells[right], counts[right], all_in_cell) / _counted(cells[has_label], counts[has_label])
    return float(np.average(right_in_cell, weights=_counted(cells, counts)))


def audit_sample(drawn: pd.DataFrame) -> Audit:
    """The state of the audit sample. `drawn` is a table in order of time with predicted_sentiment, true_sentiment and n
    = 1."""
    first = audited(drawn)
    accuracy_of_first = accuracy(first) if len(first) >= MIN_AUDITED else None
    return Audit(len(drawn), len(labelled(drawn)), accuracy_of_first, drawn[drawn["true_sentiment"].isna()])


def audited(drawn: pd.DataFrame) -> pd.DataFrame:
    """The audit sample up to the first prediction without a label.

    All labels of the sample would be biased, because users label part of it, selectively. Up to where an auditor has
    labelled every prediction, oldest first, it does not matter who labelled the others. Labels from users right after
    that point add less than one prediction on average, if users label less than half of all.
    """
    return drawn[drawn["true_sentiment"].notna().cummin()]


def _counted(places: Ints, counts: Ints, n: int = 0) -> Ints:
    """The number of predictions at each index."""
    return np.bincount(places, weights=counts, minlength=n).astype(np.int64)


def _parts(answers: pd.DataFrame, parts: int) -> Ints:
    """The quantile group of each prediction's confidence among `parts` groups, from 0. Ties share a group; NaN is group
    `parts`."""
    confidence = answers["confidence"].to_numpy()
    known = ~np.isnan(confidence)
    edges = quantiles(confidence[known], answers["n"].to_numpy()[known], np.arange(1, parts) / parts)
    return np.where(known, np.searchsorted(edges, confidence, side="right"), parts)


def _places(answers: pd.DataFrame) -> Ints:
    """The cell of each prediction, by predicted label and decile of confidence. Neighbouring cells are similar:
    confidence rises within one label, falls within the next, and so on."""
    tenths = _parts(answers, 10)
    labels, _ = pd.factorize(answers["predicted_sentiment"].astype("str"), sort=True)
    last = tenths.max()
    order = labels * (last + 1) + np.where(labels % 2, last - tenths, tenths)
    return np.unique(order, return_inverse=True)[1]


def _merged(places: Ints, counts: Ints, least: float) -> Ints:
    """The cell of each of `places` after neighbours are merged until each cell holds `least` of `counts` (places,)."""
    starts = groups_of(counts, (least - 1e-6) / int(counts.sum()))
    return np.searchsorted(starts, places, side="right") - 1


def _clauses(answers: pd.DataFrame) -> Iterator[tuple[str, Mask]]:
    """Groups of predictions with a description, and which predictions are in each."""
    thirds = _parts(answers, 3)
    of_confidence = {f"with {name} confidence": thirds == part for part, name in enumerate(("low", "medium", "high"))}
    of_confidence["without confidence"] = thirds == 3
    for with_confidence, members in of_confidence.items():
        yield f"predictions {with_confidence}", members
    for label in sorted(answers["predicted_sentiment"].unique()):
        of_label = (answers["predicted_sentiment"] == label).to_numpy()
        yield f"{label} predictions", of_label
        for with_confidence, members in of_confidence.items():
            yield f"{label} predictions {with_confidence}", of_label & members


def _excess(members: Mask, has_label: Mask, counts: Ints) -> float:
    """How many standard deviations more of `members` have a label than at random (hypergeometric)."""
    n, drawn, size, both = (int(counts[of].sum()) for of in (slice(None), has_label, members, members & has_label))
    variance = drawn * size / n * (n - size) / n * (n - drawn) / (n - 1)
    return float(both - drawn * size / n) / variance**0.5 if variance else 0.0

"""Whether labels can be trusted to speak for all answers, and what can be said when they cannot.

Who labels answers, and why, decides which ones get a label: users report what is wrong more often than what is right.
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
MIN_LABELS = 50  # and as many answers without a label: fewer cannot show how they differ
SKEW_P_VALUE = 0.01
MIN_AUDITED = 10  # so many answers in a row are not all labelled by users alone


@dataclass(frozen=True)
class Skew:
    """`p_value` of the hypothesis that chance decided which answers were labelled; `description` is what is labelled
    more often than the rest, as in "answers with low confidence"."""

    p_value: float
    n_labelled: int
    description: str


@dataclass(frozen=True)
class Audit:
    """Of `drawn` answers of the random sample `labelled` have a label, and those `waiting`, oldest first, have none.
    `accuracy` is that of the first of them, up to the first without a label; None for fewer than MIN_AUDITED."""

    drawn: int
    labelled: int
    accuracy: Proportion | None
    waiting: pd.DataFrame


def skew(answers: pd.DataFrame) -> Skew | None:
    """Whether the labelled answers look like all of them: a chi-square test of independence of being labelled and
    predicted label by tenth of confidence. None with fewer than MIN_LABELS answers on either side."""
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
    """The accuracy of the labelled answers, each weighted so that they look like all answers in predicted label and
    tenth of confidence (Holt and Smith 1979); tenths without labels are taken together with their neighbours. None
    without labels.

    It is no cure: among answers that look alike, the wrong ones may still be labelled more often. Where 30 % of the
    wrong and 3 % of the right answers get a label, an accuracy of 93 % looks like 56 %, and weighted still like 72 %.
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
    """What the answers that were drawn by chance say: a table in order of time, with predicted_sentiment,
    true_sentiment and n, which is 1."""
    first = audited(drawn)
    accuracy_of_first = accuracy(first) if len(first) >= MIN_AUDITED else None
    return Audit(len(drawn), len(labelled(drawn)), accuracy_of_first, drawn[drawn["true_sentiment"].isna()])


def audited(drawn: pd.DataFrame) -> pd.DataFrame:
    """The audit sample up to the first answer that has no label.

    All labels of the sample together would be biased, since users label some of it, and not at random. Up to where an
    auditor came who labels the oldest first, whoever labelled the rest makes no difference. What users label
    right after that lengthens it a little: by less than one answer on average, if they label less than half of all.
    """
    return drawn[drawn["true_sentiment"].notna().cummin()]


def _counted(places: Ints, counts: Ints, n: int = 0) -> Ints:
    """How many answers are at each place."""
    return np.bincount(places, weights=counts, minlength=n).astype(np.int64)


def _parts(answers: pd.DataFrame, parts: int) -> Ints:
    """Which of `parts` parts of all confidences each is in, from 0; ties stay together, and NaN is part `parts`."""
    confidence = answers["confidence"].to_numpy()
    known = ~np.isnan(confidence)
    edges = quantiles(confidence[known], answers["n"].to_numpy()[known], np.arange(1, parts) / parts)
    return np.where(known, np.searchsorted(edges, confidence, side="right"), parts)


def _places(answers: pd.DataFrame) -> Ints:
    """Each answer's cell, of predicted label and tenth of confidence, by its place in an order in which neighbours are
    alike: confidence rises within one label, falls within the next, and so on."""
    tenths = _parts(answers, 10)
    labels, _ = pd.factorize(answers["predicted_sentiment"].astype("str"), sort=True)
    last = tenths.max()
    order = labels * (last + 1) + np.where(labels % 2, last - tenths, tenths)
    return np.unique(order, return_inverse=True)[1]


def _merged(places: Ints, counts: Ints, least: float) -> Ints:
    """For each of `places` its cell, when neighbours are merged until each cell holds `least` of `counts` (places,)."""
    starts = groups_of(counts, (least - 1e-6) / int(counts.sum()))
    return np.searchsorted(starts, places, side="right") - 1


def _clauses(answers: pd.DataFrame) -> Iterator[tuple[str, Mask]]:
    """Groups of answers that a person can think of, and which answers are in each."""
    thirds = _parts(answers, 3)
    of_confidence = {f"with {name} confidence": thirds == part for part, name in enumerate(("low", "medium", "high"))}
    of_confidence["without confidence"] = thirds == 3
    for with_confidence, members in of_confidence.items():
        yield f"answers {with_confidence}", members
    for label in sorted(answers["predicted_sentiment"].unique()):
        of_label = (answers["predicted_sentiment"] == label).to_numpy()
        yield f"answers {label}", of_label
        for with_confidence, members in of_confidence.items():
            yield f"answers {label} {with_confidence}", of_label & members


def _excess(members: Mask, has_label: Mask, counts: Ints) -> float:
    """By how many standard deviations more of `members` have a label than if chance had decided (hypergeometric)."""
    n, drawn, size, both = (int(counts[of].sum()) for of in (slice(None), has_label, members, members & has_label))
    variance = drawn * size / n * (n - size) / n * (n - drawn) / (n - 1)
    return float(both - drawn * size / n) / variance**0.5 if variance else 0.0

"""Words that have become more or less frequent than in the reference: what is new in the texts, for people to read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import hypergeom, norm

from monitoring.log.format import Prediction
from monitoring.stats.drift import MIN_TEXTS, Floats
from monitoring.stats.reference import Words

MAX_TEXTS = 2_000
MIN_SIGHTINGS = 5  # current texts with the word
COMMON_SHARE = 0.75  # of reference texts; a more frequent word says nothing about the subject
MAX_P_VALUE = 0.01
MAX_WORDS, MAX_EXAMPLES = 10, 5
LETTER = re.compile(r"[^\W\d_]")
Sightings = Mapping[str, list[int]]  # the indices of the texts with each word


@dataclass(frozen=True)
class MovedWord:
    """A word whose share of texts differs by more than text length explains. `log_odds_ratio` is positive for a larger
    share; `p_value` is corrected for the number of tested words (Holm 1979).

    `reference_share` is an upper bound for a word too rare to be listed in the reference. `mean_confidence` is for
    predictions on texts with the word, `mean_confidence_without` for the others; None without confidences. `examples`
    are requests with the word, latest first.
    """

    word: str
    current_share: float
    reference_share: float
    log_odds_ratio: float
    p_value: float
    mean_confidence: float | None
    mean_confidence_without: float | None
    examples: tuple[Prediction, ...]


@dataclass(frozen=True)
class Table:
    """The number of texts with each of W words, (W,): of `n` current and `reference_n` reference texts. `listed` words
    have a count in the reference; for the others the count is an upper bound."""

    current: Floats
    reference: Floats
    listed: npt.NDArray[np.bool_]
    n: int
    reference_n: int


def moved_words(requests: Sequence[Prediction], words: Words) -> list[MovedWord]:
    """The words that show best what is new, at most MAX_WORDS: those with the largest change in odds, by the end of the
    95 % interval nearer to no change. Each distinct text counts once; of more than MAX_TEXTS, which must be in order of
    time, the latest count. Empty for fewer than MIN_TEXTS."""
    there = (request for request in requests if not request.is_left_out)
    texts = list({request.request_text: request for request in there}.values())[-MAX_TEXTS:]
    if len(texts) < MIN_TEXTS or not words.texts:
        return []
    sightings = _sightings((request.request_text for request in texts), words.pattern)
    names = _tested(sightings, words)
    table = _table(names, sightings, words, len(texts))
    as_long = replace(table, reference=_of_texts_as_long(table))
    changes, errors = _log_odds_ratios(as_long)
    p_values = holm(_p_values(as_long))
    least = np.abs(changes) - float(norm.ppf(0.975)) * errors
    best = sorted(np.flatnonzero(p_values < MAX_P_VALUE), key=lambda place: -float(least[place]))[:MAX_WORDS]
    figures = np.column_stack([table.reference / table.reference_n, changes, p_values])
    return [_moved(names[place], texts, sightings[names[place]], *figures[place].tolist()) for place in best]


def holm(p_values: Floats) -> Floats:
    """p-values (W,), corrected so that the probability of any false one below a threshold is at most that threshold."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    return np.minimum(corrected, 1.0)


def _sightings(texts: Iterable[str], pattern: re.Pattern[str]) -> Sightings:
    found = defaultdict(list)
    for place, text in enumerate(texts):
        for word in set(pattern.findall(text.lower())):
            found[word].append(place)
    return found


def _tested(sightings: Sightings, words: Words) -> list[str]:
    """All listed words are tested, found or not: selecting the found ones would bias the test."""
    seen = (word for word, places in sightings.items() if len(places) >= MIN_SIGHTINGS)
    return [word for word in sorted({*seen, *words.texts}) if LETTER.search(word)]


def _table(names: list[str], sightings: Sightings, words: Words, n: int) -> Table:
    least = min(words.texts.values())
    return Table(
        current=np.array([len(sightings.get(word, ())) for word in names], dtype=np.float64),
        reference=np.array([words.texts.get(word, least) for word in names], dtype=np.float64),
        listed=np.array([word in words.texts for word in names], dtype=np.bool_),
        n=n,
        reference_n=words.n,
    )


def _log_odds_ratios(table: Table) -> tuple[Floats, Floats]:
    """Of current against reference texts, with standard errors, (W,) each. Half a text is added to each cell (Haldane
    1956)."""
    cells = [table.current, table.n - table.current, table.reference, table.reference_n - table.reference]
    with_word, without, reference_with, reference_without = (cell + 0.5 for cell in cells)
    ratios = np.log(with_word / without) - np.log(reference_with / reference_without)
    return ratios, np.sqrt(1 / with_word + 1 / without + 1 / reference_with + 1 / reference_without)


def _of_texts_as_long(table: Table) -> Floats:
    """The number of reference texts with each word, (W,), if they were as long as the current texts.

    Longer texts raise the odds of all words, most of all of frequent ones; a new subject raises the odds of some. So
    the odds are shifted by the median log-odds ratio of words of similar frequency. The groups are larger for rarer
    words.
    """
    odds = logit((table.reference + 0.5) / (table.reference_n + 1))
    frequent = np.flatnonzero(table.listed & (table.reference / table.reference_n * table.n >= MIN_SIGHTINGS))
    if not len(frequent):
        return table.reference
    falling = frequent[np.argsort(-odds[frequent], kind="stable")]
    groups = np.split(falling, [2**k for k in range(4, 12) if 1.5 * 2**k <= len(falling)])[::-1]
    changes, _ = _log_odds_ratios(table)
    medians = [np.median(values[group]) for values in (odds, changes) for group in groups]
    moved = odds + np.interp(odds, medians[: len(groups)], medians[len(groups) :])
    return np.asarray(np.rint(expit(moved) * table.reference_n), dtype=np.float64)


def _p_values(table: Table) -> Floats:
    """Of Fisher's exact test, two-sided: twice the observed tail. 1 for words that are too rare or too common, and for
    unlisted words that are rarer than the upper bound."""
    tells = (table.current >= MIN_SIGHTINGS) & (table.reference < COMMON_SHARE * table.reference_n)
    is_more = table.current * table.reference_n > table.reference * table.n
    found = np.ones(len(tells))
    for side, tail, inside in ((is_more, hypergeom.sf, 1), (~is_more & table.listed, hypergeom.cdf, 0)):
        current, reference = table.current[tells & side], table.reference[tells & side]
        found[tells & side] = 2 * tail(current - inside, table.n + table.reference_n, current + reference, table.n)
    return np.minimum(found, 1.0)


def _moved(
    word: str, texts: Sequence[Prediction], places: list[int], reference_share: float, change: float, p_value: float
) -> MovedWord:
    confidence = np.array([request.confidence for request in texts])
    is_in = np.zeros(len(texts), dtype=np.bool_)
    is_in[places] = True
    return MovedWord(
        word,
        current_share=len(places) / len(texts),
        reference_share=reference_share,
        log_odds_ratio=change,
        p_value=p_value,
        mean_confidence=_mean(confidence[is_in]),
        mean_confidence_without=_mean(confidence[~is_in]),
        examples=tuple(texts[place] for place in places[::-1][:MAX_EXAMPLES]),
    )


def _mean(confidence: Floats) -> float | None:
    known = confidence[~np.isnan(confidence)]
    return float(known.mean()) if len(known) else None

"""Streams of requests without labels, stable or drifting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.evidence.rules import first_alarm, signals_of
from benchmarks.evidence.scenarios import Alarms, Detection, Figures, Measurement
from benchmarks.evidence.streams import (
    Chance,
    autocorrelated_lengths,
    chance_of,
    confidences,
    known_shares,
    lengths,
    predictions,
    sampled_reference,
)
from benchmarks.evidence.windows import (
    KS_P_VALUE,
    LARGE_SAMPLE,
    SMALL_SAMPLE,
    WINDOW,
    Windows,
    evidently_flags,
    first_flag,
    has_evidently,
    ks_flags,
    whole_windows,
)
from monitoring.analysis.notes import MAX_P_VALUE
from monitoring.stats.drift import label_drift, length_drift
from monitoring.stats.reference import Reference

REQUESTS, GOOD_REQUESTS, REQUESTS_AFTER = 200_000, 2_000, 4_000
WATCHED_BY_OTHERS = 10_000  # requests of an undrifted stream: enough for 50 windows
STREAMS_OF_OTHERS = 50
LENGTH_SHIFTS, SHARE_AFTER, OTHER_SHIFT = (0.10, 0.25, 0.50, 1.0), 0.60, 0.50
CORRELATIONS = (0.3, 0.6)
REPEATS, REPEATS_WINDOW = (2, 5, 10), 500
WINDOW_SIZES, WINDOWS_EACH = (50, 100, 200, 500, 1000), 20
SHARE_WINDOW_SIZES = (500, 2_000)
UNDRIFTED = f"nothing moves, {REQUESTS:,} requests"
UNDRIFTED_SHORT = f"nothing moves, {WATCHED_BY_OTHERS:,} requests, length"
SHARE_NAME = f"a predicted label moves from 0.50 to {SHARE_AFTER:.2f}"
CONFIDENCE_NAME = f"confidence falls by {OTHER_SHIFT:.2f} sd of its log-odds"
VOCABULARY_NAME = f"known words become fewer by {OTHER_SHIFT:.2f} sd"
ELSEWHERE_SHARE = 0.05  # of the traffic, in reviews of telephones and hotels as scripts/demo/texts.py writes them
ELSEWHERE_KNOWN = (0.415, 0.034)  # mean and standard deviation of the share of their tokens that the model knows
ELSEWHERE = f"{ELSEWHERE_SHARE:.0%} of the traffic is of another domain"
WINDOWS, REPEATED = "windows of undrifted requests", "windows in which texts repeat"
SHARE_WINDOWS = f"windows with a predicted label at {SHARE_AFTER:.2f} instead of 0.50"
LENGTH, VOCABULARY, CONFIDENCE, PREDICTION = "length", "vocabulary", "confidence", "prediction"
OURS, ANY = "ours", "ours: any of them"
OURS_WINDOW, OURS_LABELS = f"ours, length, p < {MAX_P_VALUE}", f"ours, predicted label, p < {MAX_P_VALUE}"
KS = f"KS test, p < {KS_P_VALUE}"
EVIDENTLY_SMALL = f"Evidently, {SMALL_SAMPLE:,} reference texts"
EVIDENTLY_LARGE = f"Evidently, {LARGE_SAMPLE:,} reference texts"
Draw = Callable[[int, Chance, bool], npt.NDArray[Any]]  # n observations, moved or not


def drawn_lengths(shift: float, n: int, chance: Chance, moved: bool) -> npt.NDArray[Any]:
    return lengths(n, chance, shift if moved else 0.0)


def drawn_known_shares(n: int, chance: Chance, moved: bool) -> npt.NDArray[Any]:
    return known_shares(n, chance, -OTHER_SHIFT if moved else 0.0)


def drawn_confidences(n: int, chance: Chance, moved: bool) -> npt.NDArray[Any]:
    return confidences(n, chance, -OTHER_SHIFT if moved else 0.0)


def drawn_predictions(n: int, chance: Chance, moved: bool) -> npt.NDArray[Any]:
    return predictions(n, chance, SHARE_AFTER if moved else None)


def correlated_name(correlation: float) -> str:
    return f"lengths of neighbours correlate by {correlation}, {REQUESTS:,} requests"


def drawn_domains(n: int, chance: Chance, moved: bool) -> npt.NDArray[Any]:
    """Vocabulary coverage, with some texts of another domain."""
    values = known_shares(n, chance)
    elsewhere = chance.random(n) < (ELSEWHERE_SHARE if moved else 0.0)
    values[elsewhere] = np.clip(chance.normal(*ELSEWHERE_KNOWN, int(elsewhere.sum())), 0, 1)
    return values


def length_name(shift: float) -> str:
    return f"length moves by {shift:.2f} sd"


def scenarios() -> list[Detection]:
    draw = partial(drawn_lengths, 0.0)
    moved: list[tuple[str, str, Draw]] = [
        *((length_name(shift), LENGTH, partial(drawn_lengths, shift)) for shift in LENGTH_SHIFTS),
        (SHARE_NAME, PREDICTION, drawn_predictions),
        (CONFIDENCE_NAME, CONFIDENCE, drawn_confidences),
        (VOCABULARY_NAME, VOCABULARY, drawn_known_shares),
        (ELSEWHERE, VOCABULARY, drawn_domains),
    ]
    return [
        Detection(UNDRIFTED, undrifted, REQUESTS),
        Detection(UNDRIFTED_SHORT, partial(unmoved, LENGTH, draw), WATCHED_BY_OTHERS),
        *(
            Detection(name, partial(move, name, signal, draw), GOOD_REQUESTS + REQUESTS_AFTER, GOOD_REQUESTS)
            for name, signal, draw in moved
        ),
        *(Detection(correlated_name(c), partial(correlated, c), REQUESTS) for c in CORRELATIONS),
    ]


def undrifted(stream: int) -> Alarms:
    """All signals of requests on stable traffic."""
    chance = chance_of(UNDRIFTED, stream)
    signals = signals_of(sampled_reference(chance))
    draws: dict[str, Draw] = {
        LENGTH: partial(drawn_lengths, 0.0),
        VOCABULARY: drawn_known_shares,
        CONFIDENCE: drawn_confidences,
        PREDICTION: drawn_predictions,
    }
    values = {name: draw(REQUESTS, chance, False) for name, draw in draws.items()}
    alarms = {f"ours: {name}": first_alarm(signals[name], of_signal) for name, of_signal in values.items()}
    raised = [alarm for alarm in alarms.values() if alarm is not None]
    return {ANY: min(raised, default=None), **alarms}


def unmoved(signal: str, draw: Draw, stream: int) -> Alarms:
    chance = chance_of(UNDRIFTED_SHORT, stream)
    return alarms_of(signal, draw, draw(WATCHED_BY_OTHERS, chance, False), chance, stream)


def move(name: str, signal: str, draw: Draw, stream: int) -> Alarms:
    chance = chance_of(name, stream)
    values = np.concatenate([draw(GOOD_REQUESTS, chance, False), draw(REQUESTS_AFTER, chance, True)])
    return alarms_of(signal, draw, values, chance, stream)


def correlated(correlation: float, stream: int) -> Alarms:
    chance = chance_of(correlated_name(correlation), stream)
    values = autocorrelated_lengths(REQUESTS, correlation, chance)
    return {OURS: first_alarm(signals_of(sampled_reference(chance))[LENGTH], values)}


def alarms_of(signal: str, draw: Draw, values: npt.NDArray[Any], chance: Chance, stream: int) -> Alarms:
    """First alarms of all methods; other libraries get consecutive windows."""
    found = {OURS: first_alarm(signals_of(sampled_reference(chance))[signal], values)}
    if stream >= STREAMS_OF_OTHERS:
        return found
    flags = flags_of_others(draw, whole_windows(values), chance)
    return found | {f"{method}, windows of {WINDOW}": first_flag(of_method) for method, of_method in flags.items()}


def flags_of_others(draw: Draw, windows: Windows, chance: Chance) -> dict[str, list[bool]]:
    """The windows that other libraries call drifted, each library with a reference sample of its own."""
    small, large = draw(SMALL_SAMPLE, chance, False), draw(LARGE_SAMPLE, chance, False)
    flags = {} if large.dtype.kind == "U" else {KS: ks_flags(large, windows)}
    if has_evidently():
        flags[EVIDENTLY_SMALL] = evidently_flags(small, windows)
        flags[EVIDENTLY_LARGE] = evidently_flags(large, windows)
    return flags


def flagged_by_others(size: int, draw: Draw, windows: Windows, chance: Chance) -> Figures:
    """The share of windows of this size that other libraries call drifted."""
    flags = flags_of_others(draw, windows, chance)
    return {f"{method}, n = {size}": float(np.mean(of_method)) for method, of_method in flags.items()}


def measurements() -> list[Measurement]:
    return [
        Measurement(WINDOWS, flagged_windows),
        Measurement(SHARE_WINDOWS, flagged_share_windows),
        Measurement(REPEATED, flagged_repeats),
    ]


def flagged_windows(stream: int) -> Figures:
    """The share of stable windows that are called drifted, by size."""
    chance = chance_of(WINDOWS, stream)
    reference = sampled_reference(chance)
    draw = partial(drawn_lengths, 0.0)
    figures: Figures = {}
    for size in WINDOW_SIZES:
        windows = whole_windows(draw(size * WINDOWS_EACH, chance, False), size)
        figures[f"{OURS_WINDOW}, n = {size}"] = float(np.mean([length_flag(window, reference) for window in windows]))
        labels = whole_windows(drawn_predictions(size * WINDOWS_EACH, chance, False), size)
        figures[f"{OURS_LABELS}, n = {size}"] = float(np.mean([label_flag(window, reference) for window in labels]))
        if stream < STREAMS_OF_OTHERS:
            figures |= flagged_by_others(size, draw, windows, chance)
    return figures


def flagged_share_windows(stream: int) -> Figures:
    """The same for windows where one predicted label is more frequent."""
    chance = chance_of(SHARE_WINDOWS, stream)
    reference = sampled_reference(chance)
    figures = {}
    for size in SHARE_WINDOW_SIZES:
        windows = whole_windows(drawn_predictions(size * WINDOWS_EACH, chance, True), size)
        figures[f"{OURS_LABELS}, n = {size}"] = float(np.mean([label_flag(window, reference) for window in windows]))
        if stream < STREAMS_OF_OTHERS:
            figures |= flagged_by_others(size, drawn_predictions, windows, chance)
    return figures


def flagged_repeats(stream: int) -> Figures:
    """The share of stable windows called drifted when each text was sent several times."""
    chance = chance_of(REPEATED, stream)
    reference, sample = sampled_reference(chance), lengths(LARGE_SAMPLE, chance)
    figures = {}
    for times in REPEATS:
        texts = [lengths(REPEATS_WINDOW // times, chance) for _ in range(WINDOWS_EACH)]
        repeated = [chance.permutation(np.repeat(np.arange(len(words)), times)) for words in texts]
        sent = [words[order] for words, order in zip(texts, repeated, strict=True)]
        tables = [repeats_table(words, order) for words, order in zip(sent, repeated, strict=True)]
        flags = [length_drift(table, reference).p_value < MAX_P_VALUE for table in tables]
        figures[f"{OURS_WINDOW}, each text {times} times"] = float(np.mean(flags))
        figures[f"{KS}, each text {times} times"] = float(np.mean(ks_flags(sample, sent)))
    return figures


def repeats_table(words: npt.NDArray[Any], texts: npt.NDArray[Any]) -> pd.DataFrame:
    return pd.DataFrame({"words": words, "distinct": ~pd.Series(texts).duplicated()})


def length_flag(words: npt.NDArray[Any], reference: Reference) -> bool:
    """Ours: a window differs from the reference significantly and noticeably."""
    return length_drift(pd.DataFrame({"words": words, "distinct": 1}), reference).p_value < MAX_P_VALUE


def label_flag(labels: npt.NDArray[Any], reference: Reference) -> bool:
    return label_drift(pd.DataFrame({"predicted_sentiment": labels, "distinct": 1}), reference).p_value < MAX_P_VALUE

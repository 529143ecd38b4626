"""Counts requests by what the statistics use. The tables stay small whatever the number of requests.

Tallies are additive, so a growing log needs only its new requests counted. Confidence and known share are counted in
steps of 1 / SHARE_STEPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.store.columns import NEVER, Columns

SHARE_STEPS = 50_000  # numbers with four decimals are exact multiples
COARSE_STEPS = 500  # for confidence over time
ALWAYS = NEVER + 1
SECOND = 1_000_000
STEPS = [SECOND * n for n in (1, 10, 60, 300, 1_800, 7_200, 43_200, 172_800, 864_000, 5_184_000, 31_104_000)]
MOST_STEPS = 120  # in plots over time
Array = npt.NDArray[Any]


class Cells(NamedTuple):
    """Distinct combinations of keys, each key (m,), and their amounts (m, c)."""

    keys: tuple[Array, ...]
    amounts: Array


class Tally(NamedTuple):
    """Counts of requests and of distinct texts among them. `answers` by version, predicted and true label, and
    confidence; `lengths` by version, predicted label and words; `known` by version, predicted label and known share;
    `steps` by time in steps of `step` microseconds, version, predicted and true label, and confidence, with the words
    of the distinct texts. `spans` has the first and last time by version and predicted label; it never shrinks."""

    step: int
    answers: Cells
    lengths: Cells
    known: Cells
    steps: Cells
    spans: Cells


def tally(columns: Columns, step: int, since: int = ALWAYS) -> Tally:
    """Count requests, none of them before `since`. A text that was seen since then is not distinct."""
    version, predicted, true = columns.version, columns.predicted, columns.true
    fresh = columns.previous < since
    both = np.column_stack([np.ones(len(fresh), dtype=np.int64), fresh])
    with_words = np.column_stack([both, np.where(fresh, columns.words, 0)])
    coarse = share_steps(columns.confidence, COARSE_STEPS)
    return Tally(
        step,
        grouped((version, predicted, true, share_steps(columns.confidence)), both),
        grouped((version, predicted, columns.words), both),
        grouped((version, predicted, share_steps(columns.known_share)), both),
        grouped((columns.time // step, version, predicted, true, coarse), with_words),
        _spans((version, predicted), columns.time, columns.time),
    )


def step_for(span: int, most: int = MOST_STEPS) -> int:
    """The shortest of STEPS that divides a span into at most `most` steps; all in microseconds. Each step is a multiple
    of the shorter ones."""
    return next((step for step in STEPS if span <= most * step), STEPS[-1])


def total(tallies: Sequence[Tally], signs: Sequence[int] | None = None) -> Tally:
    """The sum of tallies with equal steps. A tally with sign -1 is subtracted and must be part of the others."""
    keys, times = _joined([of.spans for of in tallies])
    return Tally(
        tallies[0].step,
        _sum([of.answers for of in tallies], signs),
        _sum([of.lengths for of in tallies], signs),
        _sum([of.known for of in tallies], signs),
        _sum([of.steps for of in tallies], signs),
        _spans(keys, times[:, 0], times[:, 1]),
    )


def grouped(keys: tuple[Array, ...], amounts: Array) -> Cells:
    """The sums of integer `amounts` (n, c) over equal keys, each (n,). Combinations with only zeros are left out."""
    code, sizes, least = _code(keys)
    if sizes is None or np.prod(sizes, dtype=object) > max(65_536, 8 * len(code)):
        _, first, place = np.unique(code, axis=0, return_index=True, return_inverse=True)
        return _used(lambda used: tuple(key[first[used]] for key in keys), place, amounts)
    return _used(lambda used: _keys(used, sizes, least, keys), code, amounts)


def _code(keys: tuple[Array, ...]) -> tuple[Array, list[int] | None, list[int]]:
    """One integer for each combination, (n,); if these would overflow, all keys side by side, (n, k)."""
    if not len(keys[0]):
        return np.empty(0, dtype=np.int64), [1] * len(keys), [0] * len(keys)
    least = [int(key.min()) for key in keys]
    sizes = [int(key.max()) - low + 1 for key, low in zip(keys, least, strict=True)]
    if np.prod(sizes, dtype=object) > np.iinfo(np.int64).max:
        return np.column_stack([key.astype(np.int64) for key in keys]), None, least
    code = np.zeros(len(keys[0]), dtype=np.int64)
    for key, size, low in zip(keys, sizes, least, strict=True):
        code *= size
        code += key
        code -= low
    return code, sizes, least


def _keys(codes: Array, sizes: list[int], least: list[int], like: tuple[Array, ...]) -> tuple[Array, ...]:
    parts, rest = [], codes
    for size, low, key in reversed(list(zip(sizes, least, like, strict=True))):
        rest, part = np.divmod(rest, size)
        parts.append((part + low).astype(key.dtype))
    return tuple(reversed(parts))


def _used(keys: Any, place: Array, amounts: Array) -> Cells:
    sums = np.empty((0, amounts.shape[1]))
    if len(place):
        sums = np.column_stack([np.bincount(place, weights=amount) for amount in amounts.T])
    used = np.flatnonzero(sums.any(axis=1))
    return Cells(keys(used), np.rint(sums[used]).astype(np.int64))


def _sum(cells: Sequence[Cells], signs: Sequence[int] | None) -> Cells:
    keys, amounts = _joined(cells)
    if signs is not None:
        amounts = amounts * np.repeat(signs, [len(of.amounts) for of in cells])[:, None]
    return grouped(keys, amounts)


def _joined(cells: Sequence[Cells]) -> Cells:
    keys = zip(*(of.keys for of in cells), strict=True)
    return Cells(tuple(np.concatenate(parts) for parts in keys), np.concatenate([of.amounts for of in cells]))


def _spans(keys: tuple[Array, ...], first: Array, last: Array) -> Cells:
    found, where, place = np.unique(_code(keys)[0], axis=0, return_index=True, return_inverse=True)
    times = np.empty((len(found), 2), dtype=np.int64)
    times[:] = np.iinfo(np.int64).max, NEVER
    np.minimum.at(times[:, 0], place, first)
    np.maximum.at(times[:, 1], place, last)
    return Cells(tuple(key[where] for key in keys), times)


def share_steps(values: Array, number: int = SHARE_STEPS) -> Array:
    """Shares as integer multiples of 1 / `number`; `number` + 1 for NaN."""
    known = np.isnan(values)
    return np.where(known, number + 1, np.rint(np.where(known, 0, values) * number)).astype(np.uint16)

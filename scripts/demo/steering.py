"""Composes texts whose length, vocabulary coverage and predictions are distributed like the reference's.

The target of each text is drawn from the reference. The model reports beforehand what each sentence adds to its score,
and how many of its words it knows (POST /explain, which logs nothing). Sentences are exchanged until their sum meets
the target. A word counts only once in a text, even if several sentences contain it, so sums are too large; the
correction is learned from some whole texts.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

from scripts.demo.texts import BAD, GOOD, NEUTRAL, OPENING, VERDICT, Facts, Sentence, film_facts, in_order, unlike

Explain = Callable[[str], Mapping[str, Any]]  # a text to the answer of POST /explain
MEASURED_TOGETHER = 12  # sentences: alone, one would weigh more than it does in a text
LEARNT_FROM, SAMPLES = 60, 40  # texts
SWAPS, SAME_MOOD = 250, 0.8
WORDS_TOLERANCE, SHARE_TOLERANCE, SCORE_TOLERANCE = 0.04, 0.008, 0.3
NEAR = 0.1  # of what the tolerances allow, squared
STRAY = 0.08  # of a text's sentences: praise in a bad review, and blame in a good one
LARGEST_SCORE = 9.5  # a confidence of .99993; what is above differs in no bin of a profile
MOODS, MIDDLE = (GOOD, BAD, NEUTRAL), -1
STEPS = ((math.sqrt(5) - 1) / 2, math.sqrt(2), math.sqrt(3), math.sqrt(7))  # far from all simple fractions


class CannotSteer(Exception):
    """A clause that says why texts like the reference's cannot be composed."""


class Target(NamedTuple):
    """The target of a text: `score` is the log-odds of the model's second label, `share` its vocabulary coverage."""

    words: float
    share: float | None
    score: float


class Measured(NamedTuple):
    """The model's report on a text or, in parts of sums, on a sentence. `weight` is the sum of contributions before
    scaling by the text's number of terms, because a sentence contributes less to a longer text."""

    words: float
    tokens: float
    known: float
    terms: float
    weight: float


class Steered(NamedTuple):
    """A text with the model's score and vocabulary coverage."""

    text: str
    words: int
    share: float
    score: float


class Profile:
    """The distributions of monitoring/reference.json that traffic is compared with."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.version = str(content["model_version"])
        self._labels = sorted(content["predicted_counts"])
        self._predicted = content["predicted_counts"]
        self._length, self._confidence = content["length"], content["confidence"]
        self._known = content["vocabulary"]
        self._curve = content["calibration"]["isotonic"]

    def target(self, level: Sequence[float]) -> Target:
        """The target for four levels between 0 and 1: length, vocabulary coverage, confidence and label."""
        if len(self._labels) != 2:
            raise CannotSteer("the model has other than two labels")
        confidence = quantile(self._confidence, level[2])
        second = level[3] < self._predicted[self._labels[1]] / sum(self._predicted.values())
        return Target(
            self.length(level[0]),
            None if self._known is None else quantile(self._known, level[1]),
            min(log_odds(confidence), LARGEST_SCORE) * (1 if second else -1),
        )

    def length(self, level: float) -> float:
        """The word count that this share of the reference texts stays below."""
        return quantile(self._length, level)

    def accuracy(self, confidence: float) -> float:
        """The validated share of right predictions at this confidence."""
        knots, accuracy = self._curve["confidence"], self._curve["accuracy"]
        right = min(max(bisect_right(knots, confidence), 1), len(knots) - 1)
        low, high = knots[right - 1], knots[right]
        part = min(max((confidence - low) / (high - low), 0.0), 1.0) if high > low else 1.0
        return float(accuracy[right - 1] + part * (accuracy[right] - accuracy[right - 1]))

    def shifts(self, texts: Sequence[Steered]) -> dict[str, float]:
        """The difference of the texts' means from the reference's, in its standard deviations."""
        lengths = [math.log1p(text.words) for text in texts]
        confidences = [1 / (1 + math.exp(-abs(text.score))) for text in texts]
        shifts = {"length": _shift(lengths, self._length["log"]), "confidence": _shift(confidences, self._confidence)}
        if self._known is not None:
            shifts["known words"] = _shift([text.share for text in texts], self._known)
        return shifts


def quantile(histogram: Mapping[str, Any], level: float) -> float:
    """The value below which this share of a histogram lies; values are uniform within a bin."""
    sums = [0, *accumulate(histogram["counts"])]
    place = min(level, 1 - 1e-9) * sums[-1]
    found = bisect_right(sums, place) - 1
    low, high = histogram["edges"][found], histogram["edges"][found + 1]
    return float(low + (high - low) * (place - sums[found]) / (sums[found + 1] - sums[found]))


def levels(random: Random) -> Iterator[list[float]]:
    """Points of the four-dimensional unit cube, spread more evenly than random ones (Kronecker sequences,
    Niederreiter 1978), so that any part of the traffic resembles the whole."""
    point = [random.random() for _ in range(4)]
    while True:
        yield point
        point = [(value + step) % 1 for value, step in zip(point, STEPS, strict=True)]


def log_odds(probability: float) -> float:
    return math.log(probability / max(1 - probability, 1e-9))


class Composer:
    """Composes texts like the reference's from `sentences`; `samples` are the first, already measured. Raises
    CannotSteer."""

    def __init__(self, profile: Profile, sentences: Sequence[Sentence], explain: Explain, random: Random) -> None:
        self._explain, self._random = explain, random
        self._targets = map(profile.target, levels(random))
        self._intercept, self._ratio = 0.0, (1.0, 0.0)
        self._measured = dict(self._measure_all(sentences))
        self._pools = {
            (place, mood): [each for each in sentences if each.mood == mood and _place(each) == place]
            for place in (OPENING, MIDDLE, VERDICT)
            for mood in MOODS
        }
        self._weights = {mood: self._mean(self._pools[MIDDLE, mood]).weight for mood in MOODS}
        self._typical = self._mean([each for mood in MOODS for each in self._pools[MIDDLE, mood]])
        self._learn()
        self.samples = [self._ask(self.next()) for _ in range(SAMPLES)]

    def next(self) -> str:
        """A new text for the next target."""
        return in_order(self._chosen(next(self._targets)), film_facts(self._random), self._random)

    def _measure_all(self, sentences: Sequence[Sentence]) -> Iterator[tuple[Sentence, Measured]]:
        shuffled = self._random.sample(sentences, len(sentences))
        for start in range(0, len(shuffled), MEASURED_TOGETHER):
            together = shuffled[start : start + MEASURED_TOGETHER]
            yield from zip(together, self._measure(together, film_facts(self._random)), strict=True)

    def _measure(self, sentences: Sequence[Sentence], facts: Facts) -> list[Measured]:
        """The contribution of each sentence to a text of them all."""
        texts = [sentence.about(facts) for sentence in sentences]
        whole, ends = " ".join(texts), list(accumulate(len(text) + 1 for text in texts))
        answer = self._explain(whole)
        terms, tokens = {term["term"] for term in answer["terms"]}, answer["tokens"]
        if not tokens or not terms:
            raise CannotSteer("the model does not say what each word contributes")
        if abs(1 / (1 + math.exp(-abs(answer["score"]))) - answer["confidence"]) > 0.001:
            raise CannotSteer("the model's score does not give its confidence")
        self._intercept = answer["intercept"]
        parts: list[list[Mapping[str, Any]]] = [[] for _ in texts]
        for token in tokens:
            parts[bisect_right(ends, token["start"])].append(token)
        return [
            Measured(
                len(text.split()),
                len(part),
                sum(whole[token["start"] : token["end"]].lower() in terms for token in part),
                len(terms) * len(part) / len(tokens),
                sum(token["contribution"] for token in part) * math.sqrt(len(terms)),
            )
            for text, part in zip(texts, parts, strict=True)
        ]

    def _learn(self) -> None:
        """Fit the model's score as a function of the sum of sentences and the logarithm of length, by least squares."""
        xs, ys = [], []
        for _ in range(LEARNT_FROM):
            chosen = self._chosen(next(self._targets))
            total = self._sum(chosen)
            steered = self._ask(in_order(chosen, film_facts(self._random), self._random))
            own = self._score(total) - self._intercept
            xs.append((own, own * self._logarithm(total)))
            ys.append(steered.score - self._intercept)
        self._ratio = _least_squares(xs, ys)

    def _chosen(self, target: Target) -> list[Sentence]:
        return self._exchanged(self._beginning(target), target)

    def _beginning(self, target: Target) -> list[Sentence]:
        """Sentences of about the wanted length, with as much praise or blame as the score needs, otherwise neutral."""
        mood = max((GOOD, BAD), key=lambda mood: self._weights[mood] * target.score)
        other = BAD if mood == GOOD else GOOD
        chosen = [
            self._random.choice(self._pools[place, self._random.choice((mood, NEUTRAL))])
            for place in (OPENING, VERDICT)
        ]
        left = target.words - sum(self._measured[each].words for each in chosen)
        wanted = target.score * math.sqrt(self._typical.terms * target.words / self._typical.words)
        share = wanted / (self._weights[mood] * max(left, 1) / self._typical.words)
        shares = {mood: share + STRAY, other: STRAY, NEUTRAL: max(1 - share - 2 * STRAY, 0.0)}
        while left > self._typical.words / 2:
            drawn = self._random.choices([*shares], [*shares.values()])[0]
            chosen.append(unlike(chosen, self._pools[MIDDLE, drawn], self._random))
            left -= self._measured[chosen[-1]].words
        return chosen

    def _exchanged(self, chosen: list[Sentence], aim: Target) -> list[Sentence]:
        """Exchange sentences one by one while that brings the text closer to its target."""
        total = self._sum(chosen)
        cost = self._cost(total, aim)
        for _ in range(SWAPS):
            if cost < NEAR:
                break
            place = self._random.randrange(len(chosen))
            old, rest = chosen[place], chosen[:place] + chosen[place + 1 :]
            other_mood = _place(old) == MIDDLE and self._random.random() > SAME_MOOD
            mood = self._random.choice(MOODS) if other_mood else old.mood
            new = unlike(rest, self._pools[_place(old), mood], self._random)
            after = Measured(
                *(a - b + c for a, b, c in zip(total, self._measured[old], self._measured[new], strict=True))
            )
            if new not in rest and (lower := self._cost(after, aim)) < cost:
                chosen[place], total, cost = new, after, lower
        return chosen

    def _sum(self, chosen: Sequence[Sentence]) -> Measured:
        return Measured(*map(sum, zip(*(self._measured[each] for each in chosen), strict=True)))

    def _mean(self, chosen: Sequence[Sentence]) -> Measured:
        return Measured(*(part / len(chosen) for part in self._sum(chosen)))

    def _logarithm(self, total: Measured) -> float:
        return math.log(total.words / self._typical.words)

    def _score(self, total: Measured) -> float:
        ratio = self._ratio[0] + self._ratio[1] * self._logarithm(total)
        return self._intercept + ratio * total.weight / math.sqrt(total.terms)

    def _cost(self, total: Measured, aim: Target) -> float:
        share = 0.0 if aim.share is None else (total.known / total.tokens - aim.share) / SHARE_TOLERANCE
        score = (self._score(total) - aim.score) / SCORE_TOLERANCE
        words = (total.words / aim.words - 1) / WORDS_TOLERANCE
        return float(share * share + score * score + words * words)

    def _ask(self, text: str) -> Steered:
        answer = self._explain(text)
        terms, tokens = {term["term"] for term in answer["terms"]}, answer["tokens"]
        known = sum(text[token["start"] : token["end"]].lower() in terms for token in tokens)
        return Steered(text, len(text.split()), known / len(tokens), answer["score"])


def _place(sentence: Sentence) -> int:
    """Its possible place in a text."""
    return sentence.topic if sentence.topic in (OPENING, VERDICT) else MIDDLE


def _least_squares(xs: Sequence[tuple[float, float]], ys: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept of the line through these points, by least squares."""
    aa, ab, bb = sum(a * a for a, _ in xs), sum(a * b for a, b in xs), sum(b * b for _, b in xs)
    ay, by = sum(a * y for (a, _), y in zip(xs, ys, strict=True)), sum(b * y for (_, b), y in zip(xs, ys, strict=True))
    determinant = aa * bb - ab * ab
    if determinant <= 0:
        raise CannotSteer("all texts get the same answer")
    return (ay * bb - by * ab) / determinant, (by * aa - ay * ab) / determinant


def _shift(values: Sequence[float], moments: Mapping[str, Any]) -> float:
    return float((sum(values) / len(values) - moments["mean"]) / moments["sd"])

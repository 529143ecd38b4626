"""What the words of a text contributed to a prediction: parsed from the API's response, and prepared for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from monitoring.log.format import Prediction

Side = Literal["for", "against"]
STRONGEST_TERMS = 10


@dataclass(frozen=True)
class Term:
    term: str
    contribution: float


@dataclass(frozen=True)
class Token:
    """The word text[start:end]."""

    start: int
    end: int
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """A contribution is a part of the model's score, and a positive one speaks for `label`. `terms` have the strongest
    first. `tokens` are in the order of the text and do not overlap. `probabilities` are by label, the largest first;
    empty if the API does not give them."""

    predicted_sentiment: str
    model_version: str
    label: str
    terms: list[Term]
    tokens: list[Token]
    probabilities: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """A part of a text, or a term. Without a side it does not contribute. `strength` is 1 for the strongest piece."""

    text: str
    side: Side | None = None
    strength: float = 0
    figure: str = ""


def parse_explanation(answer: Mapping[str, Any], text: str) -> Explanation:
    """The API's response about `text`. Raises KeyError, TypeError, ValueError or OverflowError if it is invalid."""
    tokens = [
        Token(_whole(token["start"]), _whole(token["end"]), _finite(token["contribution"]))
        for token in answer["tokens"]
    ]
    end = 0
    for token in tokens:
        if not end <= token.start < token.end <= len(text):
            raise ValueError(f"no word of the text stands from {token.start} to {token.end}")
        end = token.end
    return Explanation(
        predicted_sentiment=_string(answer["predicted_sentiment"]),
        model_version=_string(answer["model_version"]),
        label=_string(answer["label"]),
        terms=[Term(_string(term["term"]), _finite(term["contribution"])) for term in answer["terms"]],
        tokens=tokens,
        probabilities=_probabilities(answer.get("probabilities") or {}),
    )


def sides(explanation: Explanation, labels: Iterable[str]) -> dict[Side, str]:
    """What positive and negative contributions speak for. `labels` are the labels of the model, as far as known."""
    others = {*labels, explanation.predicted_sentiment} - {explanation.label}
    against = f"for {others.pop()}" if len(others) == 1 else f"against {explanation.label}"
    return {"for": f"for {explanation.label}", "against": against}


def pieces(text: str, tokens: list[Token]) -> Iterator[Piece]:
    """The whole text, split at its tokens."""
    strongest, end = _strongest(tokens), 0
    for token in tokens:
        if token.start > end:
            yield Piece(text[end : token.start])
        yield _piece(text[token.start : token.end], token.contribution, strongest)
        end = token.end
    if end < len(text):
        yield Piece(text[end:])


def strongest_terms(terms: list[Term]) -> list[Piece]:
    strongest = _strongest(terms)
    return [_piece(term.term, term.contribution, strongest) for term in terms[:STRONGEST_TERMS]]


def difference(request: Prediction, explanation: Explanation) -> str | None:
    """A sentence if another model made the prediction than the one that explains it, else None."""
    version, answer = explanation.model_version, explanation.predicted_sentiment
    same_version = request.model_version in (None, version)
    if same_version and request.predicted_sentiment == answer:
        return None
    now = f", which predicts {answer}" if request.predicted_sentiment != answer else ""
    then = request.predicted_sentiment if same_version else f"that of version {request.model_version}"
    return f"Explained by version {version}{now}. The logged prediction is {then}."


def _strongest(parts: list[Token] | list[Term]) -> float:
    return max((abs(part.contribution) for part in parts), default=0)


def _piece(text: str, contribution: float, strongest: float) -> Piece:
    """A contribution that rounds to 0.00 has no side."""
    if f"{abs(contribution):.2f}" == "0.00":
        return Piece(text, figure="0.00")
    side: Side = "for" if contribution > 0 else "against"
    return Piece(text, side, round(abs(contribution) / strongest, 2), f"{contribution:+.2f}")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value


def _probabilities(given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise TypeError("probabilities by label were expected")
    by_label = {_string(label): _finite(probability) for label, probability in given.items()}
    return dict(sorted(by_label.items(), key=lambda item: -item[1]))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number was expected")
    return value


def _finite(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError("a finite number was expected")
    return float(value)

"""The offsets of a text's tokens, and the contribution of each to a score."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from api.schemas import Token


class Place(NamedTuple):
    token: str
    start: int
    end: int


def share_among_tokens(vectorizer: Any, text: str, contributions: Mapping[Any, float]) -> list[Token]:
    """The tokens of the text, in order. Each term's contribution is split evenly over its tokens.

    Empty if the vectoriser does not find tokens by a pattern, or if they cannot be located in the text.
    """
    if getattr(vectorizer, "analyzer", None) != "word" or vectorizer.tokenizer is not None:
        return []
    places = _places(vectorizer, text)
    ngrams = _ngrams(vectorizer, [place.token for place in places])
    terms = [" ".join(places[number].token for number in ngram) for ngram in ngrams]
    if terms != vectorizer.build_analyzer()(text):
        return []
    occurrences, shares = Counter(terms), [0.0] * len(places)
    for term, ngram in zip(terms, ngrams, strict=True):
        for number in ngram:
            shares[number] += contributions.get(term, 0.0) / (occurrences[term] * len(ngram))
    return _without_overlap(places, shares)


def _without_overlap(places: list[Place], shares: list[float]) -> list[Token]:
    """Merge tokens that share a character: preprocessing may make several characters of one."""
    tokens: list[Token] = []
    for (_, start, end), share in zip(places, shares, strict=True):
        if tokens and start < tokens[-1].end:
            start, share = tokens[-1].start, share + tokens.pop().contribution
        tokens.append(Token(start=start, end=end, contribution=share))
    return tokens


def _ngrams(vectorizer: Any, tokens: list[str]) -> list[list[int]]:
    """The token numbers of each n-gram, in scikit-learn's order, which drops stop words before it forms n-grams."""
    stop_words = vectorizer.get_stop_words() or frozenset()
    kept = [number for number, token in enumerate(tokens) if token not in stop_words]
    shortest, longest = vectorizer.ngram_range
    lengths = range(max(shortest, 1), min(longest, len(kept)) + 1)
    return [kept[first : first + length] for length in lengths for first in range(len(kept) - length + 1)]


def _places(vectorizer: Any, text: str) -> list[Place]:
    """The tokens with their offsets in the original text; empty if the offsets cannot be told."""
    preprocess = vectorizer.build_preprocessor()
    prepared = preprocess(text)
    sources = _sources(preprocess, text, prepared)
    places = []
    for match in re.finditer(vectorizer.token_pattern, prepared) if sources else ():
        group = match.re.groups  # 0, the whole match, or 1, the only group that scikit-learn allows
        first, stop = match.span(group if match[group] is not None else 0)
        if first == stop:
            return []
        # Up to the next character's source: an accent that was stripped belongs to the letter before it.
        end = max(sources[stop - 1] + 1, sources[stop])
        places.append(Place(match[group] or "", sources[first], end))
    return places


def _sources(preprocess: Callable[[str], str], text: str, prepared: str) -> list[int]:
    """For each prepared character the index of its source in the text; last, the text's length.

    Empty if preprocessing does not work character by character.
    """
    made = {character: preprocess(character) for character in set(text)}
    if _sigma("".join(made[character] for character in text)) != _sigma(prepared):
        return []
    return [index for index, character in enumerate(text) for _ in made[character]] + [len(text)]


def _sigma(text: str) -> str:
    """Lower-case sigma in one form: the only letter whose lower case depends on what follows it."""
    return text.replace("ς", "σ")

"""Synthetic film reviews, and reviews of telephones and hotels, from a small grammar (texts.toml).

A sentence is drawn by topic and mood. Its names (`{lead}` and the like) are filled in when it becomes part of a text,
which is about one film, one telephone or one hotel.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

TOPICS = ("opening", "plot", "acting", "craft", "feeling", "verdict")  # in the order of a review
OPENING, VERDICT = TOPICS.index("opening"), TOPICS.index("verdict")
GOOD, BAD, NEUTRAL = "good", "bad", "neutral"
EXCLAIMED, FRAMED = 0.08, 0.35  # of the sentences
DRAWS = 4
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Sentence:
    """`pattern` has open places for names and ends with a full stop or an exclamation mark; `form` is the grammar's
    form behind it."""

    topic: int
    mood: str
    form: str
    pattern: str

    def about(self, facts: Facts) -> str:
        return capitalized(self.pattern.format_map(facts))


with Path(__file__).with_name("texts.toml").open("rb") as file:
    VOCABULARY = tomllib.load(file)
FILMS, ELSEWHERE, FRAMES = VOCABULARY["films"], VOCABULARY["elsewhere"], VOCABULARY["frames"]


def film_facts(random: Random) -> Facts:
    """Names for one review: people, places and the film."""
    names = FILMS["names"]
    women, men = names["women"], names["men"]
    people, jobs = random.sample(names["surnames"], 3), random.sample(FILMS["words"]["a_job"], 2)
    return {
        "title": " ".join(map(random.choice, names["titles"])),
        "lead": f"{random.choice(women)} {people[0]}",
        "other": f"{random.choice(men)} {people[1]}",
        "director": f"{random.choice(women + men)} {people[2]}",
        "heroine": random.choice(women),
        "hero": random.choice(men),
        "her_job": jobs[0],
        "his_job": jobs[1],
        "town": random.choice(names["towns"]),
    }


def facts_elsewhere(random: Random) -> Facts:
    """The telephone and the hotel of one text."""
    names = ELSEWHERE["names"]
    return {
        "phone": " ".join(map(random.choice, names["phones"])),
        "hotel": " ".join(map(random.choice, names["hotels"])),
        "city": random.choice(names["cities"]),
    }


def film_sentences(random: Random, per_kind: int) -> list[Sentence]:
    """About `per_kind` different sentences of each topic and mood."""
    return list(_sentences(FILMS, random, per_kind))


def sentences_elsewhere(random: Random, per_kind: int) -> list[Sentence]:
    """The same about telephones and hotels."""
    return list(_sentences(ELSEWHERE, random, per_kind))


def in_order(sentences: Iterable[Sentence], facts: Facts, random: Random) -> str:
    """A text: topics in the order of a review, the sentences of each in random order."""
    shuffled = sorted(sentences, key=lambda sentence: (sentence.topic, random.random()))
    return " ".join(sentence.about(facts) for sentence in shuffled)


def of_length(sentences: Sequence[Sentence], words: float, facts: Facts, random: Random) -> str:
    """A text of about this many words: an opening, a verdict, and other sentences between them."""
    chosen = [random.choice([each for each in sentences if each.topic == topic]) for topic in (OPENING, VERDICT)]
    middle = [each for each in sentences if each.topic not in (OPENING, VERDICT)]
    left = words - sum(len(each.pattern.split()) for each in chosen)
    while left > 0 and len(chosen) < len(middle):
        new = unlike(chosen, middle, random)
        if new not in chosen:
            chosen.append(new)
            left -= len(new.pattern.split())
    return in_order(chosen, facts, random)


def unlike(chosen: Sequence[Sentence], among: Sequence[Sentence], random: Random) -> Sentence:
    """A sentence of a form that is not in the text yet, if one is found in a few draws."""
    forms = {each.form for each in chosen}
    drawn = [random.choice(among) for _ in range(DRAWS)]
    return next((each for each in drawn if each.form not in forms), drawn[0])


def capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentences(vocabulary: Mapping[str, Any], random: Random, per_kind: int) -> Iterator[Sentence]:
    kinds = [(topic, *kind) for topic, moods in vocabulary["sentences"].items() for kind in moods.items()]
    for topic, mood, forms in kinds:
        found = {}
        for number in range(per_kind):  # in turns, so that no form is left out
            form = forms[number % len(forms)]
            # A form with few words gives the same sentence again.
            found[_expanded(form, vocabulary["words"], random)] = form
        for pattern, form in found.items():
            framed = topic not in ("opening", "verdict") and random.random() < FRAMED
            end = "!" if random.random() < EXCLAIMED else "."
            text = f"{random.choice(FRAMES)} {pattern}{end}" if framed else pattern + end
            yield Sentence(TOPICS.index(topic), mood, form, text)


def _expanded(form: str, words: Mapping[str, Sequence[str]], random: Random) -> str:
    """Replace each <word> by an entry of its list that the sentence does not have yet."""
    used: set[str] = set()

    def fill(place: re.Match[str]) -> str:
        choices = [choice for choice in words[place[1]] if choice not in used]
        used.add(choice := random.choice(choices or words[place[1]]))
        return choice

    while "<" in form:
        form = re.sub(r"<(\w+)>", fill, form)
    return form

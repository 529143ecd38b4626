"""Texts to send: a sentence, a review, a batch, and the longest texts that the service accepts."""

from __future__ import annotations

import random
import string

LONGEST = 20_000
BATCH_ITEMS = 1000
SHORT = "The acting was superb, although the second half drags a little before the end."
REVIEW = (
    "I went to see this one on a rainy Tuesday because two colleagues would not stop talking about it, and for the "
    "first twenty minutes I wondered whether we had bought tickets for the same picture. A retired harbour pilot "
    "returns to the island where his brother drowned, quarrels with everybody he meets, and refuses to explain "
    "himself. Nothing much happens, and it happens slowly. Then a storm cuts the telephone line, the ferry stays "
    "away, and what looked like a gloomy family drama turns into something far stranger and a good deal funnier. The "
    "script never raises its voice. It trusts you to notice a letter left unopened on the kitchen table, or the way "
    "the daughter folds her coat when she is lying. Performances are wonderful throughout, above all by the old woman "
    "who runs the post office; she gets perhaps six scenes and steals every single one. I had my doubts about the "
    "music, which swells whenever we are supposed to weep, and one subplot involving a smuggled painting leads "
    "precisely nowhere. The final ten minutes should have been cut by half. Still, I left the cinema grinning, "
    "phoned my own brother on the way home, and have been recommending it ever since. Not flawless, certainly, but "
    "warm, clever, beautifully photographed and much braver than its poster suggests."
)


def long_words() -> str:
    """The longest text of ordinary words."""
    words = REVIEW.split()
    return " ".join(random.Random(1).choices(words, k=LONGEST))[: LONGEST - 1] + "."


def long_punctuation() -> str:
    """The longest text of punctuation marks, each of which may be a term."""
    return "".join(random.Random(2).choices(string.punctuation, k=LONGEST))


def batch() -> list[str]:
    """As many different texts as a batch may hold, each about as long as the short one."""
    words, chance = REVIEW.split(), random.Random(3)
    return [" ".join(chance.choices(words, k=14)) for _ in range(BATCH_ITEMS)]

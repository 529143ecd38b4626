"""Invented addresses and numbers in the forms that people give them, and what looks like them but is none."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from api.prediction_log.redaction import has_check_digit

WRITTEN = [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966]
KINDS = [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE]
NAMES = ["john", "Jane", "o'brien", "jürgen", "maria-jose", "x_y", "李雷", "a", "first.last", "news+tag", "50percent%"]
HOSTS = ["example.com", "mail.example.co.uk", "EXAMPLE.ORG", "müller.example", "a-b.museum", "例子.example", "x1.io"]
AROUND_AN_ADDRESS = ["{}", "<{}>", "({})", "mailto:{}", "{}.", "{},", '"{}"', "{}!", "e-mail:{}", "[{}]"]
AT = ["@"] * 8 + [" @ ", "(at)", " [at] ", " {at} ", "＠"]
# The first digits of networks' numbers, how many digits there are, and how these are grouped.
CARDS = [
    ("4", (4, 4, 4, 4)),
    ("51", (4, 4, 4, 4)),
    ("2221", (4, 4, 4, 4)),
    ("34", (4, 6, 5)),
    ("37", (4, 6, 5)),
    ("36", (4, 6, 4)),
    ("6011", (4, 4, 4, 4)),
    ("3528", (4, 4, 4, 4)),
    ("62", (4, 4, 4, 4, 3)),
    ("6304", (4, 4, 5)),
    ("4", (4, 3, 3, 3)),
    ("5018", (8, 8)),
]
BETWEEN_GROUPS = ["", "", " ", " ", "-", "-", ".", " - ", "\t", "\u00a0", "\u2013"]
REVIEW_NUMBERS = [
    "It came out in 1994, the sequels in 1999 and 2003.",
    "Set in 1914-1918 and 1939-45, filmed 1998 2001 2003 2004.",
    "A budget of $200,000,000, and it grossed $2,787,965,087.",
    "Er spielte 2.787.965.087 Euro ein, bei EUR 1.234.567,89 Kosten.",
    "10 000 000 viewers, 237 000 000 dollars, £1 234 567 890",
    "10/10, 8.5/10, 3 1/2 stars, 5,5 von 10, +10 points, 24/7, 9/11",
    "3.14159265358979 and 0.123456789 and 0.5 0.25 0.125",
    "2001-05-12, 12.05.2001 at 20:15, 12/05/2001 20:15:00, 12-25-2001",
    "2026-11-23T08:20:00.123456+00:00 or 2026-11-23 08:20:00",
    "from 192.168.100.100 and 10.0.0.1, version 10.15.7.1234",
    "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, tt0111161",
    "1920x1080, 1920 1080 60, 00:01:23,456, 1:23:45, 3x05",
    "1 2 3 4 5 6 7 8 9 10 11 12, 5-4-3-2-1, 6-4 6-3 7-5, 21-15 21-18 21-19",
    "$1234567890, #1234567890, 1609459200, 1609459200000, 20261123082000",
    "9.99 19.99 29.99, 90 min, 120 min, 30-40 people, 4000-5000 extras",
    "released 2010-2012 2014-2016, 20.12.2001 - 24.12.2001",
    "Blade Runner 2049 2017, 1984 (1984), 2001 1968, room 237 1980",
    "12345678, order 123456789, 1 234 567, ages 12 13 14 15 16",
    "at 20:00 1914-1918 was on, 00:15 and 1 + 1 = 2, 5 + 10 000, 00 7",
    "see me @ the cinema, 5 @ 3, @someone, a@b, me@home",
]


def addresses(chance: Random, n: int) -> list[tuple[str, str]]:
    """Addresses as they are written, with what of each may not be left."""
    made = []
    for number in range(n):
        local = f"{chance.choice(NAMES)}.q{number}"  # found nowhere else in a log
        written = f"{local}{chance.choice(AT)}{chance.choice(HOSTS)}"
        made.append((chance.choice(AROUND_AN_ADDRESS).format(written), local))
    return made


def cards(chance: Random, n: int) -> list[tuple[str, str]]:
    """Numbers as they are written, with the digits of each."""
    made = []
    for _ in range(n):
        start, groups = chance.choice(CARDS)
        body = start + "".join(chance.choices("0123456789", k=sum(groups) - len(start) - 1))
        digits = next(body + last for last in "0123456789" if has_check_digit(body + last))
        made.append((grouped(digits, groups, chance.choice(BETWEEN_GROUPS)), digits))
    return made


def grouped(digits: str, groups: Sequence[int], between: str) -> str:
    ends = [sum(groups[: place + 1]) for place in range(len(groups))]
    return between.join(digits[end - size : end] for size, end in zip(groups, ends, strict=True))


def phones(forms: Sequence[int]) -> list[tuple[str, str]]:
    """An example of each country's fixed and mobile numbers, as it is written in these forms, with its last digits."""
    examples = [
        number
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in KINDS
        if (number := phonenumbers.example_number_for_type(region, kind))
    ]
    return [(phonenumbers.format_number(of, form), str(of.national_number)) for form in forms for of in examples]

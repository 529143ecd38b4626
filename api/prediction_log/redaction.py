"""Redacts e-mail addresses, payment card numbers and telephone numbers, before a text is written.

It matches patterns only, because it runs in every request. Each pattern has bounded or possessive repeats, so the time
grows linearly with the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

EMAIL, CARD, PHONE = "[email]", "[card]", "[phone]"
Span = tuple[int, int]


def redacted(text: str) -> str:
    """The text with EMAIL, CARD and PHONE in place of each match."""
    plain = _plain(text)
    for find, name in ((_addresses, EMAIL), (_cards, CARD), (_phones, PHONE)):
        if spans := find(plain):
            text = _replaced(text, spans, name)
            plain = _plain(text)
    return text


def _replaced(text: str, spans: Iterable[Span], name: str) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], name]
        end = stop
    return "".join([*parts, text[end:]])


def _apart(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; a span that begins inside another is left out."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if not found or start >= found[-1][1]:
            found.append((start, end))
    return found


# Digits of any script and typographic dashes, blanks and signs are matched as their ASCII counterparts.


class _Plain(dict[int, str]):
    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = str(int(character)) if character.isdecimal() else character
        return self[code]


_PLAIN = _Plain()
for _of_typography, _of_ascii in (
    ("\u00ad\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"),
    ("\t\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", " "),
    ("\ufe6b\uff20", "@"),
    ("\uff0b", "+"),
    ("\uff0e", "."),
    ("\uff08", "("),
    ("\uff09", ")"),
):
    _PLAIN.update(dict.fromkeys(map(ord, _of_typography), _of_ascii))


def _plain(text: str) -> str:
    """The text with ASCII counterparts, of the same length."""
    return text if text.isascii() and "\t" not in text else text.translate(_PLAIN)


# Addresses: a local part, "@" or "(at)", and a host with a dot. The local part consists of the characters that RFC 5322
# allows in an atom; a match never starts inside another local part.

_ATOM = r"\w\u0300-\u036f.!#$%&'*+/=?^`{|}~-"
_LABEL = r"[\w\u0300-\u036f-]++"
_AT, _DOT = (rf"[\[({{]\s?{word}\s?[\])}}]" for word in ("at", "dot"))
_BRACKETED_AT = re.compile(_AT, re.I)
_ADDRESS = re.compile(
    rf"""(?:(?<![{_ATOM}])[{_ATOM}]++|"[^"@\n]{{1,64}}")\s?(?:@|{_AT})\s?{_LABEL}(?:(?:\.|\s?{_DOT}\s?){_LABEL})++""",
    re.I,
)


def _addresses(plain: str) -> list[Span]:
    if "@" not in plain and not _BRACKETED_AT.search(plain):
        return []
    return [match.span() for match in _ADDRESS.finditer(plain)]


# Cards: 13 to 19 digits, together or in groups of three or more, with the first digit of a card network and a valid
# check digit (ISO/IEC 7812).

_CARD = re.compile(r"(?<!\d)(?=([2-6]\d{2,18}(?!\d)(?:[ .-]{1,3}\d{3,16}(?!\d)){0,5}))")
_ENOUGH_FOR_A_CARD = re.compile(r"\d(?:[ .-]{0,3}\d){12}")
_DOUBLED = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))


def _cards(plain: str) -> list[Span]:
    if not _ENOUGH_FOR_A_CARD.search(plain):
        return []
    found = ((match.start(), _card_length(match[1])) for match in _CARD.finditer(plain))
    return _apart((start, start + length) for start, length in found if length)


def _card_length(groups: str) -> int:
    """The length of the longest prefix of the groups that is a card number, or 0."""
    digits, found = "", 0
    for group in re.finditer(r"\d+", groups):
        digits += group[0]
        if 13 <= len(digits) <= 19 and has_check_digit(digits):
            found = group.end()
    return found


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    backwards = digits.encode()[::-1]
    return (sum(backwards[::2].translate(_SINGLE)) + sum(backwards[1::2].translate(_DOUBLED))) % 10 == 0


# Telephone numbers, in forms that other numbers do not have: after +, 00 or 011; after a 0; in the groups of countries
# without such a prefix; or after a word such as "call". Dates, decimals, prices, IP addresses, lists of years and
# numbers grouped by thousands must not match. (libphonenumber knows more forms, but needs the country, which a text
# does not tell, and takes milliseconds for a review with years in it.)

_GAP = r"[ .()/-]"
_NO_DATE = r"(?!(?:1\d|20)\d\d[ ./-]|\d?\d[ ./-]\d?\d[ ./-](?:(?:19|20)\d\d|\d\d)(?![ ./-]?\d))"
_PREFIXED = [
    rf"(?<!\d)(?:\+[ ]?|(?<![\w.,:])(?:00|011)[ -]?)(?=\(?[1-9])(?:{_GAP}{{0,3}}\d){{7,15}}(?!\d)",
    rf"(?<![\w,:$€£])(?<!\d\.){_NO_DATE}\(?0(?=\)?[ /]?\(?[1-9])(?:{_GAP}{{0,3}}\d){{7,11}}(?!\w)(?![,:]\d)",
    r"(?<!\w)(?<!\d[.,])(?:1[ .-]?)?(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[ ./-]{1,3})[2-9]\d\d[ .-]{1,3}\d{4}(?!\d)",
]
_GROUPED = [
    r"[2-9]\d{9}|1[3-9]\d{9}|[78]9\d{9}",
    rf"{_NO_DATE}(?:[1-9]\d?[ -]?)?\(?\d{{2,3}}\)?[ -]\d{{3,5}}[ -]\d{{4}}",
    rf"{_NO_DATE}(?:[78][ -]?)?\(?\d{{3}}\)?[ -]\d{{2,3}}[ -]\d\d[ -]\d\d",
    rf"{_NO_DATE}\d\d[ ]\d{{3}}[ ]\d\d[ ]\d\d",
    r"\d{5}[ -]\d{5}|\(?\d{3}\)?[ -]\d{7}|[1-9]\d[ -]\d{6}|\(\d\d?\)[ ]?\d{4,5}[ -]?\d{4}",
    r"[2-9]\d\d[ -]\d{3}[ -](?!000)\d{3}|[2-9]\d(?:[ ]\d\d){3}",
    r"(?!20\d\d|\d\d00)[2-9]\d{3}[ -](?!\d\d00)\d{4}",
]
_ALONE = r"(?<![\w$€£¥#])(?<![$€£¥#][ ])(?<!\d[.,:/ -])(?:%s)(?!\w)(?![.,:/-]\d)(?![ ]\d)"
_PHONE = re.compile(rf"(?=[+(\d])(?:{'|'.join([*_PREFIXED, _ALONE % '|'.join(_GROUPED)])})")
_ANNOUNCED = re.compile(
    r"\b(?:tel|telephone|telefon|phone|mobile|mob|cell|call|ring|dial|fax|sms|whatsapp|handy)\b"
    rf"[^\d\n+(]{{0,12}}(\(?\d(?:{_GAP}{{0,3}}\d){{6,14}})(?!\d)",
    re.I,
)
_ENOUGH_FOR_A_PHONE = re.compile(rf"\d(?:{_GAP}{{0,3}}\d){{6}}")


def _phones(plain: str) -> list[Span]:
    if not _ENOUGH_FOR_A_PHONE.search(plain):
        return []
    spans = [match.span() for match in _PHONE.finditer(plain)]
    return _apart([*spans, *(match.span(1) for match in _ANNOUNCED.finditer(plain))])

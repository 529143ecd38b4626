import re
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from api.prediction_log.redaction import CARD, EMAIL, PHONE, has_check_digit, redacted
from tests.api.prediction_log.planted import REVIEW_NUMBERS, WRITTEN, addresses, cards, grouped, phones
from tests.conftest import ROOT

LONG = 200_000  # characters: ten times the longest text
words = st.text(st.characters(exclude_categories=["N", "S", "P", "M", "C"]), max_size=20)


def left(written: str) -> str:
    """What is left of it among the words of a text, without digits and signs of other kinds."""
    return redacted(f"please use {written} from now on").removeprefix("please use ").removesuffix(" from now on")


def digits(text: str) -> str:
    return "".join(str(int(character)) for character in text if character.isdecimal())


# What is found


@given(words, st.emails(), words)
def test_an_address_is_gone_whatever_it_is_and_wherever_it_stands(before, address, after):
    assert redacted(f"{before} {address} {after}") == f"{before} {EMAIL} {after}"


def test_addresses_are_found_as_people_write_them():
    assert [written for written, local in addresses(Random(1), 2_000) if local in left(written)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.io,c@d.org;e@f.net", "[email],[email];[email]"),
        ("mailto:a@b.io?subject=x", "mailto:[email]?subject=x"),
        ("a.b@c.io. Then", "[email]. Then"),
        ("jane (at) example (dot) com", "[email]"),
        ("(jane@example.com)", "([email])"),
        ('"jane doe"@example.com', "[email]"),
        ("no address: a@b, @c, d @ e, f@", "no address: a@b, @c, d @ e, f@"),
    ],
)
def test_what_surrounds_an_address_stays(text, expected):
    assert redacted(text) == expected


@given(st.integers(13, 19), st.sampled_from("23456"), st.data())
def test_a_card_is_gone_in_whatever_groups_it_is_written(length, first, data):
    body = first + "".join(data.draw(st.lists(st.sampled_from("0123456789"), min_size=length - 2, max_size=length - 2)))
    number = next(body + last for last in "0123456789" if has_check_digit(body + last))
    cuts = data.draw(st.lists(st.integers(3, 5), min_size=7, max_size=7))
    sizes = [size for place, size in enumerate(cuts) if sum(cuts[:place]) + size <= length - 3]
    written = grouped(number, [*sizes, length - sum(sizes)], data.draw(st.sampled_from(["", " ", "-", ".", " - "])))

    assert digits(left(written)) == ""


def test_cards_are_found_as_people_write_them():
    assert [written for written, _ in cards(Random(2), 2_000) if CARD not in left(written)] == []


def test_numbers_that_are_no_cards_stay():
    assert redacted("4111 1111 1111 1112, 9111 1111 1111 1111") == "4111 1111 1111 1112, 9111 1111 1111 1111"


def test_what_follows_a_card_does_not_hide_it():
    assert redacted("4111 1111 1111 1111 12/28 or 4111-1111-1111-1111 123") == f"{CARD} 12/28 or {CARD} 123"


def test_numbers_of_every_country_are_found_in_international_form():
    assert [written for written, _ in phones(WRITTEN) if digits(left(written))] == []


def test_most_national_forms_are_found_too():
    written = [number for number, _ in phones([PhoneNumberFormat.NATIONAL])]

    found = sum(digits(left(number)) == "" for number in written) / len(written)
    announced = sum(digits(left(f"tel. {number}")) == "" for number in written) / len(written)

    assert found > 0.7
    assert announced > 0.9


@pytest.mark.parametrize(
    "number",
    [
        "(415) 555-2671", "415-555-2671",  "415.555.2671", "4155552671", "1-800-555-0199", "030/901820", "030 901820",
        "0171-1234567", "(030) 901820", "+49 (0)30 901820", "0049 30 901820", "020 7946 0958", "07911 123456",
        "+ 49 30 901820", "00 44 20 7946 0958", "415-555-2671x12",
        "06 12 34 56 78", "06.12.34.56.78", "98765 43210", "131 2345 6789", "13123456789", "(11) 96123-4567",
        "8 (912) 345-67-89", "612 34 56 78", "2123 4567", "512-345-678",
        "+٤٩ ٣٠ ٩٠١٨٢٠", "\uff0b49\u00a030\u2011901820",
    ],
)  # fmt: skip
def test_numbers_are_found_as_people_of_some_countries_write_them(number):
    assert left(number).removesuffix("x12") == PHONE


def test_a_short_number_is_found_where_a_word_announces_it():
    assert redacted("Call me: 555-1234, or fax 12 34 56 7") == f"Call me: {PHONE}, or fax {PHONE}"
    assert redacted("in 2004 415-555-2671, and 030 901820 0171 1234567") == f"in 2004 {PHONE}, and {PHONE} {PHONE}"


# What is left alone


@given(st.text(st.characters(exclude_categories=["Nd"], exclude_characters="@＠﹫")))
def test_a_text_without_at_signs_and_digits_is_the_same(text):
    assert EMAIL in redacted(text) or redacted(text) == text


@pytest.mark.parametrize("text", REVIEW_NUMBERS)
def test_the_numbers_of_reviews_stay(text):
    assert redacted(text) == text


@given(st.lists(st.integers(0, 999_999).map(str), max_size=30))
def test_numbers_in_a_list_with_commas_stay(numbers):
    text = ", ".join(numbers)

    assert redacted(text) == text


def test_nothing_of_the_test_items_is_replaced():
    text = (ROOT / "test.json").read_text()

    assert redacted(text) == text


# What it takes


@pytest.mark.parametrize(
    "piece",
    [
        "a@", "a.", "a.a@", "a@a.", "@", "(at)", "a (at) ", "[ at ]", '"', '"a', "a dot ", "é@", "1", "1 ", "1.", "1-",
        "44 ", "444 ", "4444 ", "0", "01 ", "+1 ", "+", "(", "1(", "0 (", "4 1 ", "٤١", "4111 1111 1111 1111 ", "tel ",
        "tel 1", "415-555-2671 ", "1234567 ", " ",
    ],
)  # fmt: skip
def test_time_grows_with_the_length_alone(piece):
    text = (piece * LONG)[:LONG]
    started = time.process_time()

    redacted(text)

    assert time.process_time() - started < 5  # a tenth of it; a square would take hours


@given(st.text(alphabet="a1@.+-( )0é4\u0661\u2011", max_size=300))
def test_whatever_is_in_a_text_it_can_be_redacted_and_only_digits_and_addresses_go(text):
    rest = re.sub(r"\[(?:email|card|phone)\]", "", redacted(text))

    assert set(rest) <= set(text)

"""Tokens: how they are written, whose they are, and what they are for."""

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.security.access import FORM, MIN_TOKEN_CHARS, SCOPES, Holder, Tokens, needed_for, parse_tokens
from api.settings import SettingsError

SHOP, DESK, BOSS = "shop-0123456789abcdef", "desk-0123456789abcdef", "boss-0123456789abcdef"
ALL = f"shop:predict:{SHOP}\ndesk:predict,feedback:{DESK}\n\n  boss:admin:{BOSS}\n"


@pytest.mark.parametrize("text", [ALL, " ".join(ALL.split()), "\t".join(ALL.split()), ALL.replace("\n", "\r\n")])
def test_entries_may_stand_on_lines_or_beside_each_other(text):
    tokens = parse_tokens(text, "API_TOKENS")

    found = [tokens.holder(token.encode()) for token in (SHOP, DESK, BOSS)]
    assert [(holder.name, set(holder.scopes)) for holder in found if holder] == [
        ("shop", {"predict"}),
        ("desk", {"predict", "feedback"}),
        ("boss", {"admin"}),
    ]


@pytest.mark.parametrize(
    "token",
    ["", SHOP[:-1], SHOP + " ", SHOP.upper(), "shop", f"shop:predict:{SHOP}", sha256(SHOP.encode()).hexdigest()],
)
def test_nothing_but_the_whole_token_is_accepted(token):
    assert parse_tokens(ALL, "API_TOKENS").holder(token.encode()) is None


def test_a_name_may_have_two_tokens_while_one_replaces_the_other():
    tokens = parse_tokens(f"shop:predict:{SHOP} shop:predict:{SHOP}-new", "API_TOKENS")

    found = [tokens.holder(token.encode()) for token in (SHOP, f"{SHOP}-new")]
    assert [holder and holder.name for holder in found] == ["shop", "shop"]


@pytest.mark.parametrize("sent", [SHOP, DESK, BOSS, "nobody's"])
def test_what_is_sent_is_compared_with_every_token_whichever_it_is_in_constant_time(sent):
    compared = []

    def compare(known: bytes, given: bytes) -> bool:
        compared.append((known, given))
        return hmac.compare_digest(known, given)

    digests = [sha256(token.encode()).digest() for token in (SHOP, DESK, BOSS)]
    Tokens([Holder("a", frozenset(), digest) for digest in digests], compare).holder(sent.encode())

    assert compared == [(digest, sha256(sent.encode()).digest()) for digest in digests]
    assert Tokens.__init__.__defaults__ == (hmac.compare_digest,)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ("predict", {"/predict", "/predict/batch", "/explain", "/model"}),
        ("feedback", {"/feedback", "/model"}),
        ("predict,feedback", {"/predict", "/predict/batch", "/explain", "/model", "/feedback"}),
        ("admin", {"/predict", "/predict/batch", "/explain", "/model", "/feedback", "/metrics", "/docs", "/any/other"}),
    ],
)
def test_a_scope_opens_its_routes_and_no_others(scopes, may):
    holder = parse_tokens(f"x:{scopes}:{SHOP}", "API_TOKENS").holder(SHOP.encode())
    paths = ["/predict", "/predict/batch", "/explain", "/feedback", "/model", "/metrics", "/docs", "/any/other"]

    assert holder is not None
    assert {path for path in paths if holder.may(needed_for(path))} == may


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "API_TOKENS holds no token; write each as"),
        (" \n ", "API_TOKENS holds no token; write each as"),
        (SHOP, "Entry 1 of API_TOKENS is not of the form"),
        (f"{SHOP}:predict:shop", "Entry 1 of API_TOKENS has a token of fewer than 16 characters"),
        (f"shop:{SHOP}:predict", "Entry 1 of API_TOKENS is not of the form"),
        (f"shop:predict:{SHOP}:x", "Entry 1 of API_TOKENS is not of the form"),
        (f"shop::{SHOP}", "Entry 1 of API_TOKENS is not of the form"),
        (f"shop:predict,:{SHOP}", "Entry 1 of API_TOKENS is not of the form"),
        (f"shop: predict:{SHOP}", "Entry 1 of API_TOKENS is not of the form"),
        (f"shop:predict:{SHOP}é", "Entry 1 of API_TOKENS is not of the form"),
        (f"{'s' * 33}:predict:{SHOP}", "Entry 1 of API_TOKENS is not of the form"),
        (f"shop:predict:{SHOP}\nshop:predict,all:{DESK}", "Entry 2 of API_TOKENS has a scope that does not exist"),
        (f"shop:predict:{SHOP[:15]}", "Entry 1 of API_TOKENS has a token of fewer than 16 characters"),
        (f"shop:predict:{SHOP}\ndesk:admin:{SHOP}", "Entry 2 of API_TOKENS has the token of an earlier one"),
    ],
)
def test_what_cannot_be_used_is_a_sentence_that_shows_no_token(text, sentence):
    with pytest.raises(SettingsError) as refused:
        parse_tokens(text, "API_TOKENS")

    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith(".")
    assert not any(part in str(refused.value) for part in (SHOP, SHOP[:15], DESK))


SECRETS = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters=":,"), min_size=8).map("§".__add__)
PLACES = st.sampled_from(
    ["{}", "{}:predict:{}", "shop:{}:{}", "shop:predict:{}", "shop:predict,{}:{}", "{}:{}", "a:{}"]
)


@given(st.lists(st.tuples(PLACES, SECRETS), min_size=1))
def test_no_refusal_shows_anything_of_what_was_written_wherever_it_stands(entries):
    with pytest.raises(SettingsError) as refused:
        parse_tokens("\n".join(place.format(secret, secret) for place, secret in entries), "API_TOKENS")

    assert "§" not in str(refused.value)


def test_neither_a_holder_nor_all_of_them_show_what_a_token_is_made_of():
    tokens = parse_tokens(ALL, "API_TOKENS")
    holder = tokens.holder(SHOP.encode())

    assert str(tokens) == "shop (predict), desk (feedback, predict), boss (admin)"
    assert repr(holder) == "Holder(name='shop', scopes=frozenset({'predict'}))"


def test_the_sentences_name_the_form_and_what_there_is():
    assert FORM == "name:scope[,scope]:token"
    assert (SCOPES, MIN_TOKEN_CHARS) == (("predict", "feedback", "admin"), 16)

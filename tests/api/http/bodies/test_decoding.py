"""msgspec decodes what pydantic does, and both name mistakes in the same words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.bodies.decoding import DESCRIBED_BYTES, MAX_MISTAKES, Decoder, all_mistakes
from api.input import InvalidInput
from api.schemas import BatchRequest, ExplainRequest, FeedbackRequest, PredictRequest, Request

PREDICT, BATCH = Decoder(PredictRequest), Decoder(BatchRequest)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("text"), inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.fixed_dictionaries(
    {}, optional={"text": st.text() | ANYTHING, "true_sentiment": st.text() | st.none() | ANYTHING, "x": ANYTHING}
)
BODIES = st.one_of(
    ANYTHING.map(json.dumps),
    ITEMS.map(json.dumps),
    st.fixed_dictionaries({"items": st.lists(ITEMS, max_size=3)}).map(json.dumps),
    st.text(),
)


def refused(decoder: Decoder[Any], body: bytes) -> str:
    with pytest.raises(InvalidInput) as mistake:
        decoder.decode(bytearray(body))
    return str(mistake.value)


def said(decoder: Decoder[Any], body: bytes) -> str | None:
    """What is said of a body that is refused."""
    try:
        decoder.decode(bytearray(body))
    except InvalidInput as mistake:
        return str(mistake)
    return None


def plain(decoded: Any) -> Any:
    """A decoded struct, or a list of them, as dicts."""
    if isinstance(decoded, list):
        return [plain(each) for each in decoded]
    fields = getattr(decoded, "__struct_fields__", None)
    return decoded if fields is None else {name: plain(getattr(decoded, name)) for name in fields}


@given(st.sampled_from([PredictRequest, BatchRequest, FeedbackRequest, ExplainRequest]), BODIES)
def test_what_is_decoded_is_what_pydantic_decodes_and_what_is_refused_is_said_to_be(model: type[Request], text: str):
    body = text.encode(errors="surrogatepass")
    decoder = Decoder(model)
    if mistake := said(decoder, body):
        assert mistake.endswith(".")
    else:
        assert all_mistakes(model, body) is None
        assert plain(decoder.decode(bytearray(body))) == model.model_validate_json(body).model_dump()


@given(ITEMS | ANYTHING, st.integers(DESCRIBED_BYTES, DESCRIBED_BYTES + 10))
def test_of_a_large_body_the_first_mistake_is_named_as_it_is_of_a_small_one(item: Any, blanks: int):
    body = json.dumps({"items": [item]}, allow_nan=False, default=str) if _is_finite(item) else "[]"
    small, large = (said(BATCH, body.encode() + b" " * padding) for padding in (0, blanks))

    assert (small is None) == (large is None)
    if large and small and "valid JSON" not in small and "out of range" not in large:
        assert large.removesuffix(".") in small


def _is_finite(item: Any) -> bool:
    try:
        json.dumps(item, allow_nan=False).encode()
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not valid JSON: Input data was truncated."),
        (b"7", "The body must be an object, not a number."),
        (b'{"items": {}}', "items must be a list, not an object."),
        (b'{"items": [{}]}', "items[0].text is missing."),
        (b'{"items": [{"text": null}]}', "items[0].text must be a string, not null."),
        (b'{"items": [{"text": "a", "true_sentiment": true}]}', "items[0].true_sentiment must be a string, not a boo"),
        (b'{"items": [{"a`b": 1}]}', "items[0].a`b is not a field of this request."),
        (b'{"items": [{"text": 1e999}]}', "items[0].text: Number out of range."),
        (b'{"items": [] x', "The body is not valid JSON: "),
        (b'{"' + b"x" * DESCRIBED_BYTES + b'": 1}', "x" * 60 + "… is not a field of this request."),
    ],
    ids=lambda value: str(value[:40]),
)
def test_the_first_mistake_of_a_large_body_is_a_sentence(body, sentence):
    assert refused(BATCH, b" " * (DESCRIBED_BYTES + 1) + body).startswith(sentence)


def test_of_a_field_that_is_there_twice_the_wrong_one_is_named():
    assert refused(PREDICT, b'{"text": 1, "text": "a"}') == "text must be a string, not a number."


@pytest.mark.parametrize("decoder", [PREDICT, BATCH])
def test_a_byte_order_mark_is_no_part_of_the_body(decoder):
    body = {"text": "é"} if decoder is PREDICT else {"items": [{"text": "é"}]}

    assert decoder.decode(bytearray(json.dumps(body).encode("utf-8-sig"))) == decoder.decode(
        bytearray(json.dumps(body).encode())
    )


def test_a_million_mistakes_are_counted_and_not_described_one_by_one():
    body = json.dumps({"text": "a"} | {str(number): 1 for number in range(MAX_MISTAKES + 1)}).encode()

    assert refused(PREDICT, body) == f"The body has {MAX_MISTAKES + 1} mistakes; /docs shows what it may be."

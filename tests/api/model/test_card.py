import json

import pytest

from api.model.card import read_card, temperature
from api.model.classifier import ModelUnavailable

CARD = {"model_version": "a", "sha256": "b", "versions": {"scikit-learn": "1.9.1"}}


def written(tmp_path, content: bytes):
    path = tmp_path / "model_card.json"
    path.write_bytes(content)
    return path


def refusal(path) -> str:
    """The sentence with which the card is refused."""
    with pytest.raises(ModelUnavailable) as refused:
        read_card(path, path.with_name("model.pkl"))
    return str(refused.value)


def test_a_card_is_read_with_all_it_says(tmp_path):
    card = CARD | {"limits": ["Grüße 🎬"], "name": None}

    assert read_card(written(tmp_path, json.dumps(card, ensure_ascii=False).encode()), tmp_path) == card


def test_a_card_may_begin_with_a_byte_order_mark_as_editors_write_it(tmp_path):
    assert read_card(written(tmp_path, b"\xef\xbb\xbf" + json.dumps(CARD).encode()), tmp_path) == CARD


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in CARD.items() if key != name}).encode()


def having(**changes) -> bytes:
    return json.dumps(CARD | changes).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EOF"),
        (b"\xff", "expected value"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"name": "\\ud800"}', "unexpected end of hex escape"),
        (b'{"name": NaN}', "expected value"),
        (b"[]", "it is [], not an object"),
        (without("model_version"), "model_version is missing"),
        (without("sha256"), "sha256 is missing"),
        (without("versions"), "versions.scikit-learn is missing"),
        (having(model_version=3), "model_version is 3, not a text"),
        (having(sha256=""), "sha256 is '', not a text"),
        (having(versions=[]), "versions.scikit-learn is missing"),
        (having(versions={"scikit-learn": 1.9}), "versions.scikit-learn is 1.9, not a text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_card_is_refused_with_the_reason_and_the_command_that_makes_one(tmp_path, content, reason):
    path = written(tmp_path, content)

    sentence = refusal(path)
    assert sentence.startswith(f"{path} is not a model card: {reason}")
    assert sentence.endswith(f"; `python -m training.card {tmp_path}/model.pkl --data CSV` makes a card.")


@pytest.mark.parametrize(
    "value", [b"0", b"-0.5", b"1e999", b"1" + b"0" * 400, b'"1"', b"null", b"true", b"[]"], ids=len
)
def test_a_temperature_that_scores_cannot_be_divided_by_is_refused(tmp_path, value):
    content = json.dumps(CARD)[:-1].encode() + b', "calibration": {"temperature": ' + value + b"}}"

    sentence = refusal(written(tmp_path, content))
    assert "is not a model card: calibration.temperature is " in sentence
    assert ", not a finite number above 0; " in sentence


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [
        ({"temperature": 2}, 2),
        ({"temperature": 0.82, "method": "x"}, 0.82),
        (None, 1),
        ("none", 1),
        ({}, 1),
        ({"method": "none"}, 1),
    ],
)
def test_the_temperature_is_1_unless_the_card_says_otherwise(tmp_path, calibration, expected):
    assert temperature(read_card(written(tmp_path, having(calibration=calibration)), tmp_path)) == expected
    assert temperature(CARD) == 1

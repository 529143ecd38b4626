"""Decodes JSON bodies with msgspec, which stops at the first mistake. pydantic describes the mistakes of small bodies.

pydantic decodes the whole body to find every mistake. For megabytes that would block the event loop for seconds, so
errors of a large body name only the first mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from api.input import InvalidInput, echo

DESCRIBED_BYTES = 128 * 1024
MAX_MISTAKES = 2000  # two for each item of a batch; describing a million would take too long
MOST_NAMED = 3
LONGEST_MISTAKE = 500
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
KINDS = {"string_type": "a string", "list_type": "a list"}
PYTHON_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
JSON_NAMES = {"object": "an object", "array": "a list", "str": "a string", "bool": "a boolean", "null": "null"}
# msgspec's messages about values of the wrong type; they end with a path such as `$.items[0].text`.
MISTAKE = re.compile(
    r"(?:Object missing required field `(?P<missing>.+?)`|Object contains unknown field `(?P<unknown>.*?)`"
    r"|Expected `(?P<expected>\w+)[ |\w]*`, got `(?P<got>\w+)`|(?P<other>.+?))(?: - at `\$\.?(?P<place>[^`]*)`)?",
    re.DOTALL,
)
Item = TypeVar("Item", bound=BaseModel)


class Decoder(Generic[Item]):
    """Decodes JSON into structs with the fields of `model`: strings, and lists of such models."""

    def __init__(self, model: type[Item]) -> None:
        self._model = model
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_struct(model))

    def decode(self, body: bytearray | memoryview) -> Item:
        """The item in a body, which may begin with a byte order mark. Raises InvalidInput."""
        if bytes(body[: len(BYTE_ORDER_MARK)]) == BYTE_ORDER_MARK:
            body = body[len(BYTE_ORDER_MARK) :]
        try:
            return self._decoder.decode(body)  # type: ignore[no-any-return]  # a struct that stands in for the model
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            described = all_mistakes(self._model, bytes(body)) if len(body) <= DESCRIBED_BYTES else None
            raise InvalidInput(described or first_mistake(error)) from error


def _struct(model: type[BaseModel]) -> type[msgspec.Struct]:
    """A struct with the fields of the model; unknown fields are an error."""
    fields = [
        (name, _type(field.annotation), *([] if field.is_required() else [field.default]))
        for name, field in model.model_fields.items()
    ]
    return msgspec.defstruct(model.__name__, fields, forbid_unknown_fields=True, gc=False)  # JSON has no cycles


def _type(annotation: Any) -> Any:
    if get_origin(annotation) is list:
        return list[_type(get_args(annotation)[0])]  # type: ignore[misc]  # a type that is made here
    return _struct(annotation) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else annotation


def all_mistakes(model: type[BaseModel], body: bytes) -> str | None:
    """A sentence that names up to MOST_NAMED mistakes, or says why the body is not JSON.

    None if pydantic finds no mistake: of two fields with the same name it checks only the last.
    """
    if not body:
        return "The body is missing."
    try:
        model.model_validate(from_json(body, allow_inf_nan=False))
    except ValidationError as error:  # a ValueError too
        if (mistakes := error.error_count()) > MAX_MISTAKES:
            return f"The body has {mistakes} mistakes; /docs shows what it may be."
        return sentence(error.errors())
    except ValueError as error:
        return f"The body is not valid JSON: {error}."
    return None


def sentence(mistakes: Iterable[Any]) -> str:
    """One sentence for pydantic's errors."""
    said = dict.fromkeys(map(_clause, mistakes))
    return "; ".join(list(said)[:MOST_NAMED]) + "."


def _clause(mistake: Any) -> str:
    """A clause for one of pydantic's errors, with its path in the body."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake["loc"])
    field, kind = _field(place[1:]), mistake["type"]
    if kind == "missing":
        return f"{field} is missing"
    if kind == "extra_forbidden":
        return f"{field} is not a field of this request"
    if kind.endswith("_type"):
        found = PYTHON_NAMES.get(type(mistake["input"]), "a number")
        return f"{field} must be {KINDS.get(kind, 'an object')}, not {found}"
    return f"{field}: {mistake['msg']}"


def first_mistake(error: Exception) -> str:
    """msgspec's error as a sentence in the same words."""
    said = str(error).removeprefix("JSON is malformed: ")
    if len(said) > LONGEST_MISTAKE:  # it quotes an unknown field's name, which may be as long as the body
        said = said[:LONGEST_MISTAKE] + "`"
    mistake = MISTAKE.fullmatch(said)
    if not mistake or not isinstance(error, msgspec.ValidationError):
        return f"The body is not valid JSON: {said}."
    names = mistake["place"] or None, mistake["missing"], mistake["unknown"]
    field = _field(".".join(name for name in names if name is not None))
    if mistake["missing"]:
        return f"{field} is missing."
    if mistake["expected"]:
        found = JSON_NAMES.get(mistake["got"], "a number")
        return f"{field} must be {JSON_NAMES[mistake['expected']]}, not {found}."
    return f"{field}: {mistake['other']}." if mistake["other"] else f"{field} is not a field of this request."


def _field(place: str) -> str:
    return echo(place)[1:-1] or "The body"

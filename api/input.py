"""Checks of the input before the model is asked. Refusals quote what the client sent."""

from __future__ import annotations

from uuid import UUID

from api.model.classifier import Model
from api.schemas import MAX_BATCH_ITEMS

MAX_ECHO_CHARS = 60


class InvalidInput(Exception):
    """The request is well-formed, but a value is not allowed; the text names the field and the limit."""


def check_text(text: str, limit: int, place: str) -> None:
    """Raises InvalidInput for a blank or long text; `place` is the prefix of the message: "" or "items[3]."."""
    if not text.strip():
        raise InvalidInput(f"{place}text is blank; send at least one visible character.")
    if len(text) > limit:
        raise InvalidInput(f"{place}text has {len(text)} characters; send at most {limit}.")


def check_batch(entries: int) -> None:
    """Raises InvalidInput for an empty or too large batch."""
    if not 1 <= entries <= MAX_BATCH_ITEMS:
        limit = "at least 1" if entries < 1 else f"at most {MAX_BATCH_ITEMS}"
        raise InvalidInput(f"items has {entries} entries; send {limit}.")


def known_id(prediction_id: str) -> str:
    """The id in the form that /predict returns. Raises InvalidInput."""
    try:
        return str(UUID(prediction_id))
    except ValueError:
        raise InvalidInput(
            f"prediction_id is {echo(prediction_id)}; send the prediction_id that /predict gave."
        ) from None


def known_label(model: Model, name: str, place: str) -> str:
    """The label as the model spells it. Raises InvalidInput."""
    label = model.label_named(name)
    if label is None:
        raise InvalidInput(f"{place}true_sentiment is {echo(name)}; send one of {', '.join(model.labels)}.")
    return label


def echo(value: object) -> str:
    """A value from the client, quoted and cut to MAX_ECHO_CHARS."""
    text = str(value)
    return repr(text if len(text) <= MAX_ECHO_CHARS else text[:MAX_ECHO_CHARS] + "…")

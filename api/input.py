"""What is checked before the model is asked, and how refusals quote what was sent."""

from __future__ import annotations

from uuid import UUID

from api.model.classifier import Model
from api.schemas import MAX_BATCH_ITEMS

MAX_ECHO_CHARS = 60


class InvalidInput(Exception):
    """The request is well-formed but cannot be answered; the text names the field and the limit."""


def check_text(text: str, limit: int, place: str) -> None:
    """Raises InvalidInput; `place` is the item's prefix in the message ("" or "items[3].")."""
    if not text.strip():
        raise InvalidInput(f"{place}text is blank; send at least one visible character.")
    if len(text) > limit:
        raise InvalidInput(f"{place}text has {len(text)} characters; send at most {limit}.")


def check_batch(entries: int) -> None:
    """Raises InvalidInput unless a batch may have so many items."""
    if not 1 <= entries <= MAX_BATCH_ITEMS:
        limit = "at least 1" if entries < 1 else f"at most {MAX_BATCH_ITEMS}"
        raise InvalidInput(f"items has {entries} entries; send {limit}.")


def known_id(prediction_id: str) -> str:
    """The id as /predict writes it. Raises InvalidInput."""
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
    """What the client sent, quoted and short enough to send back."""
    text = str(value)
    return repr(text if len(text) <= MAX_ECHO_CHARS else text[:MAX_ECHO_CHARS] + "…")

"""Log levels and filters for stdout: no texts in tracebacks (LOG_TEXT), no control characters."""

from __future__ import annotations

import logging
import traceback
from typing import cast

from api.settings import Settings

MAY_LOG_EXCEPTIONS = ("uvicorn.api", "uvicorn.error", "asyncio", "concurrent.futures")


class WithoutMessages(logging.Filter):
    """Replaces an exception by its type and stack, because its message may quote a text."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and (error := record.exc_info[1]):
            record.msg, record.args = record.getMessage().partition("\n")[0], ()  # asyncio's next line quotes it too
            record.exc_info, record.exc_text = None, _stacks(error)
        return True


_without_messages = WithoutMessages()


def set_up_logging(settings: Settings) -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(settings.log_level.upper())
    for name in MAY_LOG_EXCEPTIONS:
        change = logging.Logger.removeFilter if settings.log_text == "full" else logging.Logger.addFilter
        change(logging.getLogger(name), _without_messages)
    logging.getLogger("uvicorn.access").addFilter(_printable)


def _stacks(error: BaseException | None) -> str:
    """The stack and type of the exception and of each cause, without their messages."""
    found: dict[int, str] = {}
    while error and id(error) not in found:
        found[id(error)] = "".join([*traceback.format_tb(error.__traceback__), type(error).__qualname__])
        error = error.__cause__ or error.__context__
    return "\n".join(["Traceback without messages, which may quote a text (LOG_TEXT):", *found.values()])


def _printable(record: logging.LogRecord) -> bool:
    """Escape control characters: uvicorn logs X-Forwarded-For as the client's address."""
    parts = cast(tuple[object, ...], record.args)
    record.args = tuple(part if str(part).isprintable() else ascii(part)[1:-1] for part in parts)
    return True

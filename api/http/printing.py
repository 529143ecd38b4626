"""Filters for the lines that the service prints: no texts, no control characters."""

from __future__ import annotations

import logging

from api.prediction_log.personal_data import _where


class WithoutMessages(logging.Filter):
    """Leaves of an exception that is logged where it was and of which kind: its message may quote a text."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and (error := record.exc_info[1]):
            record.msg, record.args = record.getMessage().partition("\n")[0], ()  # asyncio's next line quotes it too
            record.exc_info, record.exc_text = None, _where(error)
        return True

"""What the service must know of any log, whatever stores it."""

from __future__ import annotations


class LogUnavailable(Exception):
    """The log cannot be written; the text is the reason."""

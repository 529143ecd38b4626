"""What the service knows of a log, wherever it is stored."""

from __future__ import annotations


class LogUnavailable(Exception):
    """The log cannot be written; the text is the reason."""

"""Tokens in a file that may change while the service runs, such as a mounted secret."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from api.http.security.access import Tokens, parse_tokens
from api.settings import SettingsError

LOOK_SECONDS = 1.0

logger = logging.getLogger("uvicorn.api")


class TokenFile:
    """Reloads the file when it changes. While the new content is not valid, the previous tokens stay.

    Raises SettingsError if the first content is not valid.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._looked, self._state = clock(), _state(path)
        self._tokens = _read(path)

    def tokens(self) -> Tokens:
        """The tokens, at most a second old."""
        if self._clock() >= self._looked + LOOK_SECONDS:
            self._look()
        return self._tokens

    def _look(self) -> None:
        self._looked, state = self._clock(), _state(self._path)
        if state == self._state:
            return
        self._state = state  # also if the file is not valid, so that the error is logged once
        try:
            self._tokens = _read(self._path)
        except SettingsError as error:
            logger.error("%s Until it is fixed, the previous tokens stay valid.", error)
        else:
            logger.info("%s has changed; accepted tokens: %s", self._path, self._tokens)


def _read(path: Path) -> Tokens:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"API_TOKENS_FILE {path} cannot be read: {error.strerror}; name a file that this service may read."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"API_TOKENS_FILE {path} is not UTF-8; write it as text.") from error
    return parse_tokens(text, f"API_TOKENS_FILE {path}")


def _state(path: Path) -> tuple[int, int, int] | None:
    """Changes when the content of the file changes; None if there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns

"""One JSON document that survives crashes, in a folder owned by one process."""

from __future__ import annotations

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from monitoring.log.locks import AT_ONCE, EXCLUSIVE, lock

FORMAT, VERSION = "sentiment-monitor watch", 1


class Refused(Exception):
    """The reason why the file cannot be used, as a clause."""


class Taken(Exception):
    """Another process owns the folder."""


class StateFile:
    """`watch.json` in a folder. `write` replaces it atomically; when it returns, the new content is durable."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "watch.json"
        self._lock: int | None = None

    def own(self) -> None:
        """Own the folder until this process ends. Raises Taken, or OSError if the folder is not writable."""
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "watch.lock"
        owned = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not lock(owned, EXCLUSIVE | AT_ONCE, path):
                raise Taken
        except (OSError, Taken):
            os.close(owned)
            raise
        self._lock = owned

    def read(self) -> dict[str, Any] | None:
        """The document that was written last, or None. Raises Refused or OSError."""
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise Refused("it is damaged: it is not JSON") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise Refused("it is not a state of the alerting service")
        if content.get("version") != VERSION:
            raise Refused(f"it has version {content.get('version')!r:.20}; this program needs version {VERSION}")
        document = content.get("state")
        if not isinstance(document, dict) or content.get("sha256") != _digest(document):
            raise Refused("it is damaged: its SHA-256 does not match")
        return document

    def write(self, document: dict[str, Any]) -> None:
        """Replace the file. If it raises OSError, the previous file is unchanged."""
        content = {"format": FORMAT, "version": VERSION, "sha256": _digest(document), "state": document}
        self.directory.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(json.dumps(content).encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        _sync_folder(self.directory)

    def move_aside(self) -> Path:
        """Rename the file, so that it is kept but not read again. Raises OSError."""
        aside = self.path.with_name(f"{self.path.name}.refused-{time.time_ns()}")
        self.path.replace(aside)
        _sync_folder(self.directory)
        return aside


def _digest(document: dict[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _sync_folder(directory: Path) -> None:
    """A rename is durable only after its folder is synced."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

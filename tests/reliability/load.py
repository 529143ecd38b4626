"""Clients that ask without pause, and know what they were told."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from api.prediction_log.files.verification import Verification, verify

PAUSE_SECONDS = 0.02  # after a request that was not answered


@dataclass
class Load:
    """What clients were told: when each answer came, in seconds since 1970, and its id; and the statuses of refusals (0
    for no answer)."""

    port: int
    acknowledged: list[tuple[float, str]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        return [name for _, name in list(self.acknowledged)]

    def checked(self, directory: Path) -> Verification:
        """What `verify` says about the log, which must hold every acknowledged id."""
        return verify(directory, self.ids)

    def ask(self, number: int) -> None:
        """Ask until it is enough, on a connection that is made anew when it breaks."""
        connection, sent = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20), 0
        while not self._stop.is_set():
            sent += 1
            status, name = _predict(connection, f"client {number} asks {sent}: an amazing film")
            if status == 200:
                self.acknowledged.append((time.time(), name))
            else:
                self.refused.append(status)
                connection.close()
                self._stop.wait(PAUSE_SECONDS)
        connection.close()

    def stop(self) -> None:
        self._stop.set()


def _predict(connection: http.client.HTTPConnection, text: str) -> tuple[int, str]:
    """Status and prediction id; status 0 when there was no whole answer."""
    try:
        connection.request("POST", "/predict", json.dumps({"text": text}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body)["prediction_id"] if answer.status == 200 else ""
    except (OSError, http.client.HTTPException, ValueError):
        return 0, ""


@contextmanager
def under_load(url: str, clients: int = 8) -> Iterator[Load]:
    """Clients that ask until the block ends, and then wait for the answers that they are owed."""
    load = Load(int(url.rsplit(":", 1)[1]))
    threads = [threading.Thread(target=load.ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop()
        for thread in threads:
            thread.join()


def found(check: Verification, acknowledged: Sequence[str]) -> str:
    """In a phrase, for the document."""
    return (
        f"{len(check.missing)} of {len(acknowledged):,} acknowledged answers lost, "
        f"{check.unreadable + check.unfinished} torn lines, {check.repeated} ids twice"
    )

"""Polls the API in a thread of its own, so that the page never waits for an API that is down or slow."""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

from monitoring.alarms.alert import Alert
from monitoring.page.api.client import ApiClient, ApiRefused, ApiUnavailable

IDLE_SECONDS = 60.0  # polling stops when no browser has looked for this time
CARD_SECONDS = 10.0
START = "Check that it runs: docker compose ps, or kubectl get pods. Its log says why it is not ready."
TOKEN = "Set API_TOKEN of the dashboard to a token of the API with the scopes predict and feedback."


class ApiState(NamedTuple):
    """`problem` is a sentence, empty if the API is ready, and None if that is not known yet. `card` is the last model
    card. `refused`: the problem is the token."""

    problem: str | None = None
    card: dict[str, Any] | None = None
    refused: bool = False

    @property
    def labels(self) -> list[str]:
        """The labels of the card, without duplicates."""
        labels = self.card.get("labels") if self.card else None
        return list(dict.fromkeys(map(str, labels))) if isinstance(labels, list) else []


def api_alert(state: ApiState) -> Alert | None:
    if not state.problem:
        return None
    detail = f"{state.problem} This page reads the log and is not affected."
    title, action = ("The API refuses this dashboard", TOKEN) if state.refused else ("The API is not ready", START)
    return Alert("alert", title, detail, "api", action=action)


class ApiWatch:
    """Polls every `seconds` while a browser looks. Safe to share between threads."""

    def __init__(self, client: ApiClient, seconds: float, idle: float = IDLE_SECONDS) -> None:
        self._client, self._seconds, self._idle = client, seconds, idle
        self._state, self._looked, self._card_at = ApiState(), 0.0, 0.0
        self._lock, self._thread = threading.Lock(), threading.Thread()
        self._asked, self._closed = threading.Event(), threading.Event()

    def close(self) -> None:
        """Stop polling. Sessions that still have this watch see the last state."""
        self._closed.set()

    def state(self, wait: float = 0.0) -> ApiState:
        """The last state. Waits up to `wait` seconds for the first one."""
        with self._lock:
            self._looked = time.monotonic()
            if not (self._thread.is_alive() or self._closed.is_set()):
                self._asked.clear()  # the last state may be old
                self._thread = threading.Thread(target=self._watch, name="api-watch", daemon=True)
                self._thread.start()
        self._asked.wait(wait)
        return self._state

    def _watch(self) -> None:
        while True:
            self._ask()
            self._asked.set()
            if self._closed.wait(self._seconds) or time.monotonic() >= self._looked + self._idle:
                return

    def _ask(self) -> None:
        try:
            self._client.ready()
            if self._state.card is None or time.monotonic() > self._card_at + CARD_SECONDS:
                self._state = ApiState("", self._client.model_card())
                self._card_at = time.monotonic()
            else:
                self._state = self._state._replace(problem="", refused=False)
        except ApiUnavailable as error:
            self._state = self._state._replace(problem=str(error), refused=isinstance(error, ApiRefused))

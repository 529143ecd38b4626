"""Delivers events: one thread per channel, in order, with retries until the receiver acknowledges each."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx2

from monitoring.network.http_client import http_client, proxy_for, reason
from monitoring.watch.changes import Event, iso
from monitoring.watch.ledger import Ledger

TIMEOUT_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between attempts; each pause is twice the one before
logger = logging.getLogger("watch")


class NotDelivered(Exception):
    """The reason as a clause, without the address. `refused` means that an immediate retry would be refused, too."""

    def __init__(self, why: str, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class Channel(Protocol):
    """A receiver. `name` is its name in metrics and in the state, `where` its address without secrets."""

    name: str
    where: str
    repeat_seconds: float | None  # how often firing alerts are sent again; None for never

    def send(self, event: Event) -> None:
        """Raises NotDelivered."""

    def repeat(self, firing: Sequence[Event]) -> None:
        """Send the firing alerts again. Raises NotDelivered."""


class Webhook:
    """POSTs each event as JSON, with its id as `Idempotency-Key`."""

    name = "webhook"
    repeat_seconds: float | None = None

    def __init__(self, url: str) -> None:
        self.where, self._url = shown(url), url

    def send(self, event: Event) -> None:
        post(self._url, event.document(), {"Idempotency-Key": event.id})

    def repeat(self, firing: Sequence[Event]) -> None:
        """A webhook receives changes only."""


SEVERITIES = {"alert": "critical"}
ALERTNAMES = {
    "accuracy": "SentimentAccuracyBelowThreshold",
    "validation": "SentimentAccuracyWorse",
    "log": "SentimentLogUnreadable",
}


class Alertmanager:
    """POSTs alerts to its API v2. Alertmanager resolves alerts that are not repeated, so firing ones are sent again."""

    name = "alertmanager"
    repeat_seconds: float | None = 60.0
    lasts = timedelta(minutes=5)  # three repetitions may fail

    def __init__(self, url: str) -> None:
        self.where, self._url = shown(url), _below(url, "/api/v2/alerts")

    def send(self, event: Event) -> None:
        post(self._url, [self.alert(event, datetime.now(UTC))], {})

    def repeat(self, firing: Sequence[Event]) -> None:
        post(self._url, [self.alert(event, datetime.now(UTC)) for event in firing], {})

    def alert(self, event: Event, now: datetime) -> dict[str, Any]:
        """A `postableAlert`. The log's clock may differ from ours: no alert starts in the future or ends before it
        starts."""
        starts = min(datetime.fromisoformat(event.started_at), now)
        ends = now + self.lasts
        if event.state == "resolved":
            ends = max(min(datetime.fromisoformat(event.at), now), starts)
        return {
            "labels": {
                "alertname": ALERTNAMES.get(event.name, "SentimentDrift"),
                "severity": SEVERITIES.get(event.level, event.level),
                "signal": event.name,
                "source": event.source,
            },
            "annotations": {"summary": event.title, "description": event.detail},
            "startsAt": iso(starts.timestamp()),
            "endsAt": iso(ends.timestamp()),
        }


class Sender(threading.Thread):
    """Delivers a channel's events in order. `failures` counts failed attempts, `delivered` events, both since the
    start."""

    def __init__(self, channel: Channel, ledger: Ledger, first_pause: float = FIRST_PAUSE) -> None:
        super().__init__(name=channel.name, daemon=True)
        self.channel, self.failures, self.delivered = channel, 0, 0
        self._ledger = ledger
        self._wake, self._ended = threading.Event(), threading.Event()
        self._first_pause = self._pause = first_pause
        self._repeated = 0.0

    def wake(self) -> None:
        """Check for new events."""
        self._wake.set()

    def end(self, seconds: float) -> None:
        """Stop after the current delivery, but wait at most `seconds`."""
        self._ended.set()
        self._wake.set()
        self.join(seconds)

    def run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            try:
                if not self._send():
                    self._wake.wait(self.channel.repeat_seconds)
                self._pause = self._first_pause
            except NotDelivered as problem:
                self._failed(problem)

    def _send(self) -> bool:
        """Whether there was an event to send. Raises NotDelivered."""
        event = self._ledger.next_for(self.channel.name)
        if event:
            self.channel.send(event)
            self._ledger.delivered(self.channel.name, event)
            self.delivered += 1
            logger.info(
                "%s at %s acknowledged: %s: %s", self.channel.name, self.channel.where, event.state, event.title
            )
            return True
        firing = list(self._ledger.firing.values())
        if firing and self._repetition_is_due():
            self.channel.repeat(firing)
            self._repeated = time.monotonic()
        return False

    def _repetition_is_due(self) -> bool:
        every = self.channel.repeat_seconds
        return every is not None and (not self._repeated or time.monotonic() - self._repeated > 0.9 * every)

    def _failed(self, problem: NotDelivered) -> None:
        self.failures += 1
        self._pause = LONGEST_PAUSE if problem.refused else self._pause
        logger.log(
            logging.ERROR if problem.refused else logging.WARNING,
            "%s at %s %s; %d pending, next attempt in %g s",
            self.channel.name,
            self.channel.where,
            problem,
            len(self._ledger.waiting(self.channel.name)),
            self._pause,
        )
        self._ended.wait(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def post(url: str, document: Any, headers: dict[str, str]) -> None:
    """POST JSON, and return if the answer is a 2xx. Raises NotDelivered.

    Redirects are not followed: the POST would become a GET, whose answer says nothing about the delivery.
    """
    content = json.dumps(document).encode()
    try:
        client = http_client(proxy_for(url))
        with client.stream("POST", url, content=content, headers=headers, timeout=TIMEOUT_SECONDS) as response:
            status = response.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, ImportError) as error:
        cause = reason(error)
        why = getattr(cause, "strerror", None) or type(cause).__name__  # its text may contain the address
        raise NotDelivered(f"does not answer ({why})") from None
    if not 200 <= status < 300:
        raise NotDelivered(f"answered {status}", refused=300 <= status < 500 and status not in (408, 429))


def shown(url: str) -> str:
    """The address without user, password, path and query, all of which may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))


def _below(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))

"""Delivery to real HTTP servers: each event once, in order, however the receiver behaves."""

from __future__ import annotations

import base64
import logging
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from monitoring.watch.changes import Event
from monitoring.watch.ledger import MOST_WAITING, Ledger
from monitoring.watch.notifications import Alertmanager, Channel, Sender, Webhook, shown
from monitoring.watch.state_file import StateFile
from tests.conftest import free_port, serving, wait_until
from tests.monitoring.watch.receivers import Receiver, StandInForAlertmanager

FIRING = Event(
    id="0123",
    state="firing",
    name="accuracy",
    title="Accuracy is below 80%",
    detail="Proven.",
    level="alert",
    source="shop",
    started_at="2026-11-23T12:01:04.000000+00:00",
    at="2026-11-23T12:01:04.000000+00:00",
)
RESOLVED = replace(FIRING, id="4567", state="resolved", at="2026-11-23T13:00:00.000000+00:00")


@pytest.fixture
def start(tmp_path):
    """Starts senders on one ledger; the ends of all of them are waited for."""
    with ExitStack() as stack:

        def start(*channels: Channel) -> tuple[Ledger, list[Sender]]:
            ledger = Ledger(StateFile(tmp_path / "state"), [channel.name for channel in channels])
            senders = [Sender(channel, ledger, first_pause=0.02) for channel in channels]
            for sender in senders:
                sender.start()
                stack.callback(sender.end, 10)
            return ledger, senders

        yield start


def tell(ledger: Ledger, senders: list[Sender], *events: Event) -> None:
    ledger.record(events, {}, None)
    for sender in senders:
        sender.wake()


def saved(ledger: Ledger) -> dict[str, Any]:
    document = ledger.file.read()
    assert document
    return dict(document["waiting"])


def test_a_webhook_gets_each_event_once_in_order_with_its_id(receiver, start):
    ledger, senders = start(Webhook(receiver.url + "/hook?key=secret"))
    tell(ledger, senders, FIRING, RESOLVED)
    wait_until(lambda: not ledger.waiting("webhook"), "both are delivered")

    assert [found.body for found in receiver.taken] == [FIRING.document(), RESOLVED.document()]
    assert [found.headers["Idempotency-Key"] for found in receiver.taken] == [FIRING.id, RESOLVED.id]
    assert {found.path for found in receiver.taken} == {"/hook?key=secret"}
    assert {found.headers["Content-Type"] for found in receiver.taken} == {"application/json"}
    assert saved(ledger) == {"webhook": []}


def test_an_event_is_on_disk_before_it_is_sent_and_until_it_is_taken(receiver, start):
    ledger, senders = start(Webhook(receiver.url))
    seen: list[Any] = []

    def answer(path: str, body: Any) -> int:
        seen.append(saved(ledger)["webhook"])
        return 503 if len(seen) < 3 else 204

    receiver.answer = answer
    tell(ledger, senders, FIRING)
    wait_until(lambda: not ledger.waiting("webhook"), "it is delivered")

    assert seen == [[FIRING.document()]] * 3
    assert saved(ledger) == {"webhook": []}


def test_errors_are_tried_again_with_growing_pauses_until_a_2xx(receiver, start, caplog):
    statuses = iter([500, 502, 429, 408, 201])
    receiver.answer = lambda path, body: next(statuses)
    ledger, (sender,) = start(Webhook(receiver.url))
    tell(ledger, [sender], FIRING)
    wait_until(lambda: sender.delivered, "it is delivered")

    assert (sender.failures, receiver.tried) == (4, [500, 502, 429, 408, 201])
    pauses = [float(record.args[-1]) for record in caplog.records if record.levelno == logging.WARNING]
    assert pauses == [0.02, 0.04, 0.08, 0.16]


def test_a_receiver_that_is_down_gets_everything_once_it_is_up(start, caplog):
    port = free_port()
    ledger, senders = start(Webhook(f"http://127.0.0.1:{port}"))
    tell(ledger, senders, FIRING)
    wait_until(lambda: senders[0].failures > 1, "it was tried in vain")
    tell(ledger, senders, RESOLVED)
    with serving(Receiver(port)) as receiver:
        wait_until(lambda: not ledger.waiting("webhook"), "both are delivered")

    assert receiver.ids == [FIRING.id, RESOLVED.id]
    assert "does not answer (Connection refused)" in caplog.text


def test_a_refusal_is_logged_as_an_error_and_retried_slowly(receiver, start, caplog):
    receiver.answer = lambda path, body: 401
    ledger, (sender,) = start(Webhook(receiver.url))
    tell(ledger, [sender], FIRING)
    wait_until(lambda: sender.failures, "it was refused")
    wait_until(lambda: "answered 401; 1 pending, next attempt in 60 s" in caplog.text, "it is said")

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert saved(ledger) == {"webhook": [FIRING.document()]}


def test_a_redirect_is_not_followed_because_its_answer_says_nothing_of_the_delivery(receiver, start, caplog):
    receiver.answer = lambda path, body: 302
    ledger, (sender,) = start(Webhook(receiver.url))
    tell(ledger, [sender], FIRING)
    wait_until(lambda: "answered 302" in caplog.text, "it is said")

    assert receiver.tried == [302]
    assert len(ledger.waiting("webhook")) == 1


def test_a_channel_that_hangs_does_not_hold_up_the_other(alertmanager, start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}")
        ledger, senders = start(hanging, Alertmanager(alertmanager.url + "/am"))
        began = time.monotonic()
        tell(ledger, senders, FIRING)
        took = time.monotonic() - began
        wait_until(lambda: not ledger.waiting("alertmanager"), "the other one is notified")

        assert took < 1
        assert alertmanager.active() == {"accuracy"}
        assert (ledger.waiting("webhook"), ledger.waiting("alertmanager")) == ([FIRING], [])


def test_nothing_secret_is_printed(start, caplog):
    caplog.set_level(logging.DEBUG)
    secret = f"http://user:passw0rd@127.0.0.1:{free_port()}/services/T0KEN?key=K3Y"
    ledger, senders = start(Webhook(secret))
    tell(ledger, senders, FIRING)
    wait_until(lambda: senders[0].failures, "it was tried")

    assert "webhook at http://127.0.0.1:" in caplog.text
    assert not {word for word in ("user", "passw0rd", "T0KEN", "K3Y") if word in caplog.text}
    assert shown(secret).startswith("http://127.0.0.1:")


def test_nothing_secret_is_printed_of_a_delivery(receiver, start, caplog):
    caplog.set_level(logging.DEBUG)
    ledger, senders = start(Webhook(receiver.url.replace("://", "://user:passw0rd@") + "/services/T0KEN?key=K3Y"))
    tell(ledger, senders, FIRING)
    wait_until(lambda: senders[0].delivered, "it is delivered")

    assert "webhook at http://127.0.0.1:" in caplog.text
    assert not {word for word in ("user", "passw0rd", "T0KEN", "K3Y") if word in caplog.text}


def test_an_answer_without_end_is_not_read(start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        ledger, senders = start(Webhook(f"http://127.0.0.1:{server.getsockname()[1]}"))
        tell(ledger, senders, FIRING)
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nendle")
            wait_until(lambda: not ledger.waiting("webhook"), "it is delivered")


@pytest.mark.parametrize("proxy", ["socks5://proxy.example:1080", "http://proxy.example:port", "ftp://proxy.example"])
def test_a_proxy_that_cannot_be_used_is_said_and_ends_nothing(start, monkeypatch, caplog, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    ledger, senders = start(Webhook("https://hooks.example.org/T0KEN"))
    tell(ledger, senders, FIRING)
    wait_until(lambda: senders[0].failures > 1, "it was tried again")

    assert "webhook at https://hooks.example.org does not answer" in caplog.text
    assert "T0KEN" not in caplog.text


def test_user_and_password_of_the_address_are_sent_as_http_wants_them(receiver, start):
    ledger, senders = start(Webhook(receiver.url.replace("http://", "http://us%40er:p%3Aw@")))
    tell(ledger, senders, FIRING)
    wait_until(lambda: receiver.taken, "it is delivered")

    assert receiver.taken[0].headers["Authorization"] == f"Basic {base64.b64encode(b'us@er:p:w').decode()}"


def test_alertmanager_gets_alerts_as_its_api_wants_them(alertmanager, start):
    ledger, senders = start(Alertmanager(alertmanager.url + "/am/"))
    tell(ledger, senders, FIRING)
    wait_until(lambda: alertmanager.active() == {"accuracy"}, "it fires")
    (alert,) = alertmanager.alerts.values()

    assert alert["labels"] == {
        "alertname": "SentimentAccuracyBelowThreshold",
        "severity": "critical",
        "signal": "accuracy",
        "source": "shop",
    }
    assert alert["annotations"] == {"summary": FIRING.title, "description": FIRING.detail}
    assert alert["startsAt"] == FIRING.at

    tell(ledger, senders, RESOLVED)
    wait_until(lambda: alertmanager.active() == set(), "it is resolved")
    (alert,) = alertmanager.alerts.values()
    assert (alert["startsAt"], alert["endsAt"]) == (FIRING.at, RESOLVED.at)
    assert alertmanager.refused == []


def test_firing_alerts_are_sent_again_before_alertmanager_resolves_them(alertmanager, start):
    channel = Alertmanager(alertmanager.url + "/am")
    channel.repeat_seconds = 0.05
    ledger, senders = start(channel)
    tell(ledger, senders, FIRING)
    wait_until(lambda: len(alertmanager.taken) > 3, "it was notified several times")
    tell(ledger, senders, RESOLVED)
    wait_until(lambda: not ledger.waiting("alertmanager"), "it is resolved")
    told = len(alertmanager.taken)
    ends = [found.body[0]["endsAt"] for found in alertmanager.taken[:-1]]

    assert sorted(ends) == ends
    assert not wait_for_more(alertmanager, told)


def test_three_repetitions_may_fail_before_alertmanager_forgets_an_alert():
    channel = Alertmanager("http://a.example")

    assert channel.repeat_seconds
    assert channel.lasts.total_seconds() > 4 * channel.repeat_seconds


def wait_for_more(alertmanager: StandInForAlertmanager, told: int) -> bool:
    """Whether more arrives within ten times the pause."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if len(alertmanager.taken) > told:
            return True
    return False


def test_a_log_whose_clock_is_ahead_makes_no_alert_that_alertmanager_refuses(alertmanager, start):
    ahead = replace(FIRING, started_at="2999-01-01T00:00:00+00:00", at="2999-01-01T00:00:00+00:00")
    ledger, senders = start(Alertmanager(alertmanager.url + "/am"))
    tell(ledger, senders, ahead, replace(ahead, id="1", state="resolved", at="1999-01-01T00:00:00+00:00"))
    wait_until(lambda: not ledger.waiting("alertmanager"), "both are taken")

    assert alertmanager.refused == []
    assert alertmanager.active() == set()


def test_beyond_the_limit_the_oldest_pending_events_are_dropped(tmp_path, caplog):
    ledger = Ledger(StateFile(tmp_path), ["webhook"])
    events = [replace(FIRING, id=str(number)) for number in range(MOST_WAITING + 2)]
    ledger.record(events, {}, None)

    assert len(ledger.waiting("webhook")) == MOST_WAITING
    assert ledger.waiting("webhook")[0].id == "2"
    assert caplog.text.count("events are pending; dropped the oldest: ") == 2

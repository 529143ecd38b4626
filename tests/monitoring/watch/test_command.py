"""The watch as a process of its own: a real log, real receivers, signals and kills."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from monitoring.analysis.observer import observer_of
from monitoring.settings import Settings
from monitoring.watch.command import main
from monitoring.watch.state_file import StateFile
from tests import preloaded
from tests.conftest import ROOT, free_port, get, wait_until
from tests.monitoring.page.server.test_serving import answers_to_a_body_after_an_offer, asked_after_idling, reached
from tests.monitoring.traffic import judged, write
from tests.monitoring.watch.test_follow import Watch

pytestmark = pytest.mark.processes
STOPS_IN = 5  # seconds; about one on an idle machine


@dataclass
class Process:
    process: preloaded.Process
    url: str
    output: Path

    def printed(self) -> str:
        return self.output.read_text()

    def metric(self, name: str) -> float | None:
        """The value of sentiment_monitor_<name>, with its labels if it has any; None if there is none."""
        found = re.search(rf"^sentiment_monitor_{re.escape(name)} (\S+)$", get(self.url + "/metrics")[1], re.M)
        return float(found.group(1)) if found else None

    def wait_for(self, name: str, value: float) -> None:
        wait_until(lambda: self.metric(name) == value, f"{name} is {value}", state=self.printed)

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


@pytest.fixture
def logs(tmp_path) -> Path:
    write(tmp_path / "logs", [])
    return tmp_path / "logs"


@pytest.fixture
def start(tmp_path, logs):
    """Starts alerting services for `logs`, all with one state folder."""
    started: list[Process] = []

    def start(*arguments: str, refresh: str = "0.5", **environment: str) -> Process:
        port, output = free_port(), tmp_path / f"watch-{len(started)}.txt"
        environ = {"LOG_DIR": str(logs), "STATE_DIR": str(tmp_path / "state"), "WATCH_PORT": str(port)}
        environ |= {"REFRESH_SECONDS": refresh} | environment
        process = preloaded.Process("monitoring.watch", *arguments, cwd=ROOT, env=os.environ | environ, output=output)
        started.append(Process(process, f"http://127.0.0.1:{environ['WATCH_PORT']}", output))
        return started[-1]

    yield start
    for found in started:
        found.process.kill()
        found.process.wait()


def test_an_alert_arrives_within_10_seconds_of_the_deciding_label(start, logs, receiver, alertmanager):
    watch = start(refresh="3", WEBHOOK_URL=receiver.url, ALERTMANAGER_URL=alertmanager.url + "/am")
    write(logs, judged(0, 60, right=0.5))
    watch.wait_for("labels_total", 60)
    assert receiver.taken == []

    decided = time.time()
    write(logs, judged(60, 100, right=0.5))
    wait_until(lambda: receiver.taken and alertmanager.active(), "both were notified", state=watch.printed)
    delay = max(receiver.taken[0].time, alertmanager.taken[0].time) - decided

    assert delay < 10
    assert receiver.events == [("accuracy", "firing")]
    assert alertmanager.active() == {"accuracy"}


def test_killed_20_times_it_notifies_of_each_change_once_and_has_the_state_of_an_uninterrupted_run(
    start, logs, receiver
):
    """SIGKILL in the middle of a stream of lines, in each third round while nothing can be delivered."""
    expected = Watch(Settings(log_dir=logs, state_dir=logs / "uninterrupted"))
    expected.look()
    watch = start("--wait", WEBHOOK_URL=receiver.url)
    watch.wait_for("requests_total", 0)
    for number in range(20):
        receiver.answer = answer_with(500 if number % 3 == 0 else 200)
        lines = judged(number * 80, number * 80 + 80, right=0.4 if number // 4 % 2 else 0.97)
        write(logs, lines[:50])
        watch.wait_for("requests_total", number * 80 + 50)
        if number % 3:
            watch.wait_for('pending_notifications{channel="webhook"}', 0)
        receiver.answer = answer_with(500)  # a kill between an answer and the disk is the one that may repeat an event
        write(logs, lines[50:])  # the kill may come before, while or after they are read
        watch.stop(signal.SIGKILL)
        watch = start("--wait", WEBHOOK_URL=receiver.url)
        expected.look()
    receiver.answer = answer_with(200)
    watch.wait_for("requests_total", 20 * 80)
    watch.wait_for('pending_notifications{channel="webhook"}', 0)
    watch.stop()

    assert len(expected.waiting()) >= 4
    assert receiver.ids == [event.id for event in expected.waiting()]  # none twice, none missing, in order
    assert saved(logs)["monitor"] == expected.saved()["monitor"]
    assert saved(logs)["waiting"] == {"webhook": []}


def saved(logs: Path) -> dict[str, Any]:
    document = StateFile(logs.parent / "state").read()
    assert document
    return document


def answer_with(status: int):
    return lambda path, body: status


def test_on_sigterm_it_ends_soon_with_its_state_saved(start, logs):
    watch = start()
    write(logs, judged(0, 30, right=0.9))
    watch.wait_for("labels_total", 30)
    began = time.monotonic()

    assert watch.stop() == 0
    assert time.monotonic() - began < STOPS_IN
    assert saved(logs)["monitor"]["counts"]["labels"] == 30
    assert watch.printed().splitlines()[-1].endswith("INFO stopped")


def test_on_sigterm_it_ends_as_soon_while_a_receiver_hangs(start, logs, receiver):
    asked, stopped = Event(), Event()

    def answer(path: str, body: Any) -> int:
        asked.set()
        stopped.wait(20)
        return 200

    receiver.answer = answer
    watch = start(WEBHOOK_URL=receiver.url)
    write(logs, judged(0, 200, right=0.5))
    assert asked.wait(20), watch.printed()
    began = time.monotonic()

    assert watch.stop() == 0
    assert time.monotonic() - began < STOPS_IN
    stopped.set()


def test_a_second_watch_on_the_same_state_says_so_and_ends(start):
    first = start()
    first.wait_for("log_readable", 1)
    second = start()

    assert second.process.wait(20) == 1
    assert "another alerting service uses the state folder" in second.printed()
    assert first.metric("log_readable") == 1


def test_a_second_watch_that_waits_answers_meanwhile_and_takes_over(start, logs, receiver):
    first = start(WEBHOOK_URL=receiver.url)
    first.wait_for("log_readable", 1)
    second = start("--wait", WEBHOOK_URL=receiver.url)
    second.wait_for("state_writable", 1)
    assert second.metric("log_readable") is None
    write(logs, judged(0, 200, right=0.5))
    wait_until(lambda: receiver.taken, "the first one notifies of it", state=first.printed)

    first.stop()
    second.wait_for("labels_total", 200)
    write(logs, judged(200, 1200, right=0.95))
    wait_until(lambda: len(receiver.taken) > 1, "the second one notifies of its end", state=second.printed)
    assert receiver.events == [("accuracy", "firing"), ("accuracy", "resolved")]


def test_its_first_line_says_its_settings_and_nothing_secret(start):
    watch = start(WEBHOOK_URL="https://me:pw@hooks.example/T0KEN", ALERTMANAGER_URL="http://a.example:9093/x?K3Y")
    watch.wait_for("log_readable", 1)
    (line,) = [line for line in watch.printed().splitlines() if "watching" in line]

    assert "webhook https://hooks.example, alertmanager http://a.example:9093" in line
    assert "accuracy threshold 0.8, false alarm budget 0.02" in line
    assert not {word for word in ("me:", "pw", "T0KEN", "K3Y") if word in watch.printed()}


@pytest.mark.parametrize("port", ["0", "abc", "99999", "9" * 4301])
@pytest.mark.parametrize(("command", "code"), [("watch", 1), ("check", 3)])
def test_a_port_that_is_none_is_a_sentence(command, code, port, capsys):
    assert main([command, "--port", port], {}) == code
    said = capsys.readouterr().err
    assert said == f"WATCH_PORT is {port!r}; set it to a whole number from 1 to 65535, or unset it for 9108.\n"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WEBHOOK_URL": "hooks.example/T0KEN"}, "WEBHOOK_URL is no address"),
        ({"ALERTMANAGER_URL": "ftp://a.example"}, "ALERTMANAGER_URL is no address"),
        ({"WATCH_PORT": "0"}, "WATCH_PORT is '0'; set it to a whole number from 1 to 65535"),
    ],
)
def test_a_bad_setting_is_a_sentence_without_the_address(environment, said, capsys):
    assert main([], environment) == 1

    printed = capsys.readouterr().err
    assert printed.startswith(said)
    assert printed.count("\n") == 1
    assert "T0KEN" not in printed


def test_a_taken_port_is_a_sentence(start, receiver):
    watch = start(WATCH_PORT=receiver.url.rsplit(":", 1)[1])

    assert watch.process.wait(20) == 1
    assert "cannot be used: Address already in use" in watch.printed()


def test_an_address_that_is_nonsense_is_a_sentence(start):
    watch = start("--address", "nonsense.invalid")

    assert watch.process.wait(20) == 1
    assert "LISTEN_ADDRESS 'nonsense.invalid' cannot be used: " in watch.printed()
    assert watch.printed().count("\n") == 1


def test_its_metrics_are_reached_by_ipv4_and_ipv6_and_its_connections_are_kept(start):
    watch = start()
    watch.wait_for("requests_total", 0)
    port = urlsplit(watch.url).port

    assert reached(port) == ["127.0.0.1", "::1"]
    assert asked_after_idling("::1", port, "/metrics") == b"HTTP/1.1 200 OK"
    assert answers_to_a_body_after_an_offer(port, "/metrics") == 1
    assert "Traceback" not in watch.printed()


def test_with_a_proxy_in_the_environment_neighbours_are_notified_directly_and_others_by_the_proxy(
    start, logs, receiver, alertmanager, proxy
):
    outside = {"WEBHOOK_URL": "http://hooks.example.org/alerts", "ALERTMANAGER_URL": "https://alerts.example.org"}
    beside = {"WEBHOOK_URL": receiver.url, "ALERTMANAGER_URL": alertmanager.url + "/am"}
    write(logs, judged(0, 100, right=0.5))

    start(**proxy.environment, **beside, STATE_DIR=str(logs / "beside"))
    wait_until(lambda: receiver.taken and alertmanager.active(), "both were notified")
    assert proxy.asked == []

    start(**proxy.environment, **outside, STATE_DIR=str(logs / "outside"))
    asked = {"POST http://hooks.example.org/alerts HTTP/1.1", "CONNECT alerts.example.org:443 HTTP/1.1"}
    wait_until(lambda: set(proxy.asked) >= asked, "the proxy was asked for both", state=lambda: str(proxy.asked))


def test_its_metrics_are_not_for_pages_of_another_site(start):
    watch = start("--address", "*")
    watch.wait_for("requests_total", 0)
    request = Request(watch.url + "/metrics", headers={"Host": "evil.example"})

    with pytest.raises(HTTPError, match="400") as refused:
        urlopen(request, timeout=20)
    assert "ALLOWED_HOSTS" in refused.value.read().decode()


def test_check_works_beside_it_and_prints_the_verdict(start, logs):
    watch = start()
    write(logs, judged(0, 200, right=0.5))
    watch.wait_for('alarm{signal="accuracy"}', 1)
    checked = start("check")

    assert checked.process.wait(20) == 1
    assert checked.printed().startswith("alert: Accuracy is below 80%. ")


def test_a_word_it_does_not_know_is_not_taken_for_a_verdict(start):
    checked = start("chekc")

    assert checked.process.wait(20) == 3
    assert "invalid choice" in checked.printed()


def test_it_needs_no_streamlit():
    code = "import sys, monitoring.watch; sys.exit('streamlit' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_an_uninterrupted_run_needs_the_log_only_once(logs):
    """So that 20 kills compare with something: the state does not depend on how the stream was cut."""
    write(logs, judged(0, 500, right=0.6))
    monitor, observer, _ = observer_of(Settings(log_dir=logs))
    observer.look()
    other = Watch(Settings(log_dir=logs, state_dir=logs / "state"))
    other.look()

    assert other.ledger.monitor == monitor.state()

"""The alerting service: follows the log, serves metrics and notifies receivers of each alert raised or cleared.

`python -m monitoring.watch` runs until it is stopped. `python -m monitoring.watch check` prints the status once. Its
exit code is 0: no alert, 1: an alert is firing, 2: not enough data, 3: the log or the settings cannot be used.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import NoReturn

import uvicorn
from prometheus_client import CollectorRegistry, make_asgi_app

from monitoring.analysis.observer import observer_of
from monitoring.network.connections import TendedServer
from monitoring.network.hosts import Hosts
from monitoring.network.listening import listening, listening_problem
from monitoring.settings import Settings, SettingsError
from monitoring.watch.check import CANNOT_TELL, check
from monitoring.watch.follow import Follower
from monitoring.watch.ledger import Ledger
from monitoring.watch.metrics import WatchMetrics
from monitoring.watch.notifications import Alertmanager, Channel, Sender, Webhook
from monitoring.watch.state_file import StateFile, Taken

logger = logging.getLogger("watch")
LAST_SECONDS = 1.0  # for a notification that is being sent at shutdown
PAUSE_SECONDS = 1.0  # between attempts to own the state folder


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exits with 3: argparse's own 2 would mean that there is not enough data."""
        self.exit(CANNOT_TELL, f"{self.format_usage()}{message}\n")


class Stopped(Exception):
    """A signal stopped the service."""


def main(arguments: Sequence[str], environ: dict[str, str]) -> int:
    options = _options(arguments)
    try:
        given = {"WATCH_PORT": options.port, "LISTEN_ADDRESS": options.address}
        settings = Settings.from_env(environ | {name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_TELL if options.command == "check" else 1
    if options.command == "check":
        code, lines = check(settings)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return code
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        return watch(settings, options.wait)
    except Stopped:
        return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser("python -m monitoring.watch", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["watch", "check"], default="watch")
    parser.add_argument("--address", help="instead of LISTEN_ADDRESS")
    parser.add_argument("--port", help="instead of WATCH_PORT")
    parser.add_argument("--wait", action="store_true", help="wait while another one uses the state folder")
    return parser.parse_args(arguments)


def _stop(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Stopped


def watch(settings: Settings, wait: bool) -> int:
    """Follow the log until Stopped is raised. Returns the exit code 1 if the service cannot start."""
    monitor, observer, problems = observer_of(settings)
    channels = channels_of(settings)
    file = StateFile(settings.state_dir)
    ledger = Ledger(file, [channel.name for channel in channels])
    follower = Follower(settings.watch_name, monitor, observer, ledger)
    senders = [Sender(channel, ledger) for channel in channels]
    metrics = WatchMetrics(settings, follower, ledger, senders)
    if not _serve(metrics, settings) or not _own(file, wait):
        return 1
    _log_start(settings, channels, problems)
    follower.restore(file)
    try:
        follow(follower, senders, settings.refresh_seconds)
    finally:
        for sender in senders:
            sender.end(LAST_SECONDS)
        logger.info("stopped")


def channels_of(settings: Settings) -> list[Channel]:
    channels: list[Channel] = []
    if settings.webhook_url:
        channels.append(Webhook(settings.webhook_url))
    if settings.alertmanager_url:
        channels.append(Alertmanager(settings.alertmanager_url))
    return channels


def follow(follower: Follower, senders: Sequence[Sender], seconds: float) -> NoReturn:
    """Check the log every so many seconds."""
    for sender in senders:
        sender.start()
    while True:
        follower.look()
        for sender in senders:
            sender.wake()
        time.sleep(seconds)


def _serve(metrics: WatchMetrics, settings: Settings) -> bool:
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        sockets = listening(settings.listen_address, settings.watch_port)
    except OSError as error:
        logger.error("%s", listening_problem(error, settings.listen_address, settings.watch_port, "WATCH_PORT"))
        return False
    config = uvicorn.Config(
        Hosts(make_asgi_app(registry), settings),
        lifespan="off",
        http="h11",  # httptools parses a body that follows an Upgrade as a request
        ws="none",
        log_level="critical",
        access_log=False,
        timeout_keep_alive=settings.keep_alive_seconds,
    )
    threading.Thread(target=TendedServer(config).run, args=(sockets,), daemon=True).start()
    return True


def _own(file: StateFile, wait: bool) -> bool:
    """Whether to start: this process owns the state folder, or the folder is unusable."""
    logged = False
    while True:
        try:
            file.own()
        except OSError as error:
            logger.error("cannot use the state folder %s: %s", file.directory, error.strerror)
        except Taken:
            if not logged:
                logger.log(logging.INFO if wait else logging.ERROR, TAKEN, file.directory)
            logged = True
            if not wait:
                return False
            time.sleep(PAUSE_SECONDS)
            continue
        return True


TAKEN = "another alerting service uses the state folder %s; stop it, or set STATE_DIR to another folder"


def _log_start(settings: Settings, channels: Sequence[Channel], problems: Sequence[str]) -> None:
    receivers = ", ".join(f"{channel.name} {channel.where}" for channel in channels) or "nobody"
    logger.info(
        "watching %s every %g s as %s: accuracy threshold %g, false alarm budget %g, state in %s, metrics on port %d, "
        "notifying %s",
        settings.log_dir,
        settings.refresh_seconds,
        settings.watch_name,
        settings.accuracy_threshold,
        settings.false_alarm_budget,
        settings.state_dir,
        settings.watch_port,
        receivers,
    )
    for problem in problems:
        logger.warning("%s", problem)

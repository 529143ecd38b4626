"""Starts the API at LISTEN_ADDRESS: python -m api [--port 8000]."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from contextlib import suppress

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api.http.server.addresses import CannotListen, bound, shown, why
from api.settings import Settings, SettingsError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--port", type=_port, default=8000, help="the port to listen at (8000)")
    port = parser.parse_args().port
    try:
        settings = Settings.from_env(os.environ)
        sockets = bound(settings.listen_address, port)
    except (SettingsError, CannotListen) as error:
        parser.exit(STARTUP_FAILURE, f"{error}\n")
    config = uvicorn.Config(
        "api.main:app",
        http="httptools",
        ws="none",
        log_level=settings.log_level,
        access_log=False,
        proxy_headers=False,  # main.py adds them for FORWARDED_ALLOW_IPS
        workers=settings.web_concurrency,
    )
    logging.getLogger("uvicorn.error").info("listening at %s", shown(sockets))
    if config.workers == 1:
        server = uvicorn.Server(config)
        try:
            with suppress(KeyboardInterrupt):
                server.run(sockets)
        except OSError as error:
            if server.started:
                raise
            parser.exit(
                STARTUP_FAILURE, f"{why(error, settings.listen_address, port)}\n"
            )  # another program took the port first
        failed = not server.started
    else:
        workers = Multiprocess(config, sockets)
        workers.run()
        failed = any(worker.exitcode == STARTUP_FAILURE for worker in workers.processes)
    sys.exit(STARTUP_FAILURE if failed else 0)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a whole number from 1 to 65535.")
    return int(text)


if __name__ == "__main__":
    main()

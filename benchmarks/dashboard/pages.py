"""A dashboard process and pages of it in Chromium, with the time of what appears and the bytes that were sent."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.command import REPOSITORY
from scripts.local_services import answers

PATIENCE_SECONDS = 900  # for the version that reads everything
TICKS = os.sysconf("SC_CLK_TCK")
DOCKERFILE = REPOSITORY / "monitoring" / "Dockerfile"


def environment(**own: str) -> dict[str, str]:
    """This process's environment with the image's malloc settings."""
    return os.environ | dict(re.findall(r"(MALLOC_\w+)=(\d+)", DOCKERFILE.read_text("utf-8"))) | own


@dataclass(frozen=True)
class Dashboard:
    """A running Streamlit program."""

    url: str
    process: subprocess.Popen[bytes]

    def memory_mb(self) -> float:
        """Resident memory now."""
        return self._status("VmRSS")

    def peak_mb(self) -> float:
        """Peak resident memory."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024

    def processor_seconds(self) -> float:
        """Processor time since the start."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def dashboard(program: str, **settings: str) -> Iterator[Dashboard]:
    """Start a Streamlit program as its users do, wait until it responds, kill it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        program,
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment(**settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://localhost:{port}"
        while not answers(f"{url}/_stcore/health"):
            time.sleep(0.05)
        yield Dashboard(url, process)
    finally:
        process.kill()
        process.wait()


class Watched:
    """A newly opened page; `received` counts the bytes from its websocket."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.received = page, 0
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.webSocketFrameReceived", self._count)
        self._opened = time.perf_counter()
        page.goto(url)

    def _count(self, event: dict[str, dict[str, str | int]]) -> None:
        response = event["response"]
        content = str(response["payloadData"])
        self.received += len(base64.b64decode(content)) if response["opcode"] == 2 else len(content.encode())

    def seconds_until(self, selector: str) -> float:
        """Seconds from the request of the page until this is visible."""
        self.page.locator(selector).first.wait_for(timeout=PATIENCE_SECONDS * 1000)
        return time.perf_counter() - self._opened

    def received_in(self, seconds: float) -> int:
        """Bytes received during this many seconds."""
        before = self.received
        self.page.wait_for_timeout(seconds * 1000)
        return self.received - before


@contextmanager
def watched(browser: Browser, url: str) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    try:
        yield Watched(context.new_page(), url)
    finally:
        context.close()


@contextmanager
def several(browser: Browser, url: str, number: int, selector: str) -> Iterator[list[Watched]]:
    """Open this many browsers and wait until each shows the page."""
    with ExitStack() as stack:
        pages = [stack.enter_context(watched(browser, url)) for _ in range(number)]
        for page in pages:
            page.seconds_until(selector)
        yield pages

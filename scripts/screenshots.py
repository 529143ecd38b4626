"""python -m scripts.screenshots [FOLDER] [--all]: take pictures of the dashboard's main states in Chromium.

The real API answers synthetic film reviews (scripts/demo/texts.py). Their log lines are spread over a day and labelled
as each state needs. The real dashboard is then started on each log.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from scripts.demo.show import load_profile, reviews, served_model
from scripts.demo.texts import facts_elsewhere, of_length, sentences_elsewhere
from scripts.demo.traffic import Api
from scripts.local_services import answers

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
REVIEWS, OTHERS, SEED = 2_400, 240, 20261126
HEIGHTS = {1280: 1_050, 400: 900}
Line = dict[str, Any]
SHOWN = [  # in the README and the documents: state, width and theme
    ("healthy", 1280, "light"),
    ("amber", 1280, "light"),
    ("red", 1280, "light"),
    ("red", 1280, "dark"),
    ("red", 400, "light"),
    ("drift", 1280, "light"),
    ("empty", 1280, "light"),
]


class Answered(NamedTuple):
    """Log lines of reviews like the reference, and of texts about something else. `accuracy` is the share of right
    predictions at a confidence."""

    reviews: list[Line]
    others: list[Line]
    accuracy: Callable[[float], float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes pictures of the dashboard's main states.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--all", action="store_true", help="every state at both widths in both themes, all of the page")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        with served("api", {"LOG_DIR": f"{scratch}/answers"}, "uvicorn", "api.main:app", "--port") as api:
            logs = states(answered(api, Path(scratch) / "answers"), Random(SEED))
            for state, lines in logs.items():
                write(Path(scratch) / state, lines)
                take(browser, state, Path(scratch) / state, api, options)


def take(browser: Browser, state: str, log: Path, api: str, options: argparse.Namespace) -> None:
    """Take the pictures of one state."""
    wanted = [(width, theme) for of, width, theme in SHOWN if of == state]
    if options.all:
        wanted = [(width, theme) for width in HEIGHTS for theme in ("light", "dark")]
    environment = {"LOG_DIR": str(log), "STATE_DIR": str(log / "state"), "API_URL": api}
    command = ("streamlit", "run", "monitoring/dashboard.py", "--server.port")
    with served("dashboard", environment, *command) as url:
        for width, theme in wanted:
            path = options.folder / f"{state}-{width}-{theme}.png"
            photograph(browser, url, path, width, theme, whole=options.all)
            print(path)


def photograph(browser: Browser, url: str, path: Path, width: int, theme: Any, *, whole: bool) -> None:
    """The top of the page, or the `whole` of it."""
    size = ViewportSize(width=width, height=HEIGHTS[width])
    context = browser.new_context(viewport=size, color_scheme=theme, timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    page.goto(url)
    page.get_by_role("heading", name="The API").wait_for(timeout=60_000)
    if page.locator(".st-key-section_requests table").count():
        page.locator(".js-plotly-plot .main-svg").last.wait_for(timeout=30_000)
    page.wait_for_timeout(2_000)  # in which the plots are drawn
    if whole:
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1_500)
    page.screenshot(path=path)
    context.close()


def answered(url: str, log: Path) -> Answered:
    """The API's log lines for texts that were sent to it."""
    random, api = Random(SEED), Api(url)
    version, _ = served_model(api)
    compose, accuracy = reviews(api, load_profile(), version, random)
    elsewhere = sentences_elsewhere(random, 60)
    texts = [compose() for _ in range(REVIEWS)]
    texts += [of_length(elsewhere, 40, facts_elsewhere(random), random) for _ in range(OTHERS)]
    for start in range(0, len(texts), 500):
        api.post("/predict/batch", {"items": [{"text": text} for text in texts[start : start + 500]]})
    lines = [json.loads(line) for line in (log / "prediction_logs.json").read_text("utf-8").splitlines()]
    return Answered(lines[:REVIEWS], lines[REVIEWS:], accuracy)


def states(found: Answered, random: Random) -> Mapping[str, Sequence[Line]]:
    """The lines of each state's log, with their original times."""

    def as_often(line: Line, _: float) -> float:
        return found.accuracy(line["confidence"])

    def ever_less(line: Line, passed: float) -> float:
        return as_often(line, passed) if passed < 0.6 else 0.9 - 1.4 * (passed - 0.6)

    return {
        "healthy": labelled(found.reviews, 0.3, as_often, random),
        "amber": [
            line | {"true_sentiment": other(line) if place % 63 in (14, 42) else line["predicted_sentiment"]}
            if place % 7 == 0
            else line
            for place, line in enumerate(found.reviews[:400])
        ],
        "red": labelled(found.reviews, 0.5, ever_less, random),
        "drift": [*labelled(found.reviews[:1_600], 0.3, as_often, random), *found.others],
        "empty": [],
    }


def labelled(lines: Sequence[Line], share: float, right: Callable[[Line, float], float], random: Random) -> list[Line]:
    """The lines, this share of them labelled; `right` is the probability that a label confirms the prediction, by
    the elapsed part of the log, 0 to 1."""
    return [
        line
        | {
            "true_sentiment": line["predicted_sentiment"]
            if random.random() < right(line, place / len(lines))
            else other(line)
        }
        if random.random() < share
        else line
        for place, line in enumerate(lines)
    ]


def other(line: Line) -> str:
    return "negative" if line["predicted_sentiment"] == "positive" else "positive"


def write(folder: Path, lines: Sequence[Line]) -> None:
    """Write the lines as a log, spread over the last day."""
    folder.mkdir()
    now = datetime.now(UTC)
    apart = timedelta(days=1) / max(len(lines), 1)
    with (folder / "prediction_logs.json").open("w", encoding="utf-8") as file:
        for place, line in enumerate(lines):
            at = now - (len(lines) - place) * apart
            file.write(json.dumps(line | {"timestamp": at.isoformat(timespec="microseconds")}) + "\n")


@contextmanager
def served(name: str, environment: Mapping[str, str], *command: str) -> Iterator[str]:
    """The address of a service, started here and killed at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, str(port)],
        cwd=ROOT,
        env=os.environ | dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        until = time.monotonic() + 60
        while not any(answers(f"{url}{path}") for path in ("/readyz", "/_stcore/health")):
            if time.monotonic() > until or process.poll() is not None:
                sys.exit(f"The {name} does not start; `make run` shows why.")
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()

"""Texts far beyond the default limit, of what tokenizers, scorers and readers of the log like least."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring.alarms.monitor import Monitor
from monitoring.reader import LogReader
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT, many, starting_api
from tests.reliability.clients import answer, connection, head

pytestmark = pytest.mark.processes
UNITS = {"one token": "a", "apostrophes": "a'", "marks": ".", "blanks": " ", "open tags": "<a", "accents": "e\u0301"}
CHARS = many(500_000, 10_000_000)
EXPLAINED_CHARS = many(10_000, 100_000)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    limits = {name: str(10**9) for name in ("MAX_TEXT_CHARS", "MAX_BODY_BYTES")}
    with starting_api(ROOT / "api" / "sentiment_model.pkl", tmp_path_factory.mktemp("api")) as start:
        yield start(**limits)


def text_of(unit: str, chars: int) -> str:
    return "x" + unit * (chars // len(unit))


def ask(api, path: str, text: str) -> dict[str, Any]:
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    with connection(api, 600) as client:
        client.sendall(head(path, b"Connection: close\r\nContent-Length: %d\r\n" % len(body)) + body)
        status, said = answer(client)
    assert status == 200, said[:200]
    return json.loads(said)


def processor_seconds(api) -> float:
    times = Path(f"/proc/{api.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def growth(clock: Callable[[], float], work: Callable[[str, int], Any], chars: int) -> dict[int, float]:
    """The most processor time, in seconds, that the work took for so many characters of any unit, and for twice that.

    Fails if any took far more than twice as long, as all do whose time grows with the square of the length.
    """
    most: dict[int, float] = {}
    for name, unit in UNITS.items():
        took = []
        for length in (chars, 2 * chars):
            started = clock()
            work(unit, length)
            took.append(clock() - started)
            most[length] = max(most.get(length, 0.0), took[-1])
        assert took[1] < 3 * took[0] + 1, (name, took)
    return most


def in_words(most: dict[int, float]) -> str:
    return ", ".join(f"{seconds:.1f} s for {length / 1e6:g} million characters" for length, seconds in most.items())


@pytest.mark.promise(
    "Hostile input",
    "texts of 10 and 20 million characters, the worst kinds for tokenizers",
    "a prediction, in time linear in the length, not quadratic",
)
def test_time_grows_with_a_text_and_not_with_its_square(api, publish):
    def predict(unit: str, chars: int) -> None:
        ask(api, "/predict", text_of(unit, chars))

    def explain(unit: str, chars: int) -> None:
        ask(api, "/explain", text_of(unit, chars))

    explain("a", 10)  # what is made for the first explanation only
    publish(f"`/predict`: at most {in_words(growth(lambda: processor_seconds(api), predict, CHARS))}")
    publish(f"`/explain`: at most {in_words(growth(lambda: processor_seconds(api), explain, EXPLAINED_CHARS))}")


@pytest.mark.promise(
    "Hostile input",
    "log lines of 10 and 20 million characters",
    "read in time linear in their length",
)
def test_readers_of_the_log_take_time_in_proportion_to_a_line(tmp_path, publish):
    reference = load_profile(ROOT / "monitoring" / "reference.json")
    line = json.loads((ROOT / "tests" / "data" / "prediction_logs.json").read_text().splitlines()[0])

    def read(unit: str, chars: int) -> None:
        text = text_of(unit, chars)
        (tmp_path / "prediction_logs.json").write_text(json.dumps(line | {"request_text": text}) + "\n")
        snapshot = LogReader(tmp_path, Monitor(reference, 0.8, 0.02)).refresh()
        assert (snapshot.requests.rows, snapshot.unreadable_lines) == (1, 0)
        assert reference.words.pattern.findall(text.lower()) is not None

    publish(f"at most {in_words(growth(time.process_time, read, CHARS))}")

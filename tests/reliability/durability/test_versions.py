"""A log of an older program, and one of a newer program, with fields and files that this one does not know."""

import json
import shutil
from pathlib import Path

import pytest

from api.prediction_log.files.erasure import erase
from api.prediction_log.files.retention import Keep, tend
from api.prediction_log.files.segments import closed_name, log_files, open_log
from api.prediction_log.files.verification import verify
from tests.conftest import many, post
from tests.monitoring.conftest import at, prediction
from tests.monitoring.growth import Follower


def lines(folder: Path) -> list[dict]:
    found = []
    for path in log_files(folder, "prediction_logs"):
        with open_log(path) as file:
            found += [json.loads(line) for line in file.read().splitlines() if line.strip()]
    return found


def old(number: int) -> bytes:
    """As the first program wrote it: the four fields that are promised, and no more."""
    fields = {"timestamp": at(number), "request_text": f"old {number}", "predicted_sentiment": "positive"}
    return json.dumps(fields | {"true_sentiment": None}).encode() + b"\n"


def new(number: int) -> bytes:
    """As a program of years to come may write it."""
    unknown = {"language": "pt", "tokens": [1, 2, {"a": None}], "latency": 0.25, "ünïcode": "ü\u2028"}
    return prediction(timestamp=at(number), request_text=f"new {number}", prediction_id=f"new-{number}", **unknown)


@pytest.mark.promise(
    "Faults",
    "the log was written by an older version, or by a newer one with unknown fields",
    "it is read and continued; unknown fields stay as they are",
)
@pytest.mark.processes
@pytest.mark.parametrize("line", [old, new])
def test_a_log_of_another_version_is_read_and_gone_on_with_and_keeps_what_is_unknown(start_api, publish, line):
    number = many(200, 20_000)
    api = start_api(ready=False)
    api.stop()
    shutil.rmtree(api.log_dir, ignore_errors=True)
    api.log_dir.mkdir()
    log = api.log_dir / "prediction_logs.json"
    log.write_bytes(b"".join(line(n) for n in range(number)))
    (api.log_dir / closed_name("prediction_logs")).write_bytes(b"".join(line(n) for n in range(number, 2 * number)))
    before = lines(api.log_dir)

    api = start_api(LOG_COMPRESS="on")
    _, answer = post(api.url + "/predict", {"text": "of this version"})
    post(api.url + "/feedback", {"prediction_id": answer["prediction_id"], "true_sentiment": "negative"})
    seen = Follower(api.log_dir).look()
    erase(api.log_dir, [answer["prediction_id"]])
    tend(api.log_dir, Keep(compress=True, grace_seconds=0))

    assert (seen.requests.rows, seen.unreadable_lines) == (2 * number + 1, 0)
    assert sorted(map(json.dumps, lines(api.log_dir))) == sorted(map(json.dumps, before))
    assert verify(api.log_dir).is_sound
    assert len(list(api.log_dir.glob("*.gz"))) >= 1
    publish(f"{2 * number:,} {line.__name__} lines: all read, gone on with, compressed; every field as it was")

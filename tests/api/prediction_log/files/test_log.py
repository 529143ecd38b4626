import asyncio
import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.prediction_log.files.log import PredictionLog
from api.prediction_log.files.retention import Keep
from api.prediction_log.records import FeedbackRecord, PredictionRecord, line, now
from tests.api.prediction_log.files.test_retention import closed_file

TIME = "2026-11-23T08:20:00.123456+00:00"
RECORD = PredictionRecord(TIME, "ein Text", "positive", None, "id-1", 0.97, "abc", 0.5, True)


def test_the_first_four_fields_are_the_promise():
    assert list(json.loads(line(RECORD)))[:4] == [
        "timestamp",
        "request_text",
        "predicted_sentiment",
        "true_sentiment",
    ]


@given(st.text())
def test_any_text_is_one_line_and_comes_back_as_it_was(text):
    record = PredictionRecord(now(), text, "positive", "negative", "id", 0.5, "v", None, False)

    written = line(record)

    assert written.decode().splitlines(keepends=True) == [written.decode()]
    assert json.loads(written) == asdict(record)


def test_text_is_written_as_utf_8_not_as_escapes():
    record = PredictionRecord(now(), "déjà vu 🎬", "positive", None, "id", 0.5, "v", 1.0, False)

    assert "déjà vu 🎬".encode() in line(record)


def test_now_is_utc_with_microseconds_and_offset():
    assert len(now()) == len(TIME)
    assert abs(datetime.fromisoformat(now()) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("age", [0, 100])
def test_nothing_is_deleted_before_readers_have_had_a_minute_to_find_the_lock(tmp_path, age):
    old, lock = closed_file(tmp_path, 300_000), tmp_path / "retention.lock"
    lock.touch()
    os.utime(lock, (time.time() - age,) * 2)
    left = list[bool]()

    async def open_for_a_while() -> None:
        log = PredictionLog(tmp_path, "no", keep=Keep(days=2))
        await log.open()
        for _ in range(50):
            await asyncio.sleep(0.01)
            left.append(old.exists())
        await log.close()

    asyncio.run(open_for_a_while())

    assert left[-1] == (age == 0)


def test_the_service_makes_the_lock_although_everything_is_kept(tmp_path):
    async def open_and_close() -> None:
        log = PredictionLog(tmp_path / "logs", "no")
        await log.open()
        await asyncio.sleep(0)
        await log.close()

    asyncio.run(open_and_close())

    assert (tmp_path / "logs" / "retention.lock").read_bytes() == b""


def test_predictions_and_feedback_go_to_files_of_their_own(tmp_path):
    feedback = FeedbackRecord(now(), "id-1", "negative")
    log = PredictionLog(tmp_path, "no")

    async def append() -> None:
        await log.open()
        await log.append_predictions([RECORD, RECORD])
        await log.append_feedback(feedback)
        await log.close()

    asyncio.run(append())

    assert (tmp_path / "prediction_logs.json").read_bytes() == line(RECORD) * 2
    assert (tmp_path / "feedback_logs.json").read_bytes() == line(feedback)

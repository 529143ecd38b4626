"""The clock of the machine jumps back by an hour, and an hour later is right again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.verification import verify
from api.prediction_log.records import PredictionRecord, line
from monitoring.log.encoding import microseconds
from monitoring.store.requests import moment
from tests.conftest import many
from tests.monitoring.conftest import every
from tests.monitoring.growth import REFERENCE, Follower

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
EVERY = timedelta(seconds=10)


def written(folder: Path, times: list[datetime]) -> Path:
    """A log of one request at each of these times, with a label at each second one, by the API's own writer."""
    chance = np.random.default_rng(20261126)
    file = OwnedFile.claim(folder, "prediction_logs")
    for number, time in enumerate(times):
        words, right = int(chance.integers(5, 400)), chance.random() < 0.9
        record = PredictionRecord(
            time.isoformat(timespec="microseconds"),
            f"{number} " + "film " * words,
            "positive",
            ("positive" if right else "negative") if number % 2 else None,
            f"id-{number}",
            0.9,
            REFERENCE.model_version or "",
            0.9,
            False,
        )
        file.write(line(record))
    file.close()
    return folder


@pytest.mark.promise(
    "Faults",
    "the clock jumps back by an hour",
    "requests stay in time order, time ranges hold the right requests, no alarm or count changes",
)
def test_a_clock_that_jumps_back_changes_no_count_no_alarm_and_no_order(tmp_path, publish):
    requests = many(720, 20_000)
    steady = [NOON + number * EVERY for number in range(requests)]
    third = requests // 3
    jumping = [time - AN_HOUR if third <= place < 2 * third else time for place, time in enumerate(steady)]
    right, wrong = (
        Follower(written(tmp_path / name, times), tmp_path / f"state-{name}")
        for name, times in (("steady", steady), ("jumping", jumping))
    )
    expected, seen = right.look(), wrong.look()

    alarms = [
        {name: (status.n, status.evidence, len(status.episodes)) for name, status in snapshot.signals.items()}
        for snapshot in (expected, seen)
    ]
    assert alarms[0] == alarms[1]
    assert vars(expected.counts) == vars(seen.counts)
    found = seen.requests
    times = [moment(time) for time in found.part(found.where(every), "time").time.tolist()]
    assert times == sorted(jumping)
    assert found.latest == steady[-1]
    since = microseconds(steady[-1] - AN_HOUR)
    of_the_last_hour = found.where(lambda of: of.time >= since)
    assert len(of_the_last_hour) == sum(microseconds(time) >= since for time in jumping)
    assert [request.line.timestamp for request in found.read(found.newest(every, 50))] == sorted(jumping)[:-51:-1]
    again = Follower(tmp_path / "jumping", tmp_path / "state-jumping").look()
    assert again.counts == seen.counts
    assert verify(tmp_path / "jumping").is_sound
    publish(
        f"{requests:,} requests, a third of them with a clock an hour behind: signals and counts as without the jump"
    )

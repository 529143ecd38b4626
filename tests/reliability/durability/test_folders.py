"""The folder of the log is taken away, replaced, or can no longer be written."""

import shutil
from pathlib import Path

import pytest

from api.prediction_log.files.segments import log_files
from tests.conftest import get, post, seconds_until

pytestmark = pytest.mark.processes
NOTICED_SECONDS, RECOVERED_SECONDS = 2.0, 5.0


def delete_the_file(folder: Path) -> None:
    (folder / "prediction_logs.json").unlink()


def replace_the_file(folder: Path) -> None:
    delete_the_file(folder)
    (folder / "prediction_logs.json").write_text("somebody else's\n")


def move_the_folder(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))


def delete_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def replace_the_folder(folder: Path) -> None:
    move_the_folder(folder)
    folder.mkdir()


TAKEN_AWAY = [delete_the_file, replace_the_file, delete_the_folder, move_the_folder, replace_the_folder]


@pytest.mark.promise(
    "Faults",
    "the log file or its folder is deleted, moved or replaced while the API runs",
    "noticed within 2 s without a request; a new file is started, and nothing refused",
)
@pytest.mark.parametrize("happens", TAKEN_AWAY)
def test_what_is_taken_away_is_noticed_and_written_anew(start_api, publish, happens):
    api = start_api()
    path = api.log_dir / "prediction_logs.json"
    assert post(api.url + "/predict", {"text": "before"})[0] == 200
    before = path.stat().st_ino, path.read_bytes()
    happens(api.log_dir)
    noticed = seconds_until(
        lambda: "a new file is started" in api.output.read_text(), "it is noticed without a request"
    )

    status, answer = post(api.url + "/predict", {"text": "after"})
    assert status == 200
    assert answer["prediction_id"] in "".join(file.read_text() for file in log_files(api.log_dir))
    moved = api.log_dir.with_name("moved")
    assert not moved.exists() or (moved / path.name).read_bytes() == before[1]
    publish(f"{happens.__name__.replace('_', ' ')}: noticed after {noticed:.1f} s, no request refused")
    assert noticed < NOTICED_SECONDS


@pytest.mark.promise(
    "Faults",
    "something else takes the place of the log folder",
    "noticed within 2 s, 503 with the reason, ready by itself within 5 s",
)
def test_a_folder_that_cannot_be_made_is_a_503_with_the_reason_until_it_can(start_api, publish):
    api = start_api()
    post(api.url + "/predict", {"text": "before"})
    move_the_folder(api.log_dir)
    api.log_dir.write_text("a file where the folder was")
    noticed = seconds_until(lambda: get(api.url + "/readyz")[0] == 503, "it is not ready")

    status, answer = post(api.url + "/predict", {"text": "meanwhile"})
    assert (status, "The log cannot be written" in answer["detail"]) == (503, True)
    assert "File exists" in answer["detail"]

    api.log_dir.unlink()
    recovered = seconds_until(lambda: get(api.url + "/readyz")[0] == 200, "it is ready again without a request")
    assert post(api.url + "/predict", {"text": "after"})[0] == 200
    publish(f"not ready after {noticed:.1f} s, 503 with the reason, ready again after {recovered:.1f} s")
    assert noticed < NOTICED_SECONDS
    assert recovered < RECOVERED_SECONDS

"""Where the page has its data from, on real files and real servers."""

import shutil
import threading
from contextlib import closing
from dataclasses import replace

import pytest
import streamlit

from monitoring.analysis.selection import Selection
from monitoring.log.format import parse_prediction
from monitoring.page import sources
from monitoring.page.api.client import ApiClient
from monitoring.page.sources import Log, explained, look
from monitoring.settings import Settings
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT, free_port, wait_until
from tests.monitoring.conftest import append, at, prediction

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
MANY = 10_000  # enough to be kept
EVERYTHING = Selection()


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A log in a folder of its own, which is not there yet, and no API."""
    streamlit.cache_resource.clear()
    wait_until(lambda: not following(), "no log of another test is followed")
    return Settings(log_dir=tmp_path / "logs", state_dir=tmp_path / "state", api_url=f"http://127.0.0.1:{free_port()}")


def many(n: int = MANY) -> list[bytes]:
    return [
        prediction(request_text=f"text {number}", prediction_id=f"{number}", timestamp=at(number / 60))
        for number in range(n)
    ]


def following() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "log"]


def written_checkpoint(log: Log) -> None:
    """Reads the log to its end, writes its checkpoint, and closes it."""
    log.look(60)
    assert log.reader.saver is not None
    log.reader.saver.wait()
    log.close()
    wait_until(lambda: not following(), "the log is not followed any more")


# The log


def test_a_log_of_many_lines_is_nothing_at_first_then_all_of_it(settings):
    append(settings.log_dir / "prediction_logs.json", *many())

    log = Log(settings, REFERENCE)
    first = log.look(wait=0)
    progress = log.reader.progress
    later = wait_until(log.look, "the log has been read")

    assert first is None
    assert 0 <= progress <= 1
    assert later.requests.rows == MANY
    assert log.reader.progress == 1
    written_checkpoint(log)


def test_a_small_log_is_there_at_the_first_look(settings):
    append(settings.log_dir / "prediction_logs.json", prediction())

    with closing(Log(settings, REFERENCE)) as log:
        snapshot = log.look(60)

    assert snapshot is not None
    assert snapshot.requests.rows == 1


def test_a_log_that_cannot_be_read_is_said_with_its_path_until_it_can(settings):
    path = settings.log_dir / "prediction_logs.json"
    path.mkdir(parents=True)

    seen = look(settings, EVERYTHING)

    (problem,) = seen.problems
    assert (problem.level, problem.title, problem.name) == ("alert", "The log cannot be read", "log")
    assert problem.detail == f"Is a directory: {path}."
    assert problem.action
    assert (seen.snapshot, seen.analysis) == (None, None)

    path.rmdir()
    append(path, prediction())
    assert look(settings, EVERYTHING).problems == []


def test_a_restart_goes_on_from_what_was_kept_in_the_folder_for_that(settings):
    path = settings.log_dir / "prediction_logs.json"
    append(path, *many())
    written_checkpoint(Log(settings, REFERENCE))
    assert (settings.state_dir / "dashboard" / "header.json").exists()
    with path.open("r+b") as file:
        file.write(b"garbage")  # which nobody sees who does not read it again

    with closing(Log(settings, REFERENCE)) as log:
        again = log.look(60)

    assert again is not None
    assert (again.requests.rows, again.unreadable_lines) == (MANY, 0)


def test_with_another_reference_all_is_read_again(settings):
    path = settings.log_dir / "prediction_logs.json"
    append(path, *many())
    written_checkpoint(Log(settings, REFERENCE))
    with path.open("r+b") as file:
        file.write(b"garbage")

    log = Log(settings, None)
    written_checkpoint(log)
    again = log.look(60)

    assert again is not None
    assert (again.requests.rows, again.unreadable_lines) == (MANY - 1, 1)


def test_where_nothing_can_be_kept_the_log_is_read_all_the_same(settings, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    append(settings.log_dir / "prediction_logs.json", *many())

    log = Log(replace(settings, state_dir=tmp_path / "file"), REFERENCE)
    written_checkpoint(log)

    snapshot = log.look(60)
    assert snapshot is not None
    assert snapshot.requests.rows == MANY
    assert "cannot be kept in" in caplog.text


def test_a_closed_log_is_not_followed_and_can_still_be_looked_at(settings):
    path = settings.log_dir / "prediction_logs.json"
    append(path, prediction())
    log = Log(settings, REFERENCE)
    assert log.look(60)

    log.close()

    wait_until(lambda: not following(), "the log is not followed any more")
    append(path, prediction())
    snapshot = log.look(0)
    assert snapshot is not None
    assert snapshot.requests.rows == 2


def test_another_reference_closes_the_log_of_the_former_one(settings):
    former = sources.the_log(settings, "former", REFERENCE)
    former.look(60)
    (thread,) = following()

    assert sources.the_log(settings, "other", None) is not former

    thread.join(60)
    assert not thread.is_alive()


# The reference


def test_what_is_seen_has_reference_log_and_analysis(settings):
    append(settings.log_dir / "prediction_logs.json", prediction())

    seen = look(settings, EVERYTHING)

    assert seen.reference is not None
    assert seen.reference.digest == REFERENCE.digest
    assert seen.snapshot is not None
    assert seen.analysis is not None
    assert seen.problems == []


def test_two_looks_at_a_log_that_has_not_changed_see_the_same(settings):
    append(settings.log_dir / "prediction_logs.json", prediction())

    one, other = look(settings, EVERYTHING), look(settings, EVERYTHING)

    assert one.snapshot is other.snapshot
    assert one.analysis is other.analysis


def test_a_profile_that_is_missing_is_said_and_the_log_shown(settings, tmp_path):
    append(settings.log_dir / "prediction_logs.json", prediction())

    seen = look(replace(settings, reference_path=tmp_path / "missing.json"), EVERYTHING)

    (problem,) = seen.problems
    assert (problem.level, problem.title) == ("warning", "The reference cannot be used")
    assert problem.detail == f"{tmp_path / 'missing.json'} cannot be read: No such file or directory."
    assert seen.reference is None
    assert seen.analysis is not None


def test_a_new_profile_is_read_and_the_log_judged_anew(settings, tmp_path):
    path = tmp_path / "profile.json"
    settings = replace(settings, reference_path=path)
    append(settings.log_dir / "prediction_logs.json", prediction(model_version=REFERENCE.model_version))
    before = look(settings, EVERYTHING)
    shutil.copy(ROOT / "monitoring" / "reference.json", path)

    after = look(settings, EVERYTHING)

    assert (before.reference, after.problems) == (None, [])
    assert before.analysis is not None
    assert after.analysis is not None
    assert (before.analysis.drifts.by_subject, set(after.analysis.drifts.by_subject)) == (
        {},
        {"length", "vocabulary", "confidence", "prediction"},
    )


@pytest.mark.parametrize("name", ["x" * 300, "folder", "file/in/a/file"])
def test_a_profile_that_no_file_can_be_is_a_sentence(settings, tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")

    seen = look(replace(settings, reference_path=tmp_path / name), EVERYTHING)

    (problem,) = seen.problems
    assert problem.detail.startswith(f"{tmp_path / name} cannot be read: ")


# The API


def test_an_api_that_is_down_is_in_what_is_seen(settings):
    assert (
        look(settings, EVERYTHING).api.problem == f"The API does not answer at {settings.api_url}: Connection refused."
    )


def line_of(**fields):
    record = {"timestamp": at(0), "request_text": "a wonderful film", "predicted_sentiment": "positive"}
    return parse_prediction(record | fields)


def test_an_explanation_is_asked_for_once_for_each_request(settings, api):
    requests = [line_of(prediction_id="1"), line_of(prediction_id="2"), line_of(prediction_id="1")]

    found = [explained(ApiClient(api.url), request) for request in requests]

    assert found[0] == found[1]
    assert found[0] is found[2]
    assert [body["text"] for _, body in api.received] == ["a wonderful film"] * 2


def test_why_there_is_no_explanation_is_a_sentence_which_is_not_asked_for_again_at_once(settings, api):
    api.replies["/explain"] = (409, {"detail": "The model has no exact explanation."})

    found = [explained(ApiClient(api.url), line_of(prediction_id="1")) for _ in range(3)]

    assert found == ["The model has no exact explanation."] * 3
    assert len(api.received) == 1


def test_the_same_watch_asks_the_api_for_everybody(settings):
    client = ApiClient(settings.api_url)
    one, other = (sources.api_watch(settings.api_url, settings.refresh_seconds, client) for _ in range(2))

    assert one is other


def test_the_api_is_asked_with_the_dashboards_token(settings, api):
    seen = look(replace(settings, api_url=api.url, api_token="a-token-0123456789"), EVERYTHING)
    explained(ApiClient(api.url, "a-token-0123456789"), line_of(prediction_id="1"))

    assert seen.api.problem == ""
    assert api.authorizations == ["Bearer a-token-0123456789"] * 3

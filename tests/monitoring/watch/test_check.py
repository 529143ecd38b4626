"""One look for cron: its exit code and its words."""

from dataclasses import replace

import pytest

from monitoring.settings import Settings
from monitoring.watch.check import ALERT, CANNOT_TELL, FINE, NOT_ENOUGH, check
from tests.monitoring.conftest import append, feedback
from tests.monitoring.traffic import judged, usual, write
from tests.monitoring.watch.test_follow import Watch


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(log_dir=tmp_path / "logs", state_dir=tmp_path / "state")


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (judged(0, 200, right=0.95), FINE, "ok: Accuracy is not below 80%"),
        (judged(0, 200, right=0.5), ALERT, "alert: Accuracy is below 80%. "),
        (
            usual(0, 400, words=900),
            ALERT,
            "warning: Sentence length has drifted. Texts are longer than in the reference. The drift started",
        ),
        (judged(0, 29, right=0.95), NOT_ENOUGH, "unknown: Not enough labels yet. 29 of the 30 labels"),
        (judged(0, 40, right=0.75), NOT_ENOUGH, "warning: Accuracy is below 80%. 75.0% of 40 labelled predictions"),
        ([], NOT_ENOUGH, "unknown: Not enough labels yet. 0 of the 30 labels"),
    ],
)
def test_the_exit_code_is_the_verdict_and_each_alert_has_a_line(settings, lines, code, said):
    write(settings.log_dir, lines)
    found, printed = check(settings)

    assert found == code
    assert [line for line in printed if line.startswith(said)]


def test_a_log_that_is_not_there_is_no_good_news(settings):
    assert check(settings)[0] == CANNOT_TELL

    settings.log_dir.mkdir()
    code, said = check(settings)
    assert code == CANNOT_TELL
    assert said == [f"There is no log in {settings.log_dir}: no file is named prediction_logs*.json."]


def test_a_log_that_cannot_be_read_is_said_with_the_reason(settings):
    (settings.log_dir / "prediction_logs.json").mkdir(parents=True)
    code, said = check(settings)

    assert code == CANNOT_TELL
    assert said == [f"The log cannot be read: Is a directory: {settings.log_dir}/prediction_logs.json"]


def test_without_a_profile_it_says_so_and_what_can_be_told(settings, tmp_path):
    write(settings.log_dir, judged(0, 200, right=0.95))
    code, said = check(replace(settings, reference_path=tmp_path / "missing.json"))

    assert code == FINE
    assert said[0].startswith(f"warning: {tmp_path}/missing.json cannot be read")
    assert said[1].startswith("ok: Accuracy is not below 80%")


def test_lines_and_labels_that_could_not_be_used_are_said_but_change_no_verdict(settings):
    write(settings.log_dir, [*judged(0, 200, right=0.95), b"no JSON\n"])
    append(settings.log_dir / "feedback_logs.json", feedback("nobody", "positive"))
    code, said = check(settings)

    assert code == FINE
    assert [line.split(".")[0] for line in said[-2:]] == [
        "warning: 1 line of the log could not be read",
        "warning: 1 label belongs to no prediction in the log",
    ]


def test_it_goes_on_from_the_state_of_a_watch_and_leaves_everything_as_it_was(settings):
    write(settings.log_dir, judged(0, 200, right=0.5))
    watch = Watch(settings)
    watch.file.own()
    watch.look()
    (settings.log_dir / "prediction_logs.json").unlink()
    write(settings.log_dir, judged(200, 240, right=0.95))
    before = {path: path.read_bytes() for path in settings.state_dir.iterdir()}

    assert check(settings)[0] == ALERT  # what the log no longer has is in the state
    assert {path: path.read_bytes() for path in settings.state_dir.iterdir()} == before
    assert check(replace(settings, state_dir=settings.state_dir / "none"))[0] == FINE
    assert not (settings.state_dir / "none").exists()


def test_a_state_that_does_not_fit_is_not_used_and_left_alone(settings):
    write(settings.log_dir, judged(0, 200, right=0.95))
    settings.state_dir.mkdir()
    (settings.state_dir / "watch.json").write_text("{}")

    assert check(settings)[0] == FINE
    assert (settings.state_dir / "watch.json").read_text() == "{}"

"""The analyses that all browsers share: each is made once, on real log files."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from monitoring.alarms.monitor import Monitor
from monitoring.analysis.cache import KEPT, WORDS_SECONDS, AnalysisCache
from monitoring.analysis.selection import Selection
from monitoring.reader import LogReader
from monitoring.settings import Settings
from monitoring.stats.reference import load_profile
from tests.conftest import ROOT, wait_until
from tests.monitoring.conftest import append, at, feedback
from tests.monitoring.conftest import prediction as line_of

REFERENCE = load_profile(ROOT / "monitoring" / "reference.json")
EVERYTHING = Selection()


def compared_log(directory):
    """A reader of a log that is compared with the reference."""
    return LogReader(directory, Monitor(REFERENCE, 0.8, 0.02))


def prediction(**fields):
    return line_of(**{"model_version": REFERENCE.model_version} | fields)


@pytest.fixture
def log(tmp_path):
    """A log of two requests."""
    append(tmp_path / "prediction_logs.json", prediction(prediction_id="1"), prediction(prediction_id="2"))
    return compared_log(tmp_path)


@pytest.fixture
def analyses():
    return AnalysisCache(REFERENCE, Settings())


def test_while_nothing_has_changed_it_is_the_same_object(log, analyses):
    first = analyses.of(log.refresh(), EVERYTHING)

    assert first is not None
    assert first.tables.n == 2
    assert analyses.of(log.refresh(), EVERYTHING) is first


def test_new_requests_are_in_a_new_one(log, analyses):
    first = analyses.of(log.refresh(), EVERYTHING)
    append(log.directory / "prediction_logs.json", prediction())

    second = analyses.of(log.refresh(), EVERYTHING)

    assert first is not None
    assert second is not None
    assert (first.tables.n, second.tables.n) == (2, 3)


def test_a_new_label_is_in_a_new_one(log, analyses):
    analyses.of(log.refresh(), EVERYTHING)
    append(log.directory / "feedback_logs.json", feedback("1", "positive"))

    found = analyses.of(log.refresh(), EVERYTHING)

    assert found is not None
    assert found.quality.accuracy is not None
    assert found.quality.accuracy.n == 1


@pytest.mark.parametrize(
    "selection",
    [
        Selection(labels=("negative",)),
        Selection(versions=("v2",)),
        Selection(labels=("unheard of",)),
        Selection(span=timedelta(hours=1)),
        Selection(timedelta(hours=1), ("positive",), (REFERENCE.model_version,)),
    ],
)
def test_without_a_selected_request_there_is_none(log, analyses, selection):
    assert analyses.of(log.refresh(), selection) is None


def test_each_selection_has_its_own(log, analyses):
    append(log.directory / "prediction_logs.json", prediction(predicted_sentiment="negative", model_version="v2"))
    snapshot = log.refresh()
    chosen = [EVERYTHING, Selection(labels=("negative",)), Selection(versions=(REFERENCE.model_version,))]

    found = [analyses.of(snapshot, selection) for selection in chosen]

    assert [analysis and analysis.tables.n for analysis in found] == [3, 1, 2]
    assert [analyses.of(snapshot, selection) for selection in chosen] == found


def test_ten_browsers_at_once_have_one_made_for_all_of_them(log, analyses):
    snapshot, together = log.refresh(), Barrier(10)

    def look(_):
        together.wait()
        return analyses.of(snapshot, EVERYTHING)

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(look, range(10)))

    assert len({id(analysis) for analysis in found}) == 1


def test_a_range_of_time_that_has_moved_past_a_request_makes_a_new_one(tmp_path, analyses):
    span = timedelta(seconds=2)
    almost_too_old = (datetime.now(UTC) - span + timedelta(seconds=0.3)).isoformat()
    append(
        tmp_path / "prediction_logs.json",
        prediction(timestamp=almost_too_old),
        prediction(timestamp=(datetime.now(UTC) + timedelta(days=1)).isoformat()),
    )
    snapshot = compared_log(tmp_path).refresh()
    first = analyses.of(snapshot, Selection(span))

    later = wait_until(lambda: (now := analyses.of(snapshot, Selection(span))) is not first and now, "time has moved")

    assert first is not None
    assert (first.tables.n, later.tables.n) == (2, 1)


def test_a_range_of_time_that_moves_without_losing_a_request_makes_none(tmp_path, analyses):
    append(tmp_path / "prediction_logs.json", prediction(timestamp=datetime.now(UTC).isoformat()))
    snapshot = compared_log(tmp_path).refresh()

    first, second = (analyses.of(snapshot, Selection(timedelta(hours=1))) for _ in range(2))

    assert first is second


def test_only_so_many_selections_are_kept_and_those_that_were_looked_at_last(log):
    snapshot, analyses = log.refresh(), AnalysisCache(None, Settings())
    spans = [Selection(timedelta(days=365 * (100 + years))) for years in range(KEPT)]
    first, second = (analyses.of(snapshot, selection) for selection in spans[:2])
    for selection in spans[2:]:
        analyses.of(snapshot, selection)
    assert analyses.of(snapshot, spans[0]) is first

    analyses.of(snapshot, EVERYTHING)

    assert analyses.of(snapshot, spans[0]) is first
    assert analyses.of(snapshot, spans[1]) is not second


def test_words_that_moved_are_looked_for_only_after_a_while(tmp_path):
    seconds = [1_000.0]
    analyses, log = AnalysisCache(REFERENCE, Settings(), clock=lambda: seconds[0]), compared_log(tmp_path)

    def words_after(elapsed, texts):
        seconds[0] += elapsed
        lines = [prediction(timestamp=at(0), request_text=text, prediction_id=text) for text in texts]
        append(tmp_path / "prediction_logs.json", *lines)
        found = analyses.of(log.refresh(), EVERYTHING)
        assert found is not None
        return [word.word for word in found.drifts.moved_words]

    assert words_after(0, ["nothing to see"]) == []
    quokkas = [f"The quokka number {number} was tired." for number in range(100)]
    assert words_after(WORDS_SECONDS / 2, quokkas) == []
    assert "quokka" in words_after(WORDS_SECONDS / 2, ["one more"])

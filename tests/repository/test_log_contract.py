"""What the API writes, monitoring reads: the only file that imports both services."""

import asyncio
import gzip
import json
import os
import shutil
import tempfile
import threading
import time
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from api.model.classifier import Model
from api.model.loading import load_model
from api.model.predictor import Predictor
from api.prediction_log.files.erasure import erase
from api.prediction_log.files.log import PredictionLog
from api.prediction_log.files.owned_file import OwnedFile
from api.prediction_log.files.retention import Keep, tend
from api.prediction_log.files.segments import is_copy, log_files, open_log
from api.prediction_log.files.verification import verify
from api.prediction_log.personal_data import keeper
from api.prediction_log.records import FeedbackRecord, HashedRecord, PredictionRecord, line
from monitoring.log.files.folder import STEMS, paths
from monitoring.log.format import Feedback, Prediction, parse_feedback, parse_prediction, word_count
from monitoring.reader import Snapshot
from tests.api.model.linear_pipelines import CORPUS, LABELS
from tests.conftest import ROOT, TEXTS, get, post, wait_until
from tests.monitoring.conftest import lines_of, predictions_of, watched_log
from training.data import LabelledTexts
from training.evaluation import Answers, known_token_shares
from training.own_model import measure
from training.reference import build_reference

DATA = ROOT / "tests" / "data"
PROMISED = ["timestamp", "request_text", "predicted_sentiment", "true_sentiment"]
RECORD = PredictionRecord(
    "2026-11-23T08:20:00.123456+00:00", "gut 🎬\u2028é", "positive", None, "id-1", 0.97, "v", 0.5, True
)
LABEL = FeedbackRecord("2026-11-23T08:21:00.123456+00:00", "id-1", "negative")

texts = st.text() | st.text(alphabet='a \n\r\t\x00\x0b\x0c\x1c\x1d\x1e\x1f\x7f\x85\u2028\u2029\ufeff"\\/{}🎬')
times = st.datetimes(timezones=st.just(UTC)).map(lambda time: time.isoformat(timespec="microseconds"))
shares = st.floats(0, 1, allow_subnormal=False)
records = st.builds(
    PredictionRecord,
    times,
    texts,
    texts,
    st.none() | texts,
    texts,
    shares,
    texts,
    st.none() | shares,
    st.booleans(),
)


def read(directory: Path) -> Snapshot:
    return watched_log(directory).refresh()


def as_records(predictions: pd.DataFrame) -> list[PredictionRecord]:
    """The table's rows as what the writer was given."""
    rows = predictions.to_dict("records")
    return [
        PredictionRecord(
            row["timestamp"].isoformat(timespec="microseconds"),
            row["request_text"],
            row["predicted_sentiment"],
            None if pd.isna(row["true_sentiment"]) else row["true_sentiment"],
            row["prediction_id"],
            row["confidence"],
            row["model_version"],
            None if pd.isna(row["known_share"]) else row["known_share"],
            row["audit"],
        )
        for row in rows
    ]


def as_line(record: PredictionRecord) -> Prediction:
    """The record as a line that the reader takes apart."""
    return parse_prediction(json.loads(line(record)))


def write(folder: Path, predictions: list[PredictionRecord]) -> None:
    async def append() -> None:
        log = PredictionLog(folder, "no")
        await log.open()
        for record in predictions:
            await log.append_predictions([record])
        await log.close()

    asyncio.run(append())


def numbered(number: int) -> PredictionRecord:
    time = f"2026-11-23T08:{number // 60:02}:{number % 60:02}.000000+00:00"
    return PredictionRecord(time, f"text {number}\nzwei é", "positive", None, f"id-{number}", 0.5, "v", None, False)


# Field by field


@given(st.lists(records, max_size=5))
@example([RECORD])
def test_every_prediction_that_can_be_written_is_read_back_as_it_was(written):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "prediction_logs.json").write_bytes(b"".join(line(record) for record in written))
        snapshot = read(Path(folder))
        found = as_records(predictions_of(snapshot))

    assert snapshot.unreadable_lines == 0
    assert found == sorted(written, key=lambda record: record.timestamp)


@given(times, texts, texts)
def test_every_label_that_can_be_written_is_read_back_as_it_was(time, prediction_id, label):
    written = FeedbackRecord(time, prediction_id, label)

    assert parse_feedback(json.loads(line(written))) == Feedback(datetime.fromisoformat(time), prediction_id, label)


@given(texts, texts, st.none() | texts, texts)
def test_a_label_finds_its_prediction_whatever_the_id_and_the_labels_are(prediction_id, predicted, sent, later):
    prediction = PredictionRecord(RECORD.timestamp, "a", predicted, sent, prediction_id, 0.5, "v", 1.0, False)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "prediction_logs.json").write_bytes(line(prediction))
        Path(folder, "feedback_logs.json").write_bytes(line(FeedbackRecord(RECORD.timestamp, prediction_id, later)))
        snapshot = read(Path(folder))
        found = predictions_of(snapshot)

    assert found["true_sentiment"].tolist() == [later]
    assert (snapshot.unreadable_lines, snapshot.unmatched_feedback) == (0, 0)


def test_the_reader_needs_no_field_but_those_that_are_promised():
    record = asdict(RECORD)
    needed = []
    for name in record:
        try:
            parse_prediction({key: value for key, value in record.items() if key != name})
        except KeyError:
            needed.append(name)

    assert needed == ["timestamp", "request_text", "predicted_sentiment"]
    assert set(needed) < set(PROMISED)


def test_the_reader_knows_only_fields_that_are_written():
    written = {field.name for field in fields(HashedRecord)}

    assert set(Prediction._fields) <= written
    assert set(Feedback._fields) == {field.name for field in fields(FeedbackRecord)}


def test_the_promised_fields_come_first_and_the_reader_uses_them_all():
    assert list(json.loads(line(RECORD)))[:4] == PROMISED
    assert set(PROMISED) <= set(Prediction._fields)


@pytest.mark.parametrize("value", [None, 1, "x", [1, {"a": []}], {"deep": {"er": True}}])
def test_a_new_field_breaks_nothing(tmp_path, value):
    newer = asdict(RECORD) | {"new_field": value}
    later = asdict(LABEL) | {"new_field": value}
    (tmp_path / "prediction_logs.json").write_text(json.dumps(newer) + "\n" + line(RECORD).decode())
    (tmp_path / "feedback_logs.json").write_text(json.dumps(later) + "\n")

    snapshot = read(tmp_path)

    assert snapshot.unreadable_lines == 0
    assert predictions_of(snapshot)["request_text"].tolist() == [RECORD.request_text] * 2
    assert predictions_of(snapshot)["true_sentiment"].tolist() == ["negative"] * 2


@given(st.lists(texts, max_size=5), st.randoms())
def test_what_is_known_of_a_text_is_the_same_when_the_text_is_left_out(written, chance):
    written = [*written, *chance.choices(written, k=3)] if written else []
    lines = [replace(RECORD, request_text=text) for text in written]
    kept = keeper("hashed", "sixteen or more characters")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "prediction_logs.json")
        log.write_bytes(b"".join(line(kept(record)) for record in lines))
        hashed, left_out = columns_of(read(Path(folder))), predictions_of(read(Path(folder)))
        log.write_bytes(b"".join(map(line, lines)))
        full = columns_of(read(Path(folder)))

    assert full == hashed
    assert left_out["request_text"].tolist() == [""] * len(written)


def columns_of(snapshot: Snapshot) -> list[object]:
    """What the figures are made of: words, and which texts are the same."""
    columns = snapshot.requests.part(np.arange(snapshot.requests.rows))
    texts = columns.text.tolist()
    return [columns.words.tolist(), columns.previous.tolist(), [texts.index(text) for text in texts]]


@given(texts)
def test_the_reader_counts_words_as_the_reference_profile_does(text):
    data = LabelledTexts([text, "one"], ["a", "b"], 0, "")
    answers = Answers(["a", "b"], np.eye(2), np.array([0, 1]), None)

    profile = build_reference("v", data, answers)

    assert profile["length"]["mean"] == (word_count(text) + 1) / 2


# The share of known tokens, which is compared with the reference profile's


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor(load_model(ROOT / "api" / "sentiment_model.pkl", ROOT / "api" / "model_card.json"))


PIECES = [
    "a",
    "of",
    "film",
    "Good",
    "bad",
    "isn't",
    "n't",
    "!",
    "?",
    "...",
    "(",
    "10/10",
    "İ",
    "ﬁne",
    "zzyzx",
    "素晴らしい",
]
written = st.lists(st.sampled_from(PIECES) | texts).flatmap(
    lambda pieces: st.sampled_from(["", " ", "<br />"]).map(lambda blank: blank.join(pieces))
)


@given(written)
@example("")
@example(" \n\t\u2028")
@example("?!... --- ***")
@example("🎬👍🏽 \u200b\0")
@example("One line.<br /><br />Another one, isn't it?")
@example("good " * 1000 + "zzyzx " * 10)
@example("Zzyzx ZZYZX zzyzx")
@example("Café, cafe\u0301, naïve: ß İ ς Σ ﬁ")
def test_the_logged_share_of_known_tokens_is_that_of_the_reference_profile(shipped, text):
    (share,) = known_token_shares(shipped.model.pipeline.steps[0][1], [text]).tolist()

    assert shipped.unscorable is None
    assert [answer.known_share for answer in shipped.predict([text])] == [round(share, 6)]
    assert [answer.known_share for answer in shipped.model.predict([text])] == [round(share, 6)]


@pytest.mark.parametrize(
    "steps",
    [
        [TfidfVectorizer()],
        [CountVectorizer(ngram_range=(1, 2), stop_words=["the", "a"], binary=True), TfidfTransformer()],
        [CountVectorizer(vocabulary=["the", "film", "was"], stop_words=["the"])],
        [TfidfVectorizer(tokenizer=str.split)],
        [TfidfVectorizer(preprocessor=str.swapcase, strip_accents="unicode")],
        [TfidfVectorizer(dtype=np.float32)],
        [TfidfVectorizer(ngram_range=(2, 3))],
        [TfidfVectorizer(analyzer="char_wb")],
        [TfidfVectorizer(analyzer=str.split)],
        [HashingVectorizer(n_features=64)],
        ["passthrough", TfidfVectorizer()],
        [make_union(TfidfVectorizer(), CountVectorizer())],
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of settings that another one makes useless
def test_a_model_has_a_share_of_known_tokens_in_the_log_if_it_has_one_in_the_reference_profile(steps):
    model = make_pipeline(*steps, LogisticRegression()).fit(CORPUS, LABELS[2])
    asked = [*CORPUS, "A film never seen, nor ever heard of", "?!", "THE ÉND of the ODOS"]
    profiled = measure(model, LabelledTexts(asked, ["good"] * len(asked), 0, ""))[0].known_share
    expected = [None] * len(asked) if profiled is None else [round(share, 6) for share in profiled.tolist()]

    predictor = Predictor(Model(model, {"model_version": "v"}))

    assert [answer.known_share for answer in predictor.predict(asked)] == expected
    assert [answer.known_share for answer in predictor.model.predict(asked)] == expected


# A sample written by hand: what must stay readable forever


def test_the_sample_is_read_as_it_always_was(tmp_path):
    for name in ("prediction_logs.json", "feedback_logs.json"):
        shutil.copy(DATA / name, tmp_path)

    snapshot = read(tmp_path)

    beside = ["words", "prediction_id", "model_version", "known_share", "audit", "text_hash"]
    table = predictions_of(snapshot).drop(columns=beside)
    rows = [tuple(None if pd.isna(value) else value for value in row) for row in table.itertuples(index=False)]

    def at(text: str) -> pd.Timestamp:
        return pd.Timestamp(f"2026-11-23T08:20:{text}+00:00")

    assert rows == [
        (at("00.123456"), "The movie was amazing!", "positive", "positive", 0.973214),
        (at("01"), "Ein großartiger Film 🎬 – très émouvant, 素晴らしい", "negative", "positive", 0.512),
        (
            at("02.5"),
            'First line.\nSecond line,\ttabbed; a "quote", a \u2028 separator.',
            "negative",
            "positive",
            0.75,
        ),
        (at("03"), "Only four fields", "positive", None, None),
        (at("04"), "A field from the future", "positive", None, 1.0),
        (at("06"), "Written after the power cut", "negative", None, 0.625),
        (at("06.5"), "Since the audit sample", "positive", None, 0.875),
        (at("06.75"), "No words are known of this model", "negative", None, 0.5),
        (at("06.875"), "", "positive", None, 0.75),
    ]
    assert predictions_of(snapshot)["words"].tolist() == [4, 8, 9, 3, 5, 5, 4, 7, 12]
    assert predictions_of(snapshot)["known_share"].fillna(-1).tolist() == [-1] * 6 + [0.75, -1, 0.5]
    assert predictions_of(snapshot)["audit"].tolist() == [False] * 6 + [True, False, False]
    assert predictions_of(snapshot)["text_hash"].fillna("").tolist() == [""] * 8 + ["0a8f6ac5d1bd1b1d0c5a2e7f9b3c4d5e"]
    assert predictions_of(snapshot)[["prediction_id", "model_version"]].isna().sum().tolist() == [1, 1]
    assert (snapshot.files, snapshot.unreadable_lines, snapshot.unmatched_feedback) == (1, 2, 1)


def test_the_sample_can_be_written_on_and_the_rest_of_its_last_line_is_then_gone(tmp_path):
    for name in ("prediction_logs.json", "feedback_logs.json"):
        shutil.copy(DATA / name, tmp_path)
    reader = watched_log(tmp_path)
    before = reader.refresh()

    write(tmp_path, [numbered(3599)])

    after = reader.refresh()
    assert predictions_of(after)["request_text"].tolist()[-1] == numbered(3599).request_text
    assert after.requests.rows == before.requests.rows + 1
    assert after.unreadable_lines == before.unreadable_lines


# Files as the writers leave them

NAMES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["prediction_logs", "feedback_logs", ".prediction_logs", "predictions", "Prediction_logs"]),
    st.sampled_from(["", ".1", ".17", "_backup", "-old", " (copy)", ".json", "[1]", "-20261126T142233.123456Z-1f3a"]),
    st.sampled_from([".json", ".json.gz", ".json.new", ".json.gz.new", ".json.1", ".jsonl", ".gz", ".json.bak", ""]),
)


@given(st.sets(NAMES))
def test_readers_and_the_service_take_the_same_files_for_the_log(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name).touch()
        read = {path for stem in STEMS for path in paths(Path(folder), stem)}
        known = log_files(Path(folder))

        assert read == {path for path in known if not is_copy(path)}


def test_whatever_the_reader_counts_is_verified_erased_and_kept_no_longer_than_the_rest(tmp_path):
    names = [
        "prediction_logs_backup.json",
        "prediction_logs.json",
        "prediction_logs-old.json",
        "prediction_logs2.json.gz",
    ]
    for number, name in enumerate(names):
        content = line(numbered(number))
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        os.utime(tmp_path / name, (time.time() - 90_000,) * 2)

    assert read(tmp_path).requests.rows == verify(tmp_path).predictions == len(names)
    tend(tmp_path, Keep(days=10_000, compress=True, grace_seconds=0))
    assert read(tmp_path).requests.rows == verify(tmp_path).predictions == len(names)
    assert sum(erase(tmp_path, [f"id-{number}" for number in range(len(names))]).values()) == len(names)
    assert read(tmp_path).requests.rows == verify(tmp_path).predictions == 0
    assert b"id-" not in b"".join(open_log(path).read() for path in log_files(tmp_path))


def test_what_several_writers_append_to_one_folder_is_read_as_one_log(tmp_path):
    async def append_in_turn() -> None:
        logs = [PredictionLog(tmp_path, "no") for _ in range(3)]
        for log in logs:
            await log.open()
        for number in range(12):
            await logs[number % 3].append_predictions([numbered(number)])
            await logs[number % 3].append_feedback(FeedbackRecord(LABEL.timestamp, f"id-{number}", "negative"))
        for log in logs:
            await log.close()

    asyncio.run(append_in_turn())

    snapshot = read(tmp_path)

    assert predictions_of(snapshot)["prediction_id"].tolist() == [f"id-{number}" for number in range(12)]
    assert predictions_of(snapshot)["true_sentiment"].tolist() == ["negative"] * 12
    assert (snapshot.files, snapshot.unreadable_lines, snapshot.unmatched_feedback) == (3, 0, 0)


def test_a_log_that_grows_under_the_reader_is_never_seen_torn_and_in_the_end_seen_whole(tmp_path):
    total = 500
    reader = watched_log(tmp_path)

    written = [numbered(number) for number in range(total)]
    writer = threading.Thread(target=write, args=(tmp_path, written), daemon=True)
    writer.start()
    seen: list[int] = []

    def all_there() -> bool:
        snapshot = reader.refresh()
        assert snapshot.unreadable_lines == 0
        seen.append(snapshot.requests.rows)
        return seen[-1] == total

    wait_until(all_there, f"all {total} predictions are seen")
    writer.join()

    assert seen == sorted(seen)
    assert as_records(predictions_of(reader.refresh())) == written


@pytest.mark.parametrize("cut", range(len(line(RECORD)) + 1))
def test_a_file_torn_at_any_byte_loses_no_whole_line_when_it_is_written_on(tmp_path, cut):
    whole, torn, appended = numbered(0), line(RECORD)[:cut], numbered(3599)
    (tmp_path / "prediction_logs.json").write_bytes(line(whole) + torn)
    reader = watched_log(tmp_path)
    before = reader.refresh()

    file = OwnedFile.claim(tmp_path, "prediction_logs")
    file.write(line(appended))
    file.close()

    is_whole = cut >= len(line(RECORD)) - 1  # all but its newline is enough, once the writer adds that
    expected = [as_line(record) for record in (whole, *[RECORD][:is_whole], appended)]
    snapshot = reader.refresh()
    assert lines_of(snapshot) == sorted(expected, key=lambda line: line.timestamp)
    assert snapshot.unreadable_lines == 0
    assert lines_of(before)[0] == as_line(whole)
    assert before.unreadable_lines == 0


def test_what_a_real_api_is_asked_is_what_monitoring_reads(start_api):
    api = start_api(AUDIT_RATE="1")
    text = TEXTS["positive"][0]
    _, labelled = post(api.url + "/predict", {"text": text, "true_sentiment": "positive"})
    _, batch = post(api.url + "/predict/batch", {"items": [{"text": "erste\nZeile 🎬"}, {"text": "zweite"}]})
    for answer in batch["items"]:
        post(api.url + "/feedback", {"prediction_id": answer["prediction_id"], "true_sentiment": "negative"})

    snapshot = read(api.log_dir)

    answers = [labelled, *batch["items"]]
    table = predictions_of(snapshot)
    assert table["request_text"].tolist() == [text, "erste\nZeile 🎬", "zweite"]
    assert table["true_sentiment"].tolist() == ["positive", "negative", "negative"]
    for field in ("prediction_id", "predicted_sentiment", "confidence", "model_version"):
        assert table[field].tolist() == [answer[field] for answer in answers]
    assert table["known_share"].tolist() == [1, 0, 0]
    assert table["audit"].tolist() == [True] * 3
    assert (snapshot.unreadable_lines, snapshot.unmatched_feedback) == (0, 0)
    assert get(api.url + "/readyz")[0] == 200

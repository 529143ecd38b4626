"""What `make demo` sends: texts like the profile's, and traffic that raises each alarm in its phase and none before."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from random import Random
from typing import Any

import pytest

from api.model.explanation import Explainer
from api.model.loading import load_model
from api.model.predictor import Predictor
from api.settings import Settings
from monitoring.alarms.monitor import Monitor
from monitoring.reader import LogReader
from monitoring.stats.reference import load_profile
from scripts.demo import show, texts, traffic
from scripts.demo.steering import Composer, Steered, levels, log_odds, quantile
from tests.conftest import ROOT, free_port, serving
from tests.repository.test_consistency import imports
from tests.repository.test_evaluate import FakeApi

SHIPPED = ROOT / "api" / "sentiment_model.pkl"
TEXTS = 200


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "scripts.demo", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_model(Settings().model_path, Settings().model_card_path))


@pytest.fixture(scope="module")
def reviews(predictor) -> list[str]:
    explainer = Explainer(predictor.model, lambda text: predictor.predict([text])[0])

    def explain(text: str) -> Mapping[str, Any]:
        return explainer.explain(text).model_dump()

    random = Random(1)
    composer = Composer(show.load_profile(), texts.film_sentences(random, 30), explain, random)
    return [composer.next() for _ in range(TEXTS)]


def test_it_needs_nothing_but_python():
    modules = list((ROOT / "scripts" / "demo").glob("*.py"))
    found = {package.split(".")[0] for module in modules for package in imports(module)}

    assert len(modules) >= 5
    assert found - {"scripts"} <= sys.stdlib_module_names


def test_the_reviews_are_all_different_and_have_no_open_places(reviews):
    assert len(set(reviews)) == TEXTS
    assert not any(mark in text for text in reviews for mark in "{}<>")


def test_the_reviews_are_like_the_profile_in_length_known_words_confidence_and_label(reviews, predictor):
    answers = predictor.predict(reviews)
    measured = [
        Steered(text, len(text.split()), answer.known_share, log_odds(answer.confidence))
        for text, answer in zip(reviews, answers, strict=True)
    ]
    profile = show.load_profile()

    assert all(abs(shift) < 0.15 for shift in profile.shifts(measured).values()), profile.shifts(measured)
    assert abs(sum(answer.label == "positive" for answer in answers) / TEXTS - 0.5) < 0.08


def test_texts_from_elsewhere_are_different_and_as_long_as_wanted():
    random = Random(2)
    sentences = texts.sentences_elsewhere(random, 60)
    found = [texts.of_length(sentences, 300, texts.facts_elsewhere(random), random) for _ in range(100)]

    assert len(set(found)) == 100
    assert all(270 < len(text.split()) < 330 for text in found)
    assert not any(mark in text for text in found for mark in "{}<>")


def test_each_sentence_begins_with_a_capital_and_ends():
    random = Random(3)
    for sentences, facts in (
        (texts.film_sentences(random, 200), texts.film_facts(random)),
        (texts.sentences_elsewhere(random, 200), texts.facts_elsewhere(random)),
    ):
        for text in (sentence.about(facts) for sentence in sentences):
            assert text[0] == text[0].upper()
            assert text[-1] in ".!"
            assert "  " not in text


def test_a_quantile_lies_where_its_share_of_the_counts_ends():
    histogram = {"edges": [0, 10, 20, 40], "counts": [1, 0, 3]}

    assert [quantile(histogram, level) for level in (0, 0.125, 0.25, 0.625)] == [0, 5, 20, 30]
    assert quantile(histogram, 1) == pytest.approx(40)


def test_levels_are_spread_evenly_from_the_start():
    points = levels(Random(4))
    first = [next(points) for _ in range(100)]

    for axis in range(4):
        tenths = [int(point[axis] * 10) for point in first]
        assert all(6 <= tenths.count(tenth) <= 14 for tenth in range(10))


def test_accuracy_follows_the_calibration_curve_of_the_profile():
    profile = show.load_profile()

    assert profile.accuracy(0.5) < 0.55
    assert 0.7 < profile.accuracy(0.75) < 0.85
    assert profile.accuracy(1.0) == 1.0


@pytest.mark.processes
def test_each_alarm_comes_on_in_its_phase_and_none_before(start_api):
    server = start_api(MODEL_PATH=str(SHIPPED))
    reference = load_profile(ROOT / "monitoring" / "reference.json")
    monitor = Monitor(reference, 0.8, 0.02)
    reader = LogReader(server.log_dir, monitor)
    raised, sent = [], []

    api = traffic.Api(server.url)
    version, labels = show.served_model(api)
    with closing(traffic.Traffic(api, labels, seed=5)) as sending:
        for phase in show.phases(api, version, seconds=10, seed=5):
            sent.append(sending.run(phase))
            reader.refresh()
            raised.append({name for name, status in monitor.statuses().items() if status.episodes} - {"fit"})

    assert raised[0] == set()
    assert raised[1] == {"length", "vocabulary", "confidence"}
    assert raised[2] == {"length", "vocabulary", "confidence", "validation", "accuracy"}
    assert monitor.counts.requests == sum(each.requests for each in sent)
    assert monitor.counts.labels == sum(each.labels for each in sent)
    assert monitor.counts.repeated_requests == monitor.counts.unknown_labels == 0


def test_another_model_is_said_and_its_reviews_are_sent_as_they_come(running_api, capsys):
    api = traffic.Api(running_api.url)
    version, _ = show.served_model(api)
    first, *_ = show.phases(api, version, seconds=10, seed=6)

    assert f"the API serves the model {version}" in " ".join(capsys.readouterr().out.split())
    assert len({first.compose() for _ in range(20)}) == 20


def test_a_profile_that_cannot_be_met_is_said(capsys):
    show.warn_of({"length": 0.01, "known words": -1.26})

    assert "known words by -1.3" in capsys.readouterr().out


def test_without_a_running_system_it_says_how_to_start_one():
    url = f"http://localhost:{free_port()}"
    done = run("--url", url)

    assert done.returncode == 2
    assert done.stderr.startswith(f"demo: Nothing answers at {url}")
    assert "`make run`" in done.stderr


def test_what_may_have_been_logged_is_not_sent_again():
    with serving(FakeApi()) as server:
        api = traffic.Api(server.url)
        api.post("/predict", {"text": "first", "true_sentiment": "positive"})
        server.answer = lambda body: None
        with pytest.raises(traffic.DemoError, match="Remote end closed connection"):
            api.post("/predict", {"text": "second"})

    assert [body["text"] for body in server.bodies] == ["first", "second"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seconds", "5"], "--seconds must be between 10 and 3600, not 5"),
        (["--url", "localhost"], "'localhost' is not an address"),
        (["--fast"], "unrecognized arguments: --fast"),
        (["--token", "shop:predict:secret"], "the token (--token or API_TOKEN) is not valid"),
    ],
)
def test_a_wrong_option_is_a_sentence(arguments, words):
    done = run(*arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert "--help" in done.stderr


@pytest.mark.processes
def test_it_sends_its_token_and_says_when_that_is_not_accepted(start_api):
    server = start_api(API_TOKENS="demo:predict,feedback:secret-0123456789")
    api = traffic.Api(server.url, "secret-0123456789")
    assert show.served_model(api)[1] == ["negative", "positive"]
    assert api.post("/predict", {"text": "amazing"})["predicted_sentiment"] == "positive"

    done = run("--url", server.url, "--token", "another-0123456789")
    assert done.returncode == 2
    assert done.stderr == (
        f"demo: {server.url}/model answered 401: The token is not accepted here; ask who runs this service for one.\n"
    )


def test_ctrl_c_ends_it_with_a_sentence(running_api):
    command = [sys.executable, "-u", "-m", "scripts.demo", "--url", running_api.url]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell has its background jobs ignore
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith("1 of 3"):
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)

    assert process.returncode == 130
    assert said == "\ndemo: Stopped. What was sent stays in the log; `make clean` deletes it.\n"

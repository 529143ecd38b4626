"""evaluate.py against a real HTTP server on this computer, whose answers each test decides."""

import json
import math
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, precision_score, recall_score

import evaluate
from tests.conftest import ROOT, serving, wait_until

LABELS = ["negative", "positive"]

# A status with a JSON document, raw bytes in place of an HTTP answer, or None to hang up.
Reply = tuple[int, object] | bytes | None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "FakeApi"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.reply(self.server.card if self.path.endswith("/model") else self.server.ready)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path)
        self.server.bodies.append(body)
        self.server.clients.add(self.client_address)
        self.reply(self.server.answer(body))

    def reply(self, reply: Reply) -> None:
        self.server.authorizations.add(self.headers["Authorization"])
        if isinstance(reply, tuple):
            content = json.dumps(reply[1]).encode()
            self.send_response(reply[0])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = self.server.hangs_up_after_each_answer
        else:
            self.wfile.write(reply or b"")
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error for the program under test."""


class FakeApi(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.ready: Reply = (200, {"status": "ready"})
        self.card: Reply = (200, {"labels": LABELS})
        self.answer: Callable[[dict[str, Any]], Reply] = always_right
        self.hangs_up_after_each_answer = False
        self.asked: list[str] = []
        self.authorizations: set[str | None] = set()
        self.bodies: list[dict[str, Any]] = []
        self.clients: set[object] = set()
        self.end_of_test = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests are about."""

    def never(self) -> None:
        self.end_of_test.wait(60)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


def prediction(label: object, confidence: object = 0.9) -> dict[str, object]:
    return {
        "prediction_id": "p",
        "predicted_sentiment": label,
        "confidence": confidence,
        "model_version": "1",
    }


def always_right(body: dict[str, Any]) -> Reply:
    return 200, prediction(body["true_sentiment"])


def always_positive(body: dict[str, Any]) -> Reply:
    return 200, prediction("positive", 0.75)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving(FakeApi()) as server:
        yield server
        server.end_of_test.set()


@pytest.fixture
def run(api, tmp_path, capsys):
    """Evaluate the given items; return the exit code and what was printed to standard output and error."""

    def run_with(items: object, *options: str) -> tuple[int, str, str]:
        file = tmp_path / "items.json"
        file.write_text(json.dumps(items), encoding="utf-8")
        code = evaluate.main(["--url", api.url, "--file", str(file), *options])
        return code, *capsys.readouterr()

    return run_with


@pytest.fixture
def complaint(capsys):
    """Run with options that must fail with exit code 2, and return the one sentence that says why."""

    def complaint_with(*options: str) -> str:
        assert evaluate.main(list(options)) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        return one_sentence(printed.err)

    return complaint_with


def one_sentence(printed: str) -> str:
    assert printed.startswith("evaluate.py: ")
    assert printed.count("\n") == 1
    assert printed.endswith(".\n")
    assert "Traceback" not in printed
    return printed


def item(text: object = "Fine.", label: object = "positive") -> dict[str, object]:
    return {"text": text, "true_sentiment": label}


def items(count: int) -> list[dict[str, object]]:
    return [item(f"text {number}", LABELS[number % 2]) for number in range(count)]


def command(api: FakeApi, *options: str) -> list[str]:
    return [sys.executable, str(ROOT / "evaluate.py"), "--url", api.url, *options]


# --- a good run ---


def test_a_good_run_prints_items_accuracy_and_interval_and_ends_with_0(run):
    code, out, err = run(items(4))
    assert code == 0
    assert err == ""
    assert "4 items, 4 evaluated, 0 failed\n" in out
    assert "Accuracy: 100.0 % (4 of 4), 95 % interval 51.0 % to 100.0 %\n" in out
    assert "Failures" not in out
    assert "Wrong predictions" not in out


def test_precision_recall_and_support_stand_in_an_aligned_table(api, run):
    api.answer = always_positive
    _, out, _ = run([item(), item(), item(label="negative"), item()])
    assert (
        "label     precision  recall  support\n"
        "negative          -   0.000        1\n"
        "positive      0.750   1.000        3\n"
    ) in out


def test_wrong_items_are_listed_with_number_labels_confidence_and_text(api, run):
    api.answer = always_positive
    code, out, _ = run([item(), item("Dull from start to finish.", "negative")])
    assert code == 0
    assert "  #2 expected negative, predicted positive (0.75)\n     Dull from start to finish.\n" in out


def test_text_and_true_sentiment_are_sent_unchanged(api, run):
    sent = [item("  Åh, «très» bien 😍\n\x00 ", "positive"), item("\ud800 half", " NEGATIVE ")]
    code, _, _ = run(sent, "--concurrency", "1")
    assert code == 0
    assert api.bodies == sent


def test_true_label_is_taken_in_place_of_true_sentiment(api, run):
    code, _, _ = run([{"text": "Fine.", "true_label": "positive"}])
    assert code == 0
    assert api.bodies == [item()]


def test_labels_are_compared_without_letter_case_and_surrounding_blanks(api, run):
    api.answer = always_positive
    _, out, _ = run([item(label=" Positive\n"), item(label="POSITIVE")])
    assert "(2 of 2)" in out


def test_items_keep_their_order_and_number_whatever_the_order_of_the_answers(api, run):
    first_came = threading.Event()

    def answer(body: dict[str, Any]) -> Reply:
        if body["text"] == "text 0":
            first_came.wait(10)
        elif body["text"] == "text 9":
            first_came.set()
        return always_positive(body)

    api.answer = answer
    _, out, _ = run(items(10), "--concurrency", "2", "--json")
    assert [wrong["number"] for wrong in json.loads(out)["wrong"]] == [1, 3, 5, 7, 9]


def test_a_path_prefix_and_trailing_slashes_of_the_url_are_understood(api, run):
    code, _, _ = run(items(1), "--url", f" {api.url}/sentiment/v1// ")
    assert code == 0
    assert api.asked == ["/sentiment/v1/readyz", "/sentiment/v1/model", "/sentiment/v1/predict"]


def test_the_file_beside_the_program_is_evaluated_by_default(api, tmp_path):
    done = subprocess.run(command(api), cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(api.bodies) == len(json.loads((ROOT / "test.json").read_text(encoding="utf-8")))


# --- tokens ---


@pytest.mark.parametrize(
    ("variable", "options", "sent"),
    [
        (None, [], None),
        ("", [], None),
        (" of-the-environment\n", [], "Bearer of-the-environment"),
        (None, ["--token", "of-the-option"], "Bearer of-the-option"),
        ("of-the-environment", ["--token", "of-the-option"], "Bearer of-the-option"),
        ("of-the-environment", ["--token", ""], None),
    ],
)
def test_the_token_is_that_of_the_option_or_else_of_the_environment(api, tmp_path, variable, options, sent):
    others = {name: value for name, value in os.environ.items() if name != "API_TOKEN"}
    environ = others if variable is None else others | {"API_TOKEN": variable}
    done = subprocess.run(command(api, *options), env=environ, capture_output=True, encoding="utf-8", timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert api.authorizations == {sent}


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_accepted_is_one_sentence_and_nothing_is_sent(api, complaint, status):
    api.card = (status, {"detail": "The token is not accepted here."})

    said = complaint("--url", api.url, "--token", "secret-0123456789")

    assert f"The API at {api.url} answered {status}: The token is not accepted here; give a token" in said
    assert "secret" not in said
    assert api.bodies == []


def test_an_api_without_a_model_card_is_evaluated_all_the_same(api, run):
    api.card = (404, {})

    assert run(items(1))[0] == 0


@pytest.mark.parametrize("token", ["shop:predict:secret", "Bearer secret", "secret\nx", "secret é"])
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(complaint, token):
    said = complaint("--token", token)

    assert "the token (--token or API_TOKEN) is not valid" in said
    assert "secret" not in said


# --- connections ---


def test_one_worker_uses_one_connection_for_all_items(api, run):
    run(items(20), "--concurrency", "1")
    assert len(api.clients) == 1


def test_as_many_requests_run_at_the_same_time_as_concurrency_says(api, run):
    together = threading.Barrier(3, timeout=10)

    def answer(body: dict[str, Any]) -> Reply:
        together.wait()
        return always_right(body)

    api.answer = answer
    code, _, _ = run(items(6), "--concurrency", "3")
    assert code == 0
    assert len(api.clients) == 3


def test_a_kept_alive_connection_that_was_closed_is_opened_again(api, run):
    api.hangs_up_after_each_answer = True
    code, _, _ = run(items(5), "--concurrency", "1")
    assert code == 0
    assert [body["text"] for body in api.bodies] == [f"text {number}" for number in range(5)]


class ClosesAtTheSecond(Handler):
    """Takes the second request of each connection and hangs up, as a server that ends in between."""

    def setup(self) -> None:
        super().setup()
        self.taken = 0

    def do_POST(self) -> None:
        self.taken += 1
        answer, self.server.answer = self.server.answer, always_right if self.taken == 1 else lambda body: None
        super().do_POST()
        self.server.answer = answer


@pytest.mark.promise(
    "Local environment",
    "the service closes connections in the middle of an evaluation",
    "`evaluate.py` counts no item twice, and names those that the log may hold twice",
)
def test_an_item_that_the_api_may_have_logged_twice_counts_once_and_is_named(api, run, publish):
    api.RequestHandlerClass = ClosesAtTheSecond
    code, out, err = run(items(240), "--concurrency", "1", "--json")
    report = json.loads(out)
    texts = [body["text"] for body in api.bodies]
    twice = [number for number in range(1, 241) if texts.count(f"text {number - 1}") == 2]

    assert (code, err) == (0, "")
    assert (report["items"], report["evaluated"], report["correct"]) == (240, 240, 240)
    assert len(texts) == 240 + len(twice)
    assert report["sent_again"] == twice
    assert twice == list(range(2, 241))
    publish(f"{len(texts)} sent, {report['evaluated']} counted, all {len(twice)} that were sent again are named")


def test_what_was_sent_again_stands_below_the_number_of_items(api, run):
    api.RequestHandlerClass = ClosesAtTheSecond
    _, out, _ = run(items(2), "--concurrency", "1")

    assert out.splitlines()[:3] == [
        "2 items, 2 evaluated, 0 failed",
        "Accuracy: 100.0 % (2 of 2), 95 % interval 34.2 % to 100.0 %",
        "1 item was sent again, because the API closed the connection before answering; its log may hold it twice: #2",
    ]
    assert "sent again" not in run(items(1))[1]


def test_a_connection_that_was_closed_before_it_is_used_again_is_not_used(api):
    api.hangs_up_after_each_answer = True
    client = evaluate.Api(api.url, 10)
    with closing(client.connection()) as connection:
        for number in range(3):
            assert evaluate.exchange(client, connection, "/predict", json.dumps(item(str(number))))[0] == 200
            wait_until(lambda: evaluate.has_news(connection.sock), "its end has come")

    assert [body["text"] for body in api.bodies] == ["0", "1", "2"]


# --- exit code and --min-accuracy ---


def test_an_accuracy_below_the_minimum_is_one_sentence_and_exit_code_1(api, run):
    api.answer = always_positive
    code, out, err = run(items(2), "--min-accuracy", "0.51")
    assert code == 1
    assert "(1 of 2)" in out
    assert one_sentence(err) == "evaluate.py: The accuracy 0.5000 is below --min-accuracy 0.51.\n"


def test_an_accuracy_equal_to_the_minimum_is_enough(api, run):
    api.answer = lambda body: (200, prediction("negative" if body["text"] == "text 1" else "positive"))
    code, _, err = run([item(f"text {number}") for number in range(10)], "--min-accuracy", "0.9")
    assert (code, err) == (0, "")


def test_a_failed_item_outweighs_an_accuracy_below_the_minimum(api, run):
    api.answer = always_positive
    code, _, err = run([item(label="negative"), 7], "--min-accuracy", "1")
    assert code == 2
    assert "below --min-accuracy 1." in err
    assert "1 of 2 items could not be evaluated." in err


def test_accuracy_is_over_the_evaluated_items_only(run):
    _, out, _ = run([item(), None, None])
    assert "3 items, 1 evaluated, 2 failed\nAccuracy: 100.0 % (1 of 1)" in out


def test_if_no_item_was_evaluated_there_is_no_accuracy_rather_than_0(api, run):
    api.answer = lambda body: (500, {"detail": "Broken."})
    code, out, err = run(items(2), "--min-accuracy", "0.5")
    assert code == 2
    assert "Accuracy: none, because no item could be evaluated\n" in out
    assert "%" not in out
    assert "None of the 2 items could be evaluated, so there is no accuracy." in one_sentence(err)


# --- one bad item fails alone ---


@pytest.mark.parametrize(
    "bad",
    [
        7,
        None,
        "text",
        ["text", "positive"],
        {},
        {"text": "No label."},
        {"true_sentiment": "positive"},
        {"text": None, "true_sentiment": "positive"},
        {"text": 5, "true_sentiment": "positive"},
        {"text": "No label.", "true_sentiment": None},
        {"text": "No label.", "true_sentiment": 1},
        {"text": "Both are there.", "true_sentiment": ["positive"]},
    ],
)
def test_an_item_of_the_wrong_form_fails_alone_and_is_never_sent(api, run, bad):
    code, out, err = run([item("before"), bad, item("after")])
    assert code == 2
    assert "3 items, 2 evaluated, 1 failed" in out
    assert "  #2 " in out
    assert "The item must have the strings text and true_sentiment, but is" in out
    assert sorted(body["text"] for body in api.bodies) == ["after", "before"]
    assert "1 of 3 items could not be evaluated." in one_sentence(err)


def test_an_item_nested_very_deeply_fails_alone(api, run, tmp_path, capsys):
    file = tmp_path / "deep.json"
    file.write_text("[" + "[" * 500 + "]" * 500 + "," + json.dumps(item()) + "]")
    assert evaluate.main(["--url", api.url, "--file", str(file)]) == 2
    assert "2 items, 1 evaluated, 1 failed" in capsys.readouterr().out


def one_bad(reply: Callable[[], Reply]) -> Callable[[dict[str, Any]], Reply]:
    return lambda body: reply() if body["text"] == "bad" else always_right(body)


def failure_of_the_one_bad_item(run, *options: str) -> str:
    """Return the sentence about the one item of three which is bad, when the other two are fine."""
    code, out, _ = run([item(), item("bad", "Bad"), item()], "--json", *options)
    report = json.loads(out)
    assert code == 2
    assert (report["items"], report["evaluated"], report["correct"]) == (3, 2, 2)
    (failure,) = report["failures"]
    assert (failure["number"], failure["text"]) == (2, "bad")
    reason: str = failure["reason"]
    return reason


def test_a_label_the_api_rejects_fails_that_item_with_the_sentence_of_the_api(api, run):
    api.answer = one_bad(lambda: (422, {"detail": "true_sentiment must be positive or negative."}))
    sentence = "The API answered 422: true_sentiment must be positive or negative."
    assert failure_of_the_one_bad_item(run) == sentence


def test_an_error_without_a_sentence_fails_that_item_with_the_status(api, run):
    api.answer = one_bad(lambda: (500, ["oh"]))
    assert failure_of_the_one_bad_item(run) == "The API answered 500: it gives no reason."


def test_a_timeout_fails_that_item(api, run):
    api.answer = one_bad(api.never)
    reason = failure_of_the_one_bad_item(run, "--timeout", "0.2", "--concurrency", "1")
    assert reason == "The item got no answer: there was no answer within 0.2 s."


def test_a_lost_connection_fails_that_item(api, run):
    api.answer = one_bad(lambda: None)
    reason = failure_of_the_one_bad_item(run, "--concurrency", "1")
    assert reason == "The item got no answer: the connection was lost before the answer came."


def test_a_connection_lost_within_the_answer_fails_that_item(api, run):
    api.answer = one_bad(lambda: b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"predicted')
    reason = failure_of_the_one_bad_item(run)
    assert reason == "The item got no answer: the connection was lost in the middle of the answer."


def test_an_answer_that_is_not_http_fails_that_item(api, run):
    api.answer = one_bad(lambda: b"220 mail.example ready\r\n")
    assert failure_of_the_one_bad_item(run) == "The item got no answer: the answer is not HTTP."


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "positive",
        {},
        {"predicted_sentiment": "positive"},
        prediction(None),
        prediction(1),
        prediction("positive", "high"),
        prediction("positive", None),
        prediction("positive", 1.5),
        prediction("positive", -0.1),
        prediction("positive", math.nan),
    ],
)
def test_an_answer_of_another_form_fails_that_item(api, run, document):
    api.answer = one_bad(lambda: (200, document))
    sentence = "The API's answer is not JSON with predicted_sentiment and confidence."
    assert failure_of_the_one_bad_item(run) == sentence


@pytest.mark.parametrize("content", [b"<html>Hello</html>", b"\xff\xfe\xfd", b"", b"[" * 100_000])
def test_an_answer_that_is_not_json_fails_that_item(api, run, content):
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    api.answer = one_bad(lambda: head + content)
    assert failure_of_the_one_bad_item(run).startswith("The API's answer is not JSON")


def test_failures_are_listed_with_number_text_and_sentence(api, run):
    api.answer = one_bad(lambda: (422, {"detail": "Not like this."}))
    _, out, _ = run([item(), item("bad", "Bad")])
    assert "\nFailures:\n  #2 bad\n     The API answered 422: Not like this.\n" in out


def test_if_the_api_dies_halfway_the_remaining_items_fail(api, run):
    def answer(body: dict[str, Any]) -> Reply:
        if body["text"] == "text 10":
            api.stop()
            return None
        return always_right(body)

    api.answer = answer
    code, out, err = run(items(200), "--concurrency", "1")
    assert code == 2
    assert "200 items, 10 evaluated, 190 failed" in out
    assert "the connection was refused" in out
    assert "The item was not sent, because the API had stopped answering." in out
    assert "190 of 200 items could not be evaluated." in one_sentence(err)


def test_if_the_api_hangs_halfway_not_every_remaining_item_waits_for_its_timeout(api, run):
    def answer(body: dict[str, Any]) -> Reply:
        if len(api.bodies) > 10:
            api.never()
        return always_right(body)

    api.answer = answer
    code, out, _ = run(items(200), "--timeout", "0.2", "--concurrency", "2", "--json")
    report = json.loads(out)
    assert code == 2
    assert report["evaluated"] == 10
    assert len(report["failures"]) == 190
    assert all(failure["text"].startswith("text ") for failure in report["failures"])
    assert len(api.bodies) < 25


# --- the API is not there ---


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_api_that_is_down_is_one_sentence_and_exit_code_2(complaint):
    url = f"http://127.0.0.1:{unused_port()}"
    assert complaint("--url", url) == (
        f"evaluate.py: The API at {url} cannot be reached: the connection was refused;"
        " start it with `make run` or give its address with --url.\n"
    )


def test_an_unknown_host_is_one_sentence(complaint):
    assert "the host is unknown; start it with" in complaint("--url", "http://nowhere.invalid:8000")


def test_a_host_name_that_cannot_exist_is_one_sentence(complaint):
    assert "the host name is not valid" in complaint("--url", f"http://{'a' * 64}.example")


def test_an_api_that_never_answers_is_one_sentence(complaint):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "there was no answer within 0.2 s; start" in complaint("--url", url, "--timeout", "0.2")


def test_a_server_that_does_not_speak_http_is_one_sentence(api, complaint):
    api.ready = b"SSH-2.0-OpenSSH_9.6\r\n"
    assert "cannot be reached: the answer is not HTTP; start" in complaint("--url", api.url)


def test_a_server_that_hangs_up_is_one_sentence(api, complaint):
    api.ready = None
    assert "the connection was lost before the answer came" in complaint("--url", api.url)


def test_https_to_a_server_without_it_is_one_sentence(api, complaint):
    url = api.url.replace("http", "https")
    assert "there is no secure connection" in complaint("--url", url)


def test_an_api_that_is_not_ready_is_one_sentence_with_its_detail(api, complaint):
    api.ready = 503, {"detail": "There is no model file; run `make train`."}
    printed = complaint("--url", api.url)
    assert "is not ready: There is no model file; run `make train`; start it with `make run`" in printed
    assert api.bodies == []


def test_another_service_at_the_address_is_one_sentence(api, complaint):
    api.ready = 404, {"detail": "Not Found"}
    assert f"The API at {api.url} answered 404 to /readyz: Not Found; start" in complaint("--url", api.url)


# --- the file ---


def complaint_about(complaint, file: Path) -> str:
    """Return the sentence, which must name the file; no API is needed for it."""
    printed: str = complaint("--file", str(file), "--url", f"http://127.0.0.1:{unused_port()}")
    assert str(file) in printed
    return printed


def test_a_missing_file_is_one_sentence(complaint, tmp_path):
    printed = complaint_about(complaint, tmp_path / "absent.json")
    assert "cannot be read: No such file or directory; name a test file with --file." in printed


def test_a_folder_instead_of_a_file_is_one_sentence(complaint, tmp_path):
    assert "cannot be read: Is a directory" in complaint_about(complaint, tmp_path)


def test_a_file_that_is_not_json_is_one_sentence_with_line_and_column(complaint, tmp_path):
    file = tmp_path / "items.json"
    file.write_text('[\n  {"text": Fine}\n]')
    assert "is not JSON: Expecting value: line 2 column 12" in complaint_about(complaint, file)


def test_an_empty_file_is_one_sentence(complaint, tmp_path):
    file = tmp_path / "items.json"
    file.touch()
    assert "is not JSON: Expecting value: line 1 column 1" in complaint_about(complaint, file)


def test_a_file_that_is_not_utf_8_is_one_sentence(complaint, tmp_path):
    file = tmp_path / "items.json"
    file.write_bytes('[{"text": "Très bien"}]'.encode("latin-1"))
    assert "is not UTF-8: " in complaint_about(complaint, file)


@pytest.mark.parametrize("content", ["[" * 100_000, "[" + "9" * 5000 + "]"])
def test_json_beyond_what_can_be_read_is_one_sentence(complaint, tmp_path, content):
    file = tmp_path / "items.json"
    file.write_text(content)
    assert "is not JSON: " in complaint_about(complaint, file)


@pytest.mark.parametrize(
    ("content", "found"), [("{}", "{}"), ("[]", "[]"), ('"positive"', "'positive'"), ("null", "None"), ("0", "0")]
)
def test_anything_but_a_list_with_items_is_one_sentence(complaint, tmp_path, content, found):
    file = tmp_path / "items.json"
    file.write_text(content)
    expected = f"must contain a list of items with text and true_sentiment, not {found}."
    assert expected in complaint_about(complaint, file)


def test_a_byte_order_mark_before_the_list_is_no_problem(api, tmp_path, capsys):
    file = tmp_path / "items.json"
    file.write_text(json.dumps([item()]), encoding="utf-8-sig")
    assert evaluate.main(["--url", api.url, "--file", str(file)]) == 0


# --- the options ---


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://localhost",
        "http://",
        "http:///predict",
        "http://localhost:port",
        "http://localhost:0",
        "http://localhost:99999",
        "http://a b",
        "http://[::1",
        "http://[:::::]",
        "http://user:word@localhost",
        "http://localhost/?a=1",
        "http://localhost/#a",
        "",
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence(complaint, url):
    assert f"--url: '{url}' is not an address like http://localhost:8000; --help" in complaint("--url", url)


def test_addresses_of_the_usual_forms_are_accepted():
    for url in ("http://localhost", "https://api.example.org:8443/v1", "http://[::1]:8000", "HTTP://10.0.0.1"):
        assert evaluate.address(url + "/") == url


def test_http_and_https_have_their_usual_ports():
    assert evaluate.Api("http://a.example", 1).connection().port == 80
    assert evaluate.Api("https://a.example", 1).connection().port == 443
    assert evaluate.Api("http://[::1]:8000/v1", 1).connection().host == "::1"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--concurrency", "0"),
        ("--concurrency", "-3"),
        ("--concurrency", "two"),
        ("--concurrency", "1.5"),
        ("--concurrency", "1001"),
        ("--concurrency", "9" * 400),
        ("--timeout", "0"),
        ("--timeout", "-1"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--timeout", "soon"),
        ("--min-accuracy", "1.01"),
        ("--min-accuracy", "-0.1"),
        ("--min-accuracy", "nan"),
        ("--min-accuracy", "90%"),
    ],
)
def test_an_option_with_an_impossible_value_is_one_sentence_that_names_both(complaint, option, value):
    printed = complaint(option, value)
    assert option in printed
    assert value in printed
    assert "--help lists the options." in printed


def test_an_unknown_option_is_one_sentence(complaint):
    assert "unrecognized arguments: --fast; --help" in complaint("--fast")


# --- the JSON report ---


def test_json_alone_prints_the_report_in_place_of_the_text(api, run):
    api.answer = always_positive
    code, out, _ = run([item(), item("Bé\ud800", "negative")], "--json")
    report = json.loads(out)
    assert code == 0
    assert report["wrong"] == [
        {
            "number": 2,
            "text": "Bé\ud800",
            "expected": "negative",
            "predicted": "positive",
            "confidence": 0.75,
        }
    ]
    assert report["labels"] == [
        {"label": "negative", "precision": None, "recall": 0.0, "support": 1},
        {"label": "positive", "precision": 0.5, "recall": 1.0, "support": 1},
    ]
    assert (report["items"], report["evaluated"], report["correct"], report["accuracy"]) == (2, 2, 1, 0.5)
    assert report["interval"] == pytest.approx([0.0945, 0.9055], abs=1e-4)


def test_json_with_a_file_writes_it_there_and_still_prints_the_text(run, tmp_path):
    target = tmp_path / "report.json"
    code, out, _ = run(items(2), "--json", str(target))
    assert code == 0
    assert "Accuracy: 100.0 %" in out
    assert json.loads(target.read_text(encoding="utf-8"))["accuracy"] == 1.0


def test_json_without_an_evaluated_item_has_null_for_the_accuracy(run):
    code, out, _ = run([1], "--json")
    report = json.loads(out)
    assert code == 2
    assert (report["accuracy"], report["interval"], report["labels"]) == (None, None, [])


def test_a_report_that_cannot_be_written_is_one_sentence_after_the_text(run, tmp_path):
    code, out, err = run(items(2), "--json", str(tmp_path))
    assert code == 2
    assert "Accuracy: 100.0 %" in out
    assert f"{tmp_path} cannot be written (Is a directory); name another with --json." in one_sentence(err)


# --- what is printed ---


def test_control_characters_and_newlines_of_a_text_are_printed_escaped(api, run):
    api.answer = always_positive
    _, out, _ = run([item("Bad\n\x1b[31mred\u202e\ud800 é😍", "negative")])
    assert r"     Bad\n\x1b[31mred\u202e\ud800 é😍" in out


def test_control_characters_in_what_the_api_says_are_printed_escaped(api, run):
    api.answer = lambda body: (400, {"detail": "\x1b[2J\nno"})
    _, out, _ = run([item()])
    assert r"The API answered 400: \x1b[2J\nno." in out


def test_long_texts_are_shortened_to_one_line(api, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    api.answer = always_positive
    _, out, _ = run([item("word " * 1000, "negative")])
    assert max(len(line) for line in out.splitlines()) == 100
    assert "word ..." in out or "wor..." in out or "wo..." in out


@given(st.text(), st.integers(20, 120))
def test_any_text_is_shown_as_printable_characters_within_the_width(text, width):
    shown = evaluate.shown(text, width)
    assert shown.isprintable()
    assert len(shown) <= width


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"]), max_size=40))
def test_a_short_text_of_printable_characters_is_shown_as_it_is(text):
    assert evaluate.shown(text, 40) == text


@pytest.mark.parametrize("setting", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_a_terminal_that_cannot_show_a_text_gets_it_escaped(api, tmp_path, setting):
    api.answer = always_positive
    file = tmp_path / "items.json"
    file.write_text(json.dumps([item("Fadé 😴", "negative")]))
    setting = {**setting, "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command(api, "--file", str(file)), env=os.environ | setting, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"Fad\xe9 \U0001f634" in done.stdout


def test_a_complaint_that_the_terminal_cannot_show_is_escaped(api):
    done = subprocess.run(
        command(api, "--file", "né.json"),
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(rb"evaluate.py: n\xe9.json cannot be read: No such file")


def test_there_is_a_progress_bar_if_standard_error_is_a_terminal(api, tmp_path):
    file = tmp_path / "items.json"
    file.write_text(json.dumps(items(3)))
    terminal, program_side = pty.openpty()
    try:
        subprocess.run(
            command(api, "--file", str(file)), stdout=subprocess.PIPE, stderr=program_side, timeout=60, check=True
        )
        printed = ""
        while not printed.endswith("3/3\r\n") and select.select([terminal], [], [], 10)[0]:
            printed += os.read(terminal, 4096).decode()  # a terminal gives what it was given in pieces of its own
    finally:
        os.close(terminal)
        os.close(program_side)
    assert printed.startswith("\r[##########                    ] 1/3\r")
    assert printed.endswith("\r[##############################] 3/3\r\n")


# --- being stopped ---


def test_a_reader_that_goes_away_ends_it_quietly(api):
    with subprocess.Popen(command(api), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_one_sentence(api):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(api), stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=60)
    assert done.returncode == 2
    assert "The report cannot be printed (No space left on device)." in one_sentence(done.stderr)


def test_ctrl_c_ends_at_once_with_one_sentence_and_exit_code_130(api):
    came = threading.Event()

    def answer(body: dict[str, Any]) -> Reply:
        came.set()
        api.never()
        return None

    api.answer = answer
    # A shell may have told its background jobs to ignore Ctrl-C, which is inherited.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "runpy.run_path('evaluate.py', run_name='__main__')"
    )
    options = ["--url", api.url, "--timeout", "3000"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert came.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == b""
    assert "Interrupted before all items were evaluated" in one_sentence(err.decode())


# --- the numbers ---


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_is_the_wilson_interval_of_scipy(counts):
    correct, total = counts
    expected = binomtest(correct, total).proportion_ci(0.95, method="wilson")
    assert evaluate.wilson(correct, total) == pytest.approx((expected.low, expected.high), abs=1e-9)


def predictions_of(pairs: list[tuple[str, str]]) -> list[evaluate.Outcome]:
    return [evaluate.Prediction(n, "", expected, predicted, 0.5) for n, (expected, predicted) in enumerate(pairs)]


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1))
def test_accuracy_precision_recall_and_support_are_those_of_sklearn(pairs):
    true, predicted = [list(side) for side in zip(*pairs, strict=True)]
    report = evaluate.score(predictions_of(pairs))
    names = [row.label for row in report.labels]
    options = {"labels": names, "average": None, "zero_division": math.nan}
    assert names == sorted({*true, *predicted})
    assert report.accuracy == accuracy_score(true, predicted)
    assert [math.nan if row.precision is None else row.precision for row in report.labels] == pytest.approx(
        list(precision_score(true, predicted, **options)), nan_ok=True
    )
    assert [math.nan if row.recall is None else row.recall for row in report.labels] == pytest.approx(
        list(recall_score(true, predicted, **options)), nan_ok=True
    )
    assert [row.support for row in report.labels] == [true.count(name) for name in names]


def test_failures_do_not_count_in_any_number_but_their_own():
    failure = evaluate.Failure(3, "", "It broke.")
    with_failure = evaluate.score([*predictions_of([("positive", "negative")] * 2), failure])
    without = evaluate.score(predictions_of([("positive", "negative")] * 2))
    assert with_failure.failures == (failure,)
    assert with_failure.items == 3
    assert (with_failure.accuracy, with_failure.interval) == (without.accuracy, without.interval)
    assert with_failure.labels == without.labels

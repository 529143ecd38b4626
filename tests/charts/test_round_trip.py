"""The program that `helm test` runs, against real servers."""

import json
import runpy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from tests.charts.conftest import CHART, pods, render
from tests.conftest import free_port, get, post, serving, wait_until

pytestmark = pytest.mark.processes
SCRIPT = CHART / "files" / "round_trip.py"


@pytest.fixture
def main():
    return runpy.run_path(str(SCRIPT))["main"]


def test_it_follows_a_prediction_into_the_log_and_asks_the_dashboard(main, running_api, start_dashboard, capsys):
    dashboard = start_dashboard(running_api, "/team/sentiment")

    main({"API_URL": running_api.url, "LOG_DIR": str(running_api.log_dir), "DASHBOARD_URL": dashboard})

    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        "POST /predict answered 'positive'",
        "Its line is in the log.",
        "The dashboard's health: ok.",
    ]


def test_it_finds_its_line_in_a_log_without_texts(main, start_api, capsys):
    api = start_api(LOG_TEXT="hashed")

    main({"API_URL": api.url, "LOG_DIR": str(api.log_dir)})

    assert "Its line is in the log." in capsys.readouterr().out


def test_it_fails_when_the_line_is_missing(main, running_api, tmp_path):
    (tmp_path / "elsewhere").mkdir()

    with pytest.raises(SystemExit, match=r"is not in the log after 0\.1 s"):
        main({"API_URL": running_api.url, "LOG_DIR": str(tmp_path / "elsewhere")}, seconds=0.1)


def test_it_fails_when_the_line_says_something_else(main, tmp_path):
    answer = {"predicted_sentiment": "positive", "prediction_id": "1"}
    (tmp_path / "prediction_logs.json").write_text(json.dumps(answer | {"request_text": "another"}) + "\n")

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Answers)) as server,
        pytest.raises(SystemExit, match="The line in the log is another one"),
    ):
        main({"API_URL": f"http://127.0.0.1:{server.server_port}", "LOG_DIR": str(tmp_path)})


def test_it_sends_the_token_that_the_api_asks_for(main, start_api, capsys):
    api = start_api(API_TOKENS="dashboard:predict,feedback:secret-0123456789")

    main({"API_URL": api.url, "API_TOKEN": "secret-0123456789"})
    assert "POST /predict answered" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"answered 401: .*This needs a token"):
        main({"API_URL": api.url})


def test_it_fails_when_told_to(main, running_api):
    with pytest.raises(SystemExit, match=r"answered 422: .*text"):
        main({"API_URL": running_api.url, "FAIL": "1"})


def test_it_fails_when_nobody_answers(main, running_api):
    nobody = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(SystemExit, match="does not answer"):
        main({"API_URL": nobody}, seconds=0.1)
    with pytest.raises(SystemExit, match="_stcore/health does not answer"):
        main({"API_URL": running_api.url, "DASHBOARD_URL": nobody}, seconds=0.1)


def test_it_waits_for_a_service_that_does_not_answer_yet(main, start_api, capsys):
    port = free_port()
    running = Thread(target=main, args=({"API_URL": f"http://127.0.0.1:{port}"},))
    running.start()
    start_api(port=port)
    running.join(30)

    assert "POST /predict answered" in capsys.readouterr().out


def test_it_waits_while_a_stranger_answers_at_the_address(main, start_api, capsys):
    """As happens on a node that does not know the Service yet, in a network that answers at every address."""
    asked = Event()

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)
            asked.set()

        def log_message(self, *_):
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Stranger)) as server:
        port = server.server_port
        running = Thread(target=main, args=({"API_URL": f"http://127.0.0.1:{port}"},))
        running.start()
        assert asked.wait(10)
    start_api(port=port)
    running.join(30)

    assert "POST /predict answered" in capsys.readouterr().out


def test_it_says_that_a_prediction_whose_answer_was_lost_is_sent_again(main, running_api, capsys):
    """Through a proxy of the network that hangs up once it has passed the request on."""
    lost: list[str] = []

    class Passes(BaseHTTPRequestHandler):
        def do_GET(self):
            self.pass_on(None)

        def do_POST(self):
            self.pass_on(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def pass_on(self, body):
            answer = post(running_api.url + self.path, body)[1] if body else {}
            if body and not lost:
                lost.append(answer["prediction_id"])
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Passes)) as server:
        main({"API_URL": f"http://127.0.0.1:{server.server_port}", "LOG_DIR": str(running_api.log_dir)})

    said = capsys.readouterr().out
    assert "closed connection without response. The prediction is sent again, so the log may hold it twice." in said
    assert "Its line is in the log." in said
    assert len(lost) == 1


def test_it_says_what_the_last_answer_was(main, start_api, tmp_path):
    broken = start_api(ready=False, MODEL_PATH=str(tmp_path / "none.pkl"))
    wait_until(lambda: get(broken.url + "/healthz")[0] == 200, "the API answers")

    with pytest.raises(SystemExit, match=r"readyz answered 503: .*none\.pkl"):
        main({"API_URL": broken.url}, seconds=0.1)


def test_the_pod_runs_this_program():
    (container,) = pods(render({"tests": {"fail": True}}))["tests"]["spec"]["containers"]

    assert container["command"] == ["python", "-c"]
    assert container["args"][0].strip() == SCRIPT.read_text().strip()
    assert {"name": "FAIL", "value": "1"} in container["env"]


def test_a_line_that_is_being_written_and_a_file_that_is_being_closed_are_not_there_yet(tmp_path):
    logged = runpy.run_path(str(SCRIPT))["logged"]
    whole, begun = b'{"prediction_id": "1"}\n', b'{"prediction_id": "2"'
    (tmp_path / "prediction_logs.json").write_bytes(whole + begun)
    (tmp_path / "prediction_logs.1.json").symlink_to("closed meanwhile")

    assert logged(tmp_path, "1") == {"prediction_id": "1"}
    assert logged(tmp_path, "2") is None

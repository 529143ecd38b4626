"""`helm test`: checks that the API answers a prediction, that the log contains it, and that the dashboard responds.

It must stand alone in a pod with the API's image, so it has a small HTTP client of its own. Environment variables:
- API_URL, and API_TOKEN if the API requires a token.
- DASHBOARD_URL, with its base path, if the release has a dashboard.
- LOG_DIR, if a second pod can read the log.
- FAIL, to send a text that the API refuses.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

TEXT = "A helm test: the movie was amazing!"
# A proxy from the pod's environment cannot reach the release.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url, deadline, body=None, token=None):
    """The text of the answer. Retries until `deadline`: a node learns late that a pod is ready, and until then there is
    no answer, or another host's. A refused POST is not retried. A POST whose connection was lost is retried with a
    notice, because it may be logged twice.
    """
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    while True:
        try:
            with DIRECTLY.open(request, timeout=10) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            problem = f"{url} answered {error.code}: {error.read().decode(errors='replace')}"
            if body:
                sys.exit(problem)
        except OSError as error:
            problem = f"{url} does not answer: {error}"
            if body and not isinstance(error, urllib.error.URLError):  # it was sent
                print(f"{problem}. The prediction is sent again, so the log may hold it twice.")
        if time.monotonic() > deadline:
            sys.exit(problem)
        time.sleep(0.5)


def logged(directory, prediction_id):
    """The log line of a prediction, or None."""
    for path in directory.glob("prediction_logs*.json"):
        with suppress(FileNotFoundError):  # it was rotated meanwhile
            for line in path.read_bytes().splitlines(keepends=True):
                if prediction_id.encode() in line and line.endswith(b"\n"):  # else it is still being written
                    return json.loads(line)
    return None


def main(environ, seconds=30):
    deadline = time.monotonic() + seconds
    text = "" if environ.get("FAIL") else TEXT
    fetch(environ["API_URL"] + "/readyz", deadline)
    body = json.dumps({"text": text}).encode()
    answer = json.loads(fetch(environ["API_URL"] + "/predict", deadline, body, environ.get("API_TOKEN")))
    print(f"POST /predict answered {answer['predicted_sentiment']!r}, prediction {answer['prediction_id']}.")
    if environ.get("LOG_DIR"):
        while not (record := logged(Path(environ["LOG_DIR"]), answer["prediction_id"])):
            if time.monotonic() > deadline:
                sys.exit(f"Prediction {answer['prediction_id']} is not in the log after {seconds} s.")
            time.sleep(0.5)
        kept = "" if "text_hash" in record else text  # with LOG_TEXT=hashed
        if (record["request_text"], record["predicted_sentiment"]) != (kept, answer["predicted_sentiment"]):
            sys.exit(f"The line in the log is another one: {record}")
        print("Its line is in the log.")
    if environ.get("DASHBOARD_URL"):
        health = fetch(environ["DASHBOARD_URL"] + "/_stcore/health", deadline)
        print(f"The dashboard's health: {health}.")


if __name__ == "__main__":
    main(os.environ)

"""Steady load from inside the cluster: a new connection for each request, until the file /tmp/stop exists.

Begins once this node knows the Service.

Prints one JSON list a request: when it was sent and answered (seconds since the epoch), the answer's status (0 when
there was none) and the prediction's id. Runs in a pod with the API's image; URL says where.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
URL, STOP, CLIENTS, PAUSE = os.environ["URL"], Path("/tmp/stop"), 4, 0.02
lock = threading.Lock()


def send(text):
    """Status and prediction id."""
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(URL + "/predict", body, {"Content-Type": "application/json"})
    try:
        with DIRECTLY.open(request, timeout=2) as response:
            return response.status, json.load(response)["prediction_id"]
    except urllib.error.HTTPError as error:
        return error.code, ""
    except (OSError, ValueError):
        return 0, ""


def client(number):
    sent = 0
    while not STOP.exists():
        sent += 1
        started = time.time()
        status, prediction_id = send(f"load {number}.{sent}: a fine film")
        with lock:
            print(json.dumps([started, time.time(), status, prediction_id]), flush=True)
        time.sleep(PAUSE)


while send("before the load: a fine film")[0] != 200:
    time.sleep(PAUSE)
threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done", flush=True)

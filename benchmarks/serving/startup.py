"""python -m benchmarks.serving.startup: the API's time from start to ready, and the model's part.

Starts the service in turns with the shipped model and with a model of a few terms; the difference is the cost of
loading the shipped one.
"""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.command import REPOSITORY
from benchmarks.serving.server import SHIPPED, free_port, is_ready

ROUNDS = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        models = {"shipped model": SHIPPED, "model of 4 terms": write_tiny_model(Path(folder))}
        seconds: dict[str, list[float]] = {name: [] for name in models}
        for _ in range(ROUNDS):
            for name, path in models.items():
                seconds[name].append(start(path, Path(folder) / "logs"))
    shipped, tiny = (statistics.median(times) for times in seconds.values())
    print(f"process start to ready, median of {ROUNDS}, {os.cpu_count()} cores")
    print(f"    shipped model      {shipped:.2f} s ({SHIPPED.stat().st_size / 1e6:.1f} MB)")
    print(f"    model of 4 terms   {tiny:.2f} s")
    print(f"    loading the model  {shipped - tiny:.2f} s, {(shipped - tiny) / shipped:.0%} of the start")


def write_tiny_model(folder: Path) -> Path:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(
        ["good film", "bad food"], ["positive", "negative"]
    )
    path = folder / "model.pkl"
    joblib.dump(model, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {"model_version": sha256[:12], "sha256": sha256, "versions": {"scikit-learn": sklearn.__version__}}
    path.with_name("model_card.json").write_text(json.dumps(card))
    return path


def start(model: Path, log_dir: Path) -> float:
    """Seconds until /readyz returns 200."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "api.main:app", "--port", str(port), "--log-level", "error"]
    env = os.environ | {"MODEL_PATH": str(model), "LOG_DIR": str(log_dir), "LOG_LEVEL": "error"}
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=subprocess.DEVNULL) as process:
        while not is_ready(port):
            if process.poll() is not None:
                sys.exit(f"The service ended with exit code {process.returncode} before it was ready.")
            time.sleep(0.005)
        seconds = time.perf_counter() - started
        process.terminate()
    return seconds


if __name__ == "__main__":
    main()

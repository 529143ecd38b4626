"""python -m benchmarks.serving.wrk URL [--text TEXT]: send one text repeatedly and measure rate and latency.

wrk generates the load: each connection sends its next request after the previous response. It measures whole seconds,
counts responses from 400 and those after more than two seconds as errors, but not requests without a response.
Latencies are corrected for coordinated omission: requests that a stalled connection would have sent are added.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import pinned_to

MISSING = (
    "This needs the load generator wrk, and it is not on the PATH; install the Debian package wrk: apt install wrk"
)
SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = %s

function done(summary, latency, requests)
  local errors, mean = summary.errors, latency.mean
  if mean ~= mean then mean = 0 end -- not a number, when there was no answer at all
  io.write(string.format(
    '{"requests": %%d, "us": %%d, "mean": %%.1f, "p50": %%d, "p99": %%d, "max": %%d, "errors": %%d, "refused": %%d}\\n',
    summary.requests, summary.duration, mean, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
"""


@dataclass(frozen=True)
class Result:
    requests: int  # answered, whatever the status
    seconds: float
    requests_per_second: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int  # answers that were refusals, and what went wrong with connections, also too late an answer
    answers: int  # requests without the refusals


def run(url: str, body: object, connections: int, seconds: int, threads: int = 1, pinned: bool = True) -> Result:
    """Send `body` as JSON for some seconds, on the second core only if `pinned`."""
    with started(url, body, connections, seconds, threads, pinned) as finish:
        return finish()


@contextmanager
def started(
    url: str, body: object, connections: int, seconds: int, threads: int = 1, pinned: bool = True
) -> Iterator[Callable[[], Result]]:
    """The same in the background; the yielded function waits for the result."""
    require_wrk()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(lua(body))
        options = ["-c", str(connections), "-d", f"{seconds}s", "-t", str(threads), "-s", str(script)]
        command = [*(pinned_to(1) if pinned else []), "wrk", *options, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                yield lambda: _finished(process)
            finally:
                process.kill()


def require_wrk() -> None:
    if not shutil.which("wrk"):
        sys.exit(MISSING)


def lua(body: object) -> str:
    # JSON in ASCII has neither control characters nor escapes that Lua lacks once it is quoted a second time.
    return SCRIPT % json.dumps(json.dumps(body))


def parse(output: str) -> Result:
    """wrk's output as a result. Raises ValueError."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            return _result(json.loads(line))
    raise ValueError(f"wrk printed no result:\n{output}")


def _result(said: dict[str, float]) -> Result:
    requests, seconds = int(said["requests"]), said["us"] / 1e6
    return Result(
        requests=requests,
        seconds=seconds,
        requests_per_second=requests / seconds,
        mean_ms=said["mean"] / 1000,
        p50_ms=said["p50"] / 1000,
        p99_ms=said["p99"] / 1000,
        max_ms=said["max"] / 1000,
        errors=int(said["errors"] + said["refused"]),
        answers=requests - int(said["refused"]),
    )


def _finished(process: subprocess.Popen[str]) -> Result:
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"wrk ended with exit code {process.returncode}:\n{output}")
    return parse(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--text", default="A film to remember.")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    result = run(options.url, {"text": options.text}, options.connections, options.seconds)
    print(json.dumps(asdict(result), indent=2))


if __name__ == "__main__":
    main()

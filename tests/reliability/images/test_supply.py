"""What is installed is what was pinned, what is pinned is asked about, and no secret is committed."""

import hashlib
import json
import re
import secrets
import string
import subprocess
import sys
import tomllib
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.conftest import ROOT, many, require, serving

CONFIG = ROOT / ".gitleaks.toml"
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)(.*(?:\n    .*)*)", re.M)


@pytest.mark.promise(
    "Images and supply chain",
    "an index serves a package of the right name and version with other content",
    "it is not installed",
)
@pytest.mark.processes
def test_a_package_of_the_same_name_and_version_with_other_content_is_refused(tmp_path, publish):
    pins = PIN.findall((ROOT / "api" / "requirements.txt").read_text())[: many(2, 1000)]
    for name, version, rest in pins:
        wheel = wheel_of(name, version, tmp_path)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        hashes = re.findall(r"--hash=\S+", rest)

        assert (
            install(tmp_path, f"{name}=={version} --hash=sha256:{digest}").returncode == 0
        )  # but for its hash it is fine
        refused = install(tmp_path, f"{name}=={version} {' '.join(hashes)}")
        assert refused.returncode != 0
        assert "DO NOT MATCH THE HASHES" in refused.stderr
    publish(f"{len(pins)} of {len(pins)} refused")


def install(folder: Path, requirement: str) -> subprocess.CompletedProcess:
    """What pip says to the requirement, with this folder for an index."""
    (folder / "requirements.txt").write_text(requirement)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--require-hashes",
    ]
    command += ["--no-index", "--find-links", str(folder), "--requirement", str(folder / "requirements.txt")]
    return subprocess.run(command, capture_output=True, text=True)


def wheel_of(name: str, version: str, folder: Path) -> Path:
    """A whole wheel, with nothing in it."""
    known = name.replace("-", "_")
    path = folder / f"{known}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        info = f"{known}-{version}.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


class Advisories(BaseHTTPRequestHandler):
    """Answers as the database of advisories does; `known` has the versions that one concerns, by package."""

    known: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        affected = [{"package": asked["package"], "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "999"}]}]}]
        advisory = {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "summary": "It is bad.", "affected": affected}
        answer = json.dumps({"vulns": [advisory]} if self.known.get(name) == asked["version"] else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def audit(url: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "scripts.audit", "--vulnerability-service", "osv", "--osv-url", url]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.promise(
    "Images and supply chain",
    "a pinned package has a known vulnerability",
    "`make audit` fails and names it",
)
@pytest.mark.processes
def test_an_advisory_that_concerns_a_pinned_package_fails_the_audit(publish):
    name, version, _ = PIN.findall((ROOT / "monitoring" / "requirements.txt").read_text())[0]
    served = type("Concerned", (Advisories,), {"known": {name: version}})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), served)) as server:
        found = audit(f"http://127.0.0.1:{server.server_port}")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Advisories)) as server:
        clean = audit(f"http://127.0.0.1:{server.server_port}")

    assert found.returncode == 1
    assert f"{name} {version}: CVE-2026-1, fixed in 999; open" in found.stdout
    assert clean.returncode == 0, clean.stderr
    publish(f"named with the version that has it fixed; without one {clean.stdout.split()[3]} packages are clean")


@pytest.mark.promise(
    "Images and supply chain",
    "the vulnerability database does not respond",
    "`make audit` fails and says that the result is unknown",
)
@pytest.mark.processes
def test_an_audit_that_cannot_ask_fails_and_says_so(publish):
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Advisories)) as server:
        nowhere = f"http://127.0.0.1:{server.server_port}"
    refused = audit(nowhere)

    assert refused.returncode == 1
    assert refused.stderr.startswith("Nobody can tell whether the pinned packages have known vulnerabilities")
    publish("exit code 1 and why")


@pytest.mark.promise(
    "Images and supply chain",
    "a key or a password is committed, and deleted by the next commit",
    "`make secrets`, which CI runs, finds it",
)
def test_a_secret_that_was_committed_is_found_even_after_it_was_deleted(tmp_path, publish):
    planted = {
        "config.py": f'aws_access_key_id = "AKIA{some(16, string.ascii_uppercase + "234567")}"\n',
        "tests/test_it.py": f'KEY = "AKIA{some(16, string.ascii_uppercase + "234567")}"\n',
        "deploy.yaml": f"token: ghp_{some(36)}\n",
        "values.yaml": f'webhook_password: "{some(32)}"\n',
    }
    git(tmp_path, "init", "--quiet")
    (tmp_path / "tests").mkdir()
    for name, text in planted.items():
        (tmp_path / name).write_text(text)
    commit(tmp_path, "Add")
    for name in planted:
        (tmp_path / name).write_text("nothing\n")
    commit(tmp_path, "Remove")

    findings = leaks(tmp_path)
    assert {finding["File"] for finding in findings} == set(planted)
    assert leaks(ROOT) == []
    commits = git(ROOT, "rev-list", "HEAD", "--count").strip()
    publish(f"{len(findings)} of {len(planted)} found; 0 in the {commits} commits of this repository")


def test_what_is_not_taken_for_a_secret_has_a_reason():
    allowed = tomllib.loads(CONFIG.read_text())["allowlists"]

    assert [one for one in allowed if len(one.get("description", "").split()) < 3] == []


def some(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


def leaks(repository: Path) -> list[dict[str, str]]:
    """What `make secrets` finds in the commits of a repository."""
    gitleaks = Path(sys.prefix) / "bin" / "gitleaks"
    require("GITLEAKS", gitleaks.exists(), "gitleaks is not installed; `make secrets` does that")
    command = [str(gitleaks), "git", "--config", str(CONFIG), "--log-opts", "HEAD", "--no-banner", "--redact"]
    command += ["--exit-code", "0", "--report-format", "json", "--report-path", "-"]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found

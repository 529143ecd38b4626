"""python -m scripts.audit: look up known vulnerabilities of all pinned packages; fails if there are any, or if the
lookup fails.

Uses pip-audit, which asks the package index. Options are passed on, such as `--vulnerability-service osv`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What the images hold, and what trains, tests and builds them. Not the two files of benchmarks/: they install, into
# environments of their own, which the alarms were compared with on synthetic data.
REQUIREMENTS = (
    "api/requirements.txt",
    "monitoring/requirements.txt",
    "training/requirements.txt",
    "requirements-dev.txt",
)
IGNORED = ROOT / "scripts" / "audit-ignored.toml"


def main(options: Sequence[str]) -> None:
    ignored = reasons(IGNORED.read_text("utf-8"))
    report = asked([ROOT / name for name in REQUIREMENTS], options)
    for line in found(report, ignored):
        print(line)
    if why := failure(report, ignored):
        sys.exit(why)
    print(f"None of the {len(report['dependencies'])} pinned packages has a known vulnerability that is not ignored.")


def reasons(text: str) -> dict[str, str]:
    """Why each ignored advisory is ignored, by its ID."""
    ignored: dict[str, str] = tomllib.loads(text)["ignored"]
    for advisory, reason in ignored.items():
        if not isinstance(reason, str) or len(reason.split()) < 3:
            sys.exit(f"{IGNORED.name} says {reason!r} of {advisory}; say in a sentence why it does not matter here.")
    return ignored


def asked(requirements: Sequence[Path], options: Sequence[str] = ()) -> dict[str, Any]:
    """pip-audit's JSON for each package."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json", *options]
    command += ["--progress-spinner", "off", *(f"--requirement={path}" for path in requirements)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        sys.exit(f"Nobody can tell whether the pinned packages have known vulnerabilities; pip-audit says: {reason}")
    return report


def found(report: Mapping[str, Any], ignored: Mapping[str, str]) -> list[str]:
    """A line for each advisory of a pinned package."""
    lines = []
    for package, advisory in advisories(report):
        reason = next((f"ignored: {ignored[name]}" for name in names(advisory) if name in ignored), "open")
        fixed = ", ".join(advisory["fix_versions"]) or "no version"
        lines.append(f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}; {reason}")
    return lines


def failure(report: Mapping[str, Any], ignored: Mapping[str, str]) -> str:
    """A sentence that says why the audit fails, or an empty string. A skipped package is a failure, because nothing
    is known of it."""
    skipped = [package["skip_reason"] for package in report["dependencies"] if "skip_reason" in package]
    known = [names(advisory) for _, advisory in advisories(report)]
    if skipped or not report["dependencies"]:
        of = f"{len(skipped)} of {len(report['dependencies'])} pinned packages"
        return f"Nobody can tell whether {of} have known vulnerabilities. {next(iter(skipped), '')}".strip()
    if opened := sum(ignored.keys().isdisjoint(any_of) for any_of in known):
        return f"{opened} open: raise the version by `make lock`, or say in {IGNORED.name} why it does not matter here."
    if stale := ignored.keys() - {name for any_of in known for name in any_of}:
        return f"{IGNORED.name} ignores {', '.join(sorted(stale))}, which concerns nothing that is pinned; delete that."
    return ""


def advisories(report: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(package, advisory) for package in report["dependencies"] for advisory in package.get("vulns", [])]


def names(advisory: Mapping[str, Any]) -> list[str]:
    """All IDs of an advisory."""
    return [advisory["id"], *advisory["aliases"]]


if __name__ == "__main__":
    main(sys.argv[1:])

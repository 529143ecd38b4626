"""Pin every package with hashes: one set of versions for development, and subsets of it for the images and training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest", "--generate-hashes", "--no-header"]
DEVELOPMENT = "requirements-dev"


def compile_requirements(name: str, *options: str) -> None:
    command = ["-m", "uv", "pip", "compile", "--quiet", "--no-emit-index-url", *OPTIONS, *options]
    subprocess.run([sys.executable, *command, f"{name}.in", "-o", f"{name}.txt"], cwd=ROOT, check=True)


if __name__ == "__main__":
    compile_requirements(DEVELOPMENT, "--upgrade")
    for folder in ("api", "monitoring", "training"):
        compile_requirements(f"{folder}/requirements", "--constraint", f"{DEVELOPMENT}.txt")

"""python -m scripts.sbom FOLDER IMAGE…: write bills of materials of built images as CycloneDX files.

Reads the image itself: its Python packages by cyclonedx-py, the SHA-256 of each wheel from pip's report inside it, and
Debian's packages from dpkg's list.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from email.parser import HeaderParser
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

SCHEMA = SchemaVersion.V1_6
REPORT, VENV, RELEASE, PACKAGES = (
    "opt/venv/installed.json",
    "opt/venv/pyvenv.cfg",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
)
WANTED = ("*.dist-info/*", REPORT, VENV, RELEASE, PACKAGES)
Component = dict[str, Any]


def main(folder: Path, images: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for image in images:
        path = folder / f"{named(image)[0]}.cdx.json"
        bill = bill_of_materials(image)
        path.write_text(bill + "\n")
        print(f"{path}: {len(json.loads(bill)['components'])} components of {image}")


def bill_of_materials(image: str) -> str:
    """The image's packages as CycloneDX JSON."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        unpack(image, root)
        bill = python_packages(root)
        add_installation(bill["components"], json.loads((root / REPORT).read_text()))
        bill["components"] += base(root)
    bill["metadata"]["component"] = the_image(image)
    return valid(json.dumps(bill, indent=2))


def valid(bill: str) -> str:
    """The same document, if it meets CycloneDX's schema."""
    from cyclonedx.validation.json import JsonStrictValidator  # takes seconds, which whoever imports this would wait

    if error := JsonStrictValidator(SCHEMA).validate_str(bill):
        sys.exit(f"The list does not keep to the schema of CycloneDX {SCHEMA.to_version()}: {error}")
    return bill


def unpack(image: str, root: Path) -> None:
    """Copy the image's package lists to `root`."""
    container = docker("create", image).strip()
    try:
        export = subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE)
        with export, tarfile.open(fileobj=export.stdout, mode="r|") as files:
            for member in files:
                if any(fnmatch(member.name, pattern) for pattern in WANTED):
                    files.extract(member, root, filter="data")
    finally:
        docker("rm", container)


def python_packages(root: Path) -> dict[str, Any]:
    """cyclonedx-py's document for all packages below `root`, including the base image's."""
    found = os.pathsep.join(sorted({str(path.parent) for path in root.rglob("*.dist-info")}))
    # It asks the interpreter it is given for its path: that one sees the image's packages alone (-S), and the one that
    # runs it must not see them (-E).
    command = [sys.executable, "-E", "-m", "cyclonedx_py", "environment", "-S", sys.executable]
    command += ["--spec-version", SCHEMA.to_version(), "--no-validate"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": found}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"cyclonedx-py cannot list the Python packages: {done.stderr}")
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def add_installation(components: list[Component], report: dict[str, Any]) -> None:
    """Add to each package what pip knows: the SHA-256 of its wheel, and a licence that has only a name."""
    installed = {identity(item["metadata"]): item for item in report["install"]}
    for component in components:
        if item := installed.get(identity(component)):
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
            if name := item["metadata"].get("license"):
                component.setdefault("licenses", [{"license": {"name": name.splitlines()[0]}}])


def identity(package: dict[str, Any]) -> tuple[str, str]:
    return canonicalize_name(package["name"]), package["version"]


def base(root: Path) -> Iterator[Component]:
    """Debian, its packages, and Python."""
    release = settings(root / RELEASE)
    name, version = release["ID"], release["VERSION_ID"]
    yield {"type": "operating-system", "bom-ref": "os", "name": name, "version": version}
    python = PackageURL("generic", name="python", version=settings(root / VENV)["version"])
    yield component("platform", python)
    for package in map(HeaderParser().parsestr, (root / PACKAGES).read_text().split("\n\n")):
        if package.get("Status", "").endswith(" installed"):
            qualifiers = {"arch": package["Architecture"], "distro": f"{name}-{version}"}
            yield component("library", PackageURL("deb", name, package["Package"], package["Version"], qualifiers))


def component(kind: str, url: PackageURL) -> Component:
    purl = url.to_string()
    return {"type": kind, "bom-ref": purl, "name": url.name, "version": url.version, "purl": purl}


def settings(path: Path) -> dict[str, str]:
    """The `name=value` and `name = value` lines of a file."""
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): value.strip().strip('"') for name, value in pairs}


def the_image(image: str) -> Component:
    name, tag = named(image)
    number = {"name": "docker:image:id", "value": docker("image", "inspect", "--format", "{{.Id}}", image).strip()}
    return {"type": "container", "bom-ref": "image", "name": name, "version": tag, "properties": [number]}


def named(image: str) -> tuple[str, str]:
    """Its name without the registry, and its tag."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    return name, tag or "latest"


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"`docker {' '.join(arguments)}` failed; `make build` makes the images, and needs a Docker engine.")
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])

"""chart_tools.py FOLDER: install the tools of the chart's tests there. Needs Go; installs nothing as root.

helm-docs generates the chart's README. Helm 3 (`helm3`) must render the chart as Helm 4 does. promtool tests the
alerts. `crds/` holds the custom resources that the chart can create, so that a real API server checks them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HELM_DOCS = "github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2"
HELM_3 = "helm.sh/helm/v3/cmd/helm@v3.22.0"
CRDS = {
    "sigs.k8s.io/gateway-api@v1.4.0": ["config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ],
}


def go(*arguments: str, **environ: str) -> str:
    done = subprocess.run(
        ["go", *arguments], env=os.environ | environ, cwd=Path.home(), stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"`go {' '.join(arguments)}` failed; its output above says why.")
    return done.stdout


def install_helm_docs(folder: Path) -> None:
    go("install", HELM_DOCS, GOBIN=str(folder))


def install_helm_3(folder: Path) -> None:
    """Install it as `helm3`, beside the existing Helm."""
    with tempfile.TemporaryDirectory() as directory:
        go("install", HELM_3, GOBIN=directory)
        shutil.move(Path(directory) / "helm", folder / "helm3")


def copy_crds(folder: Path) -> None:
    (folder / "crds").mkdir(exist_ok=True)
    for module, files in CRDS.items():
        source = Path(json.loads(go("mod", "download", "-json", module))["Dir"])
        for name in files:
            shutil.copyfile(source / name, folder / "crds" / Path(name).name)


def install_promtool(folder: Path) -> None:
    """Use the installed one, or unpack Debian's package here."""
    if found := shutil.which("promtool"):
        shutil.copy2(found, folder / "promtool")
        return
    if not shutil.which("apt-get"):
        sys.exit("promtool is not on the PATH; it comes with Prometheus: install that, then try again.")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["apt-get", "download", "prometheus"], cwd=directory, check=True)
        package = next(Path(directory).glob("prometheus_*.deb"))
        subprocess.run(["dpkg-deb", "--extract", package.name, "."], cwd=directory, check=True)
        shutil.copy2(Path(directory) / "usr" / "bin" / "promtool", folder / "promtool")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not shutil.which("go"):
        sys.exit("Installing the chart's tools needs `go`, and it is not on the PATH; install it, then try again.")
    target = Path(sys.argv[1]).resolve()
    for step in (install_helm_docs, copy_crds, install_promtool, install_helm_3):
        print(f"{step.__name__.replace('_', ' ')} …", flush=True)
        step(target)

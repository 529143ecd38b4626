"""kind_cluster.py up | load | port-forward | require | down: the kind cluster.

KIND_CLUSTER names it; no other cluster is touched, whatever the current context is. Standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.local_services import port as port_of
from scripts.local_services import taken

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".kind"
VALUES = STATE / "values.yaml"
IMAGES = {"api": "sentiment-monitor-api", "monitoring": "sentiment-monitor-dashboard"}
CLUSTER = os.environ.get("KIND_CLUSTER") or "sentiment"
CONTEXT = f"kind-{CLUSTER}"


def run(*command: str) -> None:
    """Run a command in the terminal; exit with a sentence if it fails."""
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed with {done.returncode}; its output above says why.")


def output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def exists() -> bool:
    return CLUSTER in output("kind", "get", "clusters").split()


def nodes() -> list[str]:
    return output("kind", "get", "nodes", "--name", CLUSTER).split()


def workers() -> list[str]:
    """The nodes that run pods."""
    return [node for node in nodes() if not node.startswith(f"{CLUSTER}-control-plane")]


def require() -> None:
    """Exit unless the cluster exists and responds."""
    if not exists():
        sys.exit(f"There is no kind cluster {CLUSTER!r}; `make kind-up` creates it.")
    answer = subprocess.run(
        ["kubectl", "--context", CONTEXT, "version", "--request-timeout=10s"], capture_output=True, text=True
    )
    if answer.returncode:
        sys.exit(f"The cluster of context {CONTEXT!r} does not answer: {answer.stderr.strip()}")


def up() -> None:
    if exists():
        print(f"The kind cluster {CLUSTER!r} is already there.")
        return
    (STATE / "shared").mkdir(parents=True, exist_ok=True)
    image = os.environ.get("KIND_NODE_IMAGE")
    chosen = ["--image", image] if image else []
    run("kind", "create", "cluster", "--name", CLUSTER, "--config", "kind-config.yaml", "--wait", "120s", *chosen)


def load() -> None:
    """Load the built images into every worker node, tagged by their content, and write the tags as Helm values.

    The tag is the image's ID: a new image always rolls out, the same one never does. An archive works with every image
    store, which `kind load docker-image` does not.
    """
    tags = {component: image_id(name) for component, name in IMAGES.items()}
    STATE.mkdir(exist_ok=True)
    written = VALUES.with_suffix(".new")
    written.write_text(json.dumps({component: {"image": {"tag": tag}} for component, tag in tags.items()}) + "\n")
    written.replace(VALUES)  # at once, since a test may install by it meanwhile
    names = [f"{IMAGES[component]}:{tag}" for component, tag in tags.items()]
    if missing := [name for name in names if not all(has_image(node, name) for node in workers())]:
        print(f"Loading {' and '.join(missing)} into the nodes of {CLUSTER!r}; this takes a minute.")
        for name in missing:
            run("docker", "image", "tag", name.split(":")[0] + ":" + built_tag(), name)
        with tempfile.TemporaryDirectory() as directory:
            archive = str(Path(directory) / "images.tar")
            run("docker", "image", "save", *platform(), "--output", archive, *missing)
            run("kind", "load", "image-archive", "--name", CLUSTER, "--nodes", ",".join(workers()), archive)
        for name in missing:
            output("docker", "image", "rm", name)  # the tag only: the image keeps the one it was built with
    print("The nodes have " + " and ".join(names) + ".")


def built_tag() -> str:
    return os.environ.get("IMAGE_TAG") or "dev"


def image_id(name: str) -> str:
    digest = output("docker", "image", "inspect", "--format", "{{.Id}}", f"{name}:{built_tag()}").strip()
    return digest.removeprefix("sha256:")[:12]


def has_image(node: str, name: str) -> bool:
    filtered = f"name==docker.io/library/{name}"
    return bool(
        output("docker", "exec", node, "ctr", "--namespace=k8s.io", "images", "list", "--quiet", filtered).strip()
    )


def platform() -> list[str]:
    """This machine's platform only, where the engine can hold several; older engines hold one and lack the option."""
    if "--platform" not in output("docker", "image", "save", "--help"):
        return []
    return ["--platform", output("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").strip()]


def port_forward() -> None:
    """Forward both services to this machine until Ctrl-C, also after their pods are replaced."""
    require()
    namespace, release = (os.environ.get(name) or "sentiment" for name in ("NAMESPACE", "RELEASE"))
    ports = {"api": (port_of("API_PORT", "8000"), "/docs"), "monitoring": (port_of("DASHBOARD_PORT", "8501"), "")}
    kubectl = ["kubectl", "--context", CONTEXT, "--namespace", namespace]
    commands = {}
    for component, (port, path) in ports.items():
        selector = f"app.kubernetes.io/instance={release},app.kubernetes.io/component={component}"
        service = output(*kubectl, "get", "service", "--selector", selector, "--output", "name").strip()
        if not service:
            continue  # a release without the dashboard
        if taken(port):
            variable = "API_PORT" if component == "api" else "DASHBOARD_PORT"
            sys.exit(f"Port {port} is taken by another program; choose another: {variable}=… make port-forward.")
        commands[component] = [*kubectl, "port-forward", service, f"{port}:http"]
        print(f"{component:<11} http://localhost:{port}{path}", flush=True)
    if not commands:
        sys.exit(f"Namespace {namespace!r} has no service of release {release!r}; `make helm-install` installs it.")
    forwards: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            for component, command in commands.items():
                if component not in forwards or forwards[component].poll() is not None:
                    forwards[component] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        for forward in forwards.values():
            forward.terminate()


def down() -> None:
    if exists():
        # What pods wrote to the shared folder belongs to their users; the nodes may delete it, this user may not.
        for node in nodes():
            subprocess.run(["docker", "exec", node, "sh", "-c", "rm -rf /shared/*"], capture_output=True)
        run("kind", "delete", "cluster", "--name", CLUSTER)
    shutil.rmtree(STATE, ignore_errors=True)


# What each command runs, and the programs that it needs.
COMMANDS = {
    "up": (up, ["docker", "kind", "kubectl"]),
    "load": (load, ["docker", "kind"]),
    "port-forward": (port_forward, ["kind", "kubectl"]),
    "require": (require, ["kind", "kubectl", "helm"]),
    "down": (down, ["docker", "kind"]),
}

if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        sys.exit(__doc__)
    command, tools = COMMANDS[name]
    for tool in tools:
        if not shutil.which(tool):
            sys.exit(f"This needs `{tool}`, and it is not on the PATH; install it, then try again.")
    command()

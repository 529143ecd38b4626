"""The kind cluster: nodes, namespaces, disks, and pods of the tests' own."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL

from scripts.kind_cluster import CONTEXT, VALUES

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


class NotStarted(Exception):
    """Why a node could not even start a command in a pod."""


@cache
def core() -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(context=CONTEXT))


def kubectl(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = ["kubectl", "--context", CONTEXT, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def workers() -> list[str]:
    """The nodes that run pods."""
    found = core().list_node(label_selector="!node-role.kubernetes.io/control-plane").items
    return sorted(node.metadata.name for node in found)


def node_shell(node: str, script: str) -> str:
    done = subprocess.run(["docker", "exec", node, "sh", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def node_of(pod: client.V1Pod) -> str:
    return str(pod.spec.node_name)


def is_ready(pod: client.V1Pod) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or [])


def gone(read: Callable[[], Any]) -> bool:
    try:
        read()
    except ApiException as error:
        return error.status == 404
    return False


def execute(namespace: str, pod: str, *command: str, container: str = "") -> tuple[int, str]:
    """Exit code and output of a command in a pod, in its only container if none is named. Raises NotStarted."""
    which = {"container": container} if container else {}
    answer = stream(
        core().connect_get_namespaced_pod_exec,
        pod,
        namespace,
        **which,
        command=list(command),
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
    )
    try:
        answer.run_forever(timeout=120)
        end = yaml.safe_load(answer.read_channel(ERROR_CHANNEL))
        if end["status"] == "Success":
            return 0, answer.read_stdout() + answer.read_stderr()
        if end.get("reason") != "NonZeroExitCode":
            raise NotStarted(f"{command} in {pod}: {end['message']}")
        return int(end["details"]["causes"][0]["message"]), answer.read_stdout() + answer.read_stderr()
    finally:
        answer.sock.shutdown()  # `answer.close` leaves the socket open when the server has said goodbye


def run_python(namespace: str, name: str, code: str, **env: str) -> None:
    """Start a pod that runs Python code in the API's image, as the restricted standard wants it."""
    container = {
        "name": name,
        "image": f"sentiment-monitor-api:{json.loads(VALUES.read_text())['api']['image']['tag']}",
        "command": ["python", "-c", code],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    core().create_namespaced_pod(namespace, {"metadata": {"name": name}, "spec": spec})


@contextmanager
def namespace(name: str) -> Iterator[str]:
    """A new namespace under the restricted Pod Security Standard, deleted afterwards with all that is in it."""
    core().create_namespace({"metadata": {"name": name, "labels": RESTRICTED}})
    try:
        yield name
    finally:
        core().delete_namespace(name)


@contextmanager
def shared_volume(namespace: str, modes: list[str]) -> Iterator[str]:
    """A claim on a folder that every worker has, as of network storage: its volume is tied to no node."""
    folder = f"/shared/{namespace}"
    node_shell(workers()[0], f"mkdir -p {folder} && chmod 777 {folder}")
    try:
        with _volume(namespace, modes, {"hostPath": {"path": folder}}) as claim:
            yield claim
    finally:
        node_shell(workers()[0], f"rm -rf {folder}")


@contextmanager
def pinned_volume(namespace: str, node: str) -> Iterator[tuple[str, str]]:
    """A claim on a disk of one node that belongs to root, and the folder where it is there."""
    folder = f"/var/{namespace}"
    node_shell(node, f"mkdir -p {folder}")
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    where = {"local": {"path": folder}, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    try:
        with _volume(namespace, ["ReadWriteOnce"], where) as claim:
            yield claim, folder
    finally:
        node_shell(node, f"rm -rf {folder}")


@contextmanager
def _volume(namespace: str, modes: list[str], where: dict[str, Any]) -> Iterator[str]:
    """A volume and the claim that is bound to it; the volume is deleted afterwards, the claim with its namespace."""
    claim, size = "shared-log", {"storage": "1Gi"}
    spec = {"accessModes": modes, "storageClassName": ""}
    volume = {"capacity": size, "claimRef": {"namespace": namespace, "name": claim}}
    core().create_persistent_volume({"metadata": {"name": namespace}, "spec": spec | volume | where})
    try:
        request = {"volumeName": namespace, "resources": {"requests": size}}
        body = {"metadata": {"name": claim}, "spec": spec | request}
        core().create_namespaced_persistent_volume_claim(namespace, body)
        yield claim
    finally:
        core().delete_persistent_volume(namespace)

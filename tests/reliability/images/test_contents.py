"""What is in the two images, and what somebody who gets into one finds there."""

import json
import os
import re
import shlex
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from scripts import sbom
from tests.conftest import ROOT, docker_works, environment, free_port, get, post, repository_copy, require, wait_until

pytestmark = pytest.mark.docker
PROJECT = f"sentiment-test-images-{os.getpid()}"
NAMES = {"api": "sentiment-monitor-api", "monitoring": "sentiment-monitor-dashboard"}
BASE = "python:3.13-slim"
LYING_ABOUT = (
    ".env",
    ".git/config",
    "id_ed25519",
    "server.pem",
    ".streamlit/secrets.toml",
    "customers.csv",
    "notes.txt",
)


@dataclass
class Clone:
    """A clone with images of its own, and files beside the code that nobody meant for them."""

    directory: Path
    ports: dict[str, str]

    def compose(self, *arguments: str, tag: str = PROJECT, **variables: str) -> str:
        environ = {"COMPOSE_PROJECT_NAME": PROJECT, "IMAGE_TAG": tag, **self.ports, **variables}
        return run("docker", "compose", *arguments, cwd=self.directory, env=environment(**environ), umask=0o077)

    def state(self, service: str) -> dict:
        (found,) = json.loads(run("docker", "inspect", self.compose("ps", "--all", "--quiet", service).strip()))
        return found["State"]


def run(*command: str, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, **options)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    require("DOCKER", docker_works(), "no Docker engine answers")
    clone = Clone(
        repository_copy(tmp_path_factory.mktemp("clone")),
        {name: str(free_port()) for name in ("API_PORT", "DASHBOARD_PORT", "WATCH_PORT")},
    )
    for path in (clone.directory / service / name for service in NAMES for name in LYING_ABOUT):
        path.parent.mkdir(exist_ok=True)
        path.write_text("not for an image\n")
    with_rights_by_chance(clone.directory)
    try:
        clone.compose("build")
        yield clone
    finally:
        clone.compose("down", "--volumes", "--rmi", "all")


def with_rights_by_chance(checkout: Path) -> None:
    """As `umask` 077, 002 or 000, Windows or a backup leaves them."""
    for number, path in enumerate(sorted(checkout.rglob("*"))):
        path.chmod((0o700, 0o777)[number % 2] if path.is_dir() else (0o600, 0o777, 0o400, 0o664)[number % 4])


WITHOUT_SHELLS = """
FROM {image}
USER 0
RUN ["python", "-c", "import os; [os.remove(s) for s in open('/etc/shells').read().split() if os.path.isfile(s)]"]
USER 10001:10001
"""


@pytest.fixture
def without_shells(clone):
    """The tag of the same images, out of which every shell was deleted."""
    tag = f"{PROJECT}-bare"
    images = [f"{name}:{tag}" for name in NAMES.values()]
    for image in images:
        original = image.removesuffix("-bare")
        run("docker", "build", "--tag", image, "-", input=WITHOUT_SHELLS.format(image=original))
    yield tag
    clone.compose("down", "--volumes", tag=tag)
    run("docker", "image", "rm", *images)


@pytest.mark.promise(
    "Images and supply chain",
    "every shell is deleted from the images, which run read-only, as user 10001, without capabilities",
    "API, dashboard and alerting service become healthy, respond, and end by SIGTERM with exit code 0",
)
def test_without_any_shell_all_three_services_become_healthy_answer_and_end(clone, without_shells, publish):
    for name in NAMES.values():
        shell = subprocess.run(
            ["docker", "run", "--rm", "--entrypoint", "sh", f"{name}:{without_shells}"], capture_output=True, text=True
        )
        assert "executable file not found" in shell.stderr

    begin = time.monotonic()
    clone.compose("up", "--no-build", "--detach", "--wait", tag=without_shells)
    healthy = time.monotonic() - begin
    api, dashboard, watch = (f"http://localhost:{port}" for port in clone.ports.values())
    assert post(api + "/predict", {"text": "The movie was amazing!"})[1]["predicted_sentiment"] == "positive"
    assert get(dashboard)[0] == 200
    wait_until(lambda: "sentiment_monitor_requests_total 1.0" in get(watch + "/metrics")[1], "the watch has seen it")
    assert json.loads(copied(clone, without_shells))["request_text"] == "The movie was amazing!"

    clone.compose("stop", "--timeout", "5", tag=without_shells)
    states = {service: clone.state(service) for service in ("api", "monitoring", "watch")}
    assert {service: state["ExitCode"] for service, state in states.items()} == dict.fromkeys(states, 0)
    publish(
        f"healthy after {healthy:.0f} s, exit codes {', '.join(str(state['ExitCode']) for state in states.values())}"
    )


def copied(clone: Clone, tag: str) -> str:
    """The log, by the command that docs/operations.md gives for copying it out."""
    document = (ROOT / "docs" / "operations.md").read_text()
    (command,) = re.findall(r"`kubectl .* exec .* -- (.*) > predictions\.json`", document)
    return clone.compose("exec", "-T", "monitoring", *shlex.split(command), tag=tag)


FILES = """
import json, os, stat
found = {"privileged": [], "writable": [], "executable": []}
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
    for path in [folder, *(os.path.join(folder, name) for name in files)]:
        about = os.lstat(path)
        mode = about.st_mode
        if stat.S_ISLNK(mode):
            continue
        if stat.S_ISREG(mode) and mode & 0o6000:
            found["privileged"].append(path)
        if mode & 0o002 or about.st_uid == 10001 and mode & 0o200 or about.st_gid == 10001 and mode & 0o020:
            found["writable"].append(path)
        if stat.S_ISREG(mode) and mode & 0o111 and not path.endswith(".so") and ".so." not in path:
            found["executable"].append(path)
print(json.dumps(found))
"""


def files(image: str) -> dict[str, list[str]]:
    """Files that run with the rights of their owner, what user 10001 may write, and programs."""
    found: dict[str, list[str]] = json.loads(
        run("docker", "run", "--rm", "--user", "0", "--entrypoint", "python", image, "-c", FILES)
    )
    return found


@pytest.mark.promise(
    "Images and supply chain",
    "an attacker gets into a container",
    "nothing is setuid, packages add no other programs, and only log and state are writable",
)
def test_who_gets_in_finds_no_way_up_no_tools_and_nothing_to_change(clone, publish):
    base = files(BASE)
    for service, name in NAMES.items():
        found = files(f"{name}:{PROJECT}")
        added = set(found["executable"]) - set(base["executable"])
        data = {"/app/logs"} | ({"/app/state"} if service == "monitoring" else set())

        assert found["privileged"] == []
        assert set(found["writable"]) - set(base["writable"]) == data
        assert {path for path in found["writable"] if not path.startswith(("/tmp", "/var/tmp", "/run/lock"))} == data
        assert {path for path in added if not path.startswith("/opt/venv/")} == set()
        assert {path for path in added if fnmatch(path, "*/bin/*pip*")} == set()
        setuid = f"0 of the base image's {len(base['privileged'])} setuid programs"
        publish(f"{name}: {setuid}; writable: {', '.join(sorted(data))}")


RIGHTS = """
import json, os
paths = [path for folder, _, files in os.walk("/app") for path in (folder, *(os.path.join(folder, f) for f in files))]
print(json.dumps({path: [oct(os.stat(path).st_mode), os.stat(path).st_uid] for path in paths}))
"""


@pytest.mark.promise(
    "Local environment",
    "the images are built with `umask 077`, from a checkout with random file modes",
    "user 10001 can read all files; modes and owner are the same as ever",
)
def test_the_files_of_an_image_have_the_same_rights_whatever_those_of_the_checkout(clone, publish):
    for service, name in NAMES.items():
        rights = json.loads(run("docker", "run", "--rm", "--user", "0", f"{name}:{PROJECT}", "python", "-c", RIGHTS))
        own = {path: rights.pop(path) for path in ("/app/logs", "/app/state") if path in rights}

        assert len(rights) > 30
        assert {tuple(found) for found in rights.values()} == {("0o40755", 0), ("0o100644", 0)}
        assert {tuple(found) for found in own.values()} == {("0o40755", 10001)}
        assert f"/app/{service}/__init__.py" in rights
        publish(f"{name}: {len(rights)} files and folders, all of root and readable by everybody")


def test_an_image_holds_every_module_style_and_script_of_its_context(clone):
    for service, name in NAMES.items():
        paths = json.loads(run("docker", "run", "--rm", f"{name}:{PROJECT}", "python", "-c", RIGHTS))
        kinds = ("*.py", "*.css", "*.js")
        code = [path for kind in kinds for path in (clone.directory / service).rglob(kind)]

        assert len({path.parent for path in code}) > 5
        assert {f"/app/{path.relative_to(clone.directory)}" for path in code} <= set(paths)


@pytest.fixture
def behind_a_proxy(tmp_path):
    """The settings of a user to whose containers Docker gives a proxy, at an address where nobody ever answers."""
    usual = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if (usual / "cli-plugins").exists():
        (tmp_path / "cli-plugins").symlink_to(usual / "cli-plugins")
    proxies = dict.fromkeys(("httpProxy", "httpsProxy"), "http://192.0.2.1:3128")
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    return {"DOCKER_CONFIG": str(tmp_path)}


@pytest.mark.promise(
    "Local environment",
    "Docker gives every container a proxy that does not respond",
    "API, dashboard and alerting service become healthy",
)
def test_all_three_services_become_healthy_with_a_proxy_of_docker(clone, behind_a_proxy, publish):
    clone.compose("up", "--no-build", "--detach", "--wait", **behind_a_proxy)
    try:
        for service in ("api", "monitoring", "watch"):
            assert "http_proxy=http://192.0.2.1:3128" in clone.compose("exec", "-T", service, "env").splitlines()
            assert clone.state(service)["Health"]["Status"] == "healthy"
    finally:
        clone.compose("down", "--volumes")
    publish("3 of 3 containers healthy")


@pytest.mark.promise(
    "Images and supply chain",
    "`.env`, `.git`, keys and data lie beside the code when the images are built",
    "none of it is in any layer",
)
def test_what_lies_beside_the_code_comes_into_no_layer(clone, publish):
    for service, name in NAMES.items():
        layers = 0
        for paths in layers_of(f"{name}:{PROJECT}"):
            layers += 1
            ours = [path.removeprefix(f"app/{service}/") for path in paths if path.startswith("app/")]
            assert not set(ours) & set(LYING_ABOUT)
            assert [path for path in paths if re.search(r"(^|/)(\.git|\.env|\.ssh|\.netrc)(/|$)", path)] == []
        assert layers > 3
        publish(f"{name}: 0 of {len(LYING_ABOUT)} in {layers} layers")


def layers_of(image: str) -> Iterator[list[str]]:
    """The paths in each layer; a saved image has other files beside them, which are no archives."""
    export = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    with export, tarfile.open(fileobj=export.stdout, mode="r|") as files:
        for member in filter(tarfile.TarInfo.isfile, files):
            with suppress(tarfile.ReadError), tarfile.open(fileobj=files.extractfile(member), mode="r|*") as layer:
                yield [path.name for path in layer]


INSTALLED = """
import importlib.metadata, json, subprocess, sys
sites = ["/usr/lib/python3/dist-packages", "/usr/local/lib/python3.13/site-packages"]
debian = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n"]
print(json.dumps({
    "pypi": sorted(f"{d.name} {d.version}" for d in importlib.metadata.distributions(path=sys.path[1:])),
    "base": sorted(f"{d.name} {d.version}" for d in importlib.metadata.distributions(path=sites)),
    "deb": sorted(subprocess.run(debian, capture_output=True, text=True).stdout.splitlines()),
}))
"""


@pytest.mark.promise(
    "Images and supply chain",
    "a bill of materials is needed",
    "`make sbom` lists every Python package with licence and pinned SHA-256, and Debian's packages",
)
def test_a_bill_of_materials_lists_what_is_installed(clone, tmp_path, publish):
    sbom.main(tmp_path, [f"{name}:{PROJECT}" for name in NAMES.values()])

    for service, name in NAMES.items():
        text = (tmp_path / f"{name}.cdx.json").read_text()
        installed = json.loads(run("docker", "run", "--rm", f"{name}:{PROJECT}", "python", "-c", INSTALLED))
        pins = (ROOT / service / "requirements.txt").read_text()
        listed = {
            kind: [c for c in json.loads(text)["components"] if kind in c.get("purl", "")] for kind in ("pypi", "deb")
        }
        assert versions(listed["pypi"]) == sorted(installed["pypi"] + installed["base"])
        assert versions(listed["deb"]) == installed["deb"]
        ours = [component for component in listed["pypi"] if versions([component])[0] in installed["pypi"]]
        for component in ours:
            assert component["licenses"], component["name"]
            (digest,) = component["hashes"]
            pin = re.escape(f"{canonicalize_name(component['name'])}=={component['version']}")
            (block,) = re.findall(rf"^{pin}.*(?:\n    .*)*", pins, re.M)
            assert f"sha256:{digest['content']}" in block
        publish(f"{name}: {len(listed['pypi'])} Python packages, {len(listed['deb'])} of Debian, none missing")


def versions(components: list[dict]) -> list[str]:
    return sorted(f"{component['name']} {component['version']}" for component in components)

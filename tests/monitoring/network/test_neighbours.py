"""Which addresses are asked directly, and that a proxy of the environment changes nothing for the API."""

import os
import subprocess
import sys

import pytest

from monitoring.network.neighbours import is_neighbour, keep_from_proxy
from tests.conftest import ROOT

ASK = """
import sys
from monitoring.page.api.client import ApiClient
client = ApiClient(sys.argv[1], "t0ken")
client.ready()
client.predict("a text")
client.feedback("id-7", "positive")
"""


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1:9093",
        "[::1]:9093",
        "monitor.localhost",
        "alertmanager",
        "Alertmanager.:80",
        "alertmanager.monitoring.svc",
        "alertmanager.monitoring.svc.cluster.local",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "[fd00::7]",
        "[fe80::1]",
        "me:secret@alertmanager",
    ],
)
def test_this_machine_and_what_only_a_network_of_ones_own_knows_are_neighbours(host):
    assert is_neighbour(f"http://{host}/path")


@pytest.mark.parametrize(
    "host",
    [
        "hooks.example.org",
        "alertmanager.monitoring",
        "svc.example.org",
        "notcluster.local.example.org",
        "xlocalhost.example",
        "203.0.113.5",
        "172.32.0.1",
        "8.8.8.8",
        "[2001:db8::1]",
        "alertmanager@hooks.example.org",
    ],
)
def test_everything_else_is_what_a_proxy_is_for(host):
    assert not is_neighbour(f"https://{host}/path")


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        ("http://keycloak:8080/x", {}, {"no_proxy": "keycloak"}),
        ("http://[::1]:9/x", {"NO_PROXY": "a,b"}, {"NO_PROXY": "a,b", "no_proxy": "a,b,::1"}),
        ("http://localhost", {"no_proxy": "c", "NO_PROXY": "a"}, {"NO_PROXY": "a", "no_proxy": "c,localhost"}),
        ("https://login.example.org/x", {"no_proxy": "c"}, {"no_proxy": "c"}),
        ("", {}, {}),
    ],
)
def test_a_neighbour_is_added_to_what_the_environment_keeps_from_the_proxy(url, given, expected):
    environ = dict(given)
    keep_from_proxy(url, environ)

    assert environ == expected


@pytest.mark.processes
def test_the_api_is_asked_directly_whatever_proxy_there_is(api, proxy):
    command = [sys.executable, "-c", ASK, api.url]
    asked = subprocess.run(command, cwd=ROOT, env=os.environ | proxy.environment, capture_output=True, text=True)

    assert asked.returncode == 0, asked.stderr
    assert proxy.asked == []
    assert [path for path, _ in api.received] == ["/predict", "/feedback"]

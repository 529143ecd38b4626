"""The client against real servers: which proxy it uses, what it trusts, and what it keeps between requests."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from monitoring.network.http_client import http_client, proxy_for, reason
from tests.conftest import free_port, serving

PROXY = "http://proxy.example:3128"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.client_address, self.headers))
        self.send_response(200)
        self.send_header("Set-Cookie", "session=1; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.requests: list[tuple[object, object]] = []


@pytest.fixture
def environ(monkeypatch):
    """Sets the proxy variables of the environment; none is set before."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch.setenv


@pytest.fixture
def new_clients():
    http_client.cache_clear()
    yield
    http_client.cache_clear()


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        ("https://hooks.example.org/x", "https_proxy", PROXY),
        ("https://me:pw@hooks.example.org:8443/x", "HTTPS_PROXY", PROXY),
        ("http://hooks.example.org/x", "http_proxy", PROXY),
        ("http://hooks.example.org/x", "https_proxy", None),
        ("https://hooks.example.org/x", "all_proxy", None),
        ("http://localhost:9093", "http_proxy", None),
        ("http://alertmanager:9093", "http_proxy", None),
        ("https://10.1.2.3/x", "https_proxy", None),
    ],
)
def test_the_proxy_of_the_environment_is_used_but_not_for_neighbours(environ, url, name, expected):
    environ(name, PROXY)

    assert proxy_for(url) == expected


def test_without_a_proxy_in_the_environment_there_is_none(environ):
    assert proxy_for("https://hooks.example.org/x") is None


def test_a_proxy_without_a_scheme_is_asked_by_http(environ):
    environ("https_proxy", "proxy.example:3128")

    assert proxy_for("https://hooks.example.org/x") == PROXY


@pytest.mark.parametrize("no_proxy", ["hooks.example.org", ".example.org", "a,hooks.example.org:8443", "*"])
def test_hosts_of_no_proxy_are_asked_directly(environ, no_proxy):
    environ("https_proxy", PROXY)
    environ("no_proxy", no_proxy)

    assert proxy_for("https://me:pw@hooks.example.org:8443/x") is None


def test_threads_share_one_client_for_each_proxy():
    assert http_client() is http_client()
    assert http_client(PROXY) is http_client(PROXY) is not http_client()


def test_a_request_never_meets_a_connection_of_the_one_before_nor_a_cookie():
    with serving(Server()) as server:
        for _ in range(3):
            http_client().get(f"http://127.0.0.1:{server.server_port}/")

    clients, headers = zip(*server.requests, strict=True)
    assert len(set(clients)) == 3
    assert [(sent["Connection"], sent["Cookie"], sent["User-Agent"]) for sent in headers] == [
        ("close", None, "sentiment-monitor")
    ] * 3


def test_the_reason_of_an_error_is_the_operating_systems():
    with pytest.raises(httpx2.ConnectError) as refused:
        http_client().get(f"http://127.0.0.1:{free_port()}/")

    assert isinstance(reason(refused.value), ConnectionRefusedError)


def test_an_error_that_is_raised_while_another_is_handled_keeps_its_own_reason():
    try:
        raise KeyError("of something else")
    except KeyError:
        with pytest.raises(httpx2.ConnectError) as refused:
            http_client().get(f"http://127.0.0.1:{free_port()}/")

    assert isinstance(reason(refused.value), ConnectionRefusedError)


def self_signed(folder: Path) -> Path:
    """A key and a certificate of 127.0.0.1, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "self-signed.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_certificate_is_trusted_only_if_the_environment_names_it(tmp_path, monkeypatch, new_clients):
    path = self_signed(tmp_path)
    server, context = Server(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://127.0.0.1:{server.server_port}/"
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serving(server):
        with pytest.raises(httpx2.ConnectError) as refused:
            http_client().get(url)
        http_client.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        trusted = http_client().get(url)

    assert isinstance(reason(refused.value), ssl.SSLCertVerificationError)
    assert trusted.status_code == 200

"""Where the service listens: at IPv4 and IPv6, whichever the machine has."""

import errno
import os
import socket
from contextlib import closing

import pytest

from api.http.server.addresses import CannotListen, bound, shown
from api.http.server.listening import own_socket
from tests.conftest import free_port


def names(sockets) -> list[str]:
    try:
        return [opened.getsockname()[0] for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()


@pytest.mark.parametrize(
    ("address", "places"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("*", ["0.0.0.0", "::"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("127.0.0.2", ["127.0.0.2"]),
        ("0.0.0.0", ["0.0.0.0"]),
        ("::1", ["::1"]),
        ("[::1]", ["::1"]),
        ("::", ["::"]),
    ],
)
def test_localhost_and_a_star_are_both_kinds_of_address_and_any_other_is_itself(address, places):
    assert names(bound(address, free_port())) == places


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
@pytest.mark.parametrize(("address", "left"), [("localhost", ["127.0.0.1"]), ("*", ["0.0.0.0"])])
def test_a_machine_without_ipv6_listens_at_ipv4(code, address, left):
    def make(family, kind):
        if family == socket.AF_INET6:
            raise OSError(code, os.strerror(code))
        return socket.socket(family, kind)

    assert names(bound(address, free_port(), make)) == left
    with pytest.raises(CannotListen, match=r"LISTEN_ADDRESS is '::1'"):
        bound("::1", free_port(), make)


def test_a_machine_with_neither_is_told_so():
    def make(family, kind):
        raise OSError(errno.EAFNOSUPPORT, "not supported")

    with pytest.raises(CannotListen, match="this machine has no such address"):
        bound("*", 8000, make)


@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("address", ["localhost", "*"])
def test_a_port_that_one_of_them_has_no_more_is_refused_and_nothing_stays_bound(taken, address):
    port = free_port()
    family = socket.AF_INET6 if ":" in taken else socket.AF_INET
    with closing(socket.create_server((taken, port), family=family)):
        with pytest.raises(CannotListen) as refused:
            bound(address, port)
        assert str(refused.value) == (
            f"LISTEN_ADDRESS is '{address}', port {port}: another program listens there; end it, or take another port."
        )
    assert len(names(bound(address, port))) == 2


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "nowhere.invalid", "127.0.0.1:8000", "a..b", "x" * 99])
def test_what_is_no_address_of_this_machine_is_a_sentence(address):
    with pytest.raises(CannotListen) as refused:
        bound(address, 8000)

    assert str(refused.value).startswith(f"LISTEN_ADDRESS is {address!r}, port 8000: ")
    assert str(refused.value).endswith("set it to localhost, * or an address of this machine.")


def test_the_addresses_are_shown_as_a_browser_takes_them():
    port = free_port()
    sockets = bound("localhost", port)

    assert shown(sockets) == f"http://127.0.0.1:{port} and http://[::1]:{port}"
    names(sockets)


@pytest.mark.parametrize("only", [0, 1])
def test_a_workers_own_socket_takes_ipv4_too_only_if_the_one_that_is_bound_does(only):
    port = free_port()
    with closing(socket.socket(socket.AF_INET6)) as parent:
        parent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        parent.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        parent.bind(("::", port))
        with closing(own_socket(parent)) as own:
            assert own.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == only
            own.listen()
            with socket.socket() as client:
                assert (client.connect_ex(("127.0.0.1", port)) == 0) == (not only)


def test_workers_listen_beside_each_other_at_every_address():
    sockets = bound("*", free_port())
    own = [own_socket(opened) for opened in sockets for _ in range(2)]
    for opened in own:
        opened.listen()

    assert names(own) == ["0.0.0.0", "0.0.0.0", "::", "::"]
    names(sockets)

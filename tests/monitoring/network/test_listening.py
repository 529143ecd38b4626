"""At which addresses the page and the watch listen."""

import socket

import pytest

from monitoring.network.listening import listening, listening_problem
from tests.conftest import free_port


def reached(address: str, port: int) -> list[str]:
    """Which of this machine's own addresses take a connection."""
    sockets = listening(address, port)
    try:
        return [host for host in ("127.0.0.1", "127.0.0.2", "::1") if connects(host, port)]
    finally:
        for opened in sockets:
            opened.close()


def connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("*", ["127.0.0.1", "127.0.0.2", "::1"]),
        ("0.0.0.0", ["127.0.0.1", "127.0.0.2"]),
        ("127.0.0.2", ["127.0.0.2"]),
        ("::1", ["::1"]),
    ],
)
def test_each_setting_listens_where_it_says(address, expected):
    assert reached(address, free_port()) == expected


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_listening():
    port = free_port()
    with socket.create_server(("::1", port), family=socket.AF_INET6):
        with pytest.raises(OSError, match="in use") as raised:
            listening("localhost", port)
        sentence = listening_problem(raised.value, "localhost", port, "WATCH_PORT")
        assert sentence == f"WATCH_PORT {port} cannot be used: Address already in use. Set it to a free port."
        assert not connects("127.0.0.1", port)


@pytest.mark.parametrize("address", ["nonsense.invalid", "192.0.2.1", "1.2.3.4.5"])
def test_what_is_no_address_of_this_machine_is_an_error_that_can_be_said(address):
    with pytest.raises(OSError, match=r"[Nn]ame|assign") as raised:
        listening(address, free_port())

    sentence = listening_problem(raised.value, address, 80, "WATCH_PORT")
    assert sentence.startswith(f"LISTEN_ADDRESS {address!r} cannot be used: ")
    assert sentence.endswith(". Set it to localhost, to * for every address, or to an address of this machine.")

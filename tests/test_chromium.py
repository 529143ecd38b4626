"""What the browser of the tests is not told."""

import errno
import os
import platform
import subprocess
import sys

import pytest

from tests import chromium

ASK = """
import socket
for family in (socket.AF_INET, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_NETLINK else socket.SOCK_STREAM).close()
        print("made")
    except OSError as error:
        print(error.errno)
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in chromium.SOCKET, reason="no such filter here")
def test_the_browser_learns_of_no_change_of_the_network_and_may_connect():
    """Python stands for it: what it may ask the system for, it prints."""
    environ = os.environ | {"CHROMIUM": sys.executable}
    done = subprocess.run([chromium.__file__, "-c", ASK], env=environ, capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout.split() == ["made", str(errno.EAFNOSUPPORT)]

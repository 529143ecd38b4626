#!/usr/bin/env python3
"""Chromium, not told of changes of the network.

Each container that starts or ends changes this machine's network, and Chromium then breaks off whatever it loads with
ERR_NETWORK_CHANGED, also from this machine. Linux tells of changes through netlink sockets. A filter of system calls
refuses those to Chromium, which then takes the network as unchanging.
"""

import ctypes
import os
import platform
import struct
import sys

PATH = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
AF_NETLINK, EAFNOSUPPORT = 16, 97
SOCKET = {"x86_64": 41, "aarch64": 198}  # the number of the system call
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def refuse_netlink(socket: int) -> None:
    """To this process and all that come of it; raises OSError where Linux has no such filters."""
    steps = (
        (LOAD, 0, 0, 0),  # the number of the call
        (JUMP_IF_EQUAL, 0, 3, socket),
        (LOAD, 0, 0, 16),  # its first argument
        (JUMP_IF_EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, ERROR | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for asked in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)):
        if prctl(*asked):
            raise OSError(ctypes.get_errno(), "no filter of system calls")


if __name__ == "__main__":
    if sys.platform == "linux" and platform.machine() in SOCKET:
        refuse_netlink(SOCKET[platform.machine()])
    os.execv(PATH, [PATH, *sys.argv[1:]])

"""What the README promises: what happens, what holds nevertheless, and the test that really does it to the system."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    fault: str
    promise: str
    test: str  # the test's file and function, as pytest names it; notes what it measured with the fixture `publish`


TESTS = "tests/reliability/"

FAULTS: list[Promise] = []

HOSTILE: list[Promise] = []

ACCESS: list[Promise] = []

PRIVACY: list[Promise] = []

SUPPLY: list[Promise] = []

RETENTION: list[Promise] = []

SECTIONS = {
    "Faults": FAULTS,
    "Hostile input": HOSTILE,
    "Who may do what": ACCESS,
    "Personal data": PRIVACY,
    "The images and what is in them": SUPPLY,
    "Retention": RETENTION,
}

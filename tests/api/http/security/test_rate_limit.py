"""How often somebody may ask; the clock is the test's, in nanoseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.security.rate_limit import ELSEWHERE, RateLimit, told_apart

SECOND = 10**9


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_so_many_may_come_at_once_and_then_each_when_there_is_room_for_one(clock):
    limit = RateLimit(30, clock)

    assert [limit.wait("a") for _ in range(32)] == [0] * 30 + [2, 2]
    clock.now = 2 * SECOND - 1
    assert limit.wait("a") == 1
    clock.now = 2 * SECOND
    assert [limit.wait("a") for _ in range(2)] == [0, 2]


def test_a_refused_request_does_not_count(clock):
    limit = RateLimit(1, clock)
    limit.wait("a")
    for clock.now in range(0, 60 * SECOND, SECOND):
        assert limit.wait("a") > 0
    clock.now = 60 * SECOND

    assert limit.wait("a") == 0


def test_after_a_quiet_minute_everything_is_as_before(clock):
    limit = RateLimit(10, clock)
    for clock.now in (0, 60 * SECOND, 600 * SECOND):
        assert [limit.wait("a") for _ in range(11)] == [0] * 10 + [6]


def test_each_client_has_a_limit_of_its_own(clock):
    limit = RateLimit(1, clock)

    assert [limit.wait(client) for client in ("a", "b", "a", "b")] == [0, 0, 60, 60]


def test_who_has_not_asked_for_longest_is_forgotten_when_there_are_too_many(clock):
    limit = RateLimit(1, clock, most=2)

    assert [limit.wait(client) for client in ("a", "b", "a", "c")] == [0, 0, 60, 0]
    assert [limit.wait(client) for client in ("a", "b")] == [60, 0]


@given(st.integers(1, 100_000))
def test_exactly_the_limit_is_let_through_at_once(per_minute):
    limit = RateLimit(per_minute, Clock())

    assert [limit.wait("a") > 0 for _ in range(per_minute + 1)] == [False] * per_minute + [True]


@given(st.integers(1, 50), st.lists(st.integers(0, 90 * SECOND), max_size=300))
def test_never_more_than_twice_the_limit_comes_through_in_a_minute(per_minute, pauses):
    clock, passed = Clock(), []
    limit = RateLimit(per_minute, clock)
    for pause in pauses:
        clock.now += pause
        if limit.wait("a") == 0:
            passed.append(clock.now)

    for start in passed:
        assert sum(start <= at < start + 60 * SECOND for at in passed) <= 2 * per_minute


@given(st.integers(1, 1000), st.lists(st.integers(0, 5 * SECOND), max_size=100))
def test_who_waits_as_long_as_is_said_comes_through(per_minute, pauses):
    clock = Clock()
    limit = RateLimit(per_minute, clock)
    for pause in pauses:
        clock.now += pause
        if seconds := limit.wait("a"):
            clock.now += seconds * SECOND
            assert limit.wait("a") == 0


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:0207", "192.0.2.7"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("2001:0db8::7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"),
        ("2001:db8:0:8::1", "2001:db8:0:8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ELSEWHERE),
        ("unknown", ELSEWHERE),
        ("1" * 100_000, ELSEWHERE),
    ],
)
def test_a_client_is_told_by_its_ipv4_address_or_the_64_of_its_ipv6_address(address, name):
    assert told_apart(address) == name

"""A file of tokens that changes while the service runs; the clock is the test's."""

import logging
import os

import pytest

from api.http.security.token_file import TokenFile
from api.settings import SettingsError

OLD, NEW = "old-0123456789abcdef", "new-0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"shop:predict:{OLD}\n")
    return path


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def accepts(file: TokenFile) -> list[bool]:
    return [file.tokens().holder(token.encode()) is not None for token in (OLD, NEW)]


def test_a_change_is_seen_a_second_later(path, clock):
    file = TokenFile(path, clock)
    path.write_text(f"shop:predict:{OLD}\nshop:predict:{NEW}\n")

    clock.seconds = 0.9
    assert accepts(file) == [True, False]
    clock.seconds = 1
    assert accepts(file) == [True, True]


def test_a_file_that_is_written_anew_in_its_place_with_the_same_length_is_read(path, clock):
    file = TokenFile(path, clock)
    path.write_text(f"shop:predict:{NEW}\n")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # however coarse the clock of the file system is
    clock.seconds = 1

    assert accepts(file) == [False, True]


def test_a_mounted_secret_is_exchanged_by_a_link(tmp_path, clock):
    for name, token in (("one", OLD), ("two", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokens").write_text(f"shop:predict:{token}\n")
    (tmp_path / "data").symlink_to("one")
    file = TokenFile(tmp_path / "data" / "tokens", clock)

    (tmp_path / "other").symlink_to("two")
    (tmp_path / "other").replace(tmp_path / "data")
    clock.seconds = 1

    assert accepts(file) == [False, True]


def make_nonsense(path):
    path.write_text("nonsense")


def make_empty(path):
    path.write_text("")


def make_binary(path):
    path.write_bytes(b"\xff\xfe")


def make_folder(path):
    path.unlink()
    path.mkdir()


def take_away(path):
    path.unlink()


SPOILT = [make_nonsense, make_empty, make_binary, make_folder, take_away]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_file_that_becomes_bad_keeps_its_tokens_and_says_so_once(path, clock, caplog, spoil):
    file = TokenFile(path, clock)
    spoil(path)
    with caplog.at_level(logging.INFO, "uvicorn.api"):
        for clock.seconds in range(1, 10):
            assert accepts(file) == [True, False]

    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(("API_TOKENS_FILE", "Entry 1 of API_TOKENS_FILE"))
    assert str(path) in said
    assert said.endswith("Until it is fixed, the previous tokens stay valid.")


def test_a_file_that_becomes_good_again_is_read_and_who_has_tokens_is_said(path, clock, caplog):
    file = TokenFile(path, clock)
    path.unlink()
    clock.seconds = 1
    accepts(file)
    path.write_text(f"desk:admin:{NEW}\n")
    clock.seconds = 2

    with caplog.at_level(logging.INFO, "uvicorn.api"):
        assert accepts(file) == [False, True]
    assert caplog.records[-1].getMessage() == f"{path} has changed; accepted tokens: desk (admin)"


@pytest.mark.parametrize("spoil", SPOILT)
def test_one_that_is_bad_from_the_start_is_refused(path, clock, spoil):
    spoil(path)

    with pytest.raises(SettingsError, match=str(path)):
        TokenFile(path, clock)

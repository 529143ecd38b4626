"""Settings of the dashboard and the alerting service: one frozen dataclass, read from environment variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, NamedTuple, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

HERE = Path(__file__).parent
NEEDED_TO_SIGN_IN = ["OIDC_METADATA_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_COOKIE_SECRET", "PUBLIC_URL"]
COOKIE_SECRET_CHARS = 32


class SettingsError(ValueError):
    """A sentence that names the variable, its value unless that is secret, and the allowed values."""


class Text(NamedTuple):
    """The rule of a text setting. `problem` is the sentence about a text that does not fit; it omits {value!r} if the
    setting is secret. A list has commas or spaces between its entries, each of which must fit, and is stored with
    spaces. `stored` makes the text as it is stored."""

    fits: Callable[[str], object]
    problem: str
    is_list: bool = False
    stored: Callable[[str], str] = str


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _without_slash(address: str) -> str:
    return address.rstrip("/")


API_ADDRESS = Text(_is_address, "{name} is {value!r}; set it to an address such as {default}.", stored=_without_slash)
SECRET_ADDRESS = Text(  # it may hold credentials
    lambda value: _is_address(value) and value.isascii() and value.isprintable() and " " not in value,
    "{name} is no address; set it to one such as https://example.org/path, or unset it.",
)
SECRET_BASE = SECRET_ADDRESS._replace(stored=_without_slash)
TOKEN = Text(  # RFC 6750
    re.compile(r"[A-Za-z0-9._~+/-]+=*").fullmatch,
    "{name} is no token; set it to the token alone, without its name and scopes, or unset it.",
)
COOKIE_SECRET = Text(
    lambda value: len(value) >= COOKIE_SECRET_CHARS,
    f"{{name}} has {{length}} characters; set it to {COOKIE_SECRET_CHARS} or more, for example to what "
    "`openssl rand -hex 32` prints.",
)
PEOPLE = Text(
    re.compile(r"[^@]*@[^@]+").fullmatch,
    "{name} has {value!r}; name e-mail addresses such as me@example.org, or whole domains such as @example.org, with "
    "commas between them.",
    is_list=True,
)
HOSTS = Text(
    re.compile(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.ASCII | re.IGNORECASE).fullmatch,
    "{name} has {value!r}; name hosts such as monitor.example.org or *.example.org, without scheme and port, with "
    "commas between them, or * for any.",
    is_list=True,
    stored=str.lower,
)


@dataclass(frozen=True)
class Settings:
    log_dir: Path = Path("logs")
    reference_path: Path = HERE / "reference.json"
    api_url: Annotated[str, API_ADDRESS] = "http://localhost:8000"
    api_token: Annotated[str, TOKEN] = field(default="", repr=False)
    accuracy_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.80
    min_labels: Annotated[int, Meta(ge=1, le=10**9)] = 30
    false_alarm_budget: Annotated[float, Meta(ge=1e-6, le=0.5)] = 0.02
    listen_address: str = "localhost"
    allowed_hosts: Annotated[str, HOSTS] = ""
    keep_alive_seconds: Annotated[int, Meta(ge=1, le=10**9)] = 75
    refresh_seconds: Annotated[float, Meta(ge=0.5, le=3600)] = 3
    stale_minutes: Annotated[float, Meta(ge=1, le=10**6)] = 15
    state_dir: Path = Path("state")
    watch_port: Annotated[int, Meta(ge=1, le=65535)] = 9108
    watch_name: str = "sentiment-monitor"
    webhook_url: Annotated[str, SECRET_ADDRESS] = field(default="", repr=False)
    alertmanager_url: Annotated[str, SECRET_BASE] = field(default="", repr=False)
    oidc_metadata_url: Annotated[str, SECRET_ADDRESS] = ""  # empty: the page needs no sign-in
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_cookie_secret: Annotated[str, COOKIE_SECRET] = field(default="", repr=False)
    public_url: Annotated[str, SECRET_BASE] = ""
    sign_in_allowed: Annotated[str, PEOPLE] = ""
    sign_in_hours: Annotated[float, Meta(ge=0.01, le=720)] = 12

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in `environ`; an empty variable counts as unset. Raises SettingsError."""
        given = {one.name: text for one in fields(cls) if (text := environ.get(one.name.upper(), "").strip())}
        _check_sign_in({name.upper() for name in given})
        try:
            return msgspec.convert({name: _value(name, text) for name, text in given.items()}, cls)
        except msgspec.ValidationError as error:  # names the field: `$.min_labels`
            name = str(error).rpartition("$.")[2].rstrip("`")
            raise _error(name, given[name]) from None


KINDS = {name: get_args(hint) or (hint, None) for name, hint in get_type_hints(Settings, include_extras=True).items()}


def _value(name: str, text: str) -> object:
    kind, rule = KINDS[name]
    if isinstance(rule, Text):
        entries = text.replace(",", " ").split() if rule.is_list else [text]
        for entry in entries:
            if not rule.fits(entry):
                raise _error(name, entry)
        return rule.stored(" ".join(entries))
    try:
        return kind(text)
    except ValueError:
        return text  # which msgspec refuses


def _error(name: str, value: str) -> SettingsError:
    (kind, rule), default = KINDS[name], getattr(Settings, name)
    if isinstance(rule, Text):
        return SettingsError(rule.problem.format(name=name.upper(), value=value, length=len(value), default=default))
    number = f"a {'whole ' if kind is int else ''}number from {rule.ge} to {rule.le}"
    return SettingsError(f"{name.upper()} is {value!r}; set it to {number}, or unset it for {default}.")


def _check_sign_in(given: set[str]) -> None:
    """A half-configured sign-in must not leave the page open."""
    present = [name for name in [*NEEDED_TO_SIGN_IN, "SIGN_IN_ALLOWED"] if name in given]
    missing = [name for name in NEEDED_TO_SIGN_IN if name not in given]
    if present and missing:
        raise SettingsError(
            f"Sign-in also needs {', '.join(missing)}, since there is {', '.join(present)}; "
            "set all of them, or unset all for a page that is open to everybody."
        )

"""Settings of the API: one frozen dataclass, read from environment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

HERE = Path(__file__).parent
LARGEST = 2**31 - 1  # fits C's int


class SettingsError(ValueError):
    """A sentence that names the variable, its value unless that is secret, and the allowed values."""


def _digits(text: str) -> str:
    if not (text.isascii() and text.isdigit()):  # pydantic would take 1_000 and 5.0, too
        raise ValueError
    return text


def _matching(pattern: str) -> AfterValidator:
    allowed = re.compile(pattern)

    def check(text: str) -> str:
        if not allowed.fullmatch(text):
            raise ValueError
        return text

    return AfterValidator(check)


def _network(text: str) -> str:
    if text != "*":
        ip_network(text)
    return text


def _entries(text: str) -> tuple[str, ...]:
    """The entries of a list in lower case; commas or white space separate them."""
    return tuple(text.lower().replace(",", " ").split())


def _without_slash(path: str) -> str:
    return path.rstrip("/")


def _number(least: float, most: float) -> Any:
    return Field(ge=least, le=most, description=f"a number from {least} to {most}")


def _whole_number(least: int, most: int) -> Any:
    return Field(ge=least, le=most, description=f"a whole number from {least} to {most}")


def _list(of_what: str) -> Any:
    return Field(description=f"{of_what}, with commas between them")


# Errors name the allowed values: a field's description, or the choices of a Literal.
Sync = Literal["always", "everysec", "no"]
Switch = Literal["off", "on"]
LogText = Literal["full", "redacted", "hashed"]
LogLevel = Literal["debug", "info", "warning", "error"]
LOWER, SPLIT, DIGITS = map(BeforeValidator, (str.lower, _entries, _digits))
Count = Annotated[int, DIGITS, _whole_number(1, LARGEST)]
Key = Annotated[str, Field(min_length=16, description="16 or more that nobody can guess")]
Network = Annotated[str, AfterValidator(_network)]
Host = Annotated[str, _matching(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")]
# As browsers send it: without the scheme's default port, and without a slash at the end.
DEFAULT_PORT = r"http://.*:80$|https://.*:443$"
Origin = Annotated[
    str, _matching(rf"\*|(?!{DEFAULT_PORT})[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{{1,5}})?")
]
RootPath = Annotated[
    str,
    BeforeValidator(_without_slash),
    _matching(r"((/[A-Za-z0-9._~-]+)+)?"),
    Field(description="a path such as /sentiment"),
]


@dataclass(frozen=True)
class Settings:
    log_dir: Path = Path("logs")
    log_sync: Annotated[Sync, LOWER] = "everysec"
    log_segment_mb: Annotated[float, _number(0.001, 100_000)] = 256
    log_keep_days: Annotated[float, _number(0, 36_500)] = 0
    log_keep_gb: Annotated[float, _number(0, 1_000_000)] = 0
    log_compress: Annotated[Switch, LOWER] = "off"
    log_text: Annotated[LogText, LOWER] = "full"
    log_hash_key: Key = field(default="", repr=False)
    audit_rate: Annotated[float, _number(0, 1)] = 0.05
    model_path: Path = HERE / "sentiment_model.pkl"
    model_card_path: Path = HERE / "model_card.json"
    max_text_chars: Count = 20_000
    max_body_bytes: Count = 1024**2
    max_batch_bytes: Count = 8 * 1024**2
    max_connections: Count = 2_000
    client_seconds: Count = 30
    keep_alive_seconds: Count = 75
    web_concurrency: Count = 1
    log_level: Annotated[LogLevel, LOWER] = "info"
    api_tokens: str = field(default="", repr=False)
    api_tokens_file: Path | None = None
    rate_limit: Annotated[int, DIGITS, _whole_number(0, 100_000)] = 0
    forwarded_allow_ips: Annotated[
        tuple[Network, ...] | None, SPLIT, _list("addresses or networks of proxies, or *")
    ] = None
    allowed_hosts: Annotated[tuple[Host, ...] | None, SPLIT, _list("names of hosts without a port, or *")] = None
    listen_address: str = "localhost"
    cors_origins: Annotated[
        tuple[Origin, ...] | None, SPLIT, _list("origins such as https://app.example.org, or *")
    ] = None
    root_path: RootPath = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in `environ`; an empty variable counts as unset. Raises SettingsError."""
        given = {one.name: text for one in fields(cls) if (text := environ.get(one.name.upper(), "").strip())}
        if {"api_tokens", "api_tokens_file"} <= given.keys():
            raise SettingsError("API_TOKENS and API_TOKENS_FILE are both set; leave one of them.")
        if "model_path" in given:
            given.setdefault("model_card_path", str(Path(given["model_path"]).with_name("model_card.json")))
        try:
            return _adapter().validate_python(given)
        except ValidationError as error:
            raise SettingsError(_sentence(error.errors()[0])) from None  # the error itself would quote secrets


@cache
def _adapter() -> TypeAdapter[Settings]:
    return TypeAdapter(Settings)  # takes some milliseconds


def _sentence(mistake: ErrorDetails) -> str:
    """A sentence for one of pydantic's errors; of a secret it has only the length."""
    name, *entry = mistake["loc"]
    setting, value = Settings.__dataclass_fields__[str(name)], mistake["input"]
    kind, *rules = get_args(get_type_hints(Settings, include_extras=True)[setting.name])
    found = f"{'has' if entry else 'is'} {value!r}" if setting.repr else f"has {len(value)} characters"
    allowed = next((rule.description for rule in rules if isinstance(rule, FieldInfo)), None)
    allowed = allowed or f"one of {', '.join(get_args(kind))}"
    default = "" if setting.default in ("", None) else f" for {setting.default}"
    return f"{setting.name.upper()} {found}; set it to {allowed}, or unset it{default}."

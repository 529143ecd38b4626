"""What the service can be told from outside: one frozen dataclass, read from environment variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from math import nan
from pathlib import Path
from typing import Literal, TypeVar, get_args

Sync = Literal["always", "everysec", "no"]


LogText = Literal["full", "redacted", "hashed"]


HERE = Path(__file__).parent
LOG_LEVELS = ("debug", "info", "warning", "error")
Switch = Literal["off", "on"]
MOST_A_MINUTE = 100_000
LARGEST = 2**31 - 1  # also for what is counted in C
FEWEST_KEY_CHARS = 16
T = TypeVar("T", bound=str)


class SettingsError(ValueError):
    """A sentence that names the variable, its value and what it may be."""


@dataclass(frozen=True)
class Settings:
    log_dir: Path = Path("logs")
    log_sync: Sync = "everysec"
    log_segment_mb: float = 256
    log_keep_days: float = 0
    log_keep_gb: float = 0
    log_compress: Switch = "off"
    log_text: LogText = "full"
    log_hash_key: str = field(default="", repr=False)
    audit_rate: float = 0.05
    model_path: Path = HERE / "sentiment_model.pkl"
    model_card_path: Path = HERE / "model_card.json"
    max_text_chars: int = 20_000
    max_body_bytes: int = 1024**2
    max_batch_bytes: int = 8 * 1024**2
    max_connections: int = 2_000
    client_seconds: int = 30
    keep_alive_seconds: int = 75
    web_concurrency: int = 1
    log_level: str = "info"
    api_tokens: str = field(default="", repr=False)
    api_tokens_file: Path | None = None
    rate_limit: int = 0
    forwarded_allow_ips: tuple[str, ...] | None = None
    allowed_hosts: tuple[str, ...] | None = None
    listen_address: str = "localhost"
    cors_origins: tuple[str, ...] | None = None
    root_path: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in `environ`; an empty variable counts as unset. Raises SettingsError."""
        env = {name: value.strip() for name, value in environ.items() if value.strip()}
        model_path = Path(env.get("MODEL_PATH", cls.model_path))
        return cls(
            log_dir=Path(env.get("LOG_DIR", cls.log_dir)),
            log_sync=_choice(env, "LOG_SYNC", get_args(Sync), cls.log_sync),
            log_segment_mb=_number(env, "LOG_SEGMENT_MB", cls.log_segment_mb, 0.001, 100_000),
            log_keep_days=_number(env, "LOG_KEEP_DAYS", cls.log_keep_days, 0, 36_500),
            log_keep_gb=_number(env, "LOG_KEEP_GB", cls.log_keep_gb, 0, 1_000_000),
            log_compress=_choice(env, "LOG_COMPRESS", get_args(Switch), cls.log_compress),
            audit_rate=_number(env, "AUDIT_RATE", cls.audit_rate, 0, 1),
            log_text=_choice(env, "LOG_TEXT", get_args(LogText), cls.log_text),
            log_hash_key=_key(env, "LOG_HASH_KEY"),
            model_path=model_path,
            model_card_path=Path(env.get("MODEL_CARD_PATH", model_path.with_name("model_card.json"))),
            max_text_chars=_positive(env, "MAX_TEXT_CHARS", cls.max_text_chars),
            max_body_bytes=_positive(env, "MAX_BODY_BYTES", cls.max_body_bytes),
            max_batch_bytes=_positive(env, "MAX_BATCH_BYTES", cls.max_batch_bytes),
            max_connections=_positive(env, "MAX_CONNECTIONS", cls.max_connections),
            client_seconds=_positive(env, "CLIENT_SECONDS", cls.client_seconds),
            keep_alive_seconds=_positive(env, "KEEP_ALIVE_SECONDS", cls.keep_alive_seconds),
            web_concurrency=_positive(env, "WEB_CONCURRENCY", cls.web_concurrency),
            log_level=_choice(env, "LOG_LEVEL", LOG_LEVELS, cls.log_level),
            api_tokens=env.get("API_TOKENS", ""),
            api_tokens_file=_path_instead(env, "API_TOKENS_FILE", "API_TOKENS"),
            rate_limit=_up_to(env, "RATE_LIMIT", MOST_A_MINUTE, cls.rate_limit),
            forwarded_allow_ips=_list(
                env, "FORWARDED_ALLOW_IPS", _is_network, "addresses or networks of proxies, or *"
            ),
            listen_address=env.get("LISTEN_ADDRESS", cls.listen_address),
            cors_origins=_list(env, "CORS_ORIGINS", _is_origin, "origins such as https://app.example.org, or *"),
            root_path=_root_path(env, "ROOT_PATH"),
            allowed_hosts=_list(env, "ALLOWED_HOSTS", _is_host_name, "names of hosts without a port, or *"),
        )


def _list(env: Mapping[str, str], name: str, allowed: Callable[[str], bool], of_what: str) -> tuple[str, ...] | None:
    """The entries of a variable, in small letters, with commas or white space between them; None if it is unset."""
    entries = tuple(env.get(name, "").lower().replace(",", " ").split())
    for entry in entries:
        if entry != "*" and not allowed(entry):
            raise SettingsError(f"{name} has {entry!r}; set it to {of_what}, with commas between them, or unset it.")
    return entries or None


def _is_network(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_network(text))
    return False


def _is_host_name(text: str) -> bool:
    return bool(re.fullmatch(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", text))


def _is_origin(text: str) -> bool:
    """Whether a browser could send it: it leaves out a port that the scheme has anyway, and ends with no slash."""
    default = re.fullmatch(r"http://.*:80|https://.*:443", text)
    return bool(re.fullmatch(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", text)) and not default


def _root_path(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").rstrip("/")
    if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise SettingsError(f"{name} is {value!r}; set it to a path such as /sentiment, or unset it.")
    return value


def _path_instead(env: Mapping[str, str], name: str, other: str) -> Path | None:
    """The path in a variable that may stand in place of another one."""
    if name in env and other in env:
        raise SettingsError(f"{other} and {name} are both set; leave one of them.")
    return Path(env[name]) if name in env else None


def _up_to(env: Mapping[str, str], name: str, most: int, default: int, least: int = 0) -> int:
    value = env.get(name, str(default))
    # The length is looked at first: Python makes no number of more than 4,300 digits.
    digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
    if not (digits and least <= int(value) <= most):
        raise SettingsError(
            f"{name} is {value!r}; set it to a whole number from {least} to {most}, or unset it for {default}."
        )
    return int(value)


def _positive(env: Mapping[str, str], name: str, default: int) -> int:
    return _up_to(env, name, LARGEST, default, least=1)


def _key(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if 0 < len(value) < FEWEST_KEY_CHARS:  # the value itself is not for the sentence
        raise SettingsError(
            f"{name} has {len(value)} characters; set it to {FEWEST_KEY_CHARS} or more that nobody can guess, "
            "or unset it for another key with each start."
        )
    return value


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    value = env.get(name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = nan
    if not low <= number <= high:
        raise SettingsError(f"{name} is {value!r}; set it to a number from {low} to {high}, or unset it for {default}.")
    return number


def _choice(env: Mapping[str, str], name: str, choices: tuple[T, ...], default: T) -> T:
    value = env.get(name, default).lower()
    for choice in choices:
        if value == choice:
            return choice
    raise SettingsError(f"{name} is {value!r}; set it to one of {', '.join(choices)}, or unset it for {default}.")

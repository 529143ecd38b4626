"""What the dashboard can be told from outside: one frozen dataclass, read from environment variables."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
NEEDED_TO_SIGN_IN = ["OIDC_METADATA_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_COOKIE_SECRET", "PUBLIC_URL"]
COOKIE_SECRET_CHARS = 32


class SettingsError(ValueError):
    """A sentence that names the variable, its value and what it may be."""


@dataclass(frozen=True)
class Settings:
    log_dir: Path = Path("logs")
    reference_path: Path = HERE / "reference.json"
    api_url: str = "http://localhost:8000"
    api_token: str = field(default="", repr=False)
    accuracy_threshold: float = 0.80
    min_labels: int = 30
    false_alarm_budget: float = 0.02
    listen_address: str = "localhost"
    allowed_hosts: str = ""
    keep_alive_seconds: int = 75
    refresh_seconds: float = 3
    stale_minutes: float = 15
    state_dir: Path = Path("state")
    watch_port: int = 9108
    watch_name: str = "sentiment-monitor"
    webhook_url: str = field(default="", repr=False)  # both may hold credentials
    alertmanager_url: str = field(default="", repr=False)
    oidc_metadata_url: str = ""  # without it nobody has to sign in
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_cookie_secret: str = field(default="", repr=False)
    public_url: str = ""
    sign_in_allowed: str = ""
    sign_in_hours: float = 12

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in `environ`; an empty variable counts as unset. Raises SettingsError."""
        env = {name: value.strip() for name, value in environ.items() if value.strip()}
        _check_sign_in(env)
        return cls(
            log_dir=Path(env.get("LOG_DIR", cls.log_dir)),
            reference_path=Path(env.get("REFERENCE_PATH", cls.reference_path)),
            api_url=_url(env, "API_URL", cls.api_url),
            api_token=_token(env, "API_TOKEN"),
            accuracy_threshold=_number(env, "ACCURACY_THRESHOLD", cls.accuracy_threshold, 0, 1),
            min_labels=int(_number(env, "MIN_LABELS", cls.min_labels, 1, 10**9, whole=True)),
            false_alarm_budget=_number(env, "FALSE_ALARM_BUDGET", cls.false_alarm_budget, 1e-6, 0.5),
            listen_address=env.get("LISTEN_ADDRESS", cls.listen_address),
            allowed_hosts=_hosts(env, "ALLOWED_HOSTS"),
            keep_alive_seconds=int(_number(env, "KEEP_ALIVE_SECONDS", cls.keep_alive_seconds, 1, 10**9, whole=True)),
            refresh_seconds=_number(env, "REFRESH_SECONDS", cls.refresh_seconds, 0.5, 3600),
            stale_minutes=_number(env, "STALE_MINUTES", cls.stale_minutes, 1, 10**6),
            state_dir=Path(env.get("STATE_DIR", cls.state_dir)),
            watch_port=int(_number(env, "WATCH_PORT", cls.watch_port, 1, 65535, whole=True)),
            watch_name=env.get("WATCH_NAME", cls.watch_name),
            webhook_url=_secret_url(env, "WEBHOOK_URL"),
            alertmanager_url=_secret_url(env, "ALERTMANAGER_URL").rstrip("/"),
            oidc_metadata_url=_secret_url(env, "OIDC_METADATA_URL"),
            oidc_client_id=env.get("OIDC_CLIENT_ID", ""),
            oidc_client_secret=env.get("OIDC_CLIENT_SECRET", ""),
            oidc_cookie_secret=_long(env, "OIDC_COOKIE_SECRET"),
            public_url=_secret_url(env, "PUBLIC_URL").rstrip("/"),
            sign_in_allowed=_addresses(env, "SIGN_IN_ALLOWED"),
            sign_in_hours=_number(env, "SIGN_IN_HOURS", cls.sign_in_hours, 0.01, 720),
        )


def _number(
    env: Mapping[str, str], name: str, default: float, low: float, high: float, *, whole: bool = False
) -> float:
    value = env.get(name, str(default))
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        kind = "whole number" if whole else "number"
        raise SettingsError(f"{name} is {value!r}; set it to a {kind} from {low} to {high}, or unset it for {default}.")
    return number


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, default)
    if not _is_address(value):
        raise SettingsError(f"{name} is {value!r}; set it to an address such as {default}.")
    return value.rstrip("/")


def _token(env: Mapping[str, str], name: str) -> str:
    """What may stand behind `Bearer` (RFC 6750); empty for none. Never printed."""
    value = env.get(name, "")
    if value and not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value):
        raise SettingsError(f"{name} is no token; set it to the token alone, without its name and scopes, or unset it.")
    return value


def _secret_url(env: Mapping[str, str], name: str) -> str:
    """An address that may hold credentials, so that it is never printed; empty for none."""
    value = env.get(name, "")
    if value and not (_is_address(value) and value.isascii() and value.isprintable() and " " not in value):
        raise SettingsError(f"{name} is no address; set it to one such as https://example.org/path, or unset it.")
    return value


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check_sign_in(env: Mapping[str, str]) -> None:
    """All or nothing: what was begun and forgotten must not leave the page open."""
    given = [name for name in [*NEEDED_TO_SIGN_IN, "SIGN_IN_ALLOWED"] if name in env]
    missing = [name for name in NEEDED_TO_SIGN_IN if name not in env]
    if given and missing:
        raise SettingsError(
            f"Sign-in also needs {', '.join(missing)}, since there is {', '.join(given)}; "
            "set all of them, or unset all for a page that is open to everybody."
        )


def _long(env: Mapping[str, str], name: str) -> str:
    """A secret that nobody can guess."""
    value = env.get(name, "")
    if value and len(value) < COOKIE_SECRET_CHARS:
        raise SettingsError(
            f"{name} has {len(value)} characters; set it to {COOKIE_SECRET_CHARS} or more, "
            "for example to what `openssl rand -hex 32` prints."
        )
    return value


def _addresses(env: Mapping[str, str], name: str) -> str:
    """E-mail addresses and `@domains`, parted by spaces, as given with commas or spaces between them."""
    entries = env.get(name, "").replace(",", " ").split()
    for entry in entries:
        _, at, domain = entry.rpartition("@")
        if not at or not domain or entry.count("@") > 1:
            raise SettingsError(
                f"{name} has {entry!r}; name e-mail addresses such as me@example.org, or whole domains such as "
                "@example.org, with commas between them."
            )
    return " ".join(entries)


def _hosts(env: Mapping[str, str], name: str) -> str:
    """Host names, `*.example.org` for all below one, and `*` for any, parted by spaces and in lower case, as given with
    commas or spaces between them."""
    entries = env.get(name, "").replace(",", " ").lower().split()
    for entry in entries:
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", entry):
            raise SettingsError(
                f"{name} has {entry!r}; name hosts such as monitor.example.org or *.example.org, without scheme and "
                "port, with commas between them, or * for any."
            )
    return " ".join(entries)
